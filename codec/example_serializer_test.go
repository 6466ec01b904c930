package codec_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
)

// djangoJSON is in Go what this class is in a Django project, whose setting
// SESSION_SERIALIZER names it:
//
//	class DjangoJSONSerializer:
//	    def dumps(self, obj):
//	        return json.dumps(obj, cls=DjangoJSONEncoder).encode("utf-8")
//	    def loads(self, data):
//	        return json.loads(data.decode("utf-8"))
type djangoJSON struct{ *codec.JSON }

func newDjangoJSON() djangoJSON {
	c, err := codec.NewJSON(codec.JSONOptions{Spaces: true}) // as json.dumps writes it
	if err != nil {
		panic(err)
	}
	return djangoJSON{c}
}

// Dumps writes datetimes as DjangoJSONEncoder does: in milliseconds. A Decimal, a
// UUID, a date and a lazy string are strings there, and so they are in Go.
func (s djangoJSON) Dumps(values sessions.Values) (string, error) {
	for m := range values.All() {
		var t time.Time
		if found, err := values.Decode(m.Name, &t); err != nil || !found {
			continue // no datetime
		}
		layout := "2006-01-02T15:04:05.000Z07:00"
		if t.Nanosecond() == 0 {
			layout = time.RFC3339
		}
		if err := values.Encode(m.Name, t.Format(layout)); err != nil {
			return "", err
		}
	}
	return s.Encode(values)
}

// Loads reads the object as it is: what a member means, its reader knows.
func (s djangoJSON) Loads(text string) (sessions.Values, error) { return s.Decode(text) }

// timedelta is a Duration as DjangoJSONEncoder writes a timedelta:
// "P0DT00H01M30S".
type timedelta time.Duration

func (d timedelta) MarshalJSON() ([]byte, error) {
	micro, sign := time.Duration(d).Microseconds(), ""
	if micro < 0 {
		micro, sign = -micro, "-"
	}
	fraction := ""
	if micro%1e6 != 0 {
		fraction = fmt.Sprintf(".%06d", micro%1e6)
	}
	s := micro / 1e6
	return fmt.Appendf(nil, `"%sP%dDT%02dH%02dM%02d%sS"`, sign, s/86400, s/3600%24, s/60%60, s%60, fraction), nil
}

func (d *timedelta) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	negative := s != "" && s[0] == '-'
	if negative {
		s = s[1:]
	}
	var days, hours, minutes int
	var seconds float64
	if _, err := fmt.Sscanf(s, "P%dDT%dH%dM%fS", &days, &hours, &minutes, &seconds); err != nil {
		return fmt.Errorf("not a duration: %w", err)
	}
	sum := time.Duration(24*days+hours)*time.Hour + time.Duration(minutes)*time.Minute + time.Duration(seconds*1e6+0.5)*time.Microsecond
	if negative {
		sum = -sum
	}
	*d = timedelta(sum)
	return nil
}

// A serializer of one's own: sessions that are shared with a Django whose
// serializer uses DjangoJSONEncoder. engine.DatabaseEngine takes it in its field
// Codec: codec.SignedOptions{Serializer: newDjangoJSON()}.
func ExampleSerializer() {
	c, err := codec.NewSigned(settings(), codec.SignedOptions{Serializer: newDjangoJSON(), Uncompressed: true})
	if err != nil {
		panic(err)
	}
	// What that Django has stored.
	const django = "eyJ3aGVuIjogIjIwMjYtMDEtMDJUMDM6MDQ6MDUuNjc4WiIsICJwcmljZSI6ICIxMi41MCIsICJpZCI6ICIxMjM0NTY3OC0xMjM0LT" +
		"U2NzgtMTIzNC01Njc4MTIzNDU2NzgiLCAibGVmdCI6ICJQMERUMDBIMDFNMzBTIiwgImRheSI6ICIyMDI2LTAxLTAyIn0:1x8elk:4MQlUpVkjK0KXJ4GyOnV_7BvQO3kARKQSUMhnSgBKrc"
	values, err := c.Decode(django)
	if err != nil {
		fmt.Println(err)
		return
	}
	var when time.Time
	var price, id, day string
	var left timedelta
	for name, into := range map[string]any{"when": &when, "price": &price, "id": &id, "left": &left, "day": &day} {
		if _, err := values.Decode(name, into); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(when, price, id, time.Duration(left), day)

	// The same values, set in Go, are the same bytes.
	var mine sessions.Values
	for _, v := range []struct {
		name  string
		value any
	}{
		{"when", time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)},
		{"price", "12.50"},
		{"id", "12345678-1234-5678-1234-567812345678"},
		{"left", timedelta(90 * time.Second)},
		{"day", time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)},
	} {
		if err := mine.Encode(v.name, v.value); err != nil {
			fmt.Println(err)
		}
	}
	stored, err := c.Encode(mine)
	fmt.Println(stored == django, err)
	// Output:
	// 2026-01-02 03:04:05.678 +0000 UTC 12.50 12345678-1234-5678-1234-567812345678 1m30s 2026-01-02
	// true <nil>
}

// A row that a Django up to 4.2 has written with its PickleSerializer. The tuple
// is Python's: it is kept as it is.
func ExamplePickleSerializer() {
	c, err := codec.NewSigned(settings(), codec.SignedOptions{Serializer: codec.PickleSerializer{}, Uncompressed: true})
	if err != nil {
		panic(err)
	}
	// {"cat": "dog", "point": (1, 2)}
	const django = "gAWVHwAAAAAAAAB9lCiMA2NhdJSMA2RvZ5SMBXBvaW50lEsBSwKGlHUu:1x8elk:CgHIpGRNSwzGesN6norXf3PBzDZgJsOK6-QoQNmMs6Q"
	values, err := c.Decode(django)
	if err != nil {
		fmt.Println(err)
		return
	}
	for m := range values.All() {
		fmt.Println(m.Name, m.JSON, len(m.Opaque) > 0)
	}
	stored, err := c.Encode(values)
	fmt.Println(stored == django, err)
	// Output:
	// cat "dog" false
	// point  true
	// true <nil>
}
