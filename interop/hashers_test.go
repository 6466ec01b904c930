package interop

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions/auth/hashers"
)

// hasherClass is one of Django's hashers.
type hasherClass struct {
	class     string // Django's
	algorithm string // ours
	packages  string // what it needs
	factors   args   // cheap ones, as the class's attributes
}

var hasherClasses = []hasherClass{
	{"PBKDF2PasswordHasher", hashers.PBKDF2SHA256, "", args{"iterations": 20}},
	{"PBKDF2SHA1PasswordHasher", hashers.PBKDF2SHA1, "", args{"iterations": 20}},
	{"Argon2PasswordHasher", hashers.Argon2, "python3-argon2", args{"time_cost": 1, "memory_cost": 64, "parallelism": 2}},
	{"BCryptSHA256PasswordHasher", hashers.BCryptSHA256, "python3-bcrypt", args{"rounds": 4}},
	{"BCryptPasswordHasher", hashers.BCrypt, "python3-bcrypt", args{"rounds": 4}},
	{"ScryptPasswordHasher", hashers.Scrypt, "", args{"work_factor": 16, "block_size": 1, "parallelism": 2}},
	{"MD5PasswordHasher", hashers.MD5, "", nil},
}

// cheapFactors are hasherClasses' factors in Go.
var cheapFactors = hashers.Factors{
	PBKDF2Iterations: 20, BCryptRounds: 4,
	Argon2Time: 1, Argon2Memory: 64, Argon2Parallelism: 2,
	ScryptWorkFactor: 16, ScryptBlockSize: 1, ScryptParallelism: 2,
}

// passwordTest is a Django, and the hashers that it can use.
type passwordTest struct {
	*testing.T
	d       *django
	classes []hasherClass
	hashLen int // of its argon2-cffi
}

func newPasswordTest(t *testing.T) passwordTest {
	t.Helper()
	p := passwordTest{T: t, d: newSite(t).django()}
	for _, c := range hasherClasses {
		if c.algorithm == hashers.Scrypt && p.d.before(4, 0) {
			continue
		}
		var can bool
		p.d.must("can_hash", args{"name": c.class, "factors": c.factors}, &can)
		if !can {
			missing(t, "%s does not work in this Python (Debian: apt-get install %s)", c.class, c.packages)
		}
		p.classes = append(p.classes, c)
	}
	p.d.must("argon2_hash_len", nil, &p.hashLen)
	return p
}

// preferring gives the same settings to both: all hashers, c the first.
func (p passwordTest) preferring(c hasherClass) (*hashers.Hashers, args) {
	p.Helper()
	names, classes := []string{c.algorithm}, []string{c.class}
	for _, other := range p.classes {
		if other.class != c.class {
			names, classes = append(names, other.algorithm), append(classes, other.class)
		}
	}
	factors := cheapFactors
	factors.Argon2HashLen = p.hashLen
	h, err := hashers.New(hashers.Options{Hashers: names, Factors: factors})
	check(p, err)
	return h, args{"classes": classes, "factors": c.factors}
}

func (p passwordTest) with(settings, more args) args {
	all := maps.Clone(settings)
	maps.Copy(all, more)
	return all
}

// verdict is an answer of check_password, and whether the password is stored anew.
type verdict struct{ OK, Update bool }

// try is a password and what it is held against.
type try [2]string

// django returns Django's verdicts, and the exceptions that it raised.
func (p passwordTest) django(settings args, tries ...try) ([]verdict, []string) {
	p.Helper()
	var answers []struct {
		verdict
		Error string
	}
	p.d.must("check_password", p.with(settings, args{"tries": tries}), &answers)
	verdicts, raised := make([]verdict, len(answers)), make([]string, len(answers))
	for i, a := range answers {
		verdicts[i], raised[i] = a.verdict, a.Error
	}
	equal(p, "number of answers", len(answers), len(tries))
	return verdicts, raised
}

func (p passwordTest) keepsake(h *hashers.Hashers, password, encoded string) (verdict, error) {
	ok, err := h.Check(context.Background(), password, encoded)
	return verdict{ok, ok && h.MustUpdate(encoded)}, err
}

