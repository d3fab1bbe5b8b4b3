package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rnnrep/encoders"
	"rnnrep/server"
)

// watching is `rnnrepd watch` of a folder, in this process.
type watching struct {
	*testing.T
	dir   string
	rows  *json.Decoder
	stop  context.CancelFunc
	ended chan int
	log   *bytes.Buffer // to be read after the end
}

func startWatch(t *testing.T, dir string, flags ...string) *watching {
	ctx, stop := context.WithCancel(t.Context())
	out, outTo := io.Pipe()
	w := &watching{T: t, dir: dir, rows: json.NewDecoder(out), stop: stop, ended: make(chan int, 1), log: &bytes.Buffer{}}
	go func() {
		code := run(ctx, append([]string{"watch", dir, "--interval", "20ms"}, flags...), nil, outTo, w.log)
		outTo.Close()
		w.ended <- code
	}()
	t.Cleanup(func() { stop(); out.Close() })
	return w
}

// next returns the next row, which must be of this file.
func (w *watching) next(file string, ok bool) (a server.Answer) {
	w.Helper()
	if err := w.rows.Decode(&a); err != nil {
		w.Fatal(err)
	}
	if a.File != filepath.Join(w.dir, file) || a.OK != ok || ok && a.Predictions == nil {
		w.Fatalf("%+v, want an answer for %s", a, file)
	}
	return a
}

// end interrupts the watch, which must end well and without another row.
func (w *watching) end() {
	w.Helper()
	w.stop()
	if c := <-w.ended; c != exitDone {
		w.Errorf("exit code %d: %s", c, w.log)
	}
	var a server.Answer
	if err := w.rows.Decode(&a); err != io.EOF {
		w.Errorf("one more row: %v %+v", err, a)
	}
}

