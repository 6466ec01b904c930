package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/pyjson"
)

// A step is an operation on a session: by name for Django (differ_driver.py), and
// as what Keepsake does. Its result is JSON as Python writes it.
type step struct {
	name      string
	arguments []any
	action    func(ctx context.Context, m *sessions.Manager, s *sessions.Session) string
}

func (s step) String() string { return fmt.Sprint(append([]any{s.name}, s.arguments...)...) }

// do loads the session, as any use of Django's does, and takes the step.
func (s step) do(ctx context.Context, m *sessions.Manager, session *sessions.Session) string {
	if s.name != "empty" && s.name != "flags" && s.name != "mark" {
		if err := session.Load(ctx); err != nil {
			return "load: " + err.Error()
		}
	}
	return s.action(ctx, m, session)
}

func (r differRequest) wire() [][]any {
	all := make([][]any, len(r.steps))
	for i, s := range r.steps {
		all[i] = append([]any{s.name}, s.arguments...)
	}
	return all
}

func (r differRequest) has(names ...string) bool {
	return slices.ContainsFunc(r.steps, func(s step) bool { return slices.Contains(names, s.name) })
}

// ended reports whether the request gives its session an expiry in the past. Saving
// it again is, at Django, a different thing with each engine.
func (r differRequest) ended() bool {
	return slices.ContainsFunc(r.steps, func(s step) bool { return s.String() == past.String() })
}

var past = step{"expiry", []any{args{"t": "seconds", "v": "-5"}}, quietly(func(s *sessions.Session) { s.ExpireAfter(-5 * time.Second) })}

// simple are the steps without arguments.
var simple = map[string]func(ctx context.Context, m *sessions.Manager, s *sessions.Session) string{
	"keys": func(_ context.Context, _ *sessions.Manager, s *sessions.Session) string {
		return list(slices.Values(s.Keys()), func(name string) string { return string(pyjson.AppendString(nil, name)) })
	},
	"values": func(_ context.Context, _ *sessions.Manager, s *sessions.Session) string {
		return list(slices.Values(s.Values()), func(raw json.RawMessage) string { return string(raw) })
	},
	"items": func(_ context.Context, _ *sessions.Manager, s *sessions.Session) string {
		var pairs []string
		for name, raw := range s.Items() {
			pairs = append(pairs, fmt.Sprintf("[%s,%s]", pyjson.AppendString(nil, name), raw))
		}
		return "[" + strings.Join(pairs, ",") + "]"
	},
	"clear": quietly(func(s *sessions.Session) { s.Clear() }),
	"empty": asking((*sessions.Session).IsEmpty),
	"flags": func(_ context.Context, _ *sessions.Manager, s *sessions.Session) string {
		return fmt.Sprintf("[%v,%v]", s.Accessed(), s.Modified())
	},
	"mark":  quietly((*sessions.Session).MarkModified),
	"flush": writing((*sessions.Session).Flush),
	"cycle": writing((*sessions.Session).CycleKey),
	"save": writing(func(s *sessions.Session, ctx context.Context) error {
		_ = s.Len()
		return s.Save(ctx)
	}),
	"end": writing(func(s *sessions.Session, ctx context.Context) error {
		_ = s.Len()
		return s.DeleteStored(ctx)
	}),
	"exists": func(ctx context.Context, m *sessions.Manager, s *sessions.Session) string {
		_ = s.Len()
		if s.Key() == "" {
			return "false"
		}
		exists, err := m.Exists(ctx, s.Key())
		if err != nil {
			return err.Error()
		}
		return strconv.FormatBool(exists)
	},
	"age": func(_ context.Context, _ *sessions.Manager, s *sessions.Session) string {
		return ageText(s.ExpiryAge())
	},
	"date": func(_ context.Context, _ *sessions.Manager, s *sessions.Session) string {
		return strconv.FormatInt(s.ExpiryDate().UnixMicro(), 10)
	},
	"close":  asking((*sessions.Session).ExpiresAtBrowserClose),
	"test":   quietly((*sessions.Session).SetTestCookie),
	"tested": asking((*sessions.Session).TestCookieWorked),
	"untest": asking((*sessions.Session).DeleteTestCookie),
}

