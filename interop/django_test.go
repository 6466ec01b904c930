package interop

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"
)

// djangoSettings are settings by Django's names.
type djangoSettings map[string]any

// djangoConfig is what a Django of a test is started with.
type djangoConfig struct {
	Settings   djangoSettings `json:"settings"`
	StoreClass string         `json:"store_class,omitempty"` // of the engine's SessionStore; "": itself
	Script     string         `json:"-"`                     // "": django_driver.py
}

// django is a Django process: testdata/django_driver.py.
type django struct {
	*python
	t      testing.TB
	config djangoConfig
	conn   net.Conn
	out    *bufio.Reader
	now    string // where its clock stands; "": it runs
}

// startDjango starts the newest Django that there is.
func startDjango(t testing.TB, config djangoConfig) *django {
	t.Helper()
	return newest(t).open(t, config)
}

// open starts a Django with these settings.
func (p *python) open(t testing.TB, config djangoConfig) *django {
	t.Helper()
	text, err := json.Marshal(config)
	check(t, err)
	conn := p.run(t, cmp.Or(config.Script, "django_driver.py"), string(text))
	d := &django{python: p, t: t, config: config, conn: conn, out: bufio.NewReader(conn)}
	d.must("hello", nil, nil)
	return d
}

// freeze lets Django's clock stand at now.
func (d *django) freeze(now time.Time) { d.now = epochText(now) }

func epochText(t time.Time) string {
	micro := t.UnixMicro()
	return strconv.FormatInt(micro/1e6, 10) + fmt.Sprintf(".%06d", micro%1e6)
}

type args map[string]any

// pythonError is an exception, by the name of its class.
type pythonError string

func (e pythonError) Error() string { return string(e) }

// call asks Django for op; an exception is a pythonError.
func (d *django) call(op string, with args, result any) error {
	d.t.Helper()
	request := args{"op": op}
	if d.now != "" {
		request["now"] = d.now
	}
	for name, value := range with {
		request[name] = value
	}
	line, err := json.Marshal(request)
	if err == nil {
		_, err = d.conn.Write(append(line, '\n'))
	}
	if err != nil {
		d.t.Fatalf("Django, %s: %v", op, err)
	}
	reply, err := d.out.ReadBytes('\n')
	if err != nil {
		d.t.Fatalf("Django, %s: %v", op, err)
	}
	var answer struct {
		OK        json.RawMessage
		Err, Text string
	}
	if err := json.Unmarshal(reply, &answer); err != nil {
		d.t.Fatalf("Django, %s: %v in %q", op, err, reply)
	}
	if answer.Err != "" {
		d.t.Logf("Django, %s: %s: %s", op, answer.Err, answer.Text)
		return pythonError(answer.Err)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.OK, result)
}

// must is a call that succeeds.
func (d *django) must(op string, with args, result any) {
	d.t.Helper()
	if err := d.call(op, with, result); err != nil {
		d.t.Fatalf("Django, %s: %v", op, err)
	}
}

// fails is a call that raises that exception.
func (d *django) fails(exception, op string, with args) {
	d.t.Helper()
	if err := d.call(op, with, nil); !errors.Is(err, pythonError(exception)) {
		d.t.Errorf("Django, %s: %v, want %s", op, err, exception)
	}
}

// text is a call whose result is a text.
func (d *django) text(op string, with args) string {
	d.t.Helper()
	var text string
	d.must(op, with, &text)
	return text
}

// djangoSession is what Django sees in a session.
type djangoSession struct {
	Key          string // "": none
	Data         string // as json.dumps writes it
	Age          string // of get_expiry_age, likewise
	Date         int64  // of get_expiry_date, microseconds since the epoch
	BrowserClose bool   `json:"browser_close"`
}

func (d *django) load(key string) djangoSession {
	d.t.Helper()
	var s djangoSession
	d.must("load", args{"key": key}, &s)
	return s
}

// djangoRow is a row as it lies in the table.
type djangoRow struct {
	Data     string
	Expires  string `json:"expire_date"`
	DataType string `json:"data_type"`
	DateType string `json:"date_type"`
}

func (d *django) row(key string) *djangoRow {
	d.t.Helper()
	var row *djangoRow
	d.must("row", args{"key": key}, &row)
	return row
}

func (d *django) keys() []string {
	d.t.Helper()
	var keys []string
	d.must("keys", nil, &keys)
	return keys
}