// write writes a file of the folder in one go.
func (w *watching) write(name string, data []byte) {
	w.Helper()
	name = filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		w.Fatal(err)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const (
	earlyModel = "../../examples/models/formal_languages_r0_s1000.onnx"
	lateModel  = "../../examples/models/formal_languages_r1_s20000.onnx"
	// forGood is a patience that no test outlasts: no refusal is ever said.
	forGood = "1h"
)

// TestWatch: a trainer writes checkpoints into a folder: at once, slowly with a
// pause, under another name first, and with its weights outside. Each is
// answered for once, here and by way of a server on a socket, and again when it
// has changed.
func TestWatch(t *testing.T) {
	models := smallBundles(t)
	socket := filepath.Join(t.TempDir(), "s")
	startServer(t, socket, models)
	early, late := readFile(t, earlyModel), readFile(t, lateModel)
	for name, flags := range map[string][]string{"here": {"--models", models}, "by a server": {"--server", "unix://" + socket}} {
		t.Run(name, func(t *testing.T) {
			w := startWatch(t, t.TempDir(), append([]string{"--beside", "--patience", forGood}, flags...)...)
			w.write("step-1000.onnx", early)
			first := w.next("step-1000.onnx", true)
			w.write("notes.txt", []byte("x"))
			w.write("run/step-20000.onnx", late[:len(late)/2])
			time.Sleep(100 * time.Millisecond) // the writer pauses, for longer than a file must rest
			w.write("run/step-20000.onnx", late)
			w.next("run/step-20000.onnx", true)
			w.write("renamed.onnx.tmp", early)
			if err := os.Rename(filepath.Join(w.dir, "renamed.onnx.tmp"), filepath.Join(w.dir, "renamed.onnx")); err != nil {
				t.Fatal(err)
			}
			w.next("renamed.onnx", true)
			w.write("external.onnx", readFile(t, "../../server/testdata/external.onnx"))
			time.Sleep(100 * time.Millisecond)
			w.write("external.onnx.data", readFile(t, "../../server/testdata/external.onnx.data"))
			w.next("external.onnx", true)
			w.write("step-1000.onnx", late)
			if again := w.next("step-1000.onnx", true); again.SHA256 == first.SHA256 {
				t.Error("the changed file got its old answer")
			}
			var beside server.Answer
			if err := json.Unmarshal(readFile(t, filepath.Join(w.dir, "external.onnx.rnnrep.json")), &beside); err != nil || !beside.OK {
				t.Errorf("%v %+v", err, beside)
			}
			w.end()
		})
	}
}

// TestWatchSaysRefusals of files that rest, and goes on after each.
func TestWatchSaysRefusals(t *testing.T) {
	w := startWatch(t, t.TempDir(), "--models", smallBundles(t), "--patience", "60ms")
	for name, c := range map[string]struct {
		data []byte
		code string
	}{"bad.onnx": {[]byte("no model"), "not_onnx"}, "empty.onnx": {nil, "empty_input"}, "half.onnx": {readFile(t, earlyModel)[:40_000], "truncated"},
		"alone.onnx": {readFile(t, "../../server/testdata/external.onnx"), "external_data_missing"}} {
		w.write(name, c.data)
		if a := w.next(name, false); a.Error == nil || string(a.Error.Code) != c.code {
			t.Errorf("%s: %+v", name, a.Error)
		}
	}
	if err := os.Mkdir(filepath.Join(w.dir, "folder.onnx"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(w.dir, "link.onnx")); err != nil {
		t.Fatal(err)
	}
	w.write("alone.onnx.data", nil) // not the name that is missed
	w.write("external.onnx.data", readFile(t, "../../server/testdata/external.onnx.data"))
	w.next("alone.onnx", true)
	w.end()
}

// TestWatchWaitsForItsServer: the watch may come first, and the server may be
// busy, without an answer being lost.
func TestWatchWaitsForItsServer(t *testing.T) {
	models, socket := smallBundles(t), filepath.Join(t.TempDir(), "s")
	w := startWatch(t, t.TempDir(), "--server", "unix://"+socket)
	w.write("a.onnx", readFile(t, earlyModel))
	time.Sleep(60 * time.Millisecond)
	p := startServer(t, socket, models)
	w.next("a.onnx", true)
	_ = p.Process.Kill()
	_ = p.Wait()
	w.write("b.onnx", readFile(t, lateModel))
	time.Sleep(60 * time.Millisecond)
	startServer(t, socket, models)
	w.next("b.onnx", true)
	w.end()
	if !strings.Contains(w.log.String(), "asking again") || !strings.Contains(w.log.String(), "answers again") {
		t.Errorf("log %q", w.log)
	}
}

// TestWatchOfAServerThatRefuses: a busy one is asked again; that a key is missing
// is said.
func TestWatchOfAServerThatRefuses(t *testing.T) {
	bundles, err := encoders.OpenBundles(os.DirFS(smallBundles(t)))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := server.ParseKeys("trainer predict " + server.HashKey("secret"))
	if err != nil {
		t.Fatal(err)
	}
	real := server.New(server.Config{Bundles: bundles, Keys: keys})
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch asked.Add(1) {
		case 1:
			w.WriteHeader(http.StatusTooManyRequests)
		case 2:
			panic(http.ErrAbortHandler)
		default:
			real.ServeHTTP(w, r)
		}
	}))
	defer s.Close()
	model := readFile(t, earlyModel)
	t.Setenv("RNNREPD_API_KEY", "secret")
	w := startWatch(t, t.TempDir(), "--server", s.URL+"/")
	w.write("m.onnx", model)
	w.next("m.onnx", true)
	w.end()
	t.Setenv("RNNREPD_API_KEY", "")
	w = startWatch(t, w.dir, "--server", s.URL, "--patience", "0s")
	if a := w.next("m.onnx", false); a.Error.Code != "unauthorized" || a.Error.Accepted == "" {
		t.Errorf("%+v", a.Error)
	}
	w.end()
}

// TestWatchThroughALink, of what is there already, the oldest first. That answers
// cannot be written beside their files does not end the watch.
func TestWatchThroughALink(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), dir); err != nil {
		t.Fatal(err)
	}
	first := (&watching{T: t, dir: dir})
	for i, name := range []string{"step-2000.onnx", "step-10000.onnx"} {
		first.write(name, readFile(t, earlyModel))
		old := time.Now().Add(time.Duration(i-5) * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, name+besideSuffix, "in the way"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w := startWatch(t, dir, "--models", smallBundles(t), "--beside")
	w.next("step-2000.onnx", true)
	w.next("step-10000.onnx", true)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	time.Sleep(60 * time.Millisecond)
	w.end()
	if !strings.Contains(w.log.String(), besideSuffix) {
		t.Errorf("log %q", w.log)
	}
}
