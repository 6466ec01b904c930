package codec

import (
	"testing"

	"github.com/keepsake-go/sessions"
)

// A session of a logged-in visitor: 300 bytes as a pickle.
func benchValues() sessions.Values {
	return valuesOf(
		sessions.Member{Name: "_auth_user_id", JSON: `"12345"`},
		sessions.Member{Name: "_auth_user_backend", JSON: `"django.contrib.auth.backends.ModelBackend"`},
		sessions.Member{Name: "_auth_user_hash", JSON: `"0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"`},
		sessions.Member{Name: "_session_expiry", JSON: `1209600`},
		sessions.Member{Name: "cart", JSON: `[{"id":17,"n":2},{"id":23,"n":1}]`},
		sessions.Member{Name: "language", JSON: `"de"`},
		sessions.Member{Name: "seen", JSON: `true`},
	)
}

func BenchmarkPickleEncode(b *testing.B) {
	c, v := newPickle(b, 0), benchValues()
	data, err := c.Encode(v)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := c.Encode(v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPickleDecode(b *testing.B) {
	c := newPickle(b, 0)
	data, err := c.Encode(benchValues())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, _, err := c.DecodePrefix(data); err != nil {
			b.Fatal(err)
		}
	}
}
