package signing

import (
	"errors"
	"testing"
	"time"
)

func TestSignedCookieVectors(t *testing.T) {
	for _, v := range vectors(t, "signed-cookie", 2) {
		salt := CookieSaltV1
		if v.current() {
			salt = CookieSalt
		}
		o := Options{Key: v.In.SecretKey, Salt: salt(v.In.Name, v.In.Salt)}
		s := must(CookieSigner(o, v.clock(t)))
		if got := s.Sign(v.In.Value); got != v.Out.Value {
			t.Errorf("%v: Sign = %q, want %q", v.Versions, got, v.Out.Value)
		}
		if got, err := s.UnsignMaxAge(v.Out.Value, time.Second); got != v.In.Value || err != nil {
			t.Errorf("%v: Unsign = %q, %v", v.Versions, got, err)
		}
	}
}

func TestCookieSalt(t *testing.T) {
	for _, c := range []struct{ name, salt, v2, v1 string }{
		{"visits", "", "django.http.cookies.v2:0:visits", "visits"},
		{"visits", "probe", "django.http.cookies.v2:5:probevisits", "visitsprobe"},
		{"c", "é→😀", "django.http.cookies.v2:3:é→😀c", "cé→😀"}, // len() counts characters
	} {
		if got := CookieSalt(c.name, c.salt); got != c.v2 {
			t.Errorf("CookieSalt = %q, want %q", got, c.v2)
		}
		if got := CookieSaltV1(c.name, c.salt); got != c.v1 {
			t.Errorf("CookieSaltV1 = %q, want %q", got, c.v1)
		}
	}
}

func TestCookieSigner(t *testing.T) {
	s := must(CookieSigner(Options{Key: "k"}, nil))
	if s.Salt() != "django.core.signing.get_cookie_signer" {
		t.Errorf("salt %q", s.Salt())
	}
	fallbacks := []string{"old"}
	rotated := must(CookieSigner(Options{Key: "new", FallbackKeys: fallbacks}, nil))
	if got, err := rotated.Unsign(must(CookieSigner(Options{Key: "old"}, nil)).Sign("v")); got != "v" || err != nil {
		t.Errorf("fallback: %q, %v", got, err)
	}
	if fallbacks[0] != "old" {
		t.Error("the caller's slice was changed")
	}
	ordinary := must(NewTimestamp(Options{Key: "k", Salt: s.Salt()}, nil))
	if _, err := s.Unsign(ordinary.Sign("v")); !errors.Is(err, ErrBadSignature) {
		t.Errorf("a cookie signer takes what another signer made: %v", err)
	}
}
