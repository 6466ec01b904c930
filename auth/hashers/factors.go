package hashers

import (
	"errors"
	"fmt"
	"strings"
)

// Factors are the work factors that new hashes are made with. Those of the
// preferred algorithm also decide which stored hashes must be updated. A field
// that is 0 has the value of [Options.Django].
type Factors struct {
	PBKDF2Iterations int // PBKDF2PasswordHasher.iterations

	BCryptRounds int // BCryptSHA256PasswordHasher.rounds, 4 to 31: 2^rounds is the work

	Argon2Time        int // Argon2PasswordHasher.time_cost, passes
	Argon2Memory      int // Argon2PasswordHasher.memory_cost, KiB
	Argon2Parallelism int // Argon2PasswordHasher.parallelism, at most 255

	// Argon2HashLen is how long the hash is, in bytes. This one is not
	// Django's but argon2-cffi's: 32 since its 21.2, from December 2021, and 16
	// before. Debian 12 and Ubuntu 22.04 have 21.1.
	Argon2HashLen int

	ScryptWorkFactor  int // ScryptPasswordHasher.work_factor: N, a power of 2
	ScryptBlockSize   int // ScryptPasswordHasher.block_size: r
	ScryptParallelism int // ScryptPasswordHasher.parallelism: p
}

// release is what differs between the versions of Django.
type release struct {
	version           string
	iterations        int
	scryptParallelism int
}

// releases are the versions whose factors are known, from the oldest to the
// newest. 3.2, 4.2, 5.2 and 6.1 were seen running. The iterations of the others
// stand in their release notes; that scrypt's parallelism grew in 5.1, and not
// between 5.1 and 5.2, is the date of the change (May 2024, before 5.1's alpha).
var releases = []release{
	{"3.2", 260_000, 1}, // without scrypt
	{"4.0", 320_000, 1},
	{"4.1", 390_000, 1},
	{"4.2", 600_000, 1},
	{"5.0", 720_000, 1},
	{"5.1", 870_000, 5},
	{"5.2", 1_000_000, 5},
	{"6.0", 1_200_000, 5},
	{"6.1", 1_500_000, 5},
}

// findRelease takes "5.2", "5.2.18" and "", which is the newest.
func findRelease(django string) (release, error) {
	if django == "" {
		return releases[len(releases)-1], nil
	}
	var known []string
	for _, r := range releases {
		if django == r.version || strings.HasPrefix(django, r.version+".") {
			return r, nil
		}
		known = append(known, r.version)
	}
	return release{}, fmt.Errorf("Options.Django: the work factors of version %q are not known, only those of %s", django, strings.Join(known, ", "))
}

// factors are those of that Django.
func (r release) factors() Factors {
	return Factors{
		PBKDF2Iterations:  r.iterations,
		BCryptRounds:      12,
		Argon2Time:        2,
		Argon2Memory:      102_400,
		Argon2Parallelism: 8,
		Argon2HashLen:     32,
		ScryptWorkFactor:  1 << 14,
		ScryptBlockSize:   8,
		ScryptParallelism: r.scryptParallelism,
	}
}

// hashers are that Django's PASSWORD_HASHERS.
func (r release) hashers() []string {
	if r.version == "3.2" {
		return []string{PBKDF2SHA256, PBKDF2SHA1, Argon2, BCryptSHA256}
	}
	return []string{PBKDF2SHA256, PBKDF2SHA1, Argon2, BCryptSHA256, Scrypt}
}

// or takes what f leaves open from others.
func (f Factors) or(others Factors) Factors {
	mine, theirs := f.fields(), others.fields()
	for i, field := range mine {
		if *field == 0 {
			*field = *theirs[i]
		}
	}
	return f
}

func (f *Factors) fields() []*int {
	return []*int{
		&f.PBKDF2Iterations, &f.BCryptRounds,
		&f.Argon2Time, &f.Argon2Memory, &f.Argon2Parallelism, &f.Argon2HashLen,
		&f.ScryptWorkFactor, &f.ScryptBlockSize, &f.ScryptParallelism,
	}
}

// check reports everything that no library would compute.
func (f Factors) check() error {
	var errs []error
	within := func(name string, value, low, high int) {
		if value < low || value > high {
			errs = append(errs, fmt.Errorf("Options.Factors.%s is %d: it must be %d to %d", name, value, low, high))
		}
	}
	const most = 1<<31 - 1
	within("PBKDF2Iterations", f.PBKDF2Iterations, 1, most)
	within("BCryptRounds", f.BCryptRounds, minRounds, maxRounds)
	within("Argon2Time", f.Argon2Time, 1, most)
	within("Argon2Parallelism", f.Argon2Parallelism, 1, maxLanes)
	within("Argon2Memory", f.Argon2Memory, 8*max(f.Argon2Parallelism, 1), most)
	within("Argon2HashLen", f.Argon2HashLen, 16, 64)
	within("ScryptWorkFactor", f.ScryptWorkFactor, 2, most)
	if n := f.ScryptWorkFactor; n&(n-1) != 0 {
		errs = append(errs, fmt.Errorf("Options.Factors.ScryptWorkFactor is %d: it must be a power of 2", n))
	}
	within("ScryptBlockSize", f.ScryptBlockSize, 1, 1<<14)
	within("ScryptParallelism", f.ScryptParallelism, 1, 1<<14)
	return errors.Join(errs...)
}
