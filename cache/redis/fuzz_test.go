package redis

import (
	"bufio"
	"errors"
	"strings"
	"testing"
)

// FuzzReply: whatever a server answers to the first question, it is a string of
// what it says, a refusal, or an error, in memory of its size.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{"+OK\r\n", "-ERR no\r\n", "$5\r\nhello\r\n", "$0\r\n\r\n", "$-1\r\n", "$1048576\r\nx", "$99999999999999999999\r\n", "*1\r\n", ":1\r\n", "\r\n", "$5\r\nhel", "$ 5\r\nhello\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := reply(bufio.NewReader(strings.NewReader(text)))
		var refused refusal
		switch {
		case err == nil && !strings.Contains(text, got):
			t.Errorf("%q is read as %q", text, got)
		case errors.As(err, &refused) && !strings.HasPrefix(text, "-"):
			t.Errorf("%q is the refusal %q", text, err)
		}
		_ = field(got, "run_id")
	})
}
