package interop

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A child speaks the bridge's protocol.
type child struct {
	t    testing.TB
	name string
	in   io.Writer
	out  *bufio.Reader
	ids  int
	now  string // what bridgeNow stands for

	handles map[string]int    // by the name that the test has for a session
	tokens  map[string]int    // of mw_request
	keys    map[string]string // the session's key at last, "" for none
	seen    map[string]string // keys, by the names that stand in for them
}

func newChild(t testing.TB, name string, in io.Writer, out io.Reader) *child {
	return &child{
		t: t, name: name, in: in, out: bufio.NewReader(out),
		handles: map[string]int{}, tokens: map[string]int{}, keys: map[string]string{}, seen: map[string]string{},
	}
}

// buildBridge builds the command once.
var buildBridge = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "keepsake-bridge")
	if err != nil {
		return "", err
	}
	program := filepath.Join(folder, "bridge")
	if text, err := exec.Command("go", "build", "-o", program, "./bridge").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, text)
	}
	return program, nil
})

// startBridge starts Keepsake's child.
func startBridge(t testing.TB) *child {
	t.Helper()
	program, err := buildBridge()
	check(t, err)
	cmd := exec.Command(program)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	check(t, err)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the bridge ended with %v", err)
		}
	})
	return newChild(t, "Keepsake", in, out)
}

// startDjangoBridge starts Django's child.
func startDjangoBridge(t testing.TB, p *python) *child {
	t.Helper()
	conn := p.run(t, "django_bridge.py")
	return newChild(t, "Django "+p.django, conn, conn)
}

// answer is a child's answer to one request.
type answer struct {
	ID  int
	OK  json.RawMessage
	Err *struct{ Type, Msg string }
	St  *struct {
		Accessed, Modified, Loaded bool
		Key                        *string
	}
	Logs [][3]string
	SQL  int
}

// raw sends a line and returns the one that comes back.
func (c *child) raw(line string) string {
	c.t.Helper()
	_, err := io.WriteString(c.in, line+"\n")
	check(c.t, err)
	reply, err := c.out.ReadString('\n')
	if err != nil {
		c.t.Fatalf("%s, %s: %v", c.name, line, err)
	}
	return reply
}

// ask sends a request. In its fields "h", "key" and "data" a text that begins with
// an @ stands for the session of that name, or for its key.
func (c *child) ask(op string, with args) answer {
	c.t.Helper()
	c.ids++
	request := args{"id": c.ids, "op": op}
	as := ""
	for name, value := range with {
		text, _ := value.(string)
		reference, isReference := strings.CutPrefix(text, "@")
		switch {
		case name == "as":
			as = text
			continue
		case text == bridgeNow:
			value = c.now
		case name == "h":
			value = c.handles[text]
		case name == "m":
			value = c.tokens[text]
			c.tokens[text] = 0
		case isReference && c.keys[reference] == "":
			value = nil
		case isReference:
			value = c.keys[reference]
		case name == "cookies":
			cookies := map[string]string{}
			for name, value := range value.(map[string]string) {
				if reference, is := strings.CutPrefix(value, "@"); is {
					value = c.keys[reference]
				}
				cookies[name] = value
			}
			value = cookies
		}
		request[name] = value
	}
	line, err := json.Marshal(request)
	check(c.t, err)
	var a answer
	reply := c.raw(string(line))
	if err := json.Unmarshal([]byte(reply), &a); err != nil || a.ID != c.ids {
		c.t.Fatalf("%s, %s: %v in %s", c.name, line, err, reply)
	}
	if as != "" {
		var made struct{ H, M int }
		if a.Err == nil {
			check(c.t, json.Unmarshal(a.OK, &made))
		}
		c.handles[as], c.tokens[as] = made.H, made.M
	} else {
		as, _ = with["h"].(string)
	}
	if a.St != nil {
		c.keys[as] = ""
		if a.St.Key != nil {
			c.keys[as] = *a.St.Key
		}
	}
	return a
}

var aKey = regexp.MustCompile(`\b[a-z0-9]{32}\b`)

var aSigned = regexp.MustCompile(`(\.?)([A-Za-z0-9_-]+):([0-9A-Za-z]{6}):[A-Za-z0-9_-]{43}`)

