package signing_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/keepsake-go/sessions/signing"
)

// clock stands still, so that the examples always print the same.
func clock() time.Time { return time.Unix(1790000000, 0) }

func ExampleSigner() {
	signer, err := signing.New(signing.Options{Key: "k", Salt: "extra"})
	if err != nil {
		panic(err)
	}
	signed := signer.Sign("hello")
	fmt.Println(signed)

	value, err := signer.Unsign(signed)
	fmt.Println(value, err)

	_, err = signer.Unsign("goodbye" + signed[5:])
	fmt.Println(errors.Is(err, signing.ErrBadSignature))
	// Output:
	// hello:Ap3C_RSHRsaL_s0BD0HZ1-pJT-yVG5uqEUGRsyzaLz4
	// hello <nil>
	// true
}

func ExampleTimestampSigner_UnsignMaxAge() {
	now := clock()
	signer, err := signing.NewTimestamp(signing.Options{Key: "k"}, func() time.Time { return now })
	if err != nil {
		panic(err)
	}
	link := signer.Sign("reset/42")

	now = now.Add(61 * time.Minute)
	_, err = signer.UnsignMaxAge(link, time.Hour)
	fmt.Println(errors.Is(err, signing.ErrSignatureExpired), err)

	value, err := signer.UnsignMaxAge(link, 2*time.Hour)
	fmt.Println(value, err)
	// Output:
	// true signing: Signature age 3660 > 3600 seconds
	// reset/42 <nil>
}

// A session as Django's database engine stores it.
func ExampleTimestampSigner_SignObject() {
	signer, err := signing.NewTimestamp(signing.Options{
		Key:  "vector-secret-key",
		Salt: "django.contrib.sessions.SessionStore",
	}, clock)
	if err != nil {
		panic(err)
	}
	stored, err := signer.SignObject(map[string]any{"cat": "dog"}, true)
	fmt.Println(stored, err)

	var session map[string]any
	err = signer.UnsignObject(stored, signing.Forever, &session)
	fmt.Println(session, err)
	// Output:
	// eyJjYXQiOiJkb2cifQ:1x8elk:grr4KFNZfNBd_8UNchDVylIdQtSD5PNh-S0XmxLCcHc <nil>
	// map[cat:dog] <nil>
}

// A new key, while what the old one signed stays valid.
func ExampleOptions_rotation() {
	old, err := signing.New(signing.Options{Key: "old"})
	if err != nil {
		panic(err)
	}
	signed := old.Sign("hello")

	signer, err := signing.New(signing.Options{Key: "new", FallbackKeys: []string{"old"}})
	if err != nil {
		panic(err)
	}
	fmt.Println(signer.Unsign(signed))
	fmt.Println(signer.Sign("hello") == signed)
	// Output:
	// hello <nil>
	// false
}

func ExampleDumps() {
	o := signing.Options{Key: "k"}
	token, err := signing.Dumps(map[string]int{"user": 42}, o, false)
	if err != nil {
		panic(err)
	}
	var got map[string]int
	err = signing.Loads(token, o, time.Hour, &got)
	fmt.Println(got, err)
	// Output: map[user:42] <nil>
}

// What response.set_signed_cookie("pref", "väl", salt="s") puts into a cookie.
func ExampleCookieSigner() {
	signer, err := signing.CookieSigner(signing.Options{
		Key:  "vector-secret-key",
		Salt: signing.CookieSalt("pref", "s"),
	}, clock)
	if err != nil {
		panic(err)
	}
	fmt.Println(signer.Sign("väl"))
	// Output: väl:1x8elk:tdqQRdmuToTeQRG9--HzSECsgRA70p7oJcRm3nHpEQk
}
