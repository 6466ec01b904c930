package interop

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// The demo in a real Chromium, as a visitor uses it.
func TestBrowser(t *testing.T) {
	chromium := startChromium(t)
	site := startDemo(t)

	t.Run("visits", func(t *testing.T) {
		b := chromium.tab(t, site, screen{})
		b.open("/")
		b.shows("#visit-count", "1")
		b.click("#visits a.button")
		b.shows("#visit-count", "2")
		b.reload()
		b.shows("#visit-count", "3")
		b.contains("#stored", `"visit_count": 3`)
		chromium.tab(t, site, screen{}).open("/").shows("#visit-count", "1") // another visitor
	})

	t.Run("colour", func(t *testing.T) {
		b := chromium.tab(t, site, screen{})
		b.open("/").shows("#favorite-color", "red")
		b.fill("#favorite_color", "teal")
		b.click("#color button")
		b.shows("#favorite-color", "teal")
		b.shows("#message", "Saved: your favourite colour is teal.")
		equal(t, "the swatch", b.eval(`getComputedStyle(document.querySelector(".swatch circle")).fill`), "rgb(0, 128, 128)")
		b.reload() // the form is not sent again
		b.shows("#favorite-color", "teal")
		equal(t, "messages", b.eval(`document.querySelectorAll("#message").length`), "0")
	})

	t.Run("login", func(t *testing.T) {
		b := chromium.tab(t, site, screen{})
		b.open("/")
		before := b.cookie().Value
		b.fill("#password", "lovelace")
		b.click("#login button")
		b.contains("#login", "You are Ada")
		after := b.cookie().Value
		if after == before {
			t.Error("the key is the same after the login")
		}
		b.shows("#key-before", before[:4]+"…")
		b.shows("#key-now", after[:4]+"…")
		equal(t, "the old key's page", site.statusWithKey(t, before), http.StatusBadRequest)

		b.click("#login button")
		b.contains("#login", "You are not logged in")
		b.shows("#visit-count", "1")
		if b.cookie().Value == after {
			t.Error("the key is the same after the logout")
		}
	})

	t.Run("two browsers of one member", func(t *testing.T) {
		logIn := func() *tab {
			b := chromium.tab(t, site, screen{})
			b.open("/").fill("#password", "lovelace").click("#login button")
			b.contains("#login", "You are Ada")
			return b
		}
		here, there, third := logIn(), logIn(), logIn()
		here.reload()
		equal(t, "sessions in the list", here.eval(`document.querySelectorAll(".devices li").length`), "3")
		equal(t, "this one", here.eval(`document.querySelectorAll(".devices .here").length`), "1")
		here.contains(".devices", "Chrome")

		here.click(`.devices li:has([name="handle"]) button`)
		here.shows("#message", "That session is over.")
		there.reload()
		third.reload()
		ended := 0
		for _, b := range []*tab{there, third} {
			if strings.Contains(b.text("#login"), "You are not logged in") {
				ended++
			}
		}
		equal(t, "browsers that were logged out", ended, 1)

		here.fill("#old_password", "lovelace").fill("#new_password", "analytical")
		here.click("#password-change button")
		here.contains("#message", "Your password is changed")
		for _, b := range []*tab{there, third} {
			b.reload()
			b.contains("#login", "You are not logged in")
		}
		here.contains("#login", "You are Ada")
		here.fill("#old_password", "analytical").fill("#new_password", "lovelace")
		here.click("#password-change button")
		here.contains("#message", "Your password is changed")
	})

	t.Run("set_expiry", func(t *testing.T) {
		b := chromium.tab(t, site, screen{})
		b.open("/")
		for value, left := range map[string]time.Duration{"after": 5 * time.Minute, "at": 5 * time.Minute, "default": 30 * time.Minute} {
			b.click(`#expiry button[value="` + value + `"]`)
			c := b.cookie()
			rest := time.Until(time.Unix(int64(c.Expires), 0))
			if c.Session || rest > left+2*time.Second || rest < left-30*time.Second {
				t.Errorf("%s: the cookie ends in %v, session cookie: %v", value, rest, c.Session)
			}
			if value == "default" && !strings.HasPrefix(b.text("#countdown"), "30:00") && !strings.HasPrefix(b.text("#countdown"), "29:") {
				t.Errorf("the countdown shows %s", b.text("#countdown"))
			}
		}
		b.click(`#expiry button[value="browser_close"]`)
		if c := b.cookie(); !c.Session || !c.HTTPOnly || c.Secure || c.SameSite != "Lax" {
			t.Errorf("browser close: %+v", c)
		}
		b.contains("#ends", "when the browser closes")
	})

	t.Run("comment", func(t *testing.T) {
		b := chromium.tab(t, site, screen{})
		b.open("/").click("#comment button")
		b.shows("#message", "Thanks for your comment!")
		b.click("#comment button")
		b.shows("#message", "You have commented already.")
	})

	t.Run("flush", func(t *testing.T) {
		b := chromium.tab(t, site, screen{})
		b.open("/").click("#flush button")
		b.shows("h1", "Flushed")
		if c := b.cookie(); c != nil {
			t.Error("there is still a cookie")
		}
		b.click("a.button")
		b.shows("#visit-count", "1")
	})

	t.Run("without JavaScript", func(t *testing.T) {
		b := chromium.tab(t, site, screen{noScripts: true})
		b.open("/")
		b.shows("#countdown", "30:00")
		b.shows(".clock small", "left when the page was sent")
		b.fill("#favorite_color", "gold")
		b.click("#color button")
		b.shows("#favorite-color", "gold")
		b.fill("#password", "lovelace")
		b.click("#login button")
		b.contains("#login", "You are Ada")
		b.choose(`#exam input[value="1"]`)
		b.click("#exam button")
		b.contains("#question", "Question 2 of 3")
		b.click("#flush button")
		b.shows("h1", "Flushed")
	})
}

