package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	_ "time/tzdata" // TIME_ZONE on any machine
)

func main() {
	b := newBridge()
	defer b.close()
	if err := b.serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bridge:", err)
		os.Exit(1)
	}
}

// bridge is one conversation.
type bridge struct {
	clock   clock
	logs    logs
	servers servers // databases and caches that are open
	site    *site   // the settings in effect; nil before the first
	sites   map[string]*site
	handles map[int64]*handle
	last    int64 // handle or token that was given out
	web     *web  // between http_start and http_stop
}

func newBridge() *bridge {
	b := &bridge{handles: map[int64]*handle{}}
	b.servers.clock = b.clock.now
	return b
}

func (b *bridge) close() {
	if b.web != nil {
		_ = b.web.close()
	}
	b.servers.close()
}

// serve answers line by line until the input ends.
func (b *bridge) serve(in io.Reader, out io.Writer) error {
	lines := bufio.NewReaderSize(in, 1<<16)
	w := bufio.NewWriterSize(out, 1<<16)
	for {
		line, err := lines.ReadString('\n')
		if line != "" && line != "\n" {
			_, _ = w.WriteString(b.answer(line))
			_ = w.WriteByte('\n')
			if flushErr := w.Flush(); flushErr != nil {
				return flushErr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// answer answers one request.
func (b *bridge) answer(line string) string {
	b.logs.reset()
	b.servers.statements.Store(0)
	fields, err := parseObject(line)
	if err != nil {
		return `{"id":null,"err":` + wrong("ValueError", "the line is no JSON object").json() + `}`
	}
	r := &request{fields: fields}
	id := "null"
	if m, ok := fields.Get("id"); ok {
		id = m.JSON
	}
	result, h, err := b.perform(r)
	answer := `{"id":` + id
	if err != nil {
		answer += `,"err":` + exceptionOf(err).json()
	} else {
		answer += `,"ok":` + result
	}
	if h != nil {
		answer += `,"st":` + h.state()
	}
	if lines := b.logs.json(); lines != "" {
		answer += `,"logs":` + lines
	}
	if n := b.servers.statements.Load(); n > 0 {
		answer += `,"sql":` + strconv.FormatInt(n, 10)
	}
	return answer + "}"
}

// perform carries out a request. The handle is the session that it named or made.
func (b *bridge) perform(r *request) (result string, h *handle, err error) {
	defer func() {
		if p := recover(); p != nil {
			bad, ok := p.(badRequest)
			if !ok {
				panic(p)
			}
			err = wrong("ValueError", string(bad))
		}
	}()
	if !r.null("now") {
		unfreeze := b.clock.freeze(r.now())
		defer unfreeze()
	}
	op := r.text("op")
	if op == "hello" {
		return hello, nil, nil
	}
	if op == "settings" {
		return null, nil, b.settings(r)
	}
	if b.site == nil {
		return "", nil, wrong("ImproperlyConfigured", "the first request is settings")
	}
	if f := general[op]; f != nil {
		return f(b, r)
	}
	if f := signingOperations[op]; f != nil {
		result, err = f(b, r)
		return result, nil, err
	}
	if f := operations[op]; f != nil {
		if h = b.handles[r.integer("h")]; h == nil {
			return "", nil, wrong("ValueError", "there is no such session")
		}
		if err := b.rehome(h); err != nil {
			return "", h, err
		}
		result, err = f(b, h, r)
		return result, h, err
	}
	return "", nil, wrong("NotImplementedError", "there is no request "+op)
}

// mostSites bounds how many settings are remembered, with what is open for them.
const mostSites = 200

// settings puts settings into effect. Those that were before are not read again.
func (b *bridge) settings(r *request) error {
	m, _ := r.fields.Get("settings")
	if known := b.sites[m.JSON]; known != nil {
		b.site = known
		return nil
	}
	made, err := readSite(r)
	if err != nil {
		return err
	}
	if len(b.sites) == mostSites {
		b.servers.close()
		b.sites = nil
	}
	if b.sites == nil {
		b.sites = map[string]*site{}
	}
	b.site, b.sites[m.JSON] = made, made
	return nil
}

const hello = `{"name":"Keepsake","protocol":1,"engines":["db","cache","cached_db","file","signed_cookies"],` +
	`"caps":["sessions","middleware","signing","auth","http","sql_count"]}`

// general are the requests that name no session.
var general = map[string]func(*bridge, *request) (string, *handle, error){
	"new":           (*bridge).newSession,
	"free":          (*bridge).free,
	"clear_expired": (*bridge).clearExpired,
	"mw_request":    (*bridge).mwRequest,
	"mw_response":   (*bridge).mwResponse,
	"http_start":    (*bridge).httpStart,
	"http_stop":     (*bridge).httpStop,
}
