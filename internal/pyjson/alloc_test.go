package pyjson

import (
	"testing"
)

// A logged-in visitor's session of about 300 bytes.
const session = `{"_auth_user_id":"1","_auth_user_backend":"django.contrib.auth.backends.ModelBackend",` +
	`"_auth_user_hash":"0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",` +
	`"cart":[{"sku":"A-0","qty":0,"price":"0.99"},{"sku":"A-1","qty":1,"price":"1.99"}],"_csrftoken":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}`

type item struct {
	SKU   string  `json:"sku"`
	Qty   int     `json:"qty"`
	Price float64 `json:"price"`
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, too")
	}
	var (
		text    string
		yes     bool
		n       int
		n64     int64
		f       float64
		length  int
		buf         = make([]byte, 0, 1024)
		strs    any = []string{"a", "b"}
		items   any = []item{{"A-0", 1, 1.5}}
		integer any = 123456
		float   any = 0.25
		str     any = "hello"
	)
	for _, c := range []struct {
		name string
		want float64
		f    func()
	}{
		{"ScanObject", 0, func() { ScanObject(session, func(name, raw string) { length += len(name) + len(raw) }) }},
		{"ScanObject, escape in a name", 1, func() { ScanObject(`{"\u00e9":1}`, func(name, raw string) { length += len(name) }) }},
		{"Valid", 0, func() { Valid(session) }},
		{"ValidName", 0, func() { ValidName("_auth_user_id") }},
		{"Latin1ToASCII", 0, func() { Latin1ToASCII(session) }},
		{"UTF8ToASCII", 0, func() { UTF8ToASCII(session) }},
		{"Unquote", 0, func() { Unquote(`"hello"`) }},
		{"Unmarshal string", 0, func() { Unmarshal(`"hello"`, &text) }},
		{"Unmarshal string with escapes", 1, func() { Unmarshal(`"hell\u00f6"`, &text) }},
		{"Unmarshal bool", 0, func() { Unmarshal(`true`, &yes) }},
		{"Unmarshal int", 0, func() { Unmarshal(`12`, &n) }},
		{"Unmarshal int64", 0, func() { Unmarshal(`12`, &n64) }},
		{"Unmarshal float64", 0, func() { Unmarshal(`1.5`, &f) }},
		{"AppendString", 0, func() { AppendString(buf, "h\u00e9llo") }},
		{"AppendFloat", 0, func() { AppendFloat(buf, 0.1) }},
		{"Append int", 0, func() { Append(buf, integer) }},
		{"Append []string", 0, func() { Append(buf, strs) }},
		{"Append []item", 0, func() { Append(buf, items) }},
		{"Marshal string", 1, func() { Marshal(str) }},
		{"Marshal float64", 1, func() { Marshal(float) }},
	} {
		c.f() // fill the caches
		if got := testing.AllocsPerRun(200, c.f); got != c.want {
			t.Errorf("%s: %v allocations, want %v", c.name, got, c.want)
		}
	}
}
