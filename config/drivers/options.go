package drivers

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keepsake-go/sessions/config"
)

// entry is a config.Database or a config.Cache.
type entry interface {
	Errorf(setting, format string, args ...any) error
}

// optionReader reads OPTIONS, and knows which of them nobody asked for.
type optionReader struct {
	entry  entry
	values map[string]any
	read   map[string]bool
	errs   []error
}

func readOptions(e entry, values map[string]any) *optionReader {
	return &optionReader{entry: e, values: values, read: map[string]bool{}}
}

func (o *optionReader) wrong(name, format string, args ...any) {
	o.errs = append(o.errs, o.entry.Errorf("OPTIONS."+name, format, args...))
}

// value is the option's value; Python's None counts as none.
func (o *optionReader) value(name string) (any, bool) {
	o.read[name] = true
	value, found := o.values[name]
	return value, found && value != "None"
}

func (o *optionReader) text(name string) string {
	value, found := o.value(name)
	if !found {
		return ""
	}
	text, ok := value.(string)
	if !ok {
		o.wrong(name, "must be a string")
	}
	return text
}

func (o *optionReader) integer(name string, def int) int {
	value, found := o.value(name)
	if !found {
		return def
	}
	n, ok := config.Integer(value)
	if !ok || n < 0 {
		o.wrong(name, "must be a whole number of at least 0")
		return def
	}
	return n
}

func (o *optionReader) boolean(name string, def bool) bool {
	value, found := o.value(name)
	if !found {
		return def
	}
	b, ok := config.Boolean(value)
	if !ok {
		o.wrong(name, "must be true or false")
		return def
	}
	return b
}

// seconds reads a number of seconds.
func (o *optionReader) seconds(name string, def time.Duration) time.Duration {
	value, found := o.value(name)
	if !found {
		return def
	}
	seconds := math.NaN()
	switch value := value.(type) {
	case int64:
		seconds = float64(value)
	case float64:
		seconds = value
	case string:
		if f, err := strconv.ParseFloat(value, 64); err == nil {
			seconds = f
		}
	}
	if !(seconds >= 0 && seconds < 1e9) {
		o.wrong(name, "must be a number of seconds")
		return def
	}
	return time.Duration(seconds * float64(time.Second))
}

// one reads a string that must be one of these, in whatever case.
func (o *optionReader) one(name string, of ...string) string {
	text := o.text(name)
	if text == "" {
		return ""
	}
	for _, known := range of {
		if strings.EqualFold(text, known) {
			return known
		}
	}
	o.wrong(name, "must be one of %s", strings.Join(of, ", "))
	return ""
}

// table reads a dict.
func (o *optionReader) table(name string) map[string]any {
	value, found := o.value(name)
	if !found {
		return nil
	}
	t, ok := value.(map[string]any)
	if !ok {
		o.wrong(name, "must be a table")
	}
	return t
}

// ignore are options that change nothing for sessions.
func (o *optionReader) ignore(names ...string) {
	for _, name := range names {
		o.read[name] = true
	}
}

// refuse are options that can't be honoured, each with the reason.
func (o *optionReader) refuse(reasons map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(reasons)) {
		if _, found := o.value(name); found {
			o.wrong(name, "can't be honoured: %s", reasons[name])
		}
	}
}

// others are the options that nobody has asked for so far.
func (o *optionReader) others() map[string]any {
	rest := map[string]any{}
	for name, value := range o.values {
		if !o.read[name] {
			rest[name] = value
			o.read[name] = true
		}
	}
	return rest
}

// err is everything that was wrong, options that nobody asked for among it.
func (o *optionReader) err() error {
	for _, name := range slices.Sorted(maps.Keys(o.values)) {
		if !o.read[name] {
			o.wrong(name, "is not known here: known are %s", strings.Join(slices.Sorted(maps.Keys(o.read)), ", "))
		}
	}
	return errors.Join(o.errs...)
}

// connector opens connections, and executes statements on each new one: Django's
// init_command.
type connector struct {
	driver.Connector
	commands []string
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, command := range c.commands {
		if err := execute(ctx, conn, command); err != nil {
			return nil, errors.Join(fmt.Errorf("drivers: init_command: %w", err), conn.Close())
		}
	}
	return conn, nil
}

func execute(ctx context.Context, conn driver.Conn, command string) error {
	executer, ok := conn.(driver.ExecerContext)
	if !ok {
		return errors.New("the driver executes no statements")
	}
	_, err := executer.ExecContext(ctx, command, nil)
	return err
}
