// Package pickle reads and writes Python's pickles of plain data, exactly and
// without ever running anything: what Django's cache backends store.
//
// Parse makes a tree of Values from protocols 0 to 5, as CPython's pickler
// writes them. It knows None, bool, int, float, str, bytes, bytearray, list,
// tuple, set, frozenset and dict, and it recognises a short list of harmless
// objects (objects.go), which it keeps without understanding them. A pickle
// that names anything else is refused: ErrForbidden. Size, depth, number of
// opcodes and what sharing can expand to are limited.
//
// Append writes a tree in protocol 4 or 5, byte for byte as CPython's C pickler
// does. FromJSON and AppendJSON go between trees and JSON as Python's json
// module has it. ReadPlain and PlainWriter are a short way past the tree, for
// pickles that hold what JSON has and nothing else.
//
// Why no library: github.com/kisielk/og-rek keeps a dict in a Go map, which
// loses its order, knows no limits and writes other bytes than CPython;
// github.com/nlpodyssey/gopickle only reads, and it allocates whatever length
// the input names.
package pickle
