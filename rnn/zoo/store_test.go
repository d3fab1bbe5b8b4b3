package zoo

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"rnnrep/internal/errs"
	"rnnrep/internal/half"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

var update = flag.Bool("update", false, "write the golden files anew")

const vocabulary = 3

// tinyHeader is a zoo of one-unit RNNs; with inputs 0 they read tokens.
func tinyHeader(inputs int) Header {
	read := inputs
	if inputs == 0 {
		read = vocabulary
	}
	return Header{Family: "tiny", Seed: 1<<63 + 5, Spec: rnn.Uniform("gru", read, 1, 2, 2), Steps: []int{0, 7}, RolloutCount: 2, RolloutLength: 3,
		Inputs: inputs, Outputs: 2, Metrics: []string{"accuracy", "generalization_gap"}, Recipe: map[string]string{"batch": "32"}}
}

// tinyRun is a run that the file can hold exactly.
func tinyRun(h Header, index int) *Run {
	r := rng.Stream(3, "tiny run", uint64(index))
	run := &Run{Index: index, Task: []float32{0, -2.5, 3}}
	floats := func(n int, exact bool) []float32 {
		v := make([]float32, n)
		for i := range v {
			if v[i] = float32(r.NormFloat64()); exact {
				v[i] = half.To(half.From(v[i]))
			}
		}
		return v
	}
	steps := h.RolloutCount * h.RolloutLength
	for _, step := range h.Steps {
		s := Snapshot{Step: step, Weights: floats(h.Spec.Parameters(), false), Metrics: []float64{r.Float64(), math.Inf(-1)}}
		if h.Inputs > 0 {
			s.Inputs = floats(steps*h.Inputs, true)
		} else {
			for range steps {
				s.Tokens = append(s.Tokens, int32(r.IntN(vocabulary)))
			}
		}
		s.Logits = floats(steps*h.Outputs, true)
		run.Snapshots = append(run.Snapshots, s)
	}
	return run
}

