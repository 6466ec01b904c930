package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/engine"
)

// valuesConfig are the settings of testdata/values_driver.py.
type valuesConfig struct {
	Database   string            `json:"database,omitempty"`
	Redis      string            `json:"redis,omitempty"`
	Options    map[string]string `json:"options,omitempty"`
	Serializer string            `json:"serializer,omitempty"`
	SecretKey  string            `json:"secret_key"`
	Values     string            `json:"values"`
}

// run has a real Django carry out a command, and returns what it printed.
func (c valuesConfig) run(t *testing.T, command ...string) string {
	t.Helper()
	p := newest(t)
	if c.Redis != "" && !slices.Contains(p.clients, "django_redis") {
		missing(t, "%s has no module django_redis", p.program)
	}
	c.SecretKey = secret
	text, err := json.Marshal(c)
	check(t, err)
	return p.output(t, "values_driver.py", append([]string{string(text)}, command...)...)
}

// show is how the values of a session look to Django.
func (c valuesConfig) show(t *testing.T, key string) map[string]string {
	t.Helper()
	var looks map[string]string
	check(t, json.Unmarshal([]byte(c.run(t, "show", key)), &looks))
	return looks
}

// same compares what Django sees before and after, but for what was changed.
func same(t *testing.T, before, after, changed map[string]string) {
	t.Helper()
	want := map[string]string{}
	maps.Copy(want, before)
	maps.Copy(want, changed)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if after[name] != want[name] {
			t.Errorf("Django sees %s: %.100s, want %.100s", name, after[name], want[name])
		}
	}
	if len(after) != len(want) {
		t.Errorf("Django sees %d values, want %d", len(after), len(want))
	}
}

func serializerSite(t *testing.T, s codec.Serializer) (*site, *sessions.Manager) {
	t.Helper()
	site := newSite(t)
	e := engine.Database(site.open())
	e.Codec = codec.SignedOptions{Serializer: s}
	m, err := sessions.New(site.settings, e)
	check(t, err)
	return site, m
}

// TestPickleSerializerRows: rows of a Django with PickleSerializer go through
// Go, which changes one value; all others are to Django what they were, with
// their types. The other way round Django reads what only Go has written.
func TestPickleSerializerRows(t *testing.T) {
	for _, protocol := range []int{4, 5} {
		t.Run(fmt.Sprint("protocol ", protocol), func(t *testing.T) {
			site, m := serializerSite(t, codec.PickleSerializer{Protocol: protocol})
			django := valuesConfig{Database: site.file, Serializer: "site_serializers.PickleSerializer", Values: "python"}
			key := django.run(t, "create")
			before := django.show(t, key)
			equal(t, "what Django itself stored", before["point"], "tuple (1, 2.5, ('nested',))")

			s := load(t, m, key)
			equal(t, "text", sessions.Get(s, "text", ""), "héllo")
			s.Set("go", []any{1, 1.5, "was here"})
			s.Set("text", "changed")
			check(t, s.Save(t.Context()))
			after := django.show(t, key)
			same(t, before, after, map[string]string{"go": "list [1, 1.5, 'was here']", "text": "str 'changed'"})
			equal(t, "a set", after["set"], "set ['a', 'b']")
			equal(t, "a Decimal", after["price"], "Decimal Decimal('12.50')")
			equal(t, "a date", after["when"], "datetime datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc)")

			// Django in its turn changes what Go has written.
			django.run(t, "change", key)
			same(t, after, django.show(t, key), map[string]string{"django": "str 'was here'", "n": "int 2"})
			s = load(t, m, key)
			equal(t, "django", sessions.Get(s, "django", ""), "was here")
			check(t, s.CycleKey(t.Context()))
			equal(t, "the tuple under another key", django.show(t, s.Key())["point"], "tuple (1, 2.5, ('nested',))")

			own := create(t, m, map[string]any{"cat": "dog", "n": 7})
			same(t, nil, django.show(t, own.Key()), map[string]string{"cat": "str 'dog'", "n": "int 7"})
		})
	}
}

// encoderJSON is the serializer of site_serializers.DjangoJSONSerializer in Go.
// codec's example says more.
type encoderJSON struct{ *codec.JSON }

func (s encoderJSON) Loads(text string) (sessions.Values, error) { return s.Decode(text) }

func (s encoderJSON) Dumps(values sessions.Values) (string, error) {
	for m := range values.All() {
		var at time.Time
		if found, err := values.Decode(m.Name, &at); err != nil || !found {
			continue
		}
		layout := "2006-01-02T15:04:05.000Z07:00"
		if at.Nanosecond() == 0 {
			layout = time.RFC3339
		}
		if err := values.Encode(m.Name, at.Format(layout)); err != nil {
			return "", err
		}
	}
	return s.Encode(values)
}

// TestOwnSerializerRows: a project's own serializer, around DjangoJSONEncoder, on
// both sides.
func TestOwnSerializerRows(t *testing.T) {
	c, err := codec.NewJSON(codec.JSONOptions{Spaces: true})
	check(t, err)
	site, m := serializerSite(t, encoderJSON{c})
	django := valuesConfig{Database: site.file, Serializer: "site_serializers.DjangoJSONSerializer", Values: "encoder"}
	key := django.run(t, "create")
	before := django.show(t, key)

	s := load(t, m, key)
	for name, want := range map[string]string{
		"when": `"2026-01-02T03:04:05.678Z"`, "exact": `"2026-01-02T03:04:05Z"`, "day": `"2026-01-02"`, "clock": `"03:04:05.678"`,
		"left": `"P0DT00H01M30S"`, "owed": `"-P1DT23H59M59.999995S"`, "price": `"12.50"`,
		"id": `"12345678-1234-5678-1234-567812345678"`, "lazy": `"l\u00e4zy"`,
	} {
		equal(t, name, string(sessions.Get(s, name, json.RawMessage(nil))), want)
	}
	when := sessions.Get(s, "when", time.Time{})
	equal(t, "when", when.UTC(), time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC))

	s.Set("go", time.Date(2027, 2, 3, 4, 5, 6, 789_012_345, time.UTC))
	check(t, s.Save(t.Context()))
	after := django.show(t, key)
	same(t, before, after, map[string]string{"go": "str '2027-02-03T04:05:06.789Z'"})
	django.run(t, "change", key)
	equal(t, "django", sessions.Get(load(t, m, key), "django", ""), "was here")

	// What both have written goes through Go unchanged.
	values, err := m.Decode(rowData(t, site, key))
	check(t, err)
	text, err := m.Encode(values)
	check(t, err)
	again, err := m.Decode(text)
	check(t, err)
	equal(t, "values", fmt.Sprint(slices.Collect(again.All())), fmt.Sprint(slices.Collect(values.All())))

	// The default serializer on our side reads the same values: both are JSON.
	plain, err := sessions.New(site.settings, engine.Database(site.open()))
	check(t, err)
	equal(t, "by JSONSerializer", sessions.Get(load(t, plain, key), "left", ""), "P0DT00H01M30S")
}

func rowData(t *testing.T, s *site, key string) (data string) {
	t.Helper()
	check(t, s.open().QueryRow("SELECT session_data FROM django_session WHERE session_key = ?", key).Scan(&data))
	return data
}
