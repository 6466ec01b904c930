package hashers

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// vector is a hash that a real Django made with its default factors.
type vector struct {
	Algorithm, Password, Salt, Encoded string
	Versions                           []string
}

func vectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d vectors", len(all))
	}
	return all
}

// Every Django's hash is the one that is made here for that Django, to the byte,
// and it fits its password alone. That needs the versions' factors to be right.
func TestCostlyVectors(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes it thirty times slower")
	}
	for _, v := range vectors(t) {
		for _, version := range v.Versions {
			h, err := New(Options{Django: version, Hashers: []string{v.Algorithm}})
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := h.algorithms[v.Algorithm].encode(v.Password, v.Salt)
			if err != nil || encoded != v.Encoded {
				t.Errorf("Django %s, %q:\n%s, %v, want\n%s", version, v.Password, encoded, err, v.Encoded)
			}
		}
		h, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !check(t, h, v.Password, v.Encoded) {
			t.Errorf("%q does not fit %s", v.Password, v.Encoded)
		}
		if v.Password == "" && check(t, h, "secret", v.Encoded) {
			t.Errorf(`"secret" fits %s, which is of the empty password`, v.Encoded)
		}
	}
}

// A hash of one Django has to be updated under the others, and under itself only
// for its salt: the vectors' has 16 characters, which PBKDF2 minds and scrypt,
// as in Django, does not.
func TestMustUpdateVectors(t *testing.T) {
	versions := map[string]bool{}
	for _, v := range vectors(t) {
		for _, version := range v.Versions {
			versions[version] = true
		}
	}
	if len(versions) != 4 {
		t.Fatalf("vectors of %d versions", len(versions))
	}
	for _, v := range vectors(t) {
		longer := strings.Replace(v.Encoded, v.Salt, v.Salt+"123456", 1)
		for version := range versions {
			own := false
			for _, one := range v.Versions {
				own = own || one == version
			}
			h, err := New(Options{Django: version, Hashers: []string{v.Algorithm}})
			if err != nil {
				t.Fatal(err)
			}
			same := own || v.Algorithm == Scrypt && version == "3.2.25" && v.Versions[0] == "4.2.28"
			if got := h.MustUpdate(longer); got == same {
				t.Errorf("%s of %v under %s: MustUpdate = %v", v.Algorithm, v.Versions, version, got)
			}
			if want := !same || v.Algorithm != Scrypt; h.MustUpdate(v.Encoded) != want {
				t.Errorf("%s of %v under %s, short salt: MustUpdate = %v", v.Algorithm, v.Versions, version, !want)
			}
		}
	}
}
