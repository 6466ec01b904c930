package interop

import (
	"strconv"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/csrf"
)

// secretStep is the secrets of a side at one time.
type secretStep struct {
	primary   string
	fallbacks []string
}

const nextSecret = "the next " + secret

// secretSteps replace a secret under live sessions: each is taken on both sides
// before the next one. Whoever writes with the new one is understood by the other.
var secretSteps = []secretStep{
	{secret, nil},
	{secret, []string{nextSecret}},
	{nextSecret, []string{secret}},
	{nextSecret, nil},
}

func djangoFirst(x *pair) { rotateSecrets(x, true) }
func goFirst(x *pair)     { rotateSecrets(x, false) }

// rotateSecrets takes the steps, on the one side first. Two visitors are there all
// the time, of whom one has logged in at Django and the other one here; nobody is
// logged out, and nothing is lost.
func rotateSecrets(x *pair, djangoFirst bool) {
	w := x.web()
	var site side
	toDjango := func(s secretStep) {
		w.d.must("set", args{"SECRET_KEY": s.primary, "SECRET_KEY_FALLBACKS": append([]string{}, s.fallbacks...)}, nil)
	}
	toGo := func(s secretStep) {
		st := w.settings
		st.SecretKey, st.SecretKeyFallbacks = s.primary, s.fallbacks
		site = w.site(x, st, csrf.Options{})
	}
	defer toDjango(secretSteps[0])
	toDjango(secretSteps[0])
	toGo(secretSteps[0])
	visitors := []*visitor{w.visitor(x), w.visitor(x)}
	visitors[0].get(nil, "/login")
	visitors[1].get(site, "/login")
	n := 0
	visit := func(what string) {
		x.Helper()
		for range 2 {
			n++
			for i, v := range visitors {
				s := []side{nil, site}[(i+n)%2]
				x.same(what, v.get(s, "/count"), "alice "+strconv.Itoa(n))
			}
		}
	}
	visit("before")
	for i, step := range secretSteps[1:] {
		what := "step " + strconv.Itoa(i+1)
		if djangoFirst {
			toDjango(step)
		} else {
			toGo(step)
		}
		visit(what + " on one side")
		toDjango(step)
		toGo(step)
		visit(what + " on both")
	}
}

// withSerializer lets both sides have a project's own serializer.
func withSerializer(x *pair, do func(d *django, s *sides)) {
	w := x.web()
	w.d.must("set", args{"SESSION_SERIALIZER": "site_serializers.DjangoJSONSerializer"}, nil)
	defer w.d.must("set", args{"SESSION_SERIALIZER": "django.contrib.sessions.serializers.JSONSerializer"}, nil)
	c, err := codec.NewJSON(codec.JSONOptions{Spaces: true})
	check(x, err)
	v := standard
	v.serializer = encoderJSON{c}
	m, err := sessions.New(w.settings, w.ground.engine(v))
	check(x, err)
	do(w.d, &sides{d: w.d, m: m})
}

func djangoSerializes(x *pair) {
	withSerializer(x, func(d *django, s *sides) {
		for _, data := range []string{`{"cat":"dog","one":1.0}`, everyKind} {
			key := d.text("create", args{"data": data})
			x.same("values", payload(load(x, s.m, key)), d.text("dumps", args{"data": data, "compact": true}))
		}
	})
}

func goSerializes(x *pair) {
	withSerializer(x, func(d *django, s *sides) {
		for _, data := range []string{`{"cat":"dog","one":1.0}`, everyKind} {
			x.same("values", d.load(x.put(s, data)).Data, d.text("dumps", args{"data": data}))
		}
		at := time.Date(2027, 2, 3, 4, 5, 6, 789_012_345, time.UTC)
		key := x.put(s, `{}`, func(s *sessions.Session) { s.Set("at", at) })
		x.same("a time", d.load(key).Data, `{"at": "2027-02-03T04:05:06.789Z"}`)
	})
}
