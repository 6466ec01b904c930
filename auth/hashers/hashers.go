package hashers

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

// Options say which Django's passwords these are. The zero value is the newest
// Django that this package knows, 6.1, with its default settings.
type Options struct {
	// Django is the version whose work factors new hashes have: "5.2", or
	// "5.2.18" as django.get_version() says it. 3.2 to 6.1 are known.
	Django string

	// Hashers are the algorithms that are accepted: Django's PASSWORD_HASHERS,
	// by the algorithms' names ("argon2") or by the paths of Django's classes
	// ("django.contrib.auth.hashers.Argon2PasswordHasher"). New hashes are of
	// the first. Empty is that Django's default: pbkdf2_sha256, pbkdf2_sha1,
	// argon2, bcrypt_sha256 and, since 4.0, scrypt.
	Hashers []string

	// Factors are work factors that differ from that Django's.
	Factors Factors

	// MaxWork bounds what a stored hash may ask for: so many times the work,
	// and so many times the memory, of a hash made with these Factors or with
	// the newest Django's, whichever is more. 0 is 10: 15 million iterations of
	// PBKDF2, 2^15 rounds of bcrypt, 1000 MiB for Argon2, 160 MiB for scrypt.
	// At most 1000.
	MaxWork int

	// Parallel is how many hashes are computed at once; further ones wait. 0 is
	// runtime.GOMAXPROCS(0): more would take more memory (Argon2: 100 MiB each)
	// and be no faster.
	Parallel int
}

const (
	defaultMaxWork = 10
	maxMaxWork     = 1000
)

// Hashers makes and checks passwords as one Django does. It may be used by many
// goroutines at once.
type Hashers struct {
	preferred  string
	algorithms map[string]algorithm
	limits     map[string]cost // by algorithm: what a stored hash may ask for
	slots      chan struct{}   // one element for each hash being computed
}

// New checks the options and reports everything that is wrong with them at once.
func New(options Options) (*Hashers, error) {
	var errs []error
	django, err := findRelease(options.Django)
	if err != nil {
		errs = append(errs, err)
	}
	factors := options.Factors.or(django.factors())
	if err == nil { // else half of them would be 0, and be reported as well
		if err := factors.check(); err != nil {
			errs = append(errs, err)
		}
	}
	names := options.Hashers
	if len(names) == 0 {
		names = django.hashers()
	}
	maxWork := options.MaxWork
	if maxWork == 0 {
		maxWork = defaultMaxWork
	}
	if maxWork < 0 || maxWork > maxMaxWork {
		errs = append(errs, fmt.Errorf("Options.MaxWork is %d: it must be 0 to %d", maxWork, maxMaxWork))
	}
	parallel := options.Parallel
	if parallel == 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	if parallel < 0 {
		errs = append(errs, fmt.Errorf("Options.Parallel is %d: it must not be negative", parallel))
	}

	h := &Hashers{
		preferred:  algorithmName(names[0]),
		algorithms: make(map[string]algorithm, len(names)),
		limits:     make(map[string]cost, len(names)),
	}
	newest := releases[len(releases)-1].factors()
	for _, given := range names {
		name := algorithmName(given)
		a := newAlgorithm(name, factors)
		if a == nil {
			errs = append(errs, fmt.Errorf("Options.Hashers: %w %q", ErrUnknownAlgorithm, given))
			continue
		}
		h.algorithms[name] = a
		h.limits[name] = a.cost().max(newAlgorithm(name, newest).cost()).times(maxWork)
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("hashers: %w", errors.Join(errs...))
	}
	h.slots = make(chan struct{}, parallel)
	return h, nil
}

// Make is Django's make_password: password, hashed with the preferred algorithm
// and a new salt. A password is any text, also an empty one; Django's are UTF-8.
// For an account without a password store [Unusable].
//
// The context bounds the wait for other hashes, not the hashing. With the
// algorithm "bcrypt" a password of more than 72 bytes gives [ErrPasswordTooLong].
func (h *Hashers) Make(ctx context.Context, password string) (string, error) {
	var encoded string
	err := h.run(ctx, func() (err error) {
		encoded, err = h.algorithms[h.preferred].encode(password, randomString(saltLength))
		return err
	})
	return encoded, err
}

// Check is Django's check_password: whether encoded is a hash of password. It is
// not, without an error, when encoded is unusable.
//
// A hash that can't be checked is an error, [ErrUnknownAlgorithm],
// [ErrMalformed] or [ErrTooExpensive], after the time that a check takes. To the
// visitor this is a wrong password; the site's owner will want to know. With an
// error, ok is false. The context bounds the wait for other hashes.
func (h *Hashers) Check(ctx context.Context, password, encoded string) (ok bool, err error) {
	if !IsUsable(encoded) {
		return false, h.Waste(ctx, password)
	}
	name, stored, err := h.decode(encoded)
	if err != nil {
		_ = h.Waste(ctx, password) // for its time only: the answer stands
		return false, fmt.Errorf("hashers: %w", err)
	}
	err = h.run(ctx, func() error {
		ok, err = stored.verify(password)
		if ok || err != nil || name != h.preferred || !stored.mustUpdate() {
			return err
		}
		return stored.harden(password)
	})
	return ok && err == nil, err
}

// MustUpdate says whether Django would store the password anew after a login
// with it: the hash is of another algorithm than the preferred one, or was made
// with other work factors, or with a salt of less than 128 bits. It is false for
// what can't be checked. It computes no hash.
//
// Storing the new hash changes the user's session hash: this ends the user's
// other sessions, as a change of the password does. When [Hashers.Make] fails
// the old hash still serves.
func (h *Hashers) MustUpdate(encoded string) bool {
	if !IsUsable(encoded) {
		return false
	}
	name, stored, err := h.decode(encoded)
	return err == nil && (name != h.preferred || stored.mustUpdate())
}

// Waste takes the time of one check. Call it when there is no such user, so that
// the time of the answer does not tell who has an account. Django does the same.
func (h *Hashers) Waste(ctx context.Context, password string) error {
	return h.run(ctx, func() error {
		if h.preferred == BCrypt {
			password = password[:min(len(password), maxPassword)]
		}
		_, err := h.algorithms[h.preferred].encode(password, randomString(saltLength))
		return err
	})
}

// decode reads encoded, without computing a hash, and holds it against the limit.
func (h *Hashers) decode(encoded string) (name string, stored hash, err error) {
	name, rest, err := identify(encoded)
	if err != nil {
		return "", nil, err
	}
	a, ok := h.algorithms[name]
	if !ok {
		return "", nil, fmt.Errorf("%w: %s", ErrUnknownAlgorithm, name)
	}
	if stored, err = a.decode(rest); err != nil {
		return "", nil, err
	}
	if stored.cost().exceeds(h.limits[name]) {
		return "", nil, fmt.Errorf("%w: %s", ErrTooExpensive, name)
	}
	return name, stored, nil
}

// run does the work when it is its turn.
func (h *Hashers) run(ctx context.Context, work func() error) error {
	err := ctx.Err()
	if err == nil {
		select {
		case h.slots <- struct{}{}:
			defer func() { <-h.slots }()
			err = work()
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		return fmt.Errorf("hashers: %w", err)
	}
	return nil
}
