package devices

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
)

// sealer writes session keys so that only who has the secret key can read them,
// and the same one always in the same way, so that it can be looked for. This is
// SIV mode (RFC 5297's construction, with HMAC-SHA256 for the synthetic IV and
// AES-256-CTR below it): the IV is a MAC of what is encrypted and of whose it is.
// That equal keys look equal is what an index needs, and tells nothing: there are
// no two sessions of one key.
type sealer struct {
	mac   []byte
	block cipher.Block
}

const ivSize = 16

func newSealer(secretKey string) (sealer, error) {
	derived, err := hkdf.Key(sha256.New, []byte(secretKey), nil, "keepsake.devices", 64)
	if err != nil {
		return sealer{}, err
	}
	block, err := aes.NewCipher(derived[32:])
	return sealer{derived[:32], block}, err
}

func (s sealer) iv(userID string, key []byte) []byte {
	user := sha256.Sum256([]byte(userID)) // of one length: no two pairs read the same
	mac := hmac.New(sha256.New, s.mac)
	mac.Write(user[:])
	mac.Write(key)
	return mac.Sum(nil)[:ivSize]
}

// names have one case only: not every table tells cases apart.
var names = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// seal names the session of that key and user.
func (s sealer) seal(userID, key string) string {
	iv := s.iv(userID, []byte(key))
	sealed := append(iv, key...) //nolint:gocritic // iv is its beginning
	cipher.NewCTR(s.block, iv).XORKeyStream(sealed[ivSize:], sealed[ivSize:])
	return names.EncodeToString(sealed)
}

// open is the inverse of seal.
func (s sealer) open(userID, name string) (string, error) {
	sealed, err := names.DecodeString(name)
	if err != nil || len(sealed) <= ivSize || names.EncodeToString(sealed) != name {
		return "", ErrUnreadable
	}
	iv, key := sealed[:ivSize], sealed[ivSize:]
	cipher.NewCTR(s.block, iv).XORKeyStream(key, key)
	if subtle.ConstantTimeCompare(iv, s.iv(userID, key)) != 1 {
		return "", ErrUnreadable
	}
	return string(key), nil
}

// sealers are that of the secret key, and those of the former ones.
type sealers []sealer

func newSealers(secretKey string, fallbacks []string) (all sealers, err error) {
	for _, secret := range append([]string{secretKey}, fallbacks...) {
		s, err := newSealer(secret)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// names are those that a session may be found under, today's first.
func (all sealers) names(userID, key string) (names []string) {
	for _, s := range all {
		names = append(names, s.seal(userID, key))
	}
	return names
}

func (all sealers) open(userID, name string) (string, error) {
	for _, s := range all {
		if key, err := s.open(userID, name); err == nil {
			return key, nil
		}
	}
	return "", ErrUnreadable
}
