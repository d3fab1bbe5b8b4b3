package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// commandLines finds lists such as args: [serve, --listen, "x"] and CMD ["serve"].
var commandLines = regexp.MustCompile(`(?m)(?:args:|command:|CMD|ExecStart=/usr/bin/rnnrepd) ?\[?([^\]\n]+)\]?$`)

// TestDeployFilesAreCurrent: their command lines and settings are those that the
// program has.
func TestDeployFilesAreCurrent(t *testing.T) {
	dir := filepath.Join("..", "..", "deploy")
	checked := 0
	for _, name := range []string{"Dockerfile", "compose.yaml", "kubernetes-sidecar.yaml", "rnnrepd.service"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range commandLines.FindAllStringSubmatch(string(text), -1) {
			words := strings.Fields(strings.NewReplacer(",", " ", `"`, "").Replace(m[1]))
			command, rest, err := newRoot(&app{out: io.Discard, err: io.Discard}).Find(words)
			if err != nil || !command.HasParent() {
				t.Errorf("%s: %q: %v", name, m[0], err)
				continue
			}
			if err := command.ParseFlags(rest); err != nil {
				t.Errorf("%s: %q: %v", name, m[0], err)
			}
			checked++
		}
	}
	if checked != 6 {
		t.Errorf("%d command lines were found", checked)
	}
	if code := run(t.Context(), []string{"config", "print", "--config", filepath.Join(dir, "rnnrepd.conf")}, nil, io.Discard, os.Stderr); code != exitDone {
		t.Errorf("rnnrepd.conf: exit code %d", code)
	}
}
