package signing

import "encoding/base64"

// B64Encode is django.core.signing.b64_encode: URL-safe base64 without padding.
func B64Encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// B64Decode is django.core.signing.b64_decode. It is as lax as Python: + and /
// are read like - and _, padding is optional, foreign characters are skipped
// (but count when the padding is filled up), and what follows complete padding
// is ignored. What is left over must be a whole number of bytes, else the
// error is ErrMalformed.
func B64Decode(s string) ([]byte, error) { return appendB64Decoded(nil, []byte(s)) }

func appendB64Decoded(dst, src []byte) ([]byte, error) {
	n := len(dst)
	out, err := base64.RawURLEncoding.AppendDecode(dst, src)
	// Go skips line ends. Python does too, but lets them count for the
	// padding; a result of full length tells that there were none that matter.
	if err == nil && len(out)-n == base64.RawURLEncoding.DecodedLen(len(src)) {
		return out, nil
	}
	return appendB64Lax(dst, src)
}

// appendB64Lax is Python's binascii.a2b_base64 in its default, non-strict mode
// on src filled up with "=" to a multiple of four.
func appendB64Lax(dst, src []byte) ([]byte, error) {
	var (
		held byte // bits that do not make up a byte yet
		quad int  // position in the group of four
		pads int  // padding seen in a row
	)
	for i := range len(src) + (-len(src) & 3) {
		c := byte('=')
		if i < len(src) {
			c = src[i]
		}
		if c == '=' {
			if quad >= 2 {
				pads++
				if quad+pads >= 4 {
					return dst, nil
				}
			}
			continue
		}
		v := b64Values[c]
		if v >= 64 {
			continue
		}
		pads = 0
		switch quad {
		case 0:
			held = v
		case 1:
			dst = append(dst, held<<2|v>>4)
			held = v & 0x0f
		case 2:
			dst = append(dst, held<<4|v>>2)
			held = v & 0x03
		case 3:
			dst = append(dst, held<<6|v)
		}
		quad = (quad + 1) % 4
	}
	if quad != 0 {
		return dst, malformed("bad base64")
	}
	return dst, nil
}

// b64Values maps a byte of either base64 alphabet to its value, others to 0xff.
var b64Values = func() (v [256]uint8) {
	for i := range v {
		v[i] = 0xff
	}
	for _, alphabet := range []string{
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
	} {
		for i := range len(alphabet) {
			v[alphabet[i]] = uint8(i)
		}
	}
	return v
}()
