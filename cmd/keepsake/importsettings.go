package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/keepsake-go/sessions/config/diffsettings"
)

func (p *program) importSettings() *cobra.Command {
	var output string
	var o diffsettings.Options
	cmd := &cobra.Command{
		Use:   "import-settings [FILE]",
		Short: "Make a configuration from a Django's settings",
		Long: `Reads the output of Django's "manage.py diffsettings --all", from a file or from
standard input, and writes the settings that concern sessions as TOML. Comments
say what could not be carried over; so does standard error.

diffsettings shows secrets, and so does what is written: the secret key, and the
passwords of the database and the cache. A file that --output makes is for its
owner's eyes only, and an existing one is never overwritten.`,
		Example: `  python manage.py diffsettings --all | keepsake import-settings --output keepsake.toml
  keepsake import-settings --secret-from-env settings.txt > keepsake.toml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.run(func(*cobra.Command) error { return p.runImportSettings(args, output, o) })(cmd, args)
		},
	}
	cmd.Flags().StringVar(&output, "output", "", "write to this `file`, made with mode 0600, instead of standard output")
	cmd.Flags().BoolVar(&o.SecretFromEnv, "secret-from-env", false, "leave the secret keys out: the environment has them")
	return cmd
}

func (p *program) runImportSettings(args []string, output string, o diffsettings.Options) error {
	in := io.Reader(p.stdin)
	if len(args) == 1 && args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	settings, err := diffsettings.Parse(in)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	notes, err := settings.WriteTOML(&text, o)
	if err != nil {
		return err
	}
	if output == "" {
		_, err = p.stdout.Write(text.Bytes())
	} else {
		err = writePrivate(output, text.String())
	}
	if err != nil {
		return err
	}
	for _, note := range notes {
		fmt.Fprintln(p.stderr, "note:", note)
	}
	if output != "" {
		_, err = fmt.Fprintf(p.stdout, "Wrote %s. What it means: keepsake check --config %s\n", output, output)
	}
	return err
}

// writePrivate creates a file for its owner's eyes only. It never overwrites.
func writePrivate(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}
