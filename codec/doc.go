// Package codec turns a session's values into the bytes that are stored, and
// back: Django's SESSION_SERIALIZER together with its signing.
//
//   - Signed is what Django's database, cached_db and file engines store, and,
//     under another salt, its signed cookies.
//   - Pickle is what Django's cache engine has its caches store.
//   - JSON is what it has a django-redis store whose SERIALIZER is JSONSerializer.
//   - Encrypted is our own: nobody without the secret key can read it.
//
// Inside Signed and Encrypted a Serializer makes the text: JSONSerializer,
// PickleSerializer, or one of one's own with the same two methods, Dumps and
// Loads.
//
// An engine chooses its codec; a program rarely needs this package. A codec of
// one's own implements sessions.Codec.
package codec
