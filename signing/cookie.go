package signing

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// CookieSigner is Django's get_cookie_signer, which set_signed_cookie and
// get_signed_cookie use: a TimestampSigner whose keys are o's with
// "django.http.cookies" in front. Let o.Salt be a [CookieSalt]; "" is Django's
// default "django.core.signing.get_cookie_signer". A nil clock is time.Now.
// Errors are those of [New].
func CookieSigner(o Options, clock func() time.Time) (*TimestampSigner, error) {
	// An empty key stays empty, to be refused.
	prefixed := func(key string) string {
		if key == "" {
			return ""
		}
		return "django.http.cookies" + key
	}
	o.Key = prefixed(o.Key)
	fallbacks := make([]string, len(o.FallbackKeys))
	for i, key := range o.FallbackKeys {
		fallbacks[i] = prefixed(key)
	}
	o.FallbackKeys = fallbacks
	return newTimestamp(o, "django.core.signing.get_cookie_signer", clock)
}

// CookieSalt is the salt of set_signed_cookie(name, value, salt=salt) in
// current Django (5.2.18, 6.1). The length keeps one cookie's name and salt
// from running together to another's.
func CookieSalt(name, salt string) string {
	return "django.http.cookies.v2:" + strconv.Itoa(utf8.RuneCountInString(salt)) + ":" + salt + name
}

// CookieSaltV1 is the salt before that: read with it what [CookieSalt]'s signer
// refuses, if cookies of an older Django must stay valid.
// SIGNED_COOKIE_LEGACY_SALT_FALLBACK is Django's name for doing so.
func CookieSaltV1(name, salt string) string { return name + salt }
