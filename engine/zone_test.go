package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// As Django's "Connection cannot set TIME_ZONE because USE_TZ is False".
func TestDatabaseTimeZoneNeedsUseTZ(t *testing.T) {
	st := sessions.DefaultSettings()
	st.SecretKey = "x"
	for _, useTZ := range []bool{true, false} {
		st.UseTZ = useTZ
		_, err := engine.DatabaseEngine{TimeZone: time.UTC}.Open(st) // fails in any case, without a DB
		if got := strings.Contains(err.Error(), "TIME_ZONE"); got == useTZ {
			t.Errorf("UseTZ %v: %v", useTZ, err)
		}
	}
}
