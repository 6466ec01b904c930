package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/config"
)

func (p *program) check() *cobra.Command {
	var s source
	var connect bool
	cmd := &cobra.Command{
		Use:   "check [--config FILE]",
		Short: "Check a configuration, and say what it means",
		Long: `Reads the settings as a program does, reports everything that is wrong with them,
and else what they mean and what is rarely wanted: Django's check --deploy as far
as it is about sessions. It asks no server unless --connect says so.`,
		Example: `  keepsake check --config keepsake.toml
  keepsake check --config keepsake.toml --connect`,
		Args: cobra.NoArgs,
		RunE: p.run(func(cmd *cobra.Command) error { return p.runCheck(cmd, &s, connect) }),
	}
	cmd.Flags().StringVar(&s.config, "config", "", "the TOML `file` of settings; the environment stands above it")
	cmd.Flags().BoolVar(&connect, "connect", false, "also look for a session, to see that the store answers")
	return cmd
}

func (p *program) runCheck(cmd *cobra.Command, s *source, connect bool) (err error) {
	var warnings warningLog
	cfg, err := s.loadLogging(cmd, !connect, &warnings)
	if err != nil {
		return err
	}
	m, closeAll, err := cfg.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()

	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	describe(w, cfg, m.Settings())
	if connect {
		started := time.Now()
		if err := askStore(cmd.Context(), m); err != nil {
			_ = w.Flush()
			if missingTable(err) {
				return s.noTable(cfg)
			}
			return err
		}
		fmt.Fprintf(w, "store\tanswers, in %v\n", time.Since(started).Round(100*time.Microsecond))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, warning := range warnings {
		fmt.Fprintf(p.stdout, "\nWARNING  %s\n", warning)
	}
	if len(warnings) == 0 {
		_, err = fmt.Fprintln(p.stdout, "\nNo warnings.")
	}
	return err
}

// askStore looks for a session that nobody has: it is enough that the store
// answers.
func askStore(ctx context.Context, m *sessions.Manager) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := m.Exists(ctx, strings.ToLower(rand.Text() + rand.Text())[:32])
	return err
}

// warningLog keeps what is logged when sessions are opened.
type warningLog []string

func (w *warningLog) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

func (w *warningLog) Handle(_ context.Context, r slog.Record) error {
	_, text, _ := strings.Cut(r.Message, ": ") // after the package's name
	*w = append(*w, text)
	return nil
}

func (w *warningLog) WithAttrs([]slog.Attr) slog.Handler { return w }

func (w *warningLog) WithGroup(string) slog.Handler { return w }

// describe says what a configuration means, without its secrets.
func describe(w *tabwriter.Writer, cfg *config.Config, st sessions.Settings) {
	fmt.Fprintf(w, "engine\t%s\n", cfg.EngineName())
	if db, ok := cfg.Database(); ok {
		fmt.Fprintf(w, "database\t%v, table %s\n", db, cfg.Table())
	}
	if c, ok := cfg.Cache(); ok {
		fmt.Fprintf(w, "cache\t%v\n", c)
	}
	fmt.Fprintf(w, "cookie\t%s\n", cookieWords(st))
	fmt.Fprintf(w, "ends\t%s\n", lifeWords(st))
	fmt.Fprintf(w, "secret key\tset, with %d former ones\n", len(st.SecretKeyFallbacks))
}

func cookieWords(st sessions.Settings) string {
	words := []string{st.CookieName}
	for _, attribute := range []struct {
		set  bool
		text string
	}{
		{st.CookieDomain != "", "Domain=" + st.CookieDomain},
		{st.CookiePath != "", "Path=" + st.CookiePath},
		{st.CookieSecure, "Secure"},
		{st.CookieHTTPOnly, "HttpOnly"},
		{st.CookieSameSite != "", "SameSite=" + st.CookieSameSite},
		{st.Partitioned, "Partitioned"},
	} {
		if attribute.set {
			words = append(words, attribute.text)
		}
	}
	return strings.Join(words, "; ")
}

func lifeWords(st sessions.Settings) string {
	text := fmt.Sprintf("%d seconds after the last change", st.CookieAge/time.Second)
	if st.SaveEveryRequest {
		text = fmt.Sprintf("%d seconds after the last request", st.CookieAge/time.Second)
	}
	if st.ExpireAtBrowserClose {
		text += ", and with the browser"
	}
	return text
}
