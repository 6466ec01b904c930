package signing

import (
	"bytes"
	"compress/flate"
	"errors"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zlib"
)

func TestSignedStringVectors(t *testing.T) {
	compressed := 0
	for _, v := range vectors(t, "signed-string", 47) {
		s := must(NewTimestamp(Options{Key: v.In.SecretKey, Salt: v.In.Salt}, v.clock(t)))
		payload := compact(v.In.Data)
		if got, err := s.UnsignPayload(v.Out.String, 1e9, 0); got != payload || err != nil {
			t.Errorf("%s: UnsignPayload = %q, %v\nwant %q", v.ID, got, err, payload)
		}
		signed := s.SignPayload(payload, true)
		if strings.HasPrefix(v.Out.String, ".") {
			// Other bytes than Python's are fine, other contents are not.
			compressed++
			if got, err := s.UnsignPayload(signed, 1e9, 0); got != payload || err != nil {
				t.Errorf("%s: round trip = %q, %v", v.ID, got, err)
			}
			if len(signed) > len(v.Out.String)+40 {
				t.Errorf("%s: %d characters, Django's has %d", v.ID, len(signed), len(v.Out.String))
			}
		} else if signed != v.Out.String {
			t.Errorf("%s: SignPayload = %q\nwant %q", v.ID, signed, v.Out.String)
		}
	}
	if compressed < 10 {
		t.Errorf("only %d compressed vectors", compressed)
	}
}

func TestPayloadRoundTrip(t *testing.T) {
	plain := must(New(Options{Key: "k"}))
	stamped := must(NewTimestamp(Options{Key: "k"}, nil))
	random := make([]byte, 300<<10)
	rand.NewChaCha8([32]byte{}).Read(random)
	for _, n := range []int{0, 1, 2, 3, 10, 31, 32, 33, 34, 100, 1000, maxPooled, maxPooled + 1, len(random)} {
		for _, payload := range []string{string(random[:n]), strings.Repeat("a", n), strings.Repeat("{[:.\x00é", n/7)} {
			for _, compress := range []bool{false, true} {
				signed := plain.SignPayload(payload, compress)
				if got, err := plain.UnsignPayload(signed, 0); got != payload || err != nil {
					t.Errorf("%d bytes, compress %v: %v", n, compress, err)
				}
				signed = stamped.SignPayload(payload, compress)
				if got, err := stamped.UnsignPayload(signed, Forever, 0); got != payload || err != nil {
					t.Errorf("%d bytes, compress %v, timestamp: %v", n, compress, err)
				}
				if !compress && signed[0] == '.' {
					t.Errorf("%d bytes: compressed although not asked to", n)
				}
			}
		}
	}
}

