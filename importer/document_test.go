package importer

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/importing.md")

// TestDocument holds the table of the corpus in the documentation to what the
// importer does.
func TestDocument(t *testing.T) {
	const path = "../docs/importing.md"
	const from, to = "<!-- corpus -->\n", "<!-- end of corpus -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	start, end := bytes.Index(text, []byte(from))+len(from), bytes.Index(text, []byte(to))
	if start < len(from) || end < start {
		t.Fatal("no place for the table in", path)
	}
	want := corpusTable(t)
	if string(text[start:end]) == want {
		return
	}
	if !*update {
		t.Fatalf("%s is out of date: go test ./importer -run TestDocument -update\n%s", path, want)
	}
	if err := os.WriteFile(path, []byte(string(text[:start])+want+string(text[end:])), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tally is what became of the files of one exporter.
type tally struct{ files, exact, close, refused, wrong int }

func corpusTable(t *testing.T) string {
	var order []string
	tallies := map[string]*tally{}
	total := &tally{}
	for _, e := range corpus(t) {
		y := tallies[e.Exporter]
		if y == nil {
			y = &tally{}
			tallies[e.Exporter] = y
			order = append(order, e.Exporter)
		}
		m, _, err := ReadBytes(e.read(t, e.File), e.options(t))
		for _, y := range []*tally{y, total} {
			y.files++
			switch {
			case err != nil && e.Expect == "refuse":
				y.refused++
			case err != nil || e.Expect == "refuse" || len(e.differences(t, m)) > 0:
				y.wrong++
			case e.Tolerance > 0 || e.Step > 0:
				y.close++
			default:
				y.exact++
			}
		}
	}
	var b strings.Builder
	fmt.Fprintln(&b, "| exporter | files | weights equal | within rounding (16 bits, quantised) | refused as they should be | wrong |")
	fmt.Fprintln(&b, "|---|---|---|---|---|---|")
	row := func(name string, y *tally) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", name, y.files, y.exact, y.close, y.refused, y.wrong)
	}
	for _, name := range order {
		row(name, tallies[name])
	}
	row("all", total)
	return b.String()
}