type action = func(ctx context.Context, m *sessions.Manager, s *sessions.Session) string

func quietly(f func(*sessions.Session)) action {
	return func(_ context.Context, _ *sessions.Manager, s *sessions.Session) string {
		f(s)
		return "null"
	}
}

func asking(f func(*sessions.Session) bool) action {
	return func(_ context.Context, _ *sessions.Manager, s *sessions.Session) string {
		return strconv.FormatBool(f(s))
	}
}

func writing(f func(*sessions.Session, context.Context) error) action {
	return func(ctx context.Context, _ *sessions.Manager, s *sessions.Session) string {
		switch err := f(s, ctx); {
		case errors.Is(err, sessions.ErrInterrupted):
			return `"interrupted"`
		case err != nil:
			return err.Error()
		}
		return "null"
	}
}

func list[T any](all func(func(T) bool), text func(T) string) string {
	var texts []string
	for v := range all {
		texts = append(texts, text(v))
	}
	return "[" + strings.Join(texts, ",") + "]"
}

// spaced is a session as json.dumps writes it.
func spaced(s *sessions.Session) string {
	var b strings.Builder
	b.WriteByte('{')
	for name, value := range s.Items() {
		if b.Len() > 1 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s: %s", pyjson.AppendString(nil, name), spacedValue(string(value)))
	}
	b.WriteByte('}')
	return b.String()
}