// Compression is used exactly if it saves more than one byte.
func TestCompressesOnlyIfShorter(t *testing.T) {
	s := must(New(Options{Key: "k"}))
	if data := make([]byte, 100); !shorter(data[:98], data) || shorter(data[:99], data) {
		t.Error("zlib is used from two bytes saved on, not from another number")
	}
	seen := map[bool]int{}
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 400 {
		payload := make([]byte, n)
		for i := range payload {
			payload[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[rnd.IntN(36)]
		}
		text, compressed := strings.CutPrefix(s.SignPayload(string(payload), true), ".")
		text, _, _ = strings.Cut(text, ":")
		size := len(must(B64Decode(text)))
		if compressed && size >= n-1 || !compressed && size != n {
			t.Errorf("%d bytes became %d, compressed %v", n, size, compressed)
		}
		seen[compressed]++
	}
	if len(seen) != 2 {
		t.Errorf("one side of the threshold was not tested: %v", seen)
	}
}

// The two thresholds say what the compressor does. If this fails after an
// update of the library, they need another look.
func TestThresholds(t *testing.T) {
	d := deflaters.Get().(*deflater)
	defer d.free()
	d.library()
	for n := range minCompressible {
		data := bytes.Repeat([]byte("a"), n)
		if shorter(d.run(d.matching, data), data) {
			t.Errorf("%d bytes can become shorter", n)
		}
	}
	if d.deflate(bytes.Repeat([]byte("a"), minCompressible)) == nil {
		t.Error("minCompressible is larger than needed")
	}
	repeats := []byte(strings.Repeat("0123456789abcdef", 8))
	below, half := len(d.run(d.matching, repeats[:minMatching-1])), len(repeats)/2
	if below < half || len(d.run(d.matching, repeats)) > half {
		t.Error("minMatching is not where level 4 starts to look for repeats")
	}
}

// What repeats little but has few different characters is compressed, too.
func TestCompressesTokensAndNumbers(t *testing.T) {
	s := must(New(Options{Key: "k"}))
	rnd := rand.New(rand.NewPCG(5, 6))
	token := make([]byte, 1000)
	for i := range token {
		token[i] = "0123456789abcdef"[rnd.IntN(16)]
	}
	var numbers []byte
	for i := range 60 {
		numbers = append(strconv.AppendInt(numbers, int64(i), 10), ',')
	}
	for _, payload := range [][]byte{token, token[:200], numbers} {
		plain, packed := s.SignPayload(string(payload), false), s.SignPayload(string(payload), true)
		if len(packed) > len(plain)*3/4 {
			t.Errorf("%d bytes: %d characters, uncompressed %d", len(payload), len(packed), len(plain))
		}
	}
}

// deflated is what Python's zlib.compress could have written.
func deflated(data string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write([]byte(data))
	w.Close()
	return b.String()
}

func TestMalformedPayloads(t *testing.T) {
	s := must(New(Options{Key: "k"}))
	z := deflated(strings.Repeat("hello ", 20))
	badSum := z[:len(z)-1] + string(z[len(z)-1]^1)
	for name, text := range map[string]string{
		"one character":    "A",
		"no zlib":          "." + B64Encode([]byte("not zlib")),
		"empty zlib":       ".",
		"header only":      "." + B64Encode([]byte(z[:2])),
		"cut in the data":  "." + B64Encode([]byte(z[:len(z)/2])),
		"no checksum":      "." + B64Encode([]byte(z[:len(z)-4])),
		"half a checksum":  "." + B64Encode([]byte(z[:len(z)-2])),
		"wrong checksum":   "." + B64Encode([]byte(badSum)),
		"needs dictionary": "." + B64Encode([]byte("\x78\xbb\x00\x00\x00\x02"+z[2:])),
	} {
		if got, err := s.UnsignPayload(s.Sign(text), 0); got != "" ||
			!errors.Is(err, ErrMalformed) || errors.Is(err, ErrBadSignature) {
			t.Errorf("%s: %q, %v; want ErrMalformed", name, got, err)
		}
	}
	// Python skips what is not base64, here all of it.
	if got, err := s.UnsignPayload(s.Sign("*"), 0); got != "" || err != nil {
		t.Errorf("foreign character alone: %q, %v", got, err)
	}
	// A broken stream must not spoil the pooled reader for the next.
	if got, err := s.UnsignPayload(s.Sign("."+B64Encode([]byte(z))), 0); len(got) != 120 || err != nil {
		t.Errorf("after the broken ones: %q, %v", got, err)
	}
	// zlib.decompress ignores what follows the stream.
	if got, err := s.UnsignPayload(s.Sign("."+B64Encode([]byte(z+"tail"))), 0); len(got) != 120 || err != nil {
		t.Errorf("trailing bytes: %q, %v", got, err)
	}
}

func TestLimit(t *testing.T) {
	s := must(New(Options{Key: "k"}))
	for _, payload := range []string{
		"a", strings.Repeat("a", 100), strings.Repeat("a", 511), strings.Repeat("a", 512),
		strings.Repeat("a", 513), strings.Repeat("a", 5000), payload200, payload4k,
	} {
		n := len(payload)
		for _, compress := range []bool{false, true} {
			signed := s.SignPayload(payload, compress)
			if got, err := s.UnsignPayload(signed, n); len(got) != n || err != nil {
				t.Errorf("%d bytes at the limit: %d, %v", n, len(got), err)
			}
			if n == 1 {
				continue // a limit of 0 is the default
			}
			if got, err := s.UnsignPayload(signed, n-1); got != "" || !errors.Is(err, ErrTooLarge) || errors.Is(err, ErrMalformed) {
				t.Errorf("%d bytes, one over the limit: %d, %v", n, len(got), err)
			}
		}
	}
	signed := s.SignPayload(strings.Repeat("a", DefaultLimit+1), true)
	for _, limit := range []int{0, -1} {
		if _, err := s.UnsignPayload(signed, limit); !errors.Is(err, ErrTooLarge) {
			t.Errorf("limit %d is not DefaultLimit: %v", limit, err)
		}
	}
	if got, err := s.UnsignPayload(signed, 1<<62); len(got) != DefaultLimit+1 || err != nil {
		t.Errorf("a larger limit: %d, %v", len(got), err)
	}
}

// A zip bomb may cost memory in proportion to the limit, not to its size.
func TestSecurity34_ZipBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 256 MiB through a compressor")
	}
	var b bytes.Buffer
	w := must(zlib.NewWriterLevel(&b, flate.BestSpeed))
	chunk := make([]byte, 1<<20)
	for range 256 {
		w.Write(chunk)
	}
	w.Close()
	s := must(New(Options{Key: "k"}))
	bomb := s.Sign("." + B64Encode(b.Bytes()))
	const limit = 1 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := s.UnsignPayload(bomb, limit)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("err = %v, want ErrTooLarge", err)
	}
	// The signed text is copied and decoded before it is inflated.
	if used := after.TotalAlloc - before.TotalAlloc; used > 6*limit+6*uint64(len(bomb)) {
		t.Errorf("%d bytes allocated for a limit of %d and a text of %d", used, limit, len(bomb))
	}
}

