package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// demoSecret is the demo's secret key, and where it is kept: $SECRET_KEY, else
// that file, made on the first run. With it the next run, or a Django on the same
// database, finds the visitors again. Without a file the key ends with the demo.
func demoSecret(file string) (secret, where string, err error) {
	if secret := os.Getenv("SECRET_KEY"); secret != "" {
		return secret, "$SECRET_KEY", nil
	}
	if file == "" {
		return rand.Text() + rand.Text(), "made now, kept nowhere", nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		secret = rand.Text() + rand.Text() // 260 bits in 52 characters
		return secret, file + " (made now)", writePrivate(file, secret+"\n")
	}
	if err != nil {
		return "", "", err
	}
	if secret = strings.TrimSpace(string(text)); secret == "" {
		return "", "", fmt.Errorf("%s is empty: put the secret key in, or delete it for a new one", file)
	}
	return secret, file, nil
}
