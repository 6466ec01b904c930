package codec

import "github.com/keepsake-go/sessions"

// A Maker makes a codec for settings: their SecretKey and its fallbacks, their
// Clock. The options of this package's codecs are Makers, and engines take one:
//
//	engine.DatabaseEngine{DB: db, Codec: codec.SignedOptions{ReadSHA1: true}}
type Maker interface {
	// Make reports every wrong option and setting at once.
	Make(sessions.Settings) (sessions.Codec, error)
}

// Make is NewSigned.
func (o SignedOptions) Make(st sessions.Settings) (sessions.Codec, error) {
	return made(NewSigned(st, o))
}

// Make is NewPickle.
func (o PickleOptions) Make(sessions.Settings) (sessions.Codec, error) { return made(NewPickle(o)) }

// Make is NewJSON.
func (o JSONOptions) Make(sessions.Settings) (sessions.Codec, error) { return made(NewJSON(o)) }

// Make is NewEncrypted.
func (o EncryptedOptions) Make(st sessions.Settings) (sessions.Codec, error) {
	return made(NewEncrypted(st, o))
}

// made keeps a nil pointer from becoming a codec.
func made[C sessions.Codec](c C, err error) (sessions.Codec, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// TailTolerant is a codec whose Django ignores bytes behind what Encode writes:
// what the cached_db engine needs, to put its own there. A codec that is none, as
// JSON, can't be used with it.
type TailTolerant interface {
	// IgnoresTail reports whether it is so with the codec's options.
	IgnoresTail() bool
}
