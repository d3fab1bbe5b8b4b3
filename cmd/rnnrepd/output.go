package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// choice is a flag that takes one of some words.
type choice struct {
	value *string
	known []string
}

func (c choice) String() string { return *c.value }
func (c choice) Type() string   { return strings.Join(c.known, "|") }

// Set takes a known word.
func (c choice) Set(v string) error {
	if !slices.Contains(c.known, v) {
		return fmt.Errorf("%q; known: %s", v, strings.Join(c.known, ", "))
	}
	*c.value = v
	return nil
}

// atLeast is a flag that takes numbers from a least one on.
type atLeast[T cmp.Ordered] struct {
	pflag.Value
	value *T
	least T
}

// Set takes a number that is large enough.
func (f atLeast[T]) Set(v string) error {
	before := *f.value
	if err := f.Value.Set(v); err != nil {
		return err
	}
	if given := *f.value; !(given >= f.least) {
		*f.value = before
		return fmt.Errorf("%v; at least %v is wanted", given, f.least)
	}
	return nil
}

// bound refuses values of a flag that are below least.
func bound[T cmp.Ordered](flags *pflag.FlagSet, name string, value *T, least T) {
	f := flags.Lookup(name)
	f.Value = atLeast[T]{f.Value, value, least}
}

// outputFlag adds -o, whose value stays "" unless it is given.
func outputFlag(c *cobra.Command, value *string, known ...string) {
	c.Flags().VarP(choice{value, known}, "output", "o", "format of the output (default: table on a terminal, json otherwise)")
}

// outputFormat resolves the value of -o.
func (a *app) outputFormat(format string) string {
	if format != "" {
		return format
	}
	if isTerminal(a.out) {
		return "table"
	}
	return "json"
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// rows writes values one by one. JSON of several is a list, of one the value
// itself; JSONL is one a line.
type rows[T any] struct {
	format string
	lines  *json.Encoder
	single bool
	all    []T
	table  func(T) error
	flush  func() error
}

func newRows[T any](w io.Writer, format string, single bool, table func(T) error, flush func() error) *rows[T] {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if format == "json" {
		e.SetIndent("", "  ")
	}
	return &rows[T]{format: format, lines: e, single: single, all: []T{}, table: table, flush: flush}
}

func (r *rows[T]) write(v T) error {
	switch {
	case r.format == "table":
		return r.table(v)
	case r.format == "json" && !r.single:
		r.all = append(r.all, v)
		return nil
	}
	return r.lines.Encode(v)
}

// close writes what is written together.
func (r *rows[T]) close() error {
	switch {
	case r.format == "table":
		return r.flush()
	case r.format == "json" && !r.single:
		return r.lines.Encode(r.all)
	}
	return nil
}
