package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rnnrep/encoders"
	"rnnrep/encoders/enctest"
	"rnnrep/internal/ort"
	"rnnrep/internal/sandbox"
	"rnnrep/rnn"
	"rnnrep/server"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"rnnrepd": main}) }

// TestScripts runs the stories of testdata/script. They know $MODELS, a folder
// of small untrained bundles, $EXAMPLES, the example models, $CORPUS, the
// importer's, and whether there is an onnxruntime.
func TestScripts(t *testing.T) {
	models := smallBundles(t)
	examples, err := filepath.Abs("../../examples/models")
	if err != nil {
		t.Fatal(err)
	}
	noRuntime := (&sandbox.Runner{}).Available()
	if noRuntime != nil {
		t.Logf("without verification by ONNX Runtime: %v", noRuntime)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("MODELS", models)
			e.Setenv("EXAMPLES", examples)
			e.Setenv("CORPUS", filepath.Join(examples, "../../importer/testdata"))
			e.Setenv(ort.LibraryVariable, os.Getenv(ort.LibraryVariable))
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "onnxruntime" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return noRuntime == nil, nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits, "http": overHTTP, "truncate": truncate, "await": await},
	})
}

// smallBundles writes the bundles test/... to a folder and returns it.
func smallBundles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	spec := rnn.Uniform("lstm", 6, 32, 2, 6)
	for kind, options := range map[string]string{"layerwise_statistics": `{"hidden":[8]}`, "interactive_probing": `{"steps":3,"hidden":5,"layers":1}`} {
		b := enctest.Bundle(t, encoders.Config{Kind: kind, Dim: 4, Spec: spec, Options: json.RawMessage(options)})
		if err := b.Save(filepath.Join(dir, b.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// exits runs a program that must end with the code: exits 3 rnnrepd ...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	err = ts.Exec(args[1], args[2:]...)
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		code = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// overHTTP sends a request until the server is there: http [-key KEY] [-until]
// status METHOD address path [file]. The body of the response goes to the file
// "response". With -until it sends it until the status is the one wanted.
func overHTTP(ts *testscript.TestScript, neg bool, args []string) {
	var flags flag.FlagSet
	key := flags.String("key", "", "")
	until := flags.Bool("until", false, "")
	ts.Check(flags.Parse(args))
	if args = flags.Args(); neg || len(args) < 4 {
		ts.Fatalf("usage: http [-key KEY] [-until] status METHOD address path [file]")
	}
	var body []byte
	if len(args) > 4 {
		body = []byte(ts.ReadFile(args[4]))
	}
	client := clientOf(args[2])
	var status int
	var data []byte
	err := errors.New("not sent")
	for range 1000 {
		r, wrong := http.NewRequest(args[1], "http://server"+args[3], bytes.NewReader(body))
		ts.Check(wrong)
		r.Header.Set("X-Api-Key", *key)
		if status, data, err = answer(client, r); err == nil && (!*until || strconv.Itoa(status) == args[0]) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("response"), data, 0o644))
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("status %d, want %s: %s", status, args[0], data)
	}
}

// clientOf reaches one server, at host:port or unix:///path.
func clientOf(address string) *http.Client {
	network, at := "tcp", address
	if socket, ok := strings.CutPrefix(address, "unix://"); ok {
		network, at = "unix", socket
	}
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, at)
	}}}
}

func answer(client *http.Client, r *http.Request) (status int, body []byte, err error) {
	resp, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// truncate keeps the first bytes of a file: truncate file bytes.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate file bytes")
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// await waits until there is a file: await file.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await file")
	}
	for range 3000 {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s does not come", args[0])
}

// TestInterruptKeepsFinishedRows in every format, also while stdin is waited
// for.
func TestInterruptKeepsFinishedRows(t *testing.T) {
	models := smallBundles(t)
	example := filepath.Join("..", "..", "examples", "models", "formal_languages_r0_s1000.onnx")
	for _, format := range []string{"json", "jsonl", "table"} {
		t.Run(format, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			in, end := io.Pipe()
			defer end.Close()
			var out bytes.Buffer
			waiting := &onRead{Reader: in, do: interrupt}
			code := run(ctx, []string{"predict", "--models", models, "-o", format, example, "-", example}, waiting, &out, io.Discard)
			if code != exitInterrupted {
				t.Errorf("exit code %d", code)
			}
			switch format {
			case "json":
				var rows []server.Answer
				if err := json.Unmarshal(out.Bytes(), &rows); err != nil || len(rows) != 1 || !rows[0].OK {
					t.Errorf("%v: %s", err, &out)
				}
			case "jsonl":
				var row server.Answer
				if err := json.Unmarshal(out.Bytes(), &row); err != nil || !row.OK {
					t.Errorf("%v: %s", err, &out)
				}
			case "table":
				if n := strings.Count(out.String(), example); n != 1 {
					t.Errorf("%d rows: %s", n, &out)
				}
			}
		})
	}
}

// onRead does something when it is first read.
type onRead struct {
	io.Reader
	do func()
}

func (o *onRead) Read(p []byte) (int, error) {
	if o.do != nil {
		o.do()
		o.do = nil
	}
	return o.Reader.Read(p)
}
