package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// quickStart returns the commands of the README's quick start.
func quickStart(t *testing.T) (commands []string) {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## Quick start\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for i, block := range strings.Split(section, "```") {
		if lines, ok := strings.CutPrefix(block, "sh\n"); ok && i%2 == 1 {
			commands = append(commands, strings.Split(strings.TrimSpace(lines), "\n")...)
		}
	}
	return commands
}

// TestREADMEQuickStart runs what the README tells a newcomer to type.
func TestREADMEQuickStart(t *testing.T) {
	t.Chdir("../..")
	var served string // address of the server
	ran := map[string]bool{}
	for _, command := range quickStart(t) {
		words := strings.Fields(command)
		rnnrepd := strings.HasPrefix(command, "go run ./cmd/rnnrepd ")
		switch {
		case rnnrepd && words[3] == "serve":
			served = serveInBackground(t, words[3:])
		case words[0] == "curl" && words[1] == "--data-binary":
			u, err := url.Parse(words[3])
			if err != nil || u.Host != "127.0.0.1:8080" {
				t.Fatalf("%s: not the server of the command before", command)
			}
			body, err := os.ReadFile(strings.TrimPrefix(words[2], "@"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.Post(served+u.Path, "application/x-www-form-urlencoded", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(answer, []byte(`"predictions"`)) {
				t.Errorf("%s: %s %v %s", command, resp.Status, err, answer)
			}
		case rnnrepd:
			var out, errOut bytes.Buffer
			if code := run(t.Context(), expand(t, words[3:]), nil, &out, &errOut); code != exitDone || out.Len() == 0 {
				t.Errorf("%s: exit code %d, %s", command, code, &errOut)
			}
		case command == "go test ./...":
		default:
			t.Errorf("%q is no command that this test knows", command)
		}
		ran[words[0]] = true
	}
	if !ran["go"] || !ran["curl"] {
		t.Errorf("the quick start has lost its commands: %v", ran)
	}
}

// expand replaces patterns by the files they match, as a shell does.
func expand(t *testing.T, words []string) (args []string) {
	t.Helper()
	for _, w := range words {
		files, err := filepath.Glob(w)
		if err != nil {
			t.Fatal(err)
		}
		if files == nil {
			files = []string{w}
		}
		args = append(args, files...)
	}
	return args
}

var listening = regexp.MustCompile(`msg=listening address=(\S+)`)

// serveInBackground runs `rnnrepd serve` on a free port until the test ends and
// returns its address.
func serveInBackground(t *testing.T, args []string) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	log, logTo := io.Pipe()
	code := make(chan int, 1)
	go func() { code <- run(ctx, append(args, "--listen", "127.0.0.1:0"), nil, io.Discard, logTo) }()
	address := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		http.DefaultClient.CloseIdleConnections()
		if c := <-code; c != exitDone {
			t.Errorf("serve ended with code %d", c)
		}
		logTo.Close()
	})
	select {
	case a := <-address:
		return a
	case c := <-code:
		t.Fatalf("serve ended with code %d", c)
	}
	return ""
}
