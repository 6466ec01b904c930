package codec

import (
	"time"

	"github.com/keepsake-go/sessions/internal/pickle"
	"github.com/keepsake-go/sessions/internal/pyjson"
)

// expiryName is where Django keeps a session's own expiry. Before 4.1 a datetime
// lies there as itself, and such a Django understands nothing else: so it stays
// one, and Keepsake gets to read it as what later Djangos write, isoformat().
const expiryName = "_session_expiry"

// isoFormat is datetime.isoformat() as JSON for a pickled datetime. ok is false
// for anything else, and for a time zone that this machine doesn't know.
func isoFormat(v *pickle.Value) (text string, ok bool) {
	if v.Kind != pickle.Object || v.Call.Module != "datetime" || v.Call.Name != "datetime" || len(v.Call.Args) == 0 {
		return "", false
	}
	b := v.Call.Args[0].Text // year, month, day, hour, minute, second, microsecond
	if len(b) != 10 {
		return "", false
	}
	zone, layout := time.UTC, "2006-01-02T15:04:05.000000"
	if len(v.Call.Args) > 1 && v.Call.Args[1].Kind != pickle.None {
		if zone, ok = location(v.Call.Args[1]); !ok {
			return "", false
		}
		layout += "-07:00"
	}
	micro := int(b[7])<<16 | int(b[8])<<8 | int(b[9])
	month := time.Month(b[2] & 0x7f) // above it: fold
	t := time.Date(int(b[0])<<8|int(b[1]), month, int(b[3]), int(b[4]), int(b[5]), int(b[6]), micro*1000, zone)
	return string(pyjson.AppendString(nil, t.Format(layout))), true
}

// location is a pickled tzinfo.
func location(v *pickle.Value) (*time.Location, bool) {
	if v.Kind != pickle.Object {
		return nil, false
	}
	switch args := v.Call.Args; {
	case v.Call.Module == "pytz" && v.Call.Name == "_UTC":
		return time.UTC, true
	case v.Call.Module == "datetime" && v.Call.Name == "timezone" && len(args) > 0 && args[0].Kind == pickle.Object && len(args[0].Call.Args) == 3:
		delta := args[0].Call.Args // days, seconds, microseconds
		return time.FixedZone("", int(delta[0].Int*86400+delta[1].Int)), true
	case v.Call.Module == "zoneinfo" && len(args) > 0:
		zone, err := time.LoadLocation(args[0].Text)
		return zone, err == nil
	}
	return nil, false
}
