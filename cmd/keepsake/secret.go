package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// demoSecret is the secret key of a demo on that database, and where it is kept:
// $SECRET_KEY, else a file beside the database, made on the first run. With it
// the next run, or a Django on the same file, finds the visitors again.
func demoSecret(database string) (secret, where string, err error) {
	if secret := os.Getenv("SECRET_KEY"); secret != "" {
		return secret, "$SECRET_KEY", nil
	}
	file := database + ".secret"
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		secret = rand.Text() + rand.Text() // 260 bits in 52 characters
		return secret, file + " (made now)", writeSecret(file, secret)
	}
	if err != nil {
		return "", "", err
	}
	if secret = strings.TrimSpace(string(text)); secret == "" {
		return "", "", fmt.Errorf("%s is empty: put the secret key in, or delete it for a new one", file)
	}
	return secret, file, nil
}

// writeSecret creates the file for its owner's eyes only. It never overwrites.
func writeSecret(file, secret string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(secret + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}