// unpacked is a compressed signed string as what it says: Go's deflate finds other
// matches than zlib's, and so other texts that are worth it.
func unpacked(text string) string {
	return aSigned.ReplaceAllStringFunc(text, func(signed string) string {
		parts := aSigned.FindStringSubmatch(signed)
		data, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil || len(data) < mayBeCompressed {
			return signed
		}
		if parts[1] != "" {
			r, err := zlib.NewReader(bytes.NewReader(data))
			if err != nil {
				return signed
			}
			if data, err = io.ReadAll(r); err != nil {
				return signed
			}
		}
		return fmt.Sprintf("<signed %q %s>", data, parts[3])
	})
}

// mayBeCompressed is below what any compressed payload in these tests has.
const mayBeCompressed = 24

// named has names for the keys, in the order in which they appeared: each side
// makes its own.
func (c *child) named(text string) string {
	text = aKey.ReplaceAllStringFunc(text, func(key string) string {
		if c.seen[key] == "" {
			c.seen[key] = "<key " + strconv.Itoa(len(c.seen)+1) + ">"
		}
		return c.seen[key]
	})
	for key, name := range c.seen { // behind a prefix
		text = strings.ReplaceAll(text, key, name)
	}
	return text
}

// normal is an answer without what may differ.
func (c *child) normal(a answer) string {
	var b strings.Builder
	if a.Err != nil {
		fmt.Fprintf(&b, "%s(%s)", a.Err.Type, a.Err.Msg)
	} else {
		var ok any
		if err := json.Unmarshal(a.OK, &ok); err != nil {
			c.t.Fatalf("%s: %v in %s", c.name, err, a.OK)
		}
		if m, isMap := ok.(map[string]any); isMap {
			delete(m, "h")
			delete(m, "m")
			delete(m, "storage_path")
			sortHeaders(m)
		}
		text, _ := json.Marshal(ok)
		b.Write(text)
	}
	if a.St != nil {
		fmt.Fprintf(&b, " accessed %v modified %v loaded %v", a.St.Accessed, a.St.Modified, a.St.Loaded)
		if a.St.Key != nil {
			fmt.Fprintf(&b, " key %s", *a.St.Key)
		}
	}
	for _, line := range a.Logs {
		fmt.Fprintf(&b, " log %q", line)
	}
	return c.named(unpacked(b.String()))
}

func sortHeaders(m map[string]any) {
	headers, ok := m["headers"].([]any)
	if !ok {
		return
	}
	sorted := map[string][]any{}
	for _, h := range headers {
		pair := h.([]any)
		name := strings.ToLower(pair[0].(string))
		sorted[name] = append(sorted[name], pair[1])
	}
	m["headers"] = sorted
}

// A bridgePair is both children.
type bridgePair struct {
	t        testing.TB
	keepsake *child
	django   *child
	python   *python
	engine   string
	settings args // of the test: both sides'
	ground   [2]args

	anySQL bool // statements are not compared

	asked []string // for the message
}

// begin is for the next test.
func (p *bridgePair) begin(t testing.TB) {
	p.t, p.asked = t, nil
	now := epochText(time.Now().Truncate(time.Second).Add(123456 * time.Microsecond))
	for _, c := range []*child{p.keepsake, p.django} {
		c.t, c.seen, c.now = t, map[string]string{}, now
	}
}

// do asks both and compares.
func (p *bridgePair) do(op string, with args) (keepsake, django answer) {
	p.t.Helper()
	k, d, same := p.compare(op, with)
	if !same {
		before := p.asked[max(0, len(p.asked)-9) : len(p.asked)-1]
		p.t.Errorf("%s\nafter:\n%s", p.asked[len(p.asked)-1], strings.Join(before, "\n"))
	}
	return k, d
}

// differs is do where Keepsake is different on purpose.
func (p *bridgePair) differs(why, op string, with args) (keepsake, django answer) {
	p.t.Helper()
	k, d, same := p.compare(op, with)
	if same {
		p.t.Errorf("the same, though %s: %s", why, p.asked[len(p.asked)-1])
	}
	return k, d
}

