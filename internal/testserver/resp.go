package testserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// resp sends a command in Redis's protocol and reads its reply.
func resp(conn io.ReadWriter, args ...string) (any, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := io.WriteString(conn, b.String()); err != nil {
		return nil, err
	}
	return reply(bufio.NewReader(conn))
}

func reply(r *bufio.Reader) (any, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return nil, errors.New("testserver: an empty reply")
	}
	switch kind, text := line[0], line[1:]; kind {
	case '+':
		return text, nil
	case '-':
		return nil, errors.New("redis: " + text)
	case ':':
		return strconv.ParseInt(text, 10, 64)
	case '$':
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, err
		}
		data := make([]byte, n+2)
		_, err = io.ReadFull(r, data)
		return string(data[:n]), err
	case '*':
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, err
		}
		all := make([]any, n)
		for i := range all {
			if all[i], err = reply(r); err != nil {
				return nil, err
			}
		}
		return all, nil
	default:
		return nil, fmt.Errorf("testserver: the reply %q", line)
	}
}
