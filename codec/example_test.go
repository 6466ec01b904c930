package codec_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
)

func settings() sessions.Settings {
	st := sessions.DefaultSettings()
	st.SecretKey = "vector-secret-key"
	st.Clock = func() time.Time { return time.Unix(1790000000, 0) }
	return st
}

// What Django's database, cached_db and file engines store.
func ExampleSigned() {
	c, err := codec.NewSigned(settings(), codec.SignedOptions{})
	if err != nil {
		panic(err)
	}
	var values sessions.Values
	values.Set(sessions.Member{Name: "cat", JSON: `"dog"`})
	stored, err := c.Encode(values)
	fmt.Println(stored, err)

	values, err = c.Decode(stored)
	fmt.Println(values.Get("cat"))
	fmt.Println(err)

	_, err = c.Decode("x" + stored)
	fmt.Println(errors.Is(err, sessions.ErrCorrupt))
	// Output:
	// eyJjYXQiOiJkb2cifQ:1x8elk:grr4KFNZfNBd_8UNchDVylIdQtSD5PNh-S0XmxLCcHc <nil>
	// {cat "dog" } true
	// <nil>
	// true
}

// What nobody touches goes back byte for byte: Python's big integers and its
// spelling of floats.
func ExampleSigned_Decode() {
	c, err := codec.NewSigned(settings(), codec.SignedOptions{Uncompressed: true})
	if err != nil {
		panic(err)
	}
	var values sessions.Values
	values.Set(sessions.Member{Name: "big", JSON: "123456789012345678901234567890"})
	values.Set(sessions.Member{Name: "float", JSON: "1.0"})
	values.Set(sessions.Member{Name: "tiny", JSON: "1e-07"})
	stored, err := c.Encode(values)
	if err != nil {
		panic(err)
	}
	if values, err = c.Decode(stored); err != nil {
		panic(err)
	}
	for member := range values.All() {
		fmt.Println(member.Name, member.JSON)
	}
	// Output:
	// big 123456789012345678901234567890
	// float 1.0
	// tiny 1e-07
}

// A row that a Django before 3.1 has left behind. engine.DatabaseEngine takes the
// same options in its field Signed.
func ExampleSignedOptions() {
	c, err := codec.NewSigned(settings(), codec.SignedOptions{ReadSHA1: true})
	if err != nil {
		panic(err)
	}
	values, err := c.Decode("YzkwY2Q0N2E5OTBiOTFlOTlhMGZhOWM3ZjljMTk5ODU5MzI3Nzg5Yjp7ImNhdCI6ImRvZyJ9")
	if err != nil {
		panic(err)
	}
	fmt.Println(values.Get("cat"))
	// Output: {cat "dog" } true
}