// spacedValue puts a space after each comma and colon that is not in a text.
func spacedValue(compact string) string {
	var b strings.Builder
	inText := false
	for i := 0; i < len(compact); i++ {
		c := compact[i]
		b.WriteByte(c)
		switch {
		case inText && c == '\\':
			i++
			b.WriteByte(compact[i])
		case c == '"':
			inText = !inText
		case !inText && (c == ',' || c == ':'):
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// A differValue is a value for Go, and as a JSON text that another encoder wrote.
type differValue struct {
	native any
	wire   string
}

func (v differValue) String() string { return v.wire }

var awkward = []string{
	`NaN`, `Infinity`, `-Infinity`, `-0.0`, `1e-07`, `1e+16`, `123456789012345678901234567890`, `18446744073709551616`,
	`9007199254740993`, `0.1`, `5e-324`, `1.7976931348623157e+308`, `"\ud800"`, `"\udfff\ud800"`, `"\ud83d\ude00"`, `"\u0000\u007f\u2028"`,
	`""`, `[]`, `{}`, `[[[[[]]]]]`, `{"":{"":null}}`, `{"b":1,"a":2}`, `{"_x":[1.0,1,true]}`,
}

func drawName(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b", "c", "", "é", "a b", "😀", `"\`}).Draw(t, "name")
}

func drawValue(t *rapid.T) differValue {
	if rapid.IntRange(0, 3).Draw(t, "awkward") == 0 {
		raw := rapid.SampledFrom(awkward).Draw(t, "value")
		return differValue{json.RawMessage(raw), raw}
	}
	return drawNative(t, 2)
}

func drawNative(t *rapid.T, depth int) differValue {
	kinds := 6
	if depth > 0 {
		kinds = 8
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return differValue{nil, "null"}
	case 1:
		v := rapid.Bool().Draw(t, "bool")
		return differValue{v, strconv.FormatBool(v)}
	case 2:
		v := rapid.Int64().Draw(t, "int")
		return differValue{v, strconv.FormatInt(v, 10)}
	case 3:
		v := new(big.Int).Mul(big.NewInt(rapid.Int64().Draw(t, "big")), big.NewInt(math.MaxInt64))
		return differValue{v, v.String()}
	case 4:
		v := rapid.Float64().Draw(t, "float")
		return differValue{v, strconv.FormatFloat(v, 'e', -1, 64)}
	case 5:
		v := rapid.StringN(0, 12, 40).Draw(t, "text")
		if rapid.IntRange(0, 9).Draw(t, "long") == 9 {
			v = strings.Repeat(v, 20)
		}
		return differValue{v, jsonText(v)}
	case 6:
		items := []any{}
		var wires []string
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			item := drawNative(t, depth-1)
			items, wires = append(items, item.native), append(wires, item.wire)
		}
		return differValue{items, "[" + strings.Join(wires, ",") + "]"}
	}
	values, wires := map[string]any{}, map[string]string{}
	for range rapid.IntRange(0, 3).Draw(t, "members") {
		name, v := drawName(t), drawNative(t, depth-1)
		values[name], wires[name] = v.native, v.wire
	}
	return differValue{values, object(wires)}
}

// object is a JSON object, its names in order, as SetAll sets them and Go's
// encoders write maps.
func object(wires map[string]string) string {
	var names, members []string
	for name := range wires {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		members = append(members, jsonText(name)+":"+wires[name])
	}
	return "{" + strings.Join(members, ",") + "}"
}

func jsonText(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// drawStep draws an operation.
func (x *differRun) drawStep(names []string) step {
	name := rapid.SampledFrom(names).Draw(x.T, "step")
	if do := simple[name]; do != nil {
		return step{name: name, action: do}
	}
	switch name {
	case "expiry":
		return x.drawExpiry()
	case "update":
		values, wires := map[string]any{}, map[string]string{}
		for range rapid.IntRange(0, 3).Draw(x.T, "values") {
			name, v := drawName(x.T), drawValue(x.T)
			values[name], wires[name] = v.native, v.wire
		}
		return step{name, []any{object(wires)}, quietly(func(s *sessions.Session) { s.SetAll(values) })}
	}
	key := drawName(x.T)
	switch name {
	case "get":
		return step{name, []any{key}, func(_ context.Context, _ *sessions.Manager, s *sessions.Session) string {
			raw, found, err := sessions.Lookup[json.RawMessage](s, key)
			return rawText(raw, found, err)
		}}
	case "has":
		return step{name, []any{key}, asking(func(s *sessions.Session) bool { return s.Has(key) })}
	case "delete":
		return step{name, []any{key}, asking(func(s *sessions.Session) bool { return s.Delete(key) })}
	case "pop":
		return step{name, []any{key}, func(_ context.Context, _ *sessions.Manager, s *sessions.Session) string {
			return rawText(sessions.Pop(s, key, json.RawMessage(`"absent"`)), true, s.Err())
		}}
	}
	v := drawValue(x.T)
	arguments := []any{key, v.wire}
	if name == "setdefault" {
		return step{name, arguments, func(_ context.Context, _ *sessions.Manager, s *sessions.Session) string {
			if !s.Has(key) {
				s.Set(key, v.native)
			}
			raw, found, err := sessions.Lookup[json.RawMessage](s, key)
			return rawText(raw, found, err)
		}}
	}
	return step{name, arguments, quietly(func(s *sessions.Session) { s.Set(key, v.native) })}
}

func rawText(raw json.RawMessage, found bool, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case !found:
		return `"absent"`
	}
	return string(raw)
}

// drawExpiry draws a form of set_expiry that this Django can keep on this engine.
func (x *differRun) drawExpiry() step {
	forms := []string{"none", "0"}
	if x.kind.sliding {
		forms = append(forms, "seconds", "fraction")
	}
	if x.kind.sliding && x.kind.ending {
		forms = append(forms, "past")
	}
	if !x.f.python.before(4, 1) {
		forms = append(forms, "date", "delta")
	}
	now := x.p.now
	seconds := rapid.SampledFrom([]int{60, 300, 86400, 31536000}).Draw(x.T, "seconds")
	expire := func(django args, set func(s *sessions.Session)) step {
		return step{"expiry", []any{django}, quietly(set)}
	}
	form := rapid.SampledFrom(forms).Draw(x.T, "expiry")
	if x.kind.cache && (form == "date" || form == "delta") {
		seconds = max(seconds, 86400) // Django's caches end a date up to a second early
	}
	switch form {
	case "0":
		return expire(args{"t": "seconds", "v": "0"}, (*sessions.Session).ExpireAtBrowserClose)
	case "seconds":
		return expire(args{"t": "seconds", "v": strconv.Itoa(seconds)}, func(s *sessions.Session) { s.ExpireAfter(time.Duration(seconds) * time.Second) })
	case "fraction":
		return expire(args{"t": "seconds", "v": fmt.Sprintf("%d.25", seconds)}, func(s *sessions.Session) {
			s.ExpireAfter(time.Duration(seconds)*time.Second + 250*time.Millisecond)
		})
	case "past":
		return past
	case "date":
		at := now.Add(time.Duration(seconds) * time.Second)
		if rapid.Bool().Draw(x.T, "whole second") {
			at = at.Truncate(time.Second)
		}
		return expire(args{"t": "date", "v": epochText(at)}, func(s *sessions.Session) { s.ExpireAt(at) })
	case "delta":
		d := time.Duration(seconds)*time.Second + 4*time.Microsecond
		return expire(args{"t": "delta", "v": micros(d)}, func(s *sessions.Session) { s.ExpireAt(now.Add(d)) })
	}
	return expire(args{"t": "none"}, (*sessions.Session).ExpireByDefault)
}

// drawRequest draws a view: its operations and its status.
func (x *differRun) drawRequest() differRequest {
	names := []string{
		"get", "has", "set", "set", "set", "delete", "pop", "setdefault", "update", "keys", "values", "items", "clear", "empty", "flags", "mark",
		"flush", "cycle", "save", "expiry", "expiry", "age", "date", "close", "test", "tested", "untest", "exists",
	}
	if x.kind.name != "signed_cookies" { // Django's delete() empties one
		names = append(names, "end")
	}
	var r differRequest
	for range rapid.IntRange(0, 6).Draw(x.T, "steps") {
		r.steps = append(r.steps, x.drawStep(names))
		if r.has("end") || r.ended() { // Django's cycle_key() stores it again
			names = slices.DeleteFunc(names, func(name string) bool { return name == "cycle" || r.ended() && name == "save" })
		}
	}
	statuses := []int{200, 200, 200, 302, 404}
	if !r.has("flush", "cycle") {
		statuses = append(statuses, 500)
	}
	r.status = rapid.SampledFrom(statuses).Draw(x.T, "status")
	r.vary = rapid.SampledFrom([]string{"", "", "Accept-Encoding", "accept-language, cookie"}).Draw(x.T, "Vary")
	if x.st.SaveEveryRequest || r.has("mark") { // a Django stores an empty session for a cookie that names none
		r.steps = append([]step{{name: "keys", action: simple["keys"]}}, r.steps...)
	}
	return r
}

// pass lets time pass.
func (x *differRun) pass() {
	moments := []time.Duration{0, time.Microsecond, time.Second, 7*time.Second + 500*time.Millisecond}
	if x.kind.clock {
		moments = append(moments, 59*time.Second, 299*time.Second, 300*time.Second, 300*time.Second+250*time.Millisecond, 301*time.Second+time.Microsecond, time.Hour, 15*24*time.Hour)
	}
	passes := rapid.SampledFrom(moments).Draw(x.T, "time passes")
	if passes > 0 && x.kind.cache {
		passes += 7 * time.Microsecond // never the moment of an end: Django's caches count it in
	}
	x.p.now = x.p.now.Add(passes)
}

// chooseCookie lets the browsers send something else than what they were given.
func (x *differRun) chooseCookie(worlds []*differWorld) {
	set := func(value *string) {
		for _, w := range worlds {
			w.cookie = value
		}
	}
	switch rapid.IntRange(0, 9).Draw(x.T, "cookie") {
	case 0:
		set(nil)
	case 1:
		if x.kind.name == "signed_cookies" {
			return // Django answers it with a cookie of an empty session
		}
		made := []string{"0123456789abcdefghijklmnopqrstuv", "short", "", `"quoted0123456789"`, strings.Repeat("k", 41)}
		if x.kind.name != "file" { // for which they are a 400 at Django
			made = append(made, "UPPERCASEKEYUPPERCASEKEYUPPERCAS", "eyJhIjoxfQ:1x8elk:AAAA", "../../../etc/passwd")
		}
		value := rapid.SampledFrom(made).Draw(x.T, "made up")
		set(&value)
	case 2:
		if n := len(worlds[0].keys); n > 1 {
			i := rapid.IntRange(0, n-2).Draw(x.T, "old")
			for _, w := range worlds {
				w.cookie = &w.keys[i]
			}
		}
	}
	if w := worlds[0]; w.cookie != nil && x.rotated[*w.cookie] && x.kind.name != "signed_cookies" {
		set(nil)
	}
}
