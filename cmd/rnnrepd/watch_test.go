package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rnnrep/server"
)

// TestWatch: a trainer writes checkpoints into a folder, one of them slowly and
// one with its weights outside; each is answered for once, here and by way of a
// server on a socket, and again when it has changed.
func TestWatch(t *testing.T) {
	models := smallBundles(t)
	socket := filepath.Join(t.TempDir(), "s")
	startServer(t, socket, models)
	read := func(name string) []byte {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	early, late := read("../../examples/models/formal_languages_r0_s1000.onnx"), read("../../examples/models/formal_languages_r1_s20000.onnx")
	for name, flags := range map[string][]string{"here": {"--models", models}, "by a server": {"--server", "unix://" + socket}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ctx, stop := context.WithCancel(t.Context())
			out, outTo := io.Pipe()
			code := make(chan int, 1)
			go func() {
				code <- run(ctx, append([]string{"watch", dir, "--interval", "20ms", "--beside"}, flags...), nil, outTo, os.Stderr)
				outTo.Close()
			}()
			lines := json.NewDecoder(bufio.NewReader(out))
			next := func(file string, ok bool) server.Answer {
				t.Helper()
				var a server.Answer
				if err := lines.Decode(&a); err != nil {
					t.Fatal(err)
				}
				if a.File != filepath.Join(dir, file) || a.OK != ok || ok && a.Predictions == nil {
					t.Fatalf("%+v, want an answer for %s", a, file)
				}
				return a
			}
			write := func(name string, data []byte) {
				t.Helper()
				name = filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			write("step-1000.onnx", early)
			first := next("step-1000.onnx", true)
			write("notes.txt", []byte("x"))
			for n := 10_000; n < len(late); n += 10_000 { // a slow trainer
				write("run/step-20000.onnx", late[:n])
				time.Sleep(3 * time.Millisecond)
			}
			write("run/step-20000.onnx", late)
			for { // a busy machine may have looked twice while the file rested half-written
				var a server.Answer
				if err := lines.Decode(&a); err != nil {
					t.Fatal(err)
				}
				if a.OK {
					break
				}
			}
			write("external.onnx.data", read("../../server/testdata/external.onnx.data"))
			write("external.onnx", read("../../server/testdata/external.onnx"))
			next("external.onnx", true)
			write("bad.onnx", []byte("no model"))
			if a := next("bad.onnx", false); a.Error == nil || a.Error.Code != "not_onnx" || a.Error.Hint == "" {
				t.Errorf("%+v", a)
			}
			write("step-1000.onnx", late)
			if again := next("step-1000.onnx", true); again.SHA256 == first.SHA256 {
				t.Error("the changed file got its old answer")
			}
			var beside server.Answer
			if err := json.Unmarshal(read(filepath.Join(dir, "external.onnx.rnnrep.json")), &beside); err != nil || !beside.OK {
				t.Errorf("%v %+v", err, beside)
			}
			stop()
			if c := <-code; c != exitDone {
				t.Errorf("exit code %d", c)
			}
		})
	}
}
