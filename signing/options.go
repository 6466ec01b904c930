package signing

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Options says how to sign. Only Key is required.
type Options struct {
	// Key is the secret, Django's SECRET_KEY: any bytes, UTF-8 if Django has
	// it as str. Its length does not matter to the format.
	Key string

	// FallbackKeys are accepted when verifying, never used to sign: Django's
	// SECRET_KEY_FALLBACKS. Every one costs one more HMAC for each string
	// that is verified. An empty key in the list is an error.
	FallbackKeys []string

	// Salt separates the purposes that share a key. "" is Django's default:
	// "django.core.signing.Signer", "django.core.signing.TimestampSigner" for
	// NewTimestamp, "django.core.signing" for Dumps and Loads.
	Salt string

	// Sep stands between the parts of a signed string. "" is ":".
	Sep string

	// Algorithm is the hash, by hashlib's name: sha256 (the default, also for
	// ""), md5, sha1, sha224, sha384, sha512, sha3_224, sha3_256, sha3_384 or
	// sha3_512. Django 3.1 and 3.2 may have signed with sha1.
	Algorithm string
}

// String hides the keys, so that options can be logged.
func (o Options) String() string {
	return fmt.Sprintf("signing.Options{Key:[hidden] FallbackKeys:[%d hidden] Salt:%q Sep:%q Algorithm:%q}",
		len(o.FallbackKeys), o.Salt, o.Sep, o.Algorithm)
}

// GoString hides the keys from %#v.
func (o Options) GoString() string { return o.String() }

// LogValue hides the keys from log/slog.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

// withDefaults fills in the empty fields and reports everything that is wrong.
func (o Options) withDefaults(salt string) (Options, error) {
	if o.Salt == "" {
		o.Salt = salt
	}
	if o.Sep == "" {
		o.Sep = ":"
	}
	if o.Algorithm == "" {
		o.Algorithm = "sha256"
	}
	var errs []error
	if o.Key == "" {
		errs = append(errs, ErrNoKey)
	}
	for i, key := range o.FallbackKeys {
		// Django only warns here (check W025), and then takes strings that
		// anybody can sign.
		if key == "" {
			errs = append(errs, fmt.Errorf("%w (SECRET_KEY_FALLBACKS[%d])", ErrNoKey, i))
		}
	}
	if unsafeSeparator(o.Sep) {
		errs = append(errs, fmt.Errorf("%w: %s (cannot be empty or consist of only A-z0-9-_=)",
			ErrUnsafeSeparator, pythonQuote(o.Sep)))
	}
	if _, err := hashByName(o.Algorithm); err != nil {
		errs = append(errs, err)
	}
	return o, errors.Join(errs...)
}

// unsafeSeparator is Django's regular expression ^[A-z0-9-_=]*$. The A-z is
// theirs: it takes in [ \ ] ^ and ` too. Their $ also matches before a final
// newline.
func unsafeSeparator(sep string) bool {
	for _, c := range []byte(strings.TrimSuffix(sep, "\n")) {
		switch {
		case 'A' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '=':
		default:
			return false
		}
	}
	return true
}

// pythonQuote is repr() for the few characters an unsafe separator can hold.
func pythonQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(s) + "'"
}
