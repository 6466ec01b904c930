package hashers_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/keepsake-go/sessions/auth/hashers"
)

// A login: the password is checked, and stored anew when Django would do so.
func Example() {
	ctx := context.Background()
	h, err := hashers.New(hashers.Options{Django: "3.2"})
	if err != nil {
		panic(err)
	}
	// As a Django 1.11 has stored it.
	password := "pbkdf2_sha256$36000$seasaltseasa$fYdGNx0GuIOePPeJxYUDTpgp8Jsrfw076kQteB9h0Uo="

	ok, err := h.Check(ctx, "secret", password)
	fmt.Println(ok, err)
	if ok && h.MustUpdate(password) {
		if renewed, err := h.Make(ctx, "secret"); err == nil {
			password = renewed // UPDATE auth_user SET password = … WHERE id = … AND password = the old one
		}
	}
	fmt.Println(strings.Join(strings.Split(password, "$")[:2], " "))
	// Output:
	// true <nil>
	// pbkdf2_sha256 260000
}

// PASSWORD_HASHERS as it stands in settings.py, and a work factor of the site's own.
func ExampleNew() {
	h, err := hashers.New(hashers.Options{
		Django: "5.2",
		Hashers: []string{
			"django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
			"django.contrib.auth.hashers.PBKDF2PasswordHasher",
		},
		Factors: hashers.Factors{BCryptRounds: 10},
	})
	if err != nil {
		panic(err)
	}
	encoded, err := h.Make(context.Background(), "secret")
	if err != nil {
		panic(err)
	}
	fmt.Println(encoded[:len("bcrypt_sha256$$2b$10$")], len(encoded), h.MustUpdate(encoded))
	// Output: bcrypt_sha256$$2b$10$ 74 false
}

// A hash that asks for too much is refused before it is computed.
func ExampleHashers_Check_tooExpensive() {
	h, err := hashers.New(hashers.Options{Django: "3.2"})
	if err != nil {
		panic(err)
	}
	_, err = h.Check(context.Background(), "secret",
		"bcrypt_sha256$$2b$31$WFtGAQxkYJmzmTAWNEPKKeVhwXLcMUuKk93Sd0WFRPlGGL5YFPeWu")
	fmt.Println(errors.Is(err, hashers.ErrTooExpensive), err)
	// Output: true hashers: the password hash asks for too much work: bcrypt_sha256
}

// An account that logs in by other means only.
func ExampleUnusable() {
	encoded := hashers.Unusable()
	fmt.Println(encoded[:1], len(encoded), hashers.IsUsable(encoded))
	// Output: ! 41 false
}
