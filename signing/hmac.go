package signing

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"sync"
)

// hashByName finds a hash by its name in Python's hashlib. That module also
// has BLAKE2, which the standard library lacks.
func hashByName(name string) (func() hash.Hash, error) {
	switch name {
	case "md5":
		return md5.New, nil
	case "sha1":
		return sha1.New, nil
	case "sha224":
		return sha256.New224, nil
	case "sha256":
		return sha256.New, nil
	case "sha384":
		return sha512.New384, nil
	case "sha512":
		return sha512.New, nil
	case "sha3_224":
		return func() hash.Hash { return sha3.New224() }, nil
	case "sha3_256":
		return func() hash.Hash { return sha3.New256() }, nil
	case "sha3_384":
		return func() hash.Hash { return sha3.New384() }, nil
	case "sha3_512":
		return func() hash.Hash { return sha3.New512() }, nil
	}
	return nil, fmt.Errorf("%w: %q is not an algorithm accepted by the hashlib module.", ErrInvalidAlgorithm, name)
}

// SaltedHMAC is django.utils.crypto.salted_hmac: the HMAC of value under a key
// that is the hash of salt + secret. The algorithm must be named, as Django's
// default here (sha1) is not the one of its signers (sha256); an unknown name
// gives ErrInvalidAlgorithm.
func SaltedHMAC(salt, value, secret, algorithm string) ([]byte, error) {
	newHash, err := hashByName(algorithm)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(newHash, deriveKey(newHash, salt, secret))
	mac.Write([]byte(value))
	return mac.Sum(nil), nil
}

// Base64HMAC is django.core.signing.base64_hmac: [SaltedHMAC] as URL-safe
// base64 without padding.
func Base64HMAC(salt, value, key, algorithm string) (string, error) {
	sum, err := SaltedHMAC(salt, value, key, algorithm)
	if err != nil {
		return "", err
	}
	return B64Encode(sum), nil
}

// deriveKey hashes always, also a key that is short enough for HMAC as it is.
func deriveKey(newHash func() hash.Hash, salt, secret string) []byte {
	h := newHash()
	h.Write([]byte(salt))
	h.Write([]byte(secret))
	return h.Sum(nil)
}

// A signingKey is one derived key. It keeps HMAC states that have absorbed the
// key already (Reset restores such a state), which saves half of the hashing
// of a short message, and all of the allocation.
//
// The key itself is only held by the pool's function, so that printing a
// signer cannot show it.
type signingKey struct{ macs sync.Pool }

// mac is one pooled HMAC with room for its result; 64 bytes is the longest
// hash, 86 the length of its base64 text.
type mac struct {
	hash.Hash
	sum  [64]byte
	text [86]byte
}

func newSigningKey(newHash func() hash.Hash, salt, secret string) *signingKey {
	derived := deriveKey(newHash, salt+"signer", secret)
	k := new(signingKey)
	k.macs.New = func() any {
		m := &mac{Hash: hmac.New(newHash, derived)}
		m.Reset() // the first Reset is the one that records the state
		return m
	}
	return k
}

// signature leaves the signature of message in m.
func (m *mac) signature(message []byte) []byte {
	m.Reset()
	m.Write(message)
	sum := m.Sum(m.sum[:0])
	return base64.RawURLEncoding.AppendEncode(m.text[:0], sum)
}

// appendSignature appends the signature of message to dst.
func (k *signingKey) appendSignature(dst, message []byte) []byte {
	m := k.macs.Get().(*mac)
	dst = append(dst, m.signature(message)...)
	k.macs.Put(m)
	return dst
}

// verify returns 1 if signature is message's and 0 if not, in constant time.
// The texts are compared, not the bytes they stand for: Django does so too,
// and base64 has several spellings of the same bytes.
func (k *signingKey) verify(message, signature []byte) int {
	m := k.macs.Get().(*mac)
	equal := subtle.ConstantTimeCompare(m.signature(message), signature)
	k.macs.Put(m)
	return equal
}