func (p *bridgePair) compare(op string, with args) (k, d answer, same bool) {
	p.t.Helper()
	if _, frozen := with["now"]; !frozen && p.engine == "signed_cookies" && (op == "save" || op == "create") {
		with = maps.Clone(with)
		with["now"] = bridgeNow // the key says the second
	}
	k, d = p.keepsake.ask(op, with), p.django.ask(op, with)
	kn, dn := p.keepsake.normal(k), p.django.normal(d)
	text, _ := json.Marshal(with)
	p.asked = append(p.asked, fmt.Sprintf("%s %s\n  Keepsake %s (%d SQL)\n  Django   %s (%d SQL)", op, text, kn, k.SQL, dn, d.SQL))
	same = kn == dn && (k.SQL == 0 || d.SQL > 0 || p.anySQL)
	return k, d, same
}

// on is a request on a session.
func (p *bridgePair) on(session, op string, with ...args) (keepsake, django answer) {
	p.t.Helper()
	return p.do(op, about(session, with))
}

func about(session string, with []args) args {
	all := args{"h": session}
	for _, one := range with {
		maps.Copy(all, one)
	}
	return all
}

// off is on where Keepsake is different on purpose.
func (p *bridgePair) off(why, session, op string, with ...args) {
	p.t.Helper()
	p.differs(why, op, about(session, with))
}

// open makes a session.
func (p *bridgePair) open(session string, key any) {
	p.t.Helper()
	p.do("new", args{"as": session, "engine": p.engine, "key": key})
}

// use changes settings on both sides.
func (p *bridgePair) use(change args) {
	p.t.Helper()
	maps.Copy(p.settings, change)
	for i, c := range []*child{p.keepsake, p.django} {
		settings := maps.Clone(p.settings)
		maps.Copy(settings, p.ground[i])
		if a := c.ask("settings", args{"settings": settings}); a.Err != nil {
			p.t.Fatalf("%s: settings: %v", c.name, a.Err)
		}
	}
}

// k is a name in the dictionary, v a value, as the protocol has them.
func k(name string) args { return args{"key": quote(name)} }

func kv(name, value string) args { return args{"key": quote(name), "value": value} }