// Nothing is decoded before the signature is checked.
func TestSecurity35_SignatureBeforePayload(t *testing.T) {
	s := must(NewTimestamp(Options{Key: "k"}, nil))
	for _, text := range []string{"*:0", ".AAAA:0", "." + B64Encode([]byte(deflated(payload4k))) + ":0", "A:!!"} {
		_, err := s.UnsignPayload(text+":AAAA", 0, 1)
		if !errors.Is(err, ErrBadSignature) || errors.Is(err, ErrSignatureExpired) ||
			errors.Is(err, ErrMalformed) || errors.Is(err, ErrTooLarge) {
			t.Errorf("%q: %v", text, err)
		}
	}
	// And nothing of an expired one.
	old := must(NewTimestamp(Options{Key: "k"}, at(0, 0)))
	if _, err := s.UnsignPayload(old.Sign("*"), 0, 1); !errors.Is(err, ErrSignatureExpired) {
		t.Errorf("expired and malformed: %v", err)
	}
}

// UnsignDated is UnsignPayload and Timestamp at once.
func TestUnsignDated(t *testing.T) {
	s := must(NewTimestamp(Options{Key: "k"}, at(1790000000, 0)))
	signed := s.SignPayload(payload200, true)
	payload, written, err := s.UnsignDated(signed, Forever, 0)
	if payload != payload200 || written.Unix() != 1790000000 || err != nil {
		t.Errorf("%q of %v, %v", payload, written, err)
	}
	later := must(NewTimestamp(Options{Key: "k"}, at(1790000100, 0)))
	for name, bad := range map[string]string{"another signature": signed[:len(signed)-1] + "!", "no signature": "x"} {
		if payload, written, err := later.UnsignDated(bad, Forever, 0); payload != "" || !written.IsZero() || !errors.Is(err, ErrBadSignature) {
			t.Errorf("%s: %q of %v, %v", name, payload, written, err)
		}
	}
	if payload, written, err := later.UnsignDated(signed, 99*time.Second, 0); payload != "" || !written.IsZero() || !errors.Is(err, ErrSignatureExpired) {
		t.Errorf("too old: %q of %v, %v", payload, written, err)
	}
}
