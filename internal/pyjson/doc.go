// Package pyjson reads and writes JSON exactly as Python's json module does
// with its default options, so that what Keepsake stores is what Django would
// have stored.
//
// Where that differs from encoding/json: NaN and the infinities are legal;
// integers have any size up to 4300 digits; 1.0 stays a float and 1 an integer;
// strings are written in ASCII, characters above U+FFFF as two escapes, and may
// hold lone surrogates; bytes that are no UTF-8 are an error.
//
//   - [ScanObject] splits an object into its top-level members without decoding
//     them: a member that nobody touches is written back byte for byte.
//   - [Unmarshal] decodes one of these values once somebody asks for it.
//   - [Marshal], [AppendString] and [AppendFloat] write.
//
// # Text
//
// JSON is ASCII everywhere in this package: [Latin1ToASCII] and [UTF8ToASCII]
// make it so before it is read. In a Go string a lone surrogate, "\ud800", is
// the three bytes that UTF-8 would have for it (this is called WTF-8), so that
// it survives.
//
// # Errors
//
// An error names offsets, types and fields of structs, never a value: values of
// a session are secrets, and errors end in logs.
package pyjson
