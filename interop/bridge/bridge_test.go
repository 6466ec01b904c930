package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// conversation sends lines and returns the answers.
func conversation(t testing.TB, lines ...string) []string {
	t.Helper()
	b := newBridge()
	defer b.close()
	var out strings.Builder
	if err := b.serve(strings.NewReader(strings.Join(lines, "\n")+"\n"), &out); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

const someSettings = `{"id":1,"op":"settings","settings":{"SECRET_KEY":"vector-secret-key","SECRET_KEY_FALLBACKS":[],"USE_TZ":true,` +
	`"TIME_ZONE":"UTC","SESSION_COOKIE_AGE":1209600,"SESSION_ENGINE":"django.contrib.sessions.backends.signed_cookies"}}`

// A conversation, to the byte. The signed string is what Djangos from 3.2 to 6.1
// make at that instant.
func TestConversation(t *testing.T) {
	const key = "eyJjYXQiOiJkb2cifQ:1x8elk:V-D6LQ-Q9d6UKITgA2WrohnB-aBsQ6iZ_5-qQIpazYY"
	const st = `"st":{"accessed":true,"modified":true,"loaded":true,"key":`
	lines, want := []string{}, []string{}
	for _, exchange := range [][2]string{
		{`{"id":0,"op":"hello"}`, `{"id":0,"ok":` + hello + `}`},
		{`{"id":0,"op":"new","engine":"db","key":null}`, `{"id":0,"err":{"type":"ImproperlyConfigured","msg":"the first request is settings"}}`},
		{someSettings, `{"id":1,"ok":null}`},
		{
			`{"id":2,"op":"new","engine":"signed_cookies","key":null}`,
			`{"id":2,"ok":{"h":1},"st":{"accessed":false,"modified":false,"loaded":false,"key":null}}`,
		},
		{`{"id":3,"op":"set","h":1,"key":"\"cat\"","value":"\"dog\""}`, `{"id":3,"ok":null,` + st + `null}}`},
		{`{"id":4,"op":"del","h":1,"key":"\"cow\""}`, `{"id":4,"err":{"type":"KeyError","msg":"cow"},` + st + `null}}`},
		{
			`{"id":5,"op":"save","h":1,"must_create":false,"now":"1790000000.123456"}`,
			`{"id":5,"ok":null,` + st + `"` + key + `"}}`,
		},
		{
			`{"id":6,"op":"decode","h":1,"data":"bad"}`,
			`{"id":6,"ok":"{}",` + st + `"` + key + `"},"logs":[["django.security.SuspiciousSession","WARNING","Session data corrupted"]]}`,
		},
		{
			`{"id":7,"op":"get","h":1,"key":"\"\\ud800\""}`,
			`{"id":7,"ok":{"found":false},` + st + `"` + key + `"}}`,
		},
		{`{"id":8,"op":"get","h":9,"key":"\"a\""}`, `{"id":8,"err":{"type":"ValueError","msg":"there is no such session"}}`},
		{`{"id":9,"op":"free","h":1}`, `{"id":9,"ok":null}`},
		{`{"id":10,"op":"state","h":1}`, `{"id":10,"err":{"type":"ValueError","msg":"there is no such session"}}`},
		{`{"id":11,"op":"nothing"}`, `{"id":11,"err":{"type":"NotImplementedError","msg":"there is no request nothing"}}`},
		{`nonsense`, `{"id":null,"err":{"type":"ValueError","msg":"the line is no JSON object"}}`},
	} {
		lines, want = append(lines, exchange[0]), append(want, exchange[1])
	}
	for i, got := range conversation(t, lines...) {
		if got != want[i] {
			t.Errorf("%s\n got %s\nwant %s", lines[i], got, want[i])
		}
	}
}

// What Keepsake refuses at the start is said where the session would be made.
func TestRefused(t *testing.T) {
	for change, want := range map[string]string{
		`"SESSION_COOKIE_AGE":0`: "NotImplementedError", `"SESSION_COOKIE_AGE":-1`: "NotImplementedError",
		`"SESSION_COOKIE_SAMESITE":"None"`: "NotImplementedError", `"SESSION_COOKIE_SAMESITE":"bad"`: "NotImplementedError",
		`"SESSION_SERIALIZER":"site.Own"`: "NotImplementedError", `"SECRET_KEY":""`: "ImproperlyConfigured",
		`"USE_TZ":true`: "",
	} {
		name, _, _ := strings.Cut(change, ":")
		settings := strings.Replace(someSettings, name+":", `"X":`, 1)
		answers := conversation(t, strings.Replace(settings, `"settings":{`, `"settings":{`+change+",", 1), `{"id":2,"op":"new","engine":"signed_cookies","key":null}`)
		var a struct{ Err struct{ Type string } }
		if err := json.Unmarshal([]byte(answers[1]), &a); err != nil || a.Err.Type != want {
			t.Errorf("%s: %s, want %s", change, answers[1], want)
		}
	}
}

// Sessions go on, whatever becomes of the settings.
func TestManySettings(t *testing.T) {
	b := newBridge()
	defer b.close()
	dir := t.TempDir()
	settings := func(age int) string {
		return fmt.Sprintf(`{"id":1,"op":"settings","settings":{"SECRET_KEY":"s","SESSION_COOKIE_AGE":%d,"TIME_ZONE":"UTC",`+
			`"SESSION_FILE_PATH":%q,"CACHES":{"default":{"BACKEND":"django.core.cache.backends.filebased.FileBasedCache","LOCATION":%q}}}}`, age, dir, dir+"/cache")
	}
	b.answer(settings(1000))
	engines := []string{"cache", "file", "signed_cookies"}
	for i, engine := range engines {
		b.answer(fmt.Sprintf(`{"id":2,"op":"new","engine":%q,"key":null}`, engine))
		b.answer(fmt.Sprintf(`{"id":3,"op":"set","h":%d,"key":"\"a\"","value":"1"}`, i+1))
		b.answer(fmt.Sprintf(`{"id":3,"op":"save","h":%d,"must_create":false}`, i+1))
	}
	for n := range 2*mostSites + 10 {
		b.answer(settings(2000 + n))
		for i, engine := range engines {
			got := b.answer(fmt.Sprintf(`{"id":4,"op":"get_expiry_age","h":%d}`, i+1))
			if want := fmt.Sprintf(`{"id":4,"ok":"%d",`, 2000+n); !strings.HasPrefix(got, want) {
				t.Fatalf("%s: %s, want %s", engine, got, want)
			}
			if n%100 == 0 {
				got = b.answer(fmt.Sprintf(`{"id":5,"op":"save","h":%d,"must_create":false}`, i+1))
				if !strings.HasPrefix(got, `{"id":5,"ok":null`) {
					t.Fatalf("%s: %s", engine, got)
				}
			}
		}
	}
}

// A cookie survives the way into a header and back, whatever is in it.
func TestQuotedCookie(t *testing.T) {
	b := newBridge()
	defer b.close()
	b.answer(someSettings)
	for _, value := range []string{"plain0key", `with"quotes`, "a;b;c;d;e", `back\slash`, "comma,comma", "tab\there0", "space here", "ä€ 8 long"} {
		cookies, _ := json.Marshal(map[string]string{"sessionid": value, "other": "x; y"})
		got := b.answer(`{"id":1,"op":"mw_request","cookies":` + string(cookies) + `}`)
		var a struct{ St struct{ Key string } }
		if err := json.Unmarshal([]byte(got), &a); err != nil || a.St.Key != value {
			t.Errorf("%q: %s", value, got)
		}
	}
}

// Whatever comes in, one JSON object goes out.
func FuzzAnswer(f *testing.F) {
	for _, line := range []string{
		`{"id":1,"op":"set","h":1,"key":"\"a\"","value":"1e-07"}`, `{"id":1,"op":"update","h":1,"value":"{\"a\":NaN}"}`,
		`{"id":1,"op":"set_expiry","h":1,"value":{"t":"timedelta","v":[1,2,3]},"now":"1790000000.5"}`,
		`{"id":1,"op":"get_expiry_date","h":1,"modification":"2026-09-21T00:00:00+00:00","expiry":{"t":"int","v":"1e400"}}`,
		`{"id":1,"op":"mw_response","h":1,"m":0,"cookies":{},"status":200,"headers":[["a","b"]]}`, `{"id":1,"op":"mw_request","cookies":{"a":1}}`,
		`{"id":1,"op":"unsign","kind":"TimestampSigner","key":null,"sep":":","salt":null,"algorithm":null,"fallback_keys":null,"value":"a:b:c","max_age":1e400}`,
		`{"id":1,"op":"b62_encode","value":"1"}`, `{"id":1,"op":"decode","h":1,"data":"e30:1x8elk:x"}`, `{"id":[],"op":[]}`, `{}`, `[]`, `{"op":null,"now":1}`,
		`{"id":1,"op":"auth_check","h":1,"hash":"a","fallbacks":null}`, `{"id":1,"op":"set_key","h":1,"key":"12345678"}`, `{"id":1,"op":"file_path","h":1,"key":null}`,
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\n") || strings.Contains(line, "http_start") || strings.Contains(line, "SESSION_FILE_PATH") {
			return // not a line of its own, or more than the child's own memory
		}
		answers := conversation(t, someSettings, `{"id":2,"op":"new","engine":"signed_cookies","key":null}`, line, `{"id":3,"op":"hello"}`)
		for _, answer := range answers {
			for i := range len(answer) {
				if answer[i] >= 0x80 {
					t.Fatalf("not ASCII: %q", answer)
				}
			}
			if !json.Valid([]byte(answer)) {
				t.Fatalf("no JSON: %q", answer)
			}
		}
		if last := answers[len(answers)-1]; !strings.HasPrefix(last, `{"id":3,"ok":{"name"`) {
			t.Fatalf("the conversation went on with %q", last)
		}
	})
}

func BenchmarkSet(b *testing.B) {
	bridge := newBridge()
	defer bridge.close()
	bridge.answer(someSettings)
	bridge.answer(`{"id":2,"op":"new","engine":"signed_cookies","key":null}`)
	for b.Loop() {
		bridge.answer(`{"id":3,"op":"set","h":1,"key":"\"cat\"","value":"\"dog\""}`)
	}
}
