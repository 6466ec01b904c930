package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keepsake-go/sessions/cmd/keepsake/internal/demo"
	"github.com/keepsake-go/sessions/config"
	"github.com/keepsake-go/sessions/config/drivers"
)

// demoOptions are the flags of keepsake demo.
type demoOptions struct {
	addr     string
	engine   string
	database string
	cache    string
	exam     time.Duration
}

// The demo's own stores, for who names none.
const (
	demoDatabase = "keepsake-demo.db"
	demoFolder   = "keepsake-demo-sessions"
	demoCache    = "locmem://?max_entries=0" // in this process; no limit
)

func (p *program) demo() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo [--engine ENGINE] [--database FILE or URL] [--cache URL]",
		Short: "Serve a site that shows sessions at work",
		Long: `Serves a site whose pages show sessions at work, each beside the Go and the
Django code that does it. The sessions are in a SQLite file, in Django's table,
or wherever another engine keeps them:

  db, cached_db      --database, a SQLite file or the URL of a database
  cache, cached_db   --cache, the URL of a cache; without it, this process's memory
  file               the folder ` + demoFolder + `
  signed_cookies, encrypted_cookies   the browser
  memory             this process, until it ends

The secret key is $SECRET_KEY, or else in a file beside the database.`,
		Example: `  keepsake demo
  keepsake demo --exam 20s                            watch a session expire
  keepsake demo --engine signed_cookies
  keepsake demo --engine cached_db --database postgres://site@localhost/site --cache redis://localhost
  keepsake demo --addr :8080 --database /tmp/demo.db  for other machines, too`,
		Args: cobra.NoArgs,
		RunE: p.run(func(cmd *cobra.Command) error { return p.runDemo(cmd.Context(), o) }),
	}
	cmd.Flags().StringVar(&o.addr, "addr", "127.0.0.1:8000", "the `address` to serve")
	cmd.Flags().StringVar(&o.engine, "engine", "db", "the SESSION_ENGINE")
	cmd.Flags().StringVar(&o.database, "database", demoDatabase, "the SQLite `file`, or the URL of a database")
	cmd.Flags().StringVar(&o.cache, "cache", "", "the `URL` of a cache (default this process's memory)")
	cmd.Flags().DurationVar(&o.exam, "exam", 30*time.Minute, "how `long` a session lives after each request")
	return cmd
}

func (p *program) runDemo(ctx context.Context, o demoOptions) (err error) {
	if o.exam < time.Second || o.exam%time.Second != 0 {
		return usageError{fmt.Errorf("--exam %v: whole seconds, at least one, 20s or 30m for instance", o.exam)}
	}
	// The address first: nothing is made on the disk when it is taken.
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.addr)
	if err != nil {
		return fmt.Errorf("%w\nChoose another address with --addr, 127.0.0.1:0 for any free port", err)
	}
	defer listener.Close() // Serve has closed it, unless something fails before

	cfg, err := o.config()
	if err != nil {
		return err
	}
	secret, where, err := demoSecret(o.secretFile(cfg))
	if err != nil {
		return err
	}
	engine, closeAll, err := cfg.OpenEngine()
	if err != nil {
		return named(err)
	}
	defer func() { err = errors.Join(err, closeAll()) }()

	st := demo.Settings(secret, o.exam)
	st.Logger = slog.New(slog.NewTextHandler(p.stderr, nil))
	site, err := demo.New(st, engine)
	if err != nil {
		return err
	}
	if err := site.Prepare(ctx); err != nil {
		return err
	}
	if err := askStore(ctx, site.Manager()); err != nil { // cached_db only logs that its cache is away
		return err
	}
	p.greet(o, cfg, siteURL(listener.Addr()), where)
	if err := serve(ctx, listener, site.Handler()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, "Stopped.")
	return err
}

// config is the configuration that the flags describe.
func (o *demoOptions) config() (*config.Config, error) {
	settings := drivers.All()
	cache := o.cache
	if cache == "" {
		cache = demoCache
	}
	location, err := databaseURL(o.database, true)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(o.database, "://") {
		// In WAL mode requests read while one writes. FULL: with NORMAL, SQLite's
		// other choice for WAL, a power cut can undo the last commits, and a
		// session that was logged out would live again.
		location += "?init_command=" + url.QueryEscape("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
	}
	settings.Environ = []string{
		"SECRET_KEY=" + noSecret, "SESSION_ENGINE=" + o.engine, "DATABASE_URL=" + location, "CACHE_URL=" + cache,
		"SESSION_FILE_PATH=" + demoFolder,
	}
	cfg, err := config.Load("", settings)
	if err != nil {
		return nil, usageError{named(err)}
	}
	if strings.HasSuffix("."+o.engine, ".file") {
		if err := os.Mkdir(demoFolder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return cfg, nil
}

// secretFile is where a secret key that the demo makes is kept, "" for nowhere.
func (o *demoOptions) secretFile(cfg *config.Config) string {
	switch _, usesDatabase := cfg.Database(); {
	case usesDatabase && !strings.Contains(o.database, "://"):
		return o.database + ".secret"
	case cfg.EngineName() == "memory":
		return ""
	}
	return demoDatabase + ".secret"
}

func (p *program) greet(o demoOptions, cfg *config.Config, site, secret string) {
	fmt.Fprintf(p.stdout, "Keepsake's demo is on %s\n\n", site)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(p.stdout, "  %-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("engine", "%s", o.engine)
	db, usesDatabase := cfg.Database()
	file := usesDatabase && strings.HasSuffix(db.Engine, "sqlite3")
	switch {
	case file && !strings.Contains(o.database, "://"):
		line("database", "%s, SQLite", o.database)
	case usesDatabase:
		line("database", "%v", db)
	}
	if c, ok := cfg.Cache(); ok && o.cache == "" {
		line("cache", "in this process's memory")
	} else if ok {
		line("cache", "%v", c)
	}
	if strings.HasSuffix("."+o.engine, ".file") {
		line("folder", "%s", demoFolder)
	}
	line("secret key", "%s", secret)
	line("exam", "a session ends %s after the last request", demo.Period(o.exam))
	fmt.Fprintf(p.stdout, `
Try
  the page in a browser: log in and see the key change
  curl -c jar -b jar %[1]s              counts a visit
  curl -c jar -b jar %[1]ssession.json  the session as JSON
`, site)
	if file {
		fmt.Fprintf(p.stdout, "  go run ./cmd/keepsake clearsessions --database %q\n", o.database)
	}
	fmt.Fprintf(p.stdout, "\nCtrl-C ends it.%s\n", nextRun(o, cfg))
}

// nextRun says whether sessions outlive the demo.
func nextRun(o demoOptions, cfg *config.Config) string {
	switch c, usesCache := cfg.Cache(); {
	case o.engine == "memory", usesCache && o.cache == "" && !strings.HasSuffix(o.engine, "cached_db"):
		return " Its sessions end with it."
	case usesCache && !strings.HasSuffix(o.engine, "cached_db"):
		return fmt.Sprintf(" The next run finds its visitors again, while the %v keeps them.", c)
	case strings.HasSuffix(o.engine, "_cookies"), strings.HasSuffix("."+o.engine, ".file"):
		return " The next run finds its visitors again."
	}
	if strings.Contains(o.database, "://") {
		return " The next run on the same database finds its visitors again."
	}
	return " The next run on the same file finds its visitors again."
}

// siteURL is how a browser on this machine reaches the address.
func siteURL(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "http://" + addr.String() + "/"
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

// serve serves until ctx ends, and then lets the requests in hand finish.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	<-failed // http.ErrServerClosed
	return err
}
