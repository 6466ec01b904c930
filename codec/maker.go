package codec

import "github.com/keepsake-go/sessions"

// A Maker makes a codec for settings: their SecretKey and its fallbacks, their
// Clock. The options of this package's codecs are Makers, and engines take one:
//
//	engine.DatabaseEngine{DB: db, Codec: codec.SignedJSONOptions{ReadSHA1: true}}
type Maker interface {
	// Make reports every wrong option and setting at once.
	Make(sessions.Settings) (sessions.Codec, error)
}

// Make is NewSignedJSON.
func (o SignedJSONOptions) Make(st sessions.Settings) (sessions.Codec, error) {
	return made(NewSignedJSON(st, o))
}

// Make is NewPickle.
func (o PickleOptions) Make(sessions.Settings) (sessions.Codec, error) { return made(NewPickle(o)) }

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
