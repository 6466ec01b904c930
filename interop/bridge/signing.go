package main

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/keepsake-go/sessions/signing"
)

var signingOperations = map[string]func(*bridge, *request) (string, error){
	"signer":        signerInEffect,
	"signature":     signature,
	"sign":          sign,
	"unsign":        unsign,
	"sign_object":   signObject,
	"unsign_object": unsignObject,
	"b62_encode":    b62Encode,
	"b62_decode":    b62Decode,
	"base64_hmac":   base64HMAC,
	"auth_hash":     authHash,
}

// signer is a Signer or a TimestampSigner.
type signer interface {
	Salt() string
	Algorithm() string
	Sign(value string) string
	SignObject(obj any, compress bool) (string, error)
}

// signer makes what a request asks for.
func (b *bridge) signer(r *request) (signer, error) { return b.signerWith(r, r.optional("algorithm")) }

func (b *bridge) signerWith(r *request, algorithm string) (signer, error) {
	o := signing.Options{
		Key: b.site.settings.SecretKey, FallbackKeys: b.site.settings.SecretKeyFallbacks,
		Salt: r.optional("salt"), Sep: r.text("sep"), Algorithm: algorithm,
	}
	if !r.null("key") && r.text("key") != "" {
		o.Key = r.bytes("key")
	}
	if !r.null("fallback_keys") {
		o.FallbackKeys = nil
		for _, key := range r.texts("fallback_keys") {
			o.FallbackKeys = append(o.FallbackKeys, fromBase64("fallback_keys", key))
		}
	}
	var s signer
	var err error
	switch kind := r.text("kind"); kind {
	case "Signer":
		s, err = signing.New(o)
	case "TimestampSigner":
		s, err = signing.NewTimestamp(o, b.clock.now)
	default:
		panic(bad("kind", "Signer or TimestampSigner"))
	}
	switch {
	case o.Sep == "", errors.Is(err, signing.ErrUnsafeSeparator): // Go's "" is the default
		return nil, wrong("ValueError", "Unsafe Signer separator: "+pythonRepr(o.Sep)+" (cannot be empty or consist of only A-z0-9-_=)")
	case errors.Is(err, signing.ErrInvalidAlgorithm):
		return nil, invalidAlgorithm(algorithm)
	}
	return s, err
}

func invalidAlgorithm(name string) error {
	return wrong("InvalidAlgorithm", pythonRepr(name)+" is not an algorithm accepted by the hashlib module.")
}

// signerInEffect is a signer's salt and algorithm. Django takes any algorithm
// until it signs.
func signerInEffect(b *bridge, r *request) (string, error) {
	s, err := b.signer(r)
	algorithm := r.optional("algorithm")
	if e := (*exception)(nil); errors.As(err, &e) && e.class == "InvalidAlgorithm" {
		s, err = b.signerWith(r, "")
	}
	if err != nil {
		return "", err
	}
	if algorithm == "" {
		algorithm = s.Algorithm()
	}
	return `{"salt":` + quoted(s.Salt()) + `,"algorithm":` + quoted(algorithm) + `}`, nil
}

// signature is the same for both kinds, given the salt.
func signature(b *bridge, r *request) (string, error) {
	s, err := b.signer(r)
	if err != nil {
		return "", err
	}
	if plain, ok := s.(*signing.Signer); ok {
		return quoted(plain.Signature(r.bytes("value"))), nil
	}
	o := signing.Options{Key: b.site.settings.SecretKey, Salt: s.Salt(), Algorithm: s.Algorithm()}
	if !r.null("key") && r.text("key") != "" {
		o.Key = r.bytes("key")
	}
	plain, err := signing.New(o)
	if err != nil {
		return "", err
	}
	return quoted(plain.Signature(r.bytes("value"))), nil
}

func sign(b *bridge, r *request) (string, error) {
	s, err := b.signer(r)
	if err != nil {
		return "", err
	}
	return quoted(s.Sign(r.text("value"))), nil
}

func signObject(b *bridge, r *request) (string, error) {
	s, err := b.signer(r)
	if err != nil {
		return "", err
	}
	text, err := s.SignObject(r.value("value"), r.boolean("compress"))
	return quoted(text), err
}

// maxAge is a number of seconds, Forever for null.
func (r *request) maxAge() time.Duration {
	if r.null("max_age") {
		return signing.Forever
	}
	var f float64
	r.decode("max_age", &f, "a number")
	if f*1e9 >= math.MaxInt64 || f*1e9 <= math.MinInt64 {
		return time.Duration(math.Copysign(math.MaxInt64-1, f))
	}
	return time.Duration(f * 1e9)
}

func unsign(b *bridge, r *request) (string, error) {
	s, err := b.signer(r)
	if err != nil {
		return "", err
	}
	var value string
	if timed, ok := s.(*signing.TimestampSigner); ok {
		value, err = timed.UnsignMaxAge(r.text("value"), r.maxAge())
	} else {
		value, err = s.(*signing.Signer).Unsign(r.text("value"))
	}
	return quoted(value), b.unsignError(r, err)
}

func unsignObject(b *bridge, r *request) (string, error) {
	s, err := b.signer(r)
	if err != nil {
		return "", err
	}
	var value json.RawMessage
	if timed, ok := s.(*signing.TimestampSigner); ok {
		err = timed.UnsignObject(r.text("value"), r.maxAge(), &value)
	} else {
		err = s.(*signing.Signer).UnsignObject(r.text("value"), &value)
	}
	return inString(string(value)), b.unsignError(r, err)
}

// unsignError has Django's messages, which hold what Go's don't.
func (b *bridge) unsignError(r *request, err error) error {
	value, sep := r.text("value"), r.text("sep")
	var expired *signing.ExpiredError
	switch {
	case errors.As(err, &expired):
		now := b.clock.now()
		age := float64(now.UnixMicro())/1e6 - float64(now.Add(-expired.Age).Unix())
		limit, _ := r.fields.Get("max_age")
		return wrong("SignatureExpired", "Signature age "+repr(age)+" > "+limit.JSON+" seconds")
	case errors.Is(err, signing.ErrBadSignature):
		i := strings.LastIndex(value, sep)
		if i < 0 {
			return wrong("BadSignature", `No "`+sep+`" found in value`)
		}
		return wrong("BadSignature", `Signature "`+value[i+len(sep):]+`" does not match`)
	}
	return err
}

func b62Encode(_ *bridge, r *request) (string, error) {
	v, err := parseObject(`{"n":` + string(r.value("value")) + "}")
	var n int64
	if _, decodeErr := v.Decode("n", &n); err != nil || decodeErr != nil {
		return "", wrong("NotImplementedError", "base 62 is for timestamps here: int64")
	}
	return quoted(signing.B62Encode(n)), nil
}

func b62Decode(_ *bridge, r *request) (string, error) {
	n, err := signing.B62Decode(r.text("value"))
	if err != nil {
		return "", wrong("ValueError", "substring not found")
	}
	return inString(strconv.FormatInt(n, 10)), nil
}

func base64HMAC(_ *bridge, r *request) (string, error) {
	text, err := signing.Base64HMAC(r.text("salt"), r.bytes("value"), r.bytes("key"), r.text("algorithm"))
	if errors.Is(err, signing.ErrInvalidAlgorithm) {
		err = invalidAlgorithm(r.text("algorithm"))
	}
	return quoted(text), err
}
