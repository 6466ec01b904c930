package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// program is one run of the command.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	started        bool // the command line made sense, and its work has begun
}

// usageError is a mistake in the command line that only the command itself
// could notice.
type usageError struct{ error }

func isUsage(err error) bool {
	var usage usageError
	return errors.As(err, &usage)
}

// root is the command line.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "keepsake",
		Short: "Django's sessions for Go: a demo, and the chores",
		Long: `Keepsake is Django's session framework for Go: the same settings, and the same
bytes in the same table, so that a Go program and a Django share their sessions.`,
		Example: `  keepsake demo                                 a site to click through
  keepsake demo --exam 20s                      watch a session expire
  keepsake demo --engine signed_cookies         another engine
  keepsake migrate --database site.db           make the table
  keepsake clearsessions --database site.db     delete what has expired
  python manage.py diffsettings --all | keepsake import-settings --output keepsake.toml
  keepsake check --config keepsake.toml         what the settings mean`,
		Version:       version(),
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true, // run prints them
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(p.demo(), p.check(), p.clearSessions(), p.importSettings(), p.migrate(), p.version())
	return root
}

func (p *program) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: p.run(func(*cobra.Command) error {
			_, err := fmt.Fprintln(p.stdout, version())
			return err
		}),
	}
}

// run is a command's RunE. An error before it is one of usage.
func (p *program) run(f func(*cobra.Command) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		p.started = true
		return f(cmd)
	}
}

// version is what the go command knows about this build.
func version() string {
	number := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		number = info.Main.Version
	}
	return fmt.Sprintf("keepsake %s %s %s/%s", number, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