// write makes a zoo of these runs in a new folder.
func write(t *testing.T, h Header, runs ...int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	w, err := Create(dir, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range runs {
		if err := w.Commit(tinyRun(h, i)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t *testing.T, dir string) *Zoo {
	t.Helper()
	z, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestRoundTrip(t *testing.T) {
	for _, inputs := range []int{0, 2} {
		h := tinyHeader(inputs)
		z := open(t, write(t, h, 12, 0, 123456))
		if !slices.Equal(z.Runs, []int{0, 12, 123456}) {
			t.Errorf("runs %v", z.Runs)
		}
		if !reflect.DeepEqual(z.Header, h) {
			t.Errorf("header %+v, want %+v", z.Header, h)
		}
		for _, i := range z.Runs {
			got, err := z.Load(i)
			if err != nil {
				t.Fatal(err)
			}
			if want := tinyRun(h, i); !reflect.DeepEqual(got, want) {
				t.Errorf("run %d came back as %+v, want %+v", i, got, want)
			}
		}
	}
}

// TestVersion1Files: files of version 1 that were once written stay readable,
// and are written again byte for byte.
func TestVersion1Files(t *testing.T) {
	for name, inputs := range map[string]int{"tokens": 0, "inputs": 2} {
		dir := filepath.Join("testdata", "v1", name)
		h := tinyHeader(inputs)
		written := write(t, h, 3)
		for _, file := range []string{headerName, "run-00003.rrz"} {
			now, err := os.ReadFile(filepath.Join(written, file))
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, file), now, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			stored, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(now, stored) {
				t.Errorf("%s: %s is written with other bytes than before", name, file)
			}
		}
		got, err := open(t, dir).Load(3)
		if err != nil {
			t.Fatal(err)
		}
		if want := tinyRun(h, 3); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the stored run reads as %+v, want %+v", name, got, want)
		}
	}
}

// wantDamaged checks for the code and the file's name.
func wantDamaged(t *testing.T, what string, err error, file string) {
	t.Helper()
	if errs.CodeOf(err) != errs.Damaged {
		t.Errorf("%s: error %v has the code %q, want %q", what, err, errs.CodeOf(err), errs.Damaged)
	} else if !strings.Contains(err.Error(), file) {
		t.Errorf("%s: error %q does not name %s", what, err, file)
	}
}

// resum replaces the checksum at the end by the right one.
func resum(body []byte) []byte {
	sum := sha256.Sum256(body)
	return append(slices.Clone(body), sum[:]...)
}

func TestDamagedRuns(t *testing.T) {
	dir := write(t, tinyHeader(0), 3)
	file := runFile(dir, 3)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	body := good[:len(good)-sha256.Size]
	cases := map[string][]byte{
		"a byte too many":             append(slices.Clone(good), 0),
		"a value too many":            resum(append(slices.Clone(body), 0, 0, 0, 0)),
		"a value too few":             resum(body[:len(body)-4]),
		"a task of 2^31 parameters":   resum(slices.Concat(body[:12], []byte{0, 0, 0, 0x80}, body[16:])),
		"a task one parameter longer": resum(slices.Concat(body[:12], []byte{4, 0, 0, 0}, body[16:])),
		"another step":                resum(slices.Concat(body[:28], []byte{1}, body[29:])),
		"another version":             resum(slices.Concat([]byte("RNNREPZ2"), body[8:])),
		"an empty sequence of tokens": resum(body[:16]),
		"another run, renamed":        renamed(t),
	}
	at := 28 + 4 + 2*8 + 4*open(t, dir).Header.Spec.Parameters() // of the first token
	cases["a token outside the vocabulary"] = resum(slices.Concat(body[:at], []byte{3}, body[at+1:]))
	for n := range good {
		cases[fmt.Sprintf("cut after %d bytes", n)] = good[:n]
		flipped := slices.Clone(good)
		flipped[n] ^= 1 << (n % 8)
		cases[fmt.Sprintf("byte %d flipped", n)] = flipped
	}
	for what, data := range cases {
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := open(t, dir).Load(3)
		wantDamaged(t, what, err, file)
	}
}

// renamed is the file of another run.
func renamed(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(runFile(write(t, tinyHeader(0), 4), 4))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestHeaderOfAnotherZoo: a run does not pass under a header of other sizes.
func TestHeaderOfAnotherZoo(t *testing.T) {
	for what, change := range map[string]func(*Header){
		"more snapshots": func(h *Header) { h.Steps = append(h.Steps, 9) },
		"other steps":    func(h *Header) { h.Steps = []int{0, 8} },
		"more rollouts":  func(h *Header) { h.RolloutCount++ },
		"longer":         func(h *Header) { h.RolloutLength++ },
		"fewer metrics":  func(h *Header) { h.Metrics = h.Metrics[1:] },
		"another spec":   func(h *Header) { h.Spec = rnn.Uniform("lstm", 3, 1, 2, 2) },
		"real inputs":    func(h *Header) { h.Inputs = 3 },
	} {
		dir := write(t, tinyHeader(0), 3)
		h := tinyHeader(0)
		change(&h)
		data, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, headerName), data, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = open(t, dir).Load(3)
		wantDamaged(t, what, err, runFile(dir, 3))
	}
}

func TestDamagedHeaders(t *testing.T) {
	dir := write(t, tinyHeader(0), 3)
	file := filepath.Join(dir, headerName)
	for what, change := range map[string]func(*Header){
		"no snapshots":        func(h *Header) { h.Steps = nil },
		"steps out of order":  func(h *Header) { h.Steps = []int{7, 0} },
		"2^40 rollouts":       func(h *Header) { h.RolloutCount = 1 << 40 },
		"negative rollouts":   func(h *Header) { h.RolloutCount = -1 },
		"runs of 4 GiB":       func(h *Header) { h.RolloutCount, h.RolloutLength = 1<<15, 1<<15 },
		"no outputs":          func(h *Header) { h.Outputs = 0 },
		"others' outputs":     func(h *Header) { h.Outputs = 3 },
		"others' inputs":      func(h *Header) { h.Inputs = 4 },
		"negative inputs":     func(h *Header) { h.Inputs = -1 },
		"no layers":           func(h *Header) { h.Spec.Layers = nil },
		"an unknown cell":     func(h *Header) { h.Spec.Layers[0].Cell = "transformer" },
		"2^20 hidden units":   func(h *Header) { h.Spec = rnn.Uniform("lstm", 3, 1<<20, 2, 2) },
		"too many parameters": func(h *Header) { h.Spec = rnn.Uniform("lstm", 3, 1<<13, 8, 2) },
	} {
		h := tinyHeader(0)
		change(&h)
		data, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = Open(dir)
		wantDamaged(t, what, err, file)
		if _, err := Create(t.TempDir(), h); errs.CodeOf(err) != errs.Damaged {
			t.Errorf("%s: Create returned %v", what, err)
		}
	}
	for what, text := range map[string]string{"no JSON": "seed: 1", "cut off": `{"family": "tiny"`, "empty": "", "an unknown field": `{"family": "tiny", "compression": "zstd"}`} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir)
		wantDamaged(t, what, err, file)
		_, err = Create(dir, tinyHeader(0))
		wantDamaged(t, what, err, file)
	}
}

