package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/keepsake-go/sessions/cmd/keepsake/internal/demo"
	"github.com/keepsake-go/sessions/engine"
)

// demoOptions are the flags of keepsake demo.
type demoOptions struct {
	addr     string
	database string
	exam     time.Duration
}

func (p *program) demo() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Serve a site that shows sessions at work",
		Long: `Serves a site whose pages show sessions at work, each beside the Go and the
Django code that does it. The sessions are in a SQLite file, in Django's table.
The secret key is $SECRET_KEY, or else in a file beside the database.`,
		Example: `  keepsake demo
  keepsake demo --exam 20s                            watch a session expire
  keepsake demo --addr :8080 --database /tmp/demo.db  for other machines, too`,
		Args: cobra.NoArgs,
		RunE: p.run(func(cmd *cobra.Command) error { return p.runDemo(cmd.Context(), o) }),
	}
	cmd.Flags().StringVar(&o.addr, "addr", "127.0.0.1:8000", "the `address` to serve")
	cmd.Flags().StringVar(&o.database, "database", "keepsake-demo.db", "the SQLite `file`")
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

	db, err := openDemoDatabase(ctx, o.database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	secret, where, err := demoSecret(o.database)
	if err != nil {
		return err
	}

	st := demo.Settings(secret, o.exam)
	st.Logger = slog.New(slog.NewTextHandler(p.stderr, nil))
	site, err := demo.New(st, engine.Database(db))
	if err != nil {
		return err
	}
	if _, err := site.Manager().Migrate(ctx); err != nil {
		return err
	}
	p.greet(o, siteURL(listener.Addr()), where)
	if err := serve(ctx, listener, site.Handler()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, "Stopped.")
	return err
}

func (p *program) greet(o demoOptions, url, secret string) {
	fmt.Fprintf(p.stdout, `Keepsake's demo is on %[1]s

  database    %[2]s, SQLite
  secret key  %[3]s
  exam        a session ends %[4]s after the last request

Try
  the page in a browser: log in and see the key change
  curl -c jar -b jar %[1]s              counts a visit
  curl -c jar -b jar %[1]ssession.json  the session as JSON
  go run ./cmd/keepsake clearsessions --database %[2]q

Ctrl-C ends it. The next run on the same file finds its visitors again.
`, url, o.database, secret, demo.Period(o.exam))
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
