package redis_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// TestRefusals: what a server refuses is an error that says why, and has not been
// done: it is neither a miss nor an unknown outcome.
func TestRefusals(t *testing.T) {
	const reads = "Get"
	for _, r := range []struct {
		name    string
		options testserver.RedisOptions
		prepare func(t *testing.T, s *testserver.RedisServer)
		url     func(s *testserver.RedisServer) string
		allowed string // calls that work all the same
		want    string // in the others' errors; one of several codes
		is      error  // what these are, too
	}{
		{
			name: "another type under the key",
			prepare: func(t *testing.T, s *testserver.RedisServer) {
				do(t, s, "DEL", "k")
				do(t, s, "RPUSH", "k", "v")
			},
			allowed: "Add Set Delete", want: "WRONGTYPE", is: cache.ErrCorrupt,
		},
		{
			name:    "no room",
			options: testserver.RedisOptions{Args: []string{"--maxmemory-policy", "noeviction"}},
			prepare: func(t *testing.T, s *testserver.RedisServer) { do(t, s, "CONFIG", "SET", "maxmemory", "1") },
			allowed: reads + " Delete", want: "OOM",
		},
		{
			name: "a replica",
			prepare: func(t *testing.T, s *testserver.RedisServer) {
				do(t, s, "REPLICAOF", "127.0.0.1", "1")
			},
			allowed: reads, want: "READONLY",
		},
		{
			name:    "a replica without its master",
			options: testserver.RedisOptions{Args: []string{"--replica-serve-stale-data", "no"}},
			prepare: func(t *testing.T, s *testserver.RedisServer) { do(t, s, "REPLICAOF", "127.0.0.1", "1") },
			want:    "MASTERDOWN READONLY",
		},
		{
			name:    "too few replicas",
			prepare: func(t *testing.T, s *testserver.RedisServer) { do(t, s, "CONFIG", "SET", "min-replicas-to-write", "1") },
			allowed: reads, want: "NOREPLICAS",
		},
		{
			name:    "a disk that fails",
			options: testserver.RedisOptions{Volatile: true},
			prepare: func(t *testing.T, s *testserver.RedisServer) {
				dir := do(t, s, "CONFIG", "GET", "dir").([]any)[1].(string)
				if err := os.Remove(dir); err != nil {
					t.Fatal(err)
				}
				do(t, s, "CONFIG", "SET", "save", "3600 1")
				do(t, s, "BGSAVE")
				eventually(t, "a save that fails", func() error {
					if strings.Contains(do(t, s, "INFO", "persistence").(string), "rdb_last_bgsave_status:err") {
						return nil
					}
					return errors.New("it has not")
				})
			},
			allowed: reads, want: "MISCONF",
		},
		{
			name: "an account that may only read",
			prepare: func(t *testing.T, s *testserver.RedisServer) {
				do(t, s, "ACL", "SETUSER", "u", "on", ">pw", "~*", "+@read", "+info")
			},
			url:     func(s *testserver.RedisServer) string { return "redis://u:pw@" + s.Addr },
			allowed: reads, want: "NOPERM",
		},
		{
			name: "an account that may not touch the keys",
			prepare: func(t *testing.T, s *testserver.RedisServer) {
				do(t, s, "ACL", "SETUSER", "u", "on", ">pw", "~other:*", "+@all")
			},
			url:  func(s *testserver.RedisServer) string { return "redis://u:pw@" + s.Addr },
			want: "NOPERM",
		},
		{
			name: "a wrong password",
			prepare: func(t *testing.T, s *testserver.RedisServer) {
				do(t, s, "ACL", "SETUSER", "u", "on", ">pw", "~*", "+@all")
			},
			url:  func(s *testserver.RedisServer) string { return "redis://u:hunter2@" + s.Addr },
			want: "WRONGPASS",
		},
		{
			name:    "no password",
			options: testserver.RedisOptions{ACL: true},
			url:     func(s *testserver.RedisServer) string { return "redis://" + s.Addr },
			want:    "NOAUTH",
		},
		{
			name: "a database that is not there",
			url:  func(s *testserver.RedisServer) string { return "redis://" + s.Addr + "/99" },
			want: "DB index is out of range",
		},
		{
			name:    "commands that the server does not know",
			options: testserver.RedisOptions{Args: []string{"--rename-command", "SET", "", "--rename-command", "EVALSHA", "", "--rename-command", "DEL", ""}},
			prepare: func(t *testing.T, s *testserver.RedisServer) { do(t, s, "MSET", "k", "v") },
			allowed: reads, want: "unknown command",
		},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Redis(t, r.options)
			if !strings.Contains(r.want, "unknown") {
				do(t, s, "SET", "k", "v")
			}
			if r.prepare != nil {
				r.prepare(t, s)
			}
			url := s.URL()
			if r.url != nil {
				url = r.url(s)
			}
			for _, name := range []string{"Get", "Add", "Swap", "Set", "Delete"} {
				c := open(t, url)
				err := calls[name](t.Context(), c, "k")
				if strings.Contains(r.allowed, name) {
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
					continue
				}
				if r.is != nil && !errors.Is(err, r.is) || r.is == nil && errors.Is(err, cache.ErrCorrupt) {
					t.Errorf("%s: %v is not %v", name, err, r.is)
				}
				if isAnswer(err) || errors.Is(err, cache.ErrUnknownOutcome) || !says(err, r.want) || strings.Contains(fmt.Sprint(err), "hunter2") {
					t.Errorf("%s: %v", name, err)
				}
				if strings.Contains(fmt.Sprint(err), `"`) || strings.Contains(fmt.Sprint(err), "`k") || strings.Contains(fmt.Sprint(err), "'k") {
					t.Errorf("%s quotes what it was about: %v", name, err)
				}
			}
		})
	}
}

// says reports whether a text is in the error, or one of several codes.
func says(err error, want string) bool {
	if strings.Contains(err.Error(), want) {
		return true
	}
	for code := range strings.FieldsSeq(want) {
		if code == strings.ToUpper(code) && strings.Contains(err.Error(), code) {
			return true
		}
	}
	return false
}
