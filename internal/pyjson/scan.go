package pyjson

import (
	"fmt"
	"strings"
)

// ScanObject calls member for each top-level member of the object in text, in
// order, duplicates included (in Python the last one's value counts, in the
// first one's place). The name is decoded; raw is the value's exact text
// without the white space around it. Both share text's memory where they can.
// If it fails, members have been passed until then.
//
// text has to be ASCII, see [Latin1ToASCII] and [UTF8ToASCII]; other bytes are
// an ErrSyntax, as is everything else that is wrong except ErrNotObject,
// ErrDepth and ErrNumber.
func ScanObject(text string, member func(name, raw string)) error {
	s := scanner{text: text}
	s.space()
	if s.peek() != '{' {
		if err := Valid(text); err != nil {
			return err
		}
		return ErrNotObject
	}
	err := s.object(1, func(name string) error {
		start := s.pos
		if err := s.value(1); err != nil {
			return err
		}
		member(name, text[start:s.pos])
		return nil
	})
	if err != nil {
		return err
	}
	return s.end()
}

// Valid returns nil if raw is one JSON value in ASCII, with or without white
// space around it, and otherwise what is wrong.
func Valid(raw string) error {
	_, err := single(raw)
	return err
}

// IsNull reports whether raw is null.
func IsNull(raw string) bool { return raw == "null" }

// single returns the one value of text without the white space around it.
func single(text string) (raw string, err error) {
	s := scanner{text: text}
	s.space()
	start := s.pos
	if err := s.value(0); err != nil {
		return "", err
	}
	raw = text[start:s.pos]
	return raw, s.end()
}

// A scanner walks over JSON. Its methods leave pos behind what they passed.
type scanner struct {
	text string
	pos  int
}

func (s *scanner) syntax() error { return fmt.Errorf("%w at offset %d", ErrSyntax, s.pos) }

// peek returns the next byte, or 0 at the end; a NUL is legal nowhere.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) end() error {
	if s.space(); s.pos != len(s.text) {
		return s.syntax()
	}
	return nil
}

// value passes over a value inside of depth arrays and objects.
func (s *scanner) value(depth int) error {
	switch s.peek() {
	case '"':
		_, err := s.str()
		return err
	case '{':
		return s.object(depth+1, nil)
	case '[':
		return s.array(depth+1, nil)
	case 'n':
		return s.word("null")
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'N':
		return s.word("NaN")
	case 'I':
		return s.word("Infinity")
	}
	return s.number()
}

func (s *scanner) word(word string) error {
	if !strings.HasPrefix(s.text[s.pos:], word) {
		return s.syntax()
	}
	s.pos += len(word)
	return nil
}

// array passes over an array that is the depth-th of those around each other.
// It calls item, unless that is nil, to pass over each of the items.
func (s *scanner) array(depth int, item func() error) error {
	if depth > MaxDepth {
		return ErrDepth
	}
	s.pos++ // the bracket
	if s.space(); s.peek() == ']' {
		s.pos++
		return nil
	}
	for {
		s.space()
		var err error
		if item == nil {
			err = s.value(depth)
		} else {
			err = item()
		}
		if err != nil {
			return err
		}
		if more, err := s.more(']'); !more {
			return err
		}
	}
}

// object is array for objects; value gets the name of the value to pass over.
func (s *scanner) object(depth int, value func(name string) error) error {
	if depth > MaxDepth {
		return ErrDepth
	}
	s.pos++ // the brace
	if s.space(); s.peek() == '}' {
		s.pos++
		return nil
	}
	for {
		s.space()
		start := s.pos
		escaped, err := s.str()
		if err != nil {
			return err
		}
		name := s.text[start+1 : s.pos-1]
		if s.space(); s.peek() != ':' {
			return s.syntax()
		}
		s.pos++
		s.space()
		switch {
		case value == nil:
			err = s.value(depth)
		case escaped:
			err = value(unescape(name))
		default:
			err = value(name)
		}
		if err != nil {
			return err
		}
		if more, err := s.more('}'); !more {
			return err
		}
	}
}

// more passes over what may follow an item: a comma, or the end.
func (s *scanner) more(closing byte) (bool, error) {
	s.space()
	switch s.peek() {
	case ',':
		s.pos++
		return true, nil
	case closing:
		s.pos++
		return false, nil
	}
	return false, s.syntax()
}
