package interop

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// demoSite is a running keepsake demo.
type demoSite struct{ url string }

// startDemo builds the command and runs its demo on a fresh database.
func startDemo(t *testing.T, flags ...string) *demoSite {
	t.Helper()
	folder := t.TempDir()
	command := filepath.Join(folder, "keepsake")
	if out, err := exec.Command("go", "build", "-o", command, "../cmd/keepsake").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.Command(command, append([]string{"demo", "--addr", "127.0.0.1:0", "--database", filepath.Join(folder, "demo.db")}, flags...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	lines := bufio.NewScanner(out)
	lines.Scan()
	_, url, found := strings.Cut(lines.Text(), "http://")
	drained := make(chan string)
	go func() {
		last := ""
		for lines.Scan() {
			last = lines.Text()
		}
		drained <- last
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		last := <-drained
		if err := cmd.Wait(); err != nil || last != "Stopped." {
			t.Errorf("the demo ended with %q: %v", last, err)
		}
	})
	if !found {
		t.Fatalf("the demo said %q", lines.Text())
	}
	return &demoSite{"http://" + strings.TrimSuffix(url, "/")}
}

// statusWithKey is what somebody gets who has that key.
func (d *demoSite) statusWithKey(t *testing.T, key string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+"/", http.NoBody)
	check(t, err)
	r.Header.Set("Cookie", "sessionid="+key)
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	check(t, err)
	check(t, response.Body.Close())
	return response.StatusCode
}

// browser is a running Chromium.
type browser struct{ ctx context.Context }

// startChromium starts $KEEPSAKE_CHROMIUM, or the first Chromium on the PATH.
func startChromium(t *testing.T) *browser {
	t.Helper()
	names := []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}
	if own := os.Getenv("KEEPSAKE_CHROMIUM"); own != "" {
		names = []string{own}
	}
	path := ""
	for _, name := range names {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		missing(t, "NO BROWSER: no %s (Debian: apt-get install chromium)", strings.Join(names, ", "))
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // CI runs as root
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true), // the demo is on this machine
	)
	ctx, end := chromedp.NewExecAllocator(t.Context(), flags...)
	t.Cleanup(end)
	ctx, closeBrowser := chromedp.NewContext(ctx)
	t.Cleanup(closeBrowser)
	version, err := chromedp.Run(ctx, chromedp.Evaluate[string](`navigator.userAgent.match(/Chrome\/([\d.]+)/)[1]`))
	check(t, err)
	fmt.Println("Chromium", version)
	return &browser{ctx}
}

// screen is what a visitor looks at. The zero value is a desktop's.
type screen struct {
	width, height int64
	dark          bool
	noScripts     bool // JavaScript is switched off
	mayRefuse     bool // what scripts ask for may be answered with 400
}

// tab is a page of one visitor.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string
}

// tab opens a page for a new visitor: it shares no cookies with other tabs.
// What the page's console reports fails the test.
func (b *browser) tab(t *testing.T, site *demoSite, s screen) *tab {
	t.Helper()
	ctx, end := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	check(t, chromedp.Listen(ctx, func(event any) {
		switch event := event.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("script: %s", event.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			refused := s.mayRefuse && strings.Contains(event.Entry.Text, "status of 400")
			if event.Entry.Level == log.EntryLevelError && !refused {
				t.Errorf("console: %s", event.Entry.Text)
			}
		}
	}))
	scheme := "light"
	if s.dark {
		scheme = "dark"
	}
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme},
		// A page that scrolls while it is clicked on is one more thing to wait for.
		{Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	check(t, err)
	if s.width > 0 {
		_, err = chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: s.width, Height: s.height, DeviceScaleFactor: 1, Mobile: s.width < 500,
		})
		check(t, err)
	}
	if s.noScripts {
		_, err = chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		check(t, err)
	}
	return &tab{t, ctx, site.url}
}

// patience is plenty of time for one step.
const patience = time.Minute

// load does what leads to another page, and waits for that.
func (b *tab) load(action chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, action)
	check(b.t, err)
	if response != nil && response.Status >= 400 {
		b.t.Fatalf("%s: %d", response.URL, response.Status)
	}
}

// do runs an action on the page that is there, and returns what it yields.
func do[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	check(b.t, err)
	return value
}

func (b *tab) open(path string) *tab {
	b.t.Helper()
	b.load(chromedp.Navigate(b.url + path))
	return b
}

func (b *tab) reload() {
	b.t.Helper()
	b.load(chromedp.Reload())
}

// click follows a link or sends a form.
func (b *tab) click(selector string) *tab {
	b.t.Helper()
	b.load(chromedp.Click(chromedp.CSS(selector)))
	return b
}

// choose clicks on what leads nowhere.
func (b *tab) choose(selector string) *tab {
	b.t.Helper()
	do(b, chromedp.Click(chromedp.CSS(selector)))
	return b
}

func (b *tab) fill(selector, text string) *tab {
	b.t.Helper()
	do(b, chromedp.SendKeys(chromedp.CSS(selector), text))
	return b
}

func (b *tab) text(selector string) string {
	b.t.Helper()
	return strings.TrimSpace(do(b, chromedp.Text(chromedp.CSS(selector))))
}

func (b *tab) shows(selector, want string) {
	b.t.Helper()
	equal(b.t, selector, b.text(selector), want)
}

func (b *tab) contains(selector, part string) {
	b.t.Helper()
	if got := b.text(selector); !strings.Contains(got, part) {
		b.t.Errorf("%s: %q, want %q in it", selector, got, part)
	}
}

// eval is a JavaScript expression's value as text.
func (b *tab) eval(expression string) string {
	b.t.Helper()
	return do(b, chromedp.Evaluate[string]("String("+expression+")"))
}

// cookie is the session cookie that the browser has; nil when it has none.
func (b *tab) cookie() *network.Cookie {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{b.url}})
	check(b.t, err)
	for _, c := range result.Cookies {
		if c.Name == "sessionid" {
			return c
		}
	}
	return nil
}
