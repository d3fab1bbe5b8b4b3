package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ofOneCall are flags that neither environment nor file set: they belong to one
// command line.
var ofOneCall = map[string]bool{"help": true, "output": true, "out": true, "config": true, "verify": true}

// resolve gives every flag that was not given its value from RNNREPD_NAME, where
// --drain-timeout is RNNREPD_DRAIN_TIMEOUT, or else from the file of --config.
// a.sources tells then where each flag's value is from.
func (a *app) resolve(c *cobra.Command) error {
	a.sources = map[string]string{}
	file, err := readSettings(c)
	if err != nil {
		return err
	}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		variable := "RNNREPD_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		inEnvironment, inFile := os.Getenv(variable), file[f.Name]
		switch {
		case f.Changed:
			a.sources[f.Name] = "flag"
		case err != nil || ofOneCall[f.Name]:
		case inEnvironment != "":
			a.sources[f.Name] = "environment"
			if failed := c.Flags().Set(f.Name, inEnvironment); failed != nil {
				err = usageError{fmt.Errorf("%s: %w", variable, failed)}
			}
		case inFile != "":
			a.sources[f.Name] = "file"
			if failed := c.Flags().Set(f.Name, inFile); failed != nil {
				err = usageError{fmt.Errorf("config: %w", failed)}
			}
		}
	})
	return err
}

// readSettings reads the file of --config or RNNREPD_CONFIG: lines of
// "name: value", as `rnnrepd config print` writes them, where the names are
// those of flags of any command. Empty lines and those beginning with # are
// skipped.
func readSettings(c *cobra.Command) (map[string]string, error) {
	name, _ := c.Flags().GetString("config")
	if name == "" {
		name = os.Getenv("RNNREPD_CONFIG")
	}
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, usageError{err}
	}
	known, settings := flagsOf(c.Root()), map[string]string{}
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, " #")
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		key, value = strings.TrimSpace(key), strings.Trim(strings.TrimSpace(value), `"`)
		switch {
		case !ok:
			err = errors.New("no colon; lines of \"name: value\" are wanted")
		case !known[key]:
			err = fmt.Errorf("there is no setting %q", key)
		case settings[key] != "":
			err = fmt.Errorf("%q comes twice", key)
		}
		if err != nil {
			return nil, usageError{fmt.Errorf("%s, line %d: %w", name, i+1, err)}
		}
		settings[key] = value
	}
	return settings, nil
}

// flagsOf names the settings of a command and those below it.
func flagsOf(c *cobra.Command) map[string]bool {
	known := map[string]bool{}
	add := func(f *pflag.Flag) { known[f.Name] = !ofOneCall[f.Name] }
	c.Flags().VisitAll(add)
	c.PersistentFlags().VisitAll(add)
	for _, sub := range c.Commands() {
		for name, is := range flagsOf(sub) {
			known[name] = known[name] || is
		}
	}
	return known
}

func newConfig(a *app) *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Look at the settings", Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { _ = c.Help(); return exit(exitUsage) }}
	o := &serveOptions{}
	show := &cobra.Command{
		Use:   "print",
		Short: "Print the settings that `rnnrepd serve` would have, and where each is from; the output is a config file",
		Args:  arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			t := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
			c.Flags().VisitAll(func(f *pflag.Flag) {
				if ofOneCall[f.Name] {
					return
				}
				from := a.sources[f.Name]
				if from == "" {
					from = "default"
				}
				fmt.Fprintf(t, "%s:\t%s\t # %s\n", f.Name, quoteEmpty(f.Value.String()), from)
			})
			return t.Flush()
		},
	}
	o.flags(show.Flags())
	a.modelFlags(show)
	c.AddCommand(show)
	return c
}

func quoteEmpty(s string) string {
	if s == "" || slices.Contains([]byte(s), '#') {
		return `"` + s + `"`
	}
	return s
}
