package codec_test

import (
	"errors"
	"fmt"

	"github.com/keepsake-go/sessions/codec"
)

// A dict as Django's cache engine stores it in Redis. The date is Python's; it
// is kept as it is.
func ExamplePickle() {
	c, err := codec.NewPickle(codec.PickleOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	stored := "\x80\x05\x95\x37\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x03cat\x94\x8c\x03dog\x94\x8c\x04when\x94" +
		"\x8c\x08datetime\x94\x8c\x04date\x94\x93\x94C\x04\x07\xea\x01\x02\x94\x85\x94R\x94u."
	values, err := c.Decode(stored)
	if err != nil {
		fmt.Println(err)
		return
	}
	for m := range values.All() {
		fmt.Println(m.Name, m.JSON, len(m.Opaque) > 0)
	}
	again, err := c.Encode(values)
	fmt.Println(again == stored, err)
	// Output:
	// cat "dog" false
	// when  true
	// true <nil>
}

// A pickle that would run a program in Python is refused; nothing is run.
func ExamplePickle_Decode() {
	c, err := codec.NewPickle(codec.PickleOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.Decode("cos\nsystem\n(Vreboot\ntR.")
	fmt.Println(errors.Is(err, codec.ErrForbidden), err)
	// Output: true sessions: session data corrupted: pickle: forbidden: os.system
}