func TestPasswordsBothWays(t *testing.T) {
	p := newPasswordTest(t)
	passwords := []string{"", "secret", "päss 🔑 日本", " with spaces\t\n", `q"'$%\`, "a\x00b", strings.Repeat("é", 100)}
	for _, c := range p.classes {
		h, settings := p.preferring(c)
		for _, password := range passwords {
			if c.algorithm == hashers.BCrypt && (len(password) > 72 || strings.Contains(password, "\x00")) {
				continue // not of one mind: Python's bcrypts among themselves
			}
			what := fmt.Sprintf("%s, %.20q", c.class, password)
			byDjango := p.d.text("make_password", p.with(settings, args{"password": password}))
			byKeepsake, err := h.Make(context.Background(), password)
			check(t, err)
			shape := func(encoded string) string { // without what is random
				return strings.Join(strings.Split(encoded, "$")[:strings.Count(byDjango, "$")-1], "$")
			}
			if c.algorithm != hashers.Scrypt {
				equal(t, what+": what it begins with", shape(byKeepsake), shape(byDjango))
			}
			equal(t, what+": length", len(byKeepsake), len(byDjango))

			for _, encoded := range []string{byDjango, byKeepsake} {
				for _, tried := range []string{password, password + "x"} {
					django, _ := p.django(settings, try{tried, encoded})
					got, err := p.keepsake(h, tried, encoded)
					check(t, err)
					equal(t, what+": Keepsake", got, verdict{OK: tried == password})
					equal(t, what+": Django", django[0], verdict{OK: tried == password})
				}
			}
		}
	}
}

// Whatever lies in the column, both let the same people in, and both store the
// same passwords anew.
func TestPasswordVerdicts(t *testing.T) {
	p := newPasswordTest(t)
	stored := []string{
		"", "!", hashers.Unusable(), "secret", "$", "plain$secret",
		"5ebe2294ecd0e0f08eab7690d2a6ee69", "md5$$5ebe2294ecd0e0f08eab7690d2a6ee69",
		"sha1$$e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4", "sha1$a$b", "crypt$$ab1Hv2Lg7ltQo",
	}
	made := func(class string, factors args, salt string) {
		t.Helper()
		with := args{"classes": []string{class}, "password": "secret", "factors": factors}
		if salt != "" {
			with["salt"] = salt
		}
		stored = append(stored, p.d.text("make_password", with))
	}
	salt21, salt22 := strings.Repeat("s", 21), strings.Repeat("s", 22)
	for _, class := range []string{"PBKDF2PasswordHasher", "PBKDF2SHA1PasswordHasher"} {
		for _, iterations := range []int{1, 19, 20, 21} {
			made(class, args{"iterations": iterations}, "")
			made(class, args{"iterations": iterations}, salt21)
		}
		for _, salt := range []string{"s", salt22, salt22 + "s", strings.Repeat("ü", 21), strings.Repeat("ü", 22), " s", "a,b=c"} {
			made(class, args{"iterations": 20}, salt)
		}
	}
	for _, salt := range []string{"", "s", salt21, salt22, strings.Repeat("ü", 21)} {
		made("MD5PasswordHasher", nil, salt)
	}
	for _, class := range []string{"BCryptSHA256PasswordHasher", "BCryptPasswordHasher"} {
		for _, rounds := range []int{4, 5} {
			made(class, args{"rounds": rounds}, "")
			last := stored[len(stored)-1]
			stored = append(stored, strings.Replace(last, "$2b$", "$2a$", 1), strings.Replace(last, "$2b$", "$2y$", 1))
		}
	}
	if !p.d.before(4, 0) {
		for _, salt := range []string{"", "s"} {
			made("ScryptPasswordHasher", args{"work_factor": 16, "block_size": 1, "parallelism": 2}, salt)
			made("ScryptPasswordHasher", args{"work_factor": 32, "block_size": 1, "parallelism": 2}, salt)
			made("ScryptPasswordHasher", args{"work_factor": 16, "block_size": 2, "parallelism": 2}, salt)
			made("ScryptPasswordHasher", args{"work_factor": 16, "block_size": 1, "parallelism": 1}, salt)
		}
	}
	argon2 := args{
		"password": "secret", "salt": salt22, "time_cost": 1, "memory_cost": 64, "parallelism": 2,
		"hash_len": p.hashLen, "variety": "ID", "version": 19,
	}
	for _, change := range []args{
		{},
		{"salt": salt21},
		{"salt": "12345678"},
		{"time_cost": 2},
		{"memory_cost": 16},
		{"memory_cost": 67},
		{"parallelism": 1},
		{"parallelism": 3},
		{"hash_len": 16},
		{"hash_len": 32},
		{"hash_len": 100},
		{"hash_len": 4},
		{"variety": "I"},
	} {
		stored = append(stored, p.d.text("argon2", p.with(argon2, change)))
	}
	// Damaged: cut, longer, in capitals, other spellings of numbers.
	whole := len(stored)
	for _, encoded := range stored[11:whole:whole] {
		stored = append(stored, encoded[:len(encoded)-1], encoded+"x", encoded+"\n", encoded+"$", strings.ToUpper(encoded))
		for _, edit := range [][2]string{{"$20$", "$020$"}, {"$20$", "$ 20$"}, {"$20$", "$2_0$"}, {"$04$", "$4$"}, {"t=1", "t=01"}, {"v=19$", ""}} {
			if strings.Contains(encoded, edit[0]) {
				stored = append(stored, strings.Replace(encoded, edit[0], edit[1], 1))
			}
		}
	}

	var tries []try
	for _, encoded := range stored {
		tries = append(tries, try{"secret", encoded}, try{"wrong", encoded})
	}
	let, updated := 0, 0
	for _, c := range p.classes {
		h, settings := p.preferring(c)
		tries := tries
		if c.factors["rounds"] != nil { // what is damaged costs a bcrypt each time
			tries = tries[:2*whole]
		}
		django, raised := p.django(settings, tries...)
		for i, it := range tries {
			got, err := p.keepsake(h, it[0], it[1])
			if got != django[i] || raised[i] != "" && err == nil {
				t.Errorf("%s preferred, %q against %q: Django %v %s; Keepsake %v, %v", c.class, it[0], it[1], django[i], raised[i], got, err)
			}
			if got.OK {
				let++
			}
			if got.Update {
				updated++
			}
		}
	}
	if let < 300 || updated < 200 || updated == let {
		t.Errorf("the test itself: %d hashes of %d fit, %d to be updated", let, len(stored), updated)
	}
}

// What Django checks and x/crypto can't is refused by name, never let in.
func TestArgon2ThatIsRefused(t *testing.T) {
	p := newPasswordTest(t)
	h, settings := p.preferring(hasherClasses[2])
	for _, change := range []args{{"variety": "D"}, {"version": 16}, {"parallelism": 256, "memory_cost": 2048}} {
		with := p.with(args{
			"password": "secret", "salt": "seasaltseasaltseasalt2", "time_cost": 1, "memory_cost": 64, "parallelism": 2,
			"hash_len": p.hashLen, "variety": "ID", "version": 19,
		}, change)
		encoded := p.d.text("argon2", with)
		django, _ := p.django(settings, try{"secret", encoded})
		equal(t, "Django lets it in", django[0].OK, true)
		if got, err := p.keepsake(h, "secret", encoded); got.OK || !errors.Is(err, hashers.ErrUnknownAlgorithm) {
			t.Errorf("%s: %v, %v", encoded, got, err)
		}
	}
}

// With the version's name and nothing else, nobody is logged out by an update:
// what this Django makes is not updated here, nor the reverse.
func TestDefaultWorkFactors(t *testing.T) {
	p := newPasswordTest(t)
	version := fmt.Sprintf("%d.%d", p.d.version[0], p.d.version[1])
	for _, c := range p.classes {
		h, err := hashers.New(hashers.Options{
			Django:  version,
			Hashers: []string{"django.contrib.auth.hashers." + c.class},
			Factors: hashers.Factors{Argon2HashLen: p.hashLen},
		})
		check(t, err)
		encoded := p.d.text("make_password", args{"classes": []string{c.class}, "password": "secret"})
		if h.MustUpdate(encoded) {
			t.Errorf("Django %s's %s must be updated", version, encoded)
		}
	}
	h, err := hashers.New(hashers.Options{Django: version})
	check(t, err)
	encoded, err := h.Make(context.Background(), "secret")
	check(t, err)
	django, _ := p.django(args{"classes": []string{"PBKDF2PasswordHasher"}}, try{"secret", encoded})
	equal(t, "Django about "+encoded[:30], django[0], verdict{OK: true})
}
