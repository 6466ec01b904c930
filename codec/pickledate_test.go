package codec_test

import (
	"encoding/hex"
	"testing"
	_ "time/tzdata" // America/New_York on every machine

	"github.com/keepsake-go/sessions/codec"
)

// A Django before 4.1 pickles the datetime of its set_expiry. Keepsake reads it
// as what later Djangos write, and leaves a datetime there.
func TestPickledExpiry(t *testing.T) {
	c, err := codec.NewPickle(codec.PickleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ pickle, want string }{
		"naive":               {"8004953f000000000000007d948c0f5f73657373696f6e5f657870697279948c086461746574696d65948c086461746574696d65949394430a07ea09150e0d140000009485945294732e", `"2026-09-21T14:13:20.000000"`},
		"naive, protocol 2":   {"80027d7100580f0000005f73657373696f6e5f6578706972797101636461746574696d650a6461746574696d650a7102635f636f646563730a656e636f64650a7103580b00000007c3aa09150e0d14000000710458060000006c6174696e317105867106527107857108527109732e", `"2026-09-21T14:13:20.000000"`},
		"UTC":                 {"8005956c000000000000007d948c0f5f73657373696f6e5f657870697279948c086461746574696d65948c086461746574696d65949394430a07ea09150e0d1401e2409468028c0874696d657a6f6e6594939468028c0974696d6564656c74619493944b004b004b00879452948594529486945294732e", `"2026-09-21T14:13:20.123456+00:00"`},
		"an offset":           {"8005956d000000000000007d948c0f5f73657373696f6e5f657870697279948c086461746574696d65948c086461746574696d65949394430a07ea09150e0d140000059468028c0874696d657a6f6e6594939468028c0974696d6564656c74619493944b004ddc504b00879452948594529486945294732e", `"2026-09-21T14:13:20.000005+05:45"`},
		"a negative offset":   {"80059572000000000000007d948c0f5f73657373696f6e5f657870697279948c086461746574696d65948c086461746574696d65949394430a07ea09150e0d140000059468028c0874696d657a6f6e6594939468028c0974696d6564656c74619493944affffffff4a401901004b00879452948594529486945294732e", `"2026-09-21T14:13:20.000005-04:00"`},
		"a zone":              {"80049597000000000000007d948c0f5f73657373696f6e5f657870697279948c086461746574696d65948c086461746574696d65949394430a07ea09150e0d14000000948c086275696c74696e73948c07676574617474729493948c087a6f6e65696e666f948c085a6f6e65496e666f9493948c095f756e7069636b6c6594869452948c10416d65726963612f4e65775f596f726b944b018694529486945294732e", `"2026-09-21T14:13:20.000000-04:00"`},
		"a date is no expiry": {"80049535000000000000007d948c0f5f73657373696f6e5f657870697279948c086461746574696d65948c0464617465949394430407ea09159485945294732e", ""},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := hex.DecodeString(test.pickle)
			if err != nil {
				t.Fatal(err)
			}
			values, err := c.Decode(string(data))
			if err != nil {
				t.Fatal(err)
			}
			before, _ := values.Get("_session_expiry")
			if before.JSON != test.want || before.Opaque == "" {
				t.Errorf("the member reads %s, want %s, and Opaque is %d bytes", before.JSON, test.want, len(before.Opaque))
			}
			text, err := c.Encode(values)
			if err != nil {
				t.Fatal(err)
			}
			values, err = c.Decode(text)
			if err != nil {
				t.Fatal(err)
			}
			if after, _ := values.Get("_session_expiry"); after != before {
				t.Errorf("written and read again it is %q, not %q", after, before)
			}
			if err := values.Encode("_session_expiry", 300); err != nil {
				t.Fatal(err)
			}
			if text, err = c.Encode(values); err == nil {
				values, err = c.Decode(text)
			}
			if err != nil {
				t.Fatal(err)
			}
			if after, _ := values.Get("_session_expiry"); after.JSON != "300" || after.Opaque != "" {
				t.Errorf("set anew it is %q", after)
			}
		})
	}
}
