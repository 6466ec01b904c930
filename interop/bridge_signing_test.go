package interop

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// signer is a signer of every default.
func signer(kind string, change ...args) args {
	all := args{"kind": kind, "key": nil, "sep": ":", "salt": nil, "algorithm": nil, "fallback_keys": nil}
	for _, c := range change {
		for name, value := range c {
			all[name] = value
		}
	}
	return all
}

var signingScenarios = []bridgeScenario{
	{name: "signing", engines: "db", do: func(p *bridgePair) {
		for _, kind := range []string{"Signer", "TimestampSigner"} {
			for _, change := range []args{
				{},
				{"key": b64("predictable-secret")},
				{"key": b64("\xe7\x00\xff")},
				{"key": b64("k"), "fallback_keys": []string{b64("old"), b64("older")}},
				{"sep": "/"},
				{"sep": ".."},
				{"sep": "*"},
				{"salt": "extra"},
				{"algorithm": "sha1"},
				{"algorithm": "sha512"},
				{"algorithm": "md5"},
				{"salt": "", "algorithm": ""},
			} {
				if change["fallback_keys"] != nil && p.python.before(4, 1) {
					continue
				}
				with := func(more args) args { return signer(kind, change, more) }
				p.do("signer", with(nil))
				for _, value := range []string{"hello", "3098247:529:087:", "", "h\u00e9 \u2028 \U0001f600", "a:b:c"} {
					p.do("signature", with(args{"value": b64(value)}))
					p.do("sign", with(args{"value": value, "now": "1790000000.123456"}))
				}
				k, d := p.do("sign", with(args{"value": "a value", "now": "1790000000.123456"}))
				if k.Err != nil || string(k.OK) != string(d.OK) {
					continue
				}
				var signed string
				check(p.t, json.Unmarshal(k.OK, &signed))
				for _, now := range []string{"1790000000.000000", "1790000010.000001", "1790000010.900000", "1789999990.000000"} {
					for _, age := range []any{nil, 10, 10.5, 0, -1, 1e9} {
						p.do("unsign", with(args{"value": signed, "max_age": age, "now": now}))
					}
				}
				for _, value := range []string{signed + "x", "x" + signed, strings.ToUpper(signed), "no separator", "", "a:b:c", "a/b"} {
					p.do("unsign", with(args{"value": value, "max_age": nil}))
				}
				for _, value := range []string{`{"a": [1, 2.0, "x"]}`, `[]`, `"text"`, `1e-07`, `NaN`, `{"z": 1, "a": "\u00e9\ud800"}`, `null`} {
					k, d := p.do("sign_object", with(args{"value": value, "compress": false, "now": "1790000000.123456"}))
					if k.Err != nil || string(k.OK) != string(d.OK) {
						continue
					}
					check(p.t, json.Unmarshal(k.OK, &signed))
					p.do("unsign_object", with(args{"value": signed, "max_age": 10, "now": "1790000000.123456"}))
					p.do("unsign_object", with(args{"value": signed + "x", "max_age": nil}))
				}
			}
			for _, change := range []args{{"algorithm": "whatever"}, {"sep": ""}, {"sep": "-"}, {"sep": "abc"}, {"sep": "_"}, {"sep": "^"}} {
				p.do("signer", signer(kind, change))
				p.do("sign", signer(kind, change, args{"value": "x"}))
			}
		}
	}},
	{name: "base 62 and HMAC", engines: "db", since: [2]int{4, 0}, do: func(p *bridgePair) {
		for _, n := range []string{"0", "1", "61", "62", "-1", "-62", "1790000000", "9223372036854775807", "-9223372036854775807"} {
			k, _ := p.do("b62_encode", args{"value": n})
			var text string
			check(p.t, json.Unmarshal(k.OK, &text))
			p.do("b62_decode", args{"value": text})
		}
		for _, text := range []string{"-", "00A", "a b", "*"} {
			p.do("b62_decode", args{"value": text})
		}
		for _, algorithm := range []string{"sha1", "sha256", "sha512", "whatever"} {
			p.do("base64_hmac", args{"salt": "salt", "value": b64("v\xff"), "key": b64("k\x00"), "algorithm": algorithm})
		}
		for _, key := range []any{nil, b64("other"), b64("\xff")} {
			p.do("auth_hash", args{"password": "pbkdf2_sha256$1$salt$hash", "key": key})
		}
	}},
}