func quote(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

// newBridgePair starts both children on stores of their own.
func newBridgePair(t testing.TB, p *python, stack *bridgeStack) *bridgePair {
	t.Helper()
	made := &bridgePair{
		t: t, python: p, engine: stack.engine, anySQL: stack.name() == "cache/SQLite", // which cannot be without
		keepsake: startBridge(t), django: startDjangoBridge(t, p),
		settings: args{
			"SECRET_KEY": secret, "SECRET_KEY_FALLBACKS": []string{}, "SESSION_ENGINE": "django.contrib.sessions.backends." + stack.engine,
			"SESSION_SERIALIZER":  "django.contrib.sessions.serializers.JSONSerializer",
			"SESSION_CACHE_ALIAS": "default", "SESSION_COOKIE_NAME": "sessionid", "SESSION_COOKIE_AGE": 1209600,
			"SESSION_COOKIE_DOMAIN": nil, "SESSION_COOKIE_PATH": "/", "SESSION_COOKIE_SECURE": false,
			"SESSION_COOKIE_HTTPONLY": true, "SESSION_COOKIE_SAMESITE": "Lax", "SESSION_SAVE_EVERY_REQUEST": false,
			"SESSION_EXPIRE_AT_BROWSER_CLOSE": false, "USE_TZ": true, "TIME_ZONE": "UTC", "DJANGO_VERSION": p.django,
		},
	}
	for i := range made.ground {
		made.ground[i] = stack.ground(t, i)
	}
	for i := range made.ground { // Django makes the tables, its own last
		settings := maps.Clone(made.settings)
		maps.Copy(settings, made.ground[i])
		for _, op := range []string{"settings", "migrate"} {
			if a := made.django.ask(op, args{"settings": settings}); a.Err != nil {
				t.Fatalf("Django, %s: %v", op, a.Err)
			}
		}
	}
	made.use(nil)
	return made
}

// A bridgeStack is an engine on a server.
type bridgeStack struct {
	engine, server string
	needs          string // the Python modules of its clients
	ground         func(t testing.TB, side int) args
}

func (s *bridgeStack) name() string { return s.engine + "/" + s.server }

// bridgeFolder is the ground of every engine, in a folder.
func bridgeFolder(t testing.TB, side int) args {
	dir := t.TempDir()
	return args{
		"SESSION_FILE_PATH": dir,
		"DATABASES":         databases(sqliteDatabase(filepath.Join(dir, "db.sqlite3"))),
		"CACHES": args{
			"default": args{"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": filepath.Join(dir, "cache"), "KEY_PREFIX": strconv.Itoa(side)},
			"other":   args{"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
		},
	}
}

// onServers is bridgeFolder with other servers: nil is none.
func onServers(database func(testing.TB) (*sql.DB, map[string]any), cache func(testing.TB) sharedCache) func(testing.TB, int) args {
	return func(t testing.TB, side int) args {
		ground := bridgeFolder(t, side)
		if database != nil {
			_, d := database(t)
			ground["DATABASES"] = databases(d)
		}
		if cache != nil {
			ground["CACHES"] = cache(t).caches(variant{prefix: "side" + strconv.Itoa(side)})
		}
		return ground
	}
}

// onCacheTable is Django's DatabaseCache in the folder's database.
func onCacheTable(t testing.TB, side int) args {
	ground := bridgeFolder(t, side)
	ground["CACHES"] = args{"default": args{"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache_table"}}
	return ground
}

// bridgeStacks are those of every Django; with the newest there are more.
var bridgeStacks = []*bridgeStack{
	{engine: "db", server: "SQLite", ground: bridgeFolder},
	{engine: "cache", server: "files", ground: bridgeFolder},
	{engine: "cached_db", server: "SQLite+files", ground: bridgeFolder},
	{engine: "file", server: "folder", ground: bridgeFolder},
	{engine: "signed_cookies", server: "browser", ground: bridgeFolder},
}

var moreBridgeStacks = []*bridgeStack{
	{engine: "db", server: "PostgreSQL", needs: "psycopg2", ground: onServers(onPostgres, nil)},
	{engine: "db", server: "MariaDB", needs: "MySQLdb", ground: onServers(onMariaDB, nil)},
	{engine: "cache", server: "Redis", needs: "redis", ground: onServers(nil, djangosRedis)},
	{engine: "cache", server: "Memcached", needs: "pymemcache", ground: onServers(nil, pyMemcache)},
	{engine: "cache", server: "SQLite", ground: onCacheTable},
	{engine: "cached_db", server: "PostgreSQL+Redis", needs: "psycopg2 redis", ground: onServers(onPostgres, djangosRedis)},
}

// eachBridge runs f with every Django and stack.
func eachBridge(t *testing.T, f func(t *testing.T, p *bridgePair)) {
	all, err := allPythons()
	check(t, err)
	if len(all) == 0 {
		missing(t, "no Django")
	}
	for _, python := range all {
		stacks := bridgeStacks
		if python == newest(t) {
			stacks = slices.Concat(stacks, moreBridgeStacks)
		}
		for _, stack := range stacks {
			t.Run(python.django+"/"+stack.name(), func(t *testing.T) {
				t.Parallel()
				for module := range strings.FieldsSeq(stack.needs) {
					if !slices.Contains(python.clients, module) {
						missing(t, "the Python of Django %s has no %s", python.django, module)
					}
				}
				f(t, newBridgePair(t, python, stack))
			})
		}
	}
}

// TestBridge has the same requests answered by Keepsake and by every Django.
func TestBridge(t *testing.T) {
	eachBridge(t, func(t *testing.T, p *bridgePair) {
		for _, s := range slices.Concat(bridgeScenarios, middlewareScenarios, signingScenarios) {
			if s.engines != "" && !strings.Contains(" "+s.engines+" ", " "+p.engine+" ") || p.python.before(s.since[0], s.since[1]) {
				continue
			}
			t.Run(s.name, func(t *testing.T) {
				before := maps.Clone(p.settings)
				p.begin(t)
				s.do(p)
				p.settings = before
				p.use(nil)
			})
		}
	})
}

// A bridgeScenario is a sequence of requests.
type bridgeScenario struct {
	name    string
	engines string // with spaces between; "" is all
	since   [2]int // the first Django
	do      func(p *bridgePair)
}
