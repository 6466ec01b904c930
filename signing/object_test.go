package signing

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/internal/pyjson"
)

// sessionDecode is what Django's SessionBase.decode does with a stored string:
// anything unreadable is an empty session, but only a bad signature is logged.
func sessionDecode(s *TimestampSigner, stored string) (value any, logged bool) {
	err := s.UnsignObject(stored, Forever, &value)
	if err != nil {
		return map[string]any{}, errors.Is(err, ErrBadSignature)
	}
	return value, false
}

func TestDecodeVectors(t *testing.T) {
	n := 0
	for _, v := range vectors(t, "decode", 33) {
		if !v.current() {
			continue // 3.2 lets binascii.Error escape where later ones do not
		}
		n++
		if v.In.Time == "" {
			v.In.Time = "1790000000.0"
		}
		s := must(NewTimestamp(Options{Key: v.In.SecretKey, Salt: v.In.Salt}, v.clock(t)))
		got, logged := sessionDecode(s, v.In.String)
		var want any
		if err := pyjson.Unmarshal(v.Out.Decoded, &want); err != nil {
			t.Fatalf("%s: %v", v.ID, err)
		}
		if text := must(pyjson.Marshal(got)); text != must(pyjson.Marshal(want)) {
			t.Errorf("%s: decoded %s, want %s", v.ID, text, v.Out.Decoded)
		}
		if logged != (len(v.Out.Logs) > 0) {
			t.Errorf("%s: logged %v, Django %v", v.ID, logged, v.Out.Logs)
		}
	}
	if n < 20 {
		t.Errorf("only %d cases", n)
	}
}

// Python's strings, as Go writes the same objects.
func TestObjectVectors(t *testing.T) {
	for _, v := range vectors(t, "signed-string", 47) {
		s := must(NewTimestamp(Options{Key: v.In.SecretKey, Salt: v.In.Salt}, v.clock(t)))
		var got, want any
		if err := s.UnsignObject(v.Out.String, time.Second, &got); err != nil {
			t.Errorf("%s: %v", v.ID, err)
			continue
		}
		if err := pyjson.Unmarshal(compact(v.In.Data), &want); err != nil {
			t.Fatalf("%s: %v", v.ID, err)
		}
		if text := must(pyjson.Marshal(got)); text != must(pyjson.Marshal(want)) {
			t.Errorf("%s: %s, want %s", v.ID, text, v.In.Data)
		}
		again := must(s.SignObject(got, true))
		var back any
		if err := s.UnsignObject(again, time.Second, &back); err != nil || must(pyjson.Marshal(back)) != must(pyjson.Marshal(got)) {
			t.Errorf("%s: round trip gives %v, %v", v.ID, back, err)
		}
	}
	s := must(NewTimestamp(Options{Key: "vector-secret-key", Salt: "django.contrib.sessions.SessionStore"}, at(1790000000, 0)))
	const want = "eyJjYXQiOiJkb2cifQ:1x8elk:grr4KFNZfNBd_8UNchDVylIdQtSD5PNh-S0XmxLCcHc"
	if got := must(s.SignObject(map[string]string{"cat": "dog"}, true)); got != want {
		t.Errorf("SignObject = %q, want %q", got, want)
	}
}

func TestObjects(t *testing.T) {
	plain := must(New(Options{Key: "k"}))
	stamped := must(NewTimestamp(Options{Key: "k"}, nil))
	big1, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	for _, obj := range []any{
		nil, true, "", "häß → 😀\u2028</script>", int64(-7), 1.0, 1e-7, math.MaxFloat64, big1,
		[]any{},
		[]any{int64(1), "a", nil},
		map[string]any{},
		map[string]any{"a": []any{map[string]any{"b": 1.5}}},
	} {
		for _, compress := range []bool{false, true} {
			var got any
			if err := plain.UnsignObject(must(plain.SignObject(obj, compress)), &got); err != nil || !reflect.DeepEqual(got, obj) {
				t.Errorf("%v came back as %v, %v", obj, got, err)
			}
			got = nil
			if err := stamped.UnsignObject(must(stamped.SignObject(obj, compress)), time.Hour, &got); err != nil || !reflect.DeepEqual(got, obj) {
				t.Errorf("%v came back as %v, %v", obj, got, err)
			}
		}
	}
	var who struct{ Name string }
	if err := plain.UnsignObject(must(plain.SignObject(map[string]string{"Name": "Ada"}, false)), &who); err != nil || who.Name != "Ada" {
		t.Errorf("%v, %v", who, err)
	}
}

func TestObjectErrors(t *testing.T) {
	s := must(New(Options{Key: "k"}))
	for _, obj := range []any{make(chan int), func() {}, "\xff"} {
		if signed, err := s.SignObject(obj, false); err == nil || signed != "" || strings.Contains(err.Error(), "\xff") {
			t.Errorf("%T: %q, %v", obj, signed, err)
		}
		if _, err := must(NewTimestamp(Options{Key: "k"}, nil)).SignObject(obj, false); err == nil {
			t.Errorf("%T: no error", obj)
		}
	}
	var into any
	for _, payload := range []string{"", " ", "{", "{}x", "{} {}", "nul", "'a'", "\xef\xbb\xbf{}", "[\"\n\"]", "\x80\x05}."} {
		if err := s.UnsignObject(s.SignPayload(payload, false), &into); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v, want ErrMalformed", payload, err)
		}
	}
	var number int
	err := s.UnsignObject(s.SignPayload(`"privatevalue"`, false), &number)
	if err == nil || errors.Is(err, ErrMalformed) || errors.Is(err, ErrBadSignature) || strings.Contains(err.Error(), "private") {
		t.Errorf("wrong type: %v", err)
	}
	if err := s.UnsignObject("x:y", &into); !errors.Is(err, ErrBadSignature) {
		t.Error(err)
	}
}

func TestDumpsLoads(t *testing.T) {
	o := Options{Key: "k"}
	signed := must(Dumps([]int{1, 2}, o, false))
	var got []int
	if err := Loads(signed, o, time.Hour, &got); err != nil || !reflect.DeepEqual(got, []int{1, 2}) {
		t.Errorf("%v, %v", got, err)
	}
	s := must(NewTimestamp(Options{Key: "k", Salt: "django.core.signing"}, at(0, 0)))
	if err := s.UnsignObject(signed, Forever, &got); err != nil {
		t.Errorf("the salt is another: %v", err)
	}
	if err := Loads(must(s.SignObject(1, false)), o, time.Hour, &got); !errors.Is(err, ErrSignatureExpired) {
		t.Error(err)
	}
	if err := Loads(signed, Options{Key: "other"}, Forever, &got); !errors.Is(err, ErrBadSignature) {
		t.Error(err)
	}
	if _, err := Dumps(1, Options{}, false); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	if err := Loads(signed, Options{}, Forever, &got); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
}
