package sqldialect

import (
	"errors"
	"time"
)

// Date is a date as it is bound: an instant for PostgreSQL, else the zone's time
// as Django's SQLite and MySQL backends write it.
func (d *DB) Date(t time.Time) string { return d.DateIn(t, d.zone) }

// DateIn is DB.Date in a zone of its own.
func (d *Dialect) DateIn(t time.Time, zone *time.Location) string {
	if d.Numbered {
		return formatInstant(t)
	}
	return formatDate(t, zone)
}

// ScanDate reads what DateText has selected. text is the date as it is stored,
// which need not be spelled as we would; "" where the database keeps instants.
func (d *DB) ScanDate(value any) (t time.Time, text string, err error) {
	switch value := value.(type) {
	case time.Time:
		return value, "", nil
	case []byte:
		text = string(value)
	case string:
		text = value
	}
	if t, err = parseDate(text, d.zone); err != nil {
		return time.Time{}, "", err
	}
	return t, text, nil
}

// formatDate leaves a zero fraction out, as Django does.
func formatDate(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	if t.Year() > 9999 { // the zone has led out of what can be written
		t = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, zone)
	}
	if t.Nanosecond()/1000 == 0 {
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format("2006-01-02 15:04:05.000000")
}

// formatInstant writes a date for PostgreSQL, which keeps instants.
func formatInstant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999999-07:00") }

// ErrNoDate: what stands in a column for dates is none.
var ErrNoDate = errors.New("not a date")

func parseDate(text string, zone *time.Location) (time.Time, error) {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", text, zone) // takes a fraction, too
	if err != nil {
		return time.Time{}, ErrNoDate
	}
	return t, nil
}
