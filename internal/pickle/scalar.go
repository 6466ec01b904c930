package pickle

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// scalar pushes the value of an opcode that carries it.
func (p *parser) scalar(op byte) error {
	switch op {
	case opNone:
		return p.push(none, true)
	case opNewTrue:
		return p.push(trueValue, true)
	case opNewFalse:
		return p.push(falseValue, true)

	case opBinInt1:
		n, ok := p.number(1)
		return p.push(p.int(int64(n)), ok)
	case opBinInt2:
		n, ok := p.number(2)
		return p.push(p.int(int64(n)), ok)
	case opBinInt:
		n, ok := p.number(4)
		return p.push(p.int(int64(int32(n))), ok)
	case opLong1:
		digits, ok := p.counted(1)
		return p.push(p.long(digits), ok)
	case opLong4:
		digits, ok := p.counted(4)
		return p.push(p.long(digits), ok && len(digits) <= math.MaxInt32)
	case opBinFloat:
		bits, ok := p.take(8)
		if !ok {
			return p.syntax()
		}
		return p.push(p.float(math.Float64frombits(binary.BigEndian.Uint64([]byte(bits)))), true)

	case opShortBinUnicode:
		return p.str(p.counted(1))
	case opBinUnicode:
		return p.str(p.counted(4))
	case opBinUnicode8:
		return p.str(p.counted(8))
	case opShortBinBytes:
		text, ok := p.counted(1)
		return p.push(p.text(Bytes, text), ok)
	case opBinBytes:
		text, ok := p.counted(4)
		return p.push(p.text(Bytes, text), ok)
	case opBinBytes8:
		text, ok := p.counted(8)
		return p.push(p.text(Bytes, text), ok)
	case opByteArray8:
		text, ok := p.counted(8)
		return p.push(p.byteArray(text), ok)

	case opInt, opLong, opFloat, opUnicode:
		line, ok := p.line()
		if !ok {
			return p.syntax()
		}
		v := p.fromLine(op, line)
		return p.push(v, v != nil)
	}
	return p.syntax() // Python 2's strings, too
}

func (p *parser) str(text string, ok bool) error {
	return p.push(p.text(Str, text), ok && validWTF8(text))
}

func (a *Arena) byteArray(text string) *Value {
	v := a.text(ByteArray, text)
	v.unhashable = true
	return v
}

// line reads up to a newline, which it drops.
func (p *parser) line() (string, bool) {
	n := strings.IndexByte(p.data[p.pos:], '\n')
	if n < 0 {
		p.pos = len(p.data)
		return "", false
	}
	s := p.data[p.pos : p.pos+n]
	p.pos += n + 1
	return s, true
}

// fromLine makes the value of a textual opcode of protocol 0, in the spelling
// in which CPython writes it, or nil.
func (a *Arena) fromLine(op byte, line string) *Value {
	switch op {
	case opInt:
		switch line {
		case "00":
			return falseValue
		case "01":
			return trueValue
		}
		return a.decimal(line)
	case opLong:
		return a.decimal(strings.TrimSuffix(line, "L"))
	case opFloat:
		if strings.Trim(line, "0123456789+-.e") != "" && line != "inf" && line != "-inf" && line != "nan" {
			return nil
		}
		f, err := strconv.ParseFloat(line, 64)
		if err != nil {
			return nil
		}
		return a.float(f)
	}
	text, ok := rawUnicodeEscape(line)
	if !ok {
		return nil
	}
	return a.text(Str, text)
}
