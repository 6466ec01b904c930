package engine

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
)

// Hardened is e with its sessions encrypted, and stored under hashes of their
// keys: who reads the store, a backup of it or a replica, learns neither what is
// in a session nor anything that would do as a cookie. It is for the engines that
// keep sessions in a database or a cache, and for programs that don't share them
// with a Django, which could read nothing of it.
//
// What stays readable: how many sessions there are, how large they are, when
// they end, and what a DatabaseEngine's Columns hold. Sessions that were stored
// without it are not found with it, and the other way round.
//
// The payload is codec.Encrypted's, under SecretKey; to replace that, put the
// former one into SecretKeyFallbacks. The engine's own Codec is not used, unless
// that is a codec.EncryptedOptions. An engine of one's own whose store decodes
// records can't be hardened so: open its parts with codec.EncryptedOptions.
func Hardened(e sessions.Engine) sessions.Engine { return hardenedEngine{e} }

type hardenedEngine struct{ inner sessions.Engine }

// decodingStore is a store that decodes what it keeps: for a table's columns, or
// for Django to find it in a cache.
type decodingStore interface{ setCodec(sessions.Codec) }

// Open reports what can't be hardened: an engine that keeps sessions in cookies,
// which nobody but their owners can read (use EncryptedCookies), or in files.
func (e hardenedEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	if e.inner == nil {
		return sessions.Backend{}, errors.New("engine: Hardened needs an engine")
	}
	b, err := e.inner.Open(st)
	if err != nil {
		return sessions.Backend{}, err
	}
	if b.Store == nil {
		return sessions.Backend{}, errors.New("engine: Hardened needs an engine with a store: for cookies there is EncryptedCookies")
	}
	if _, isFile := sessions.Capability[*fileStore](b.Store); isFile {
		return sessions.Backend{}, errors.New("engine: Hardened is not for files: their names are session keys, in Django's form")
	}
	if _, encrypted := b.Codec.(*codec.Encrypted); !encrypted {
		if b.Codec, err = (codec.EncryptedOptions{}).Make(st); err != nil {
			return sessions.Backend{}, err
		}
	}
	if s, ok := sessions.Capability[decodingStore](b.Store); ok {
		s.setCodec(b.Codec) // nobody has used the store yet
	}
	b.Store = hardenedStore{b.Store}
	return b, nil
}

// hardenedStore names records by hashes of their keys.
type hardenedStore struct{ inner sessions.Store }

// hashedName is where the record of a key is stored: 160 bits of its SHA-256 in
// 39 characters, as Django's column has room for 40. Finding a key to one takes
// 2^160 attempts, about as many as guessing one of the 2^165 keys; two keys that
// meet by chance are as good as impossible, and Create would refuse the second.
// A secret would add nothing, and would have to be kept as long as the sessions.
//
// The colon keeps the name itself from ever being looked up: it is no
// sessions.ValidKey.
func hashedName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "sha256:" + lowerBase32.EncodeToString(sum[:20])
}

// lowerBase32 has one case only: MySQL's columns do not tell cases apart.
var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Unwrap implements sessions.Wrapper.
func (s hardenedStore) Unwrap() sessions.Store { return s.inner }

// Load implements sessions.Store.
func (s hardenedStore) Load(ctx context.Context, key string) (sessions.Record, error) {
	return s.inner.Load(ctx, hashedName(key))
}

// Probe implements sessions.Prober, as far as the inner store does.
func (s hardenedStore) Probe(ctx context.Context, keys []string) (map[string]time.Time, error) {
	prober, ok := sessions.Capability[sessions.Prober](s.inner)
	if !ok {
		return nil, nil
	}
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = hashedName(key)
	}
	found, err := prober.Probe(ctx, names)
	if err != nil {
		return nil, err
	}
	expires := make(map[string]time.Time, len(found))
	for i, key := range keys {
		if at, ok := found[names[i]]; ok {
			expires[key] = at
		}
	}
	return expires, nil
}

// Create implements sessions.Store.
func (s hardenedStore) Create(ctx context.Context, key string, rec sessions.Record) (sessions.Record, error) {
	return s.inner.Create(ctx, hashedName(key), rec)
}

// Replace implements sessions.Store.
func (s hardenedStore) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	return s.inner.Replace(ctx, hashedName(key), old, new)
}

// Rotate implements sessions.Store.
func (s hardenedStore) Rotate(ctx context.Context, key, newKey string, old, new sessions.Record) (sessions.Record, error) {
	return s.inner.Rotate(ctx, hashedName(key), hashedName(newKey), old, new)
}

// Delete implements sessions.Store.
func (s hardenedStore) Delete(ctx context.Context, key string) error {
	return s.inner.Delete(ctx, hashedName(key))
}

// List implements sessions.Lister: nobody can say what the keys were.
func (s hardenedStore) List(context.Context, string, int) ([]sessions.KeyedRecord, string, error) {
	return nil, "", sessions.ErrUnsupported
}