// An exam of three seconds: requests keep it alive, and then it expires before
// the visitor's eyes.
func TestBrowserExamExpires(t *testing.T) {
	chromium := startChromium(t)
	b := chromium.tab(t, startDemo(t, "--exam", "3s"), screen{})
	b.open("/")
	for n := 2; n <= 5; n++ { // four seconds in all
		time.Sleep(time.Second)
		b.reload()
		b.shows("#visit-count", strconv.Itoa(n))
	}
	b.choose(`#exam input[value="1"]`)
	b.click("#exam button")
	b.contains("#question", "Question 2 of 3")
	old := b.cookie().Value

	do(b, chromedp.WaitVisible(chromedp.CSS("#over")))
	b.shows("#countdown", "0:00")
	b.click("#over a")
	b.shows("#visit-count", "1")
	b.contains("#question", "Question 1 of 3")
	b.contains("#message", "A new session")
	if b.cookie().Value == old {
		t.Error("the key has come back")
	}
}

// Phones and desktops, light and dark: nothing is cut off, everything has a
// name and can be hit with a thumb. With KEEPSAKE_SCREENSHOTS=FOLDER the pages
// are kept there as pictures.
func TestBrowserLayout(t *testing.T) {
	chromium := startChromium(t)
	site := startDemo(t)
	for name, look := range map[string]screen{
		"phone-light":   {width: 390, height: 844},
		"phone-dark":    {width: 390, height: 844, dark: true},
		"small-phone":   {width: 320, height: 568},
		"desktop-light": {width: 1280, height: 800},
		"desktop-dark":  {width: 1280, height: 800, dark: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := chromium.tab(t, site, look)
			b.open("/").fits()
			b.screenshot(name + "-new")
			b.fill("#favorite_color", strings.Repeat("W", 40)).click("#color button")
			b.fits()
			b.fill("#password", "lovelace").click("#login button")
			b.fits()
			b.screenshot(name + "-member")
			b.click("#flush button")
			b.fits()
			b.screenshot(name + "-flushed")
		})
	}
}

// fits checks what a reader of any screen needs.
func (b *tab) fits() *tab {
	b.t.Helper()
	for what, script := range map[string]string{
		"the page is wider than the screen": `document.documentElement.scrollWidth <= innerWidth`,
		"a box is wider than its page": `[...document.querySelectorAll("body *")].every(e =>
			e.getBoundingClientRect().right <= innerWidth + 1)`,
		"a field has no label":              `[...document.querySelectorAll("input:not([type=hidden])")].every(e => e.labels.length === 1)`,
		"a button is too small for a thumb": `[...document.querySelectorAll("button, a.button")].every(e => e.offsetHeight >= 44)`,
		"the text is not legible": `[...document.querySelectorAll("p, dt, dd, h1, h2, button, figcaption, legend, a, code")].every(e => {
			const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length === 4 && m[3] === 0 ? null : m };
			const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126*r + .7152*g + .0722*b };
			let box = e, ground; while (!(ground = parse(getComputedStyle(box).backgroundColor))) box = box.parentElement;
			const a = light(parse(getComputedStyle(e).color)), b = light(ground);
			return (Math.max(a, b) + .05) / (Math.min(a, b) + .05) >= 4.5 })`,
	} {
		if b.eval(script) != "true" {
			b.t.Errorf("at %s: %s", b.eval("location.pathname + ' ' + innerWidth"), what)
		}
	}
	return b
}

func (b *tab) screenshot(name string) {
	folder := os.Getenv("KEEPSAKE_SCREENSHOTS")
	if folder == "" {
		return
	}
	png := do(b, chromedp.FullScreenshot(100))
	check(b.t, errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644)))
}