func TestOpenWithoutZoo(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(dir)
	wantDamaged(t, "an empty folder", err, dir)
	_, err = Open(filepath.Join(dir, "absent"))
	wantDamaged(t, "no folder", err, "absent")
}

func TestLoadOfAnAbsentRun(t *testing.T) {
	if _, err := open(t, write(t, tinyHeader(0), 3)).Load(2); !os.IsNotExist(err) {
		t.Errorf("error %v", err)
	}
}

// TestAnotherHeaderIsRefused: a zoo is not continued under other settings.
func TestAnotherHeaderIsRefused(t *testing.T) {
	dir := write(t, tinyHeader(0), 3)
	if _, err := Create(dir, tinyHeader(0)); err != nil {
		t.Errorf("the same header: %v", err)
	}
	for field, change := range map[string]func(*Header){
		"seed":    func(h *Header) { h.Seed++ },
		"family":  func(h *Header) { h.Family = "other" },
		"steps":   func(h *Header) { h.Steps = []int{0, 8} },
		"metrics": func(h *Header) { h.Metrics[0] = "loss" },
		"recipe":  func(h *Header) { h.Recipe["batch"] = "64" },
		"spec":    func(h *Header) { h.Spec = rnn.Uniform("gru", 3, 2, 2, 2) },
	} {
		h := tinyHeader(0)
		change(&h)
		_, err := Create(dir, h)
		wantDamaged(t, field, err, dir)
		if err != nil && !strings.Contains(err.Error(), field) {
			t.Errorf("%q does not name %s", err, field)
		}
	}
	if _, err := open(t, dir).Load(3); err != nil {
		t.Errorf("after the refusals: %v", err)
	}
}

// TestCommitIsWholeOrNothing: a commit that fails leaves no run and no partial file.
func TestCommitIsWholeOrNothing(t *testing.T) {
	h := tinyHeader(0)
	for what, change := range map[string]func(*Run){
		"a snapshot is missing":       func(r *Run) { r.Snapshots = r.Snapshots[1:] },
		"another step":                func(r *Run) { r.Snapshots[1].Step++ },
		"a weight is missing":         func(r *Run) { r.Snapshots[1].Weights = r.Snapshots[1].Weights[1:] },
		"a metric is missing":         func(r *Run) { r.Snapshots[0].Metrics = nil },
		"a logit is missing":          func(r *Run) { r.Snapshots[0].Logits = r.Snapshots[0].Logits[1:] },
		"a token is missing":          func(r *Run) { r.Snapshots[0].Tokens = r.Snapshots[0].Tokens[1:] },
		"inputs instead of tokens":    func(r *Run) { r.Snapshots[0].Inputs = make([]float32, 6) },
		"a token outside":             func(r *Run) { r.Snapshots[0].Tokens[0] = 3 },
		"a negative token":            func(r *Run) { r.Snapshots[0].Tokens[0] = -1 },
		"a task of 2000 parameters":   func(r *Run) { r.Task = make([]float32, 2000) },
		"the target is a directory":   nil,
		"the folder is gone":          nil,
		"an interrupted former write": nil,
	} {
		dir := write(t, h)
		w, err := Create(dir, h)
		if err != nil {
			t.Fatal(err)
		}
		r := tinyRun(h, 3)
		want := []string{headerName}
		switch what {
		case "the target is a directory":
			if err := os.MkdirAll(filepath.Join(runFile(dir, 3), "x"), 0o755); err != nil {
				t.Fatal(err)
			}
			want = append([]string{"run-00003.rrz"}, want...)
		case "the folder is gone":
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			want = nil
		case "an interrupted former write":
			if err := os.WriteFile(filepath.Join(dir, ".partial-123"), []byte("half a run"), 0o644); err != nil {
				t.Fatal(err)
			}
			if z := open(t, dir); len(z.Runs) != 0 {
				t.Errorf("%s: runs %v", what, z.Runs)
			}
			if w, err = Create(dir, h); err != nil {
				t.Fatal(err)
			}
			r.Snapshots = nil
		default:
			change(r)
		}
		if err := w.Commit(r); err == nil {
			t.Errorf("%s: the run was committed", what)
		}
		if got := names(dir); !slices.Equal(got, want) {
			t.Errorf("%s: left %q, want %q", what, got, want)
		}
	}
}

