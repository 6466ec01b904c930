package memcached

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestTimeouts: what Djangos from 3.2 to 6.1 send for a timeout, we send too, up
// to the three seconds that nothing ends early for.
func TestTimeouts(t *testing.T) {
	text, err := os.ReadFile("testdata/timeouts.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Timeout float64
		Time    string
		Exptime int64
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) < 8 {
		t.Fatal(len(vectors), err)
	}
	for _, v := range vectors {
		seconds, err := strconv.ParseFloat(v.Time, 64)
		if err != nil {
			t.Fatal(err)
		}
		c := &Cache{now: func() time.Time { return time.UnixMicro(int64(seconds * 1e6)) }}
		got := c.exptime(time.Duration(v.Timeout * float64(time.Second)))
		relative := func(n int64) int64 { // to the present
			if n > 30*24*60*60 {
				return n - int64(seconds)
			}
			return n
		}
		if v.Exptime <= 0 {
			if got >= 0 {
				t.Errorf("%v s: %d, Django sends %d", v.Timeout, got, v.Exptime)
			}
		} else if later := relative(got) - relative(v.Exptime); later < 0 || later > 3 {
			t.Errorf("%v s: %d, Django sends %d", v.Timeout, got, v.Exptime)
		}
	}
}
