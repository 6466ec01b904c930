package stress

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// process is the application in a process of its own.
type process struct {
	addr string
	cmd  *exec.Cmd
	in   io.Closer

	mu   sync.Mutex
	acks map[string]int64 // what it has acknowledged, by word
	read chan struct{}    // closed when it has said all
}

// run starts the application.
func run(t testing.TB, c config) *process {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(os.Args[0]), acks: map[string]int64{}, read: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), workerVariable+"="+string(text))
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	// Not StdoutPipe, which Wait would close before all is read.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout = w
	err = p.cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	lines := bufio.NewScanner(r)
	lines.Scan()
	addr, listening := strings.CutPrefix(lines.Text(), "listening ")
	if p.addr = addr; !listening {
		t.Fatalf("a worker said %q", lines.Text())
	}
	go func() {
		defer close(p.read)
		defer r.Close()
		for lines.Scan() {
			if word, ok := strings.CutPrefix(lines.Text(), "ack "); ok {
				p.mu.Lock()
				p.acks[word]++
				p.mu.Unlock()
			}
		}
	}()
	return p
}

// kill ends the process at once, and returns when all that it has said is read.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		_ = p.in.Close()
	}
	<-p.read
}

// memory is what the process occupies, in bytes.
func (p *process) memory() int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	var total, resident int64
	_, _ = fmt.Sscan(string(text), &total, &resident)
	return resident * int64(os.Getpagesize())
}

// client is all visitors' browser.
var client = &http.Client{
	Timeout:   30 * time.Second,
	Transport: &http.Transport{MaxIdleConns: 4000, MaxIdleConnsPerHost: 2000, DisableCompression: true},
}

// answer is what a visitor got. Status 0: no answer came.
type answer struct {
	status int
	body   string
	cookie *http.Cookie // the session's, if the answer sets one
	took   time.Duration
}

// get sends a request with a session key, "" for none.
func (p *process) get(path, key string, query ...string) answer { return p.send("", path, key, query) }

// fetch is get for a request of a page's own, as a browser says.
func (p *process) fetch(path, key string, query ...string) answer {
	return p.send("cors", path, key, query)
}

func (p *process) send(mode, path, key string, query []string) answer {
	values := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	r, err := http.NewRequestWithContext(context.Background(), "POST", "http://"+p.addr+path+"?"+values.Encode(), nil)
	if err != nil {
		return answer{body: err.Error()}
	}
	if key != "" {
		r.Header.Set("Cookie", "sessionid="+key)
	}
	if mode != "" {
		r.Header.Set("Sec-Fetch-Mode", mode)
	}
	begin := time.Now()
	resp, err := client.Do(r)
	if err != nil {
		return answer{body: err.Error(), took: time.Since(begin)}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	a := answer{status: resp.StatusCode, body: strings.TrimSpace(string(text)), took: time.Since(begin)}
	if err != nil {
		a.status = 0
	}
	for _, c := range resp.Cookies() {
		if c.Name == "sessionid" {
			a.cookie = c
		}
	}
	return a
}

// begin makes a session and returns its key.
func (p *process) begin(t testing.TB) string {
	t.Helper()
	a := p.get("/new", "")
	if a.status != http.StatusOK || a.cookie == nil {
		t.Fatalf("no session: %d %s", a.status, a.body)
	}
	return a.cookie.Value
}

// audit returns what is stored under a key, nil when it is no session's. It asks
// until it gets an answer.
func (p *process) audit(t testing.TB, key string) map[string]int64 {
	t.Helper()
	a := p.get("/audit", "", "key", key)
	for deadline := time.Now().Add(20 * time.Second); a.status != http.StatusOK && a.status != http.StatusNotFound; a = p.get("/audit", "", "key", key) {
		if time.Now().After(deadline) {
			t.Errorf("a session can't be read: %d %s", a.status, a.body)
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	if a.status == http.StatusNotFound {
		return nil
	}
	all := map[string]int64{}
	if err := json.Unmarshal([]byte(a.body), &all); err != nil {
		t.Errorf("the audit says %q", a.body)
	}
	return all
}
