package redis

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/cache"
)

// TestTimeouts: what Djangos from 4.2 to 6.1 send for a timeout in whole seconds,
// we send in milliseconds, without their rounding down.
func TestTimeouts(t *testing.T) {
	text, err := os.ReadFile("testdata/timeouts.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Timeout *float64
		EX      *int64
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) < 6 {
		t.Fatal(len(vectors), err)
	}
	for _, v := range vectors {
		ttl := cache.NoEnd
		if v.Timeout != nil {
			ttl = time.Duration(*v.Timeout * float64(time.Second))
		}
		got := expiry(ttl)
		if v.EX == nil {
			if got != "" {
				t.Errorf("no timeout: %q", got)
			}
			continue
		}
		ms, err := strconv.ParseInt(got, 10, 64)
		if early := *v.EX*1000 - ms; err != nil || early > 0 || early <= -1000 {
			t.Errorf("%v s: %s ms, Django sends %d s", *v.Timeout, got, *v.EX)
		}
	}
}