// names lists a folder.
func names(dir string) (all []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestConcurrentCommits(t *testing.T) {
	h := tinyHeader(0)
	dir := write(t, h)
	w, err := Create(dir, h)
	if err != nil {
		t.Fatal(err)
	}
	const runs = 20
	var wg sync.WaitGroup
	for i := range runs {
		wg.Go(func() {
			if w.Done(i) {
				t.Errorf("run %d is done before it was committed", i)
			}
			if err := w.Commit(tinyRun(h, i)); err != nil {
				t.Error(err)
			}
			if !w.Done(i) {
				t.Errorf("run %d is not done", i)
			}
		})
	}
	wg.Wait()
	z := open(t, dir)
	if len(z.Runs) != runs || len(names(dir)) != runs+1 {
		t.Fatalf("runs %v, files %q", z.Runs, names(dir))
	}
	for _, i := range z.Runs {
		if _, err := z.Load(i); err != nil {
			t.Error(err)
		}
	}
}

// TestChecksum: equal zoos have equal checksums wherever they lie and in
// whatever order they were made; any change shows.
func TestChecksum(t *testing.T) {
	checksum := func(dir string) string {
		t.Helper()
		s, err := open(t, dir).Checksum()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := write(t, tinyHeader(0), 1, 2), write(t, tinyHeader(0), 2, 1)
	want := checksum(a)
	if got := checksum(b); got != want || !strings.HasPrefix(got, "sha256:") || len(got) != len("sha256:")+64 {
		t.Errorf("checksums of equal zoos: %s, %s", want, got)
	}
	other := tinyHeader(0)
	other.Seed++
	renamed := write(t, tinyHeader(0), 1, 2)
	if err := os.Rename(runFile(renamed, 2), runFile(renamed, 3)); err != nil {
		t.Fatal(err)
	}
	for what, dir := range map[string]string{"one run": write(t, tinyHeader(0), 1), "another run": write(t, tinyHeader(0), 1, 3),
		"another header": write(t, other, 1, 2), "a renamed run": renamed} {
		if checksum(dir) == want {
			t.Errorf("%s: the same checksum", what)
		}
	}
	if err := os.WriteFile(filepath.Join(b, "notes.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if checksum(b) != want {
		t.Error("a file that is not of the zoo changes the checksum")
	}
}

// FuzzRun: no header and no run make the reader panic, and whatever it reads is
// written back with the same bytes.
func FuzzRun(f *testing.F) {
	for _, name := range []string{"tokens", "inputs"} {
		dir := filepath.Join("testdata", "v1", name)
		header, err := os.ReadFile(filepath.Join(dir, headerName))
		if err != nil {
			f.Fatal(err)
		}
		run, err := os.ReadFile(filepath.Join(dir, "run-00003.rrz"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(header, run[:len(run)-sha256.Size])
		f.Add(header, run)
	}
	f.Fuzz(func(t *testing.T, header, body []byte) {
		h, err := parseHeader("zoo.json", header)
		if err != nil {
			return
		}
		for _, data := range [][]byte{body, resum(body)} {
			r, err := decode(&h, "run", data)
			if err != nil {
				if errs.CodeOf(err) != errs.Damaged {
					t.Fatalf("error %v is not of a damaged file", err)
				}
				continue
			}
			again, err := encode(&h, r)
			if err != nil {
				t.Fatal(err)
			}
			if len(again) != len(data) {
				t.Fatalf("%d bytes were read, %d written", len(data), len(again))
			}
		}
	})
}
