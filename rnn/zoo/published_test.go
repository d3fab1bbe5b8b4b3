package zoo

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"rnnrep/internal/errs"
	"rnnrep/internal/npy"
	"rnnrep/rnn"
)

// arrayBytes is an array as a file.
func arrayBytes[T npy.Number](d npy.DType, values []T, shape ...int) []byte {
	var b bytes.Buffer
	w, err := npy.NewWriter(&b, d, shape...)
	if err := errors.Join(err, npy.Write(w, values), w.Close()); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// tinyPublished is a zoo of two runs of two snapshots: LSTMs of one unit, two
// sequences of three tokens each.
func tinyPublished() map[string][]byte {
	const rows, vocabulary = 4, 6
	parameters := rnn.Uniform("lstm", vocabulary, 1, 1, vocabulary).Parameters()
	var tokens []int32
	for range rows {
		tokens = append(tokens, 4, 0, 5, 5, 1, 2) // the second string has no end
	}
	return map[string][]byte{
		"parameters.npy":       arrayBytes(npy.Float32, make([]float32, rows*parameters), rows, parameters),
		"sequences.npy":        arrayBytes(npy.Int16, tokens, rows, 2, 3),
		"logits.npy":           arrayBytes(npy.Float16, make([]float32, rows*2*2*vocabulary), rows, 2, 2, vocabulary),
		"tasks.npy":            arrayBytes(npy.Int64, []int64{0, 1, 2, -1, 0, 1, 2, -1, 0, 0, 0, 0, 0, 0, 0, 0}, rows, 4),
		"num_step_correct.npy": arrayBytes(npy.Int64, []int64{0, 0, 3, 0, 10, 500, 1, 0, 7, 1, 10, 1000}, rows, 3),
		"args.json":            []byte(`{"seed": 5, "rnn_hidden_size": 1, "rnn_num_layers": 1}`),
	}
}

func writeFiles(t *testing.T, files map[string][]byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// readPublished reads all runs.
func readPublished(dir string) (h Header, runs []*Run, err error) {
	r, err := OpenPublished(dir)
	if err != nil {
		return h, nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		run, err := r.Next()
		if err == io.EOF {
			return r.Header, runs, nil
		}
		if err != nil {
			return h, nil, err
		}
		runs = append(runs, run)
	}
}

func TestReadPublished(t *testing.T) {
	h, runs, err := readPublished(writeFiles(t, tinyPublished()))
	if err != nil {
		t.Fatal(err)
	}
	if h.Family != "formal_languages" || h.Seed != 5 || !slices.Equal(h.Steps, []int{0, 10}) || !slices.Equal(h.Metrics, []string{"accuracy_counts"}) || len(runs) != 2 {
		t.Fatalf("%d runs, header %+v", len(runs), h)
	}
	if r := runs[1]; r.Index != 1 || !slices.Equal(r.Task, []float32{0, 0, 0, 0}) || r.Snapshots[0].Metrics[0] != 0.007 || r.Snapshots[1].Metrics[0] != 1 {
		t.Errorf("run 1: %+v", r)
	}
	if got := runs[0].Snapshots[0].Tokens; !slices.Equal(got, []int32{4, 0, 5, 4, 1, 2}) {
		t.Errorf("tokens %v, want a begin marker before the string without end", got)
	}
}

func TestPublishedRefusals(t *testing.T) {
	labels := func(values ...int64) []byte { return arrayBytes(npy.Int64, values, len(values)/3, 3) }
	for what, change := range map[string]func(files map[string][]byte){
		"no array of sequences":   func(f map[string][]byte) { delete(f, "sequences.npy") },
		"fewer rows":              func(f map[string][]byte) { f["num_step_correct.npy"] = labels(0, 0, 3, 0, 10, 500) },
		"runs of different steps": func(f map[string][]byte) { f["num_step_correct.npy"] = labels(0, 0, 3, 0, 10, 5, 1, 0, 7, 1, 20, 1) },
		"a run that is not whole": func(f map[string][]byte) { f["num_step_correct.npy"] = labels(0, 0, 3, 0, 10, 5, 1, 20, 7, 1, 0, 1) },
		"a negative step":         func(f map[string][]byte) { f["num_step_correct.npy"] = labels(0, -9, 3, 0, 10, 5, 1, -9, 7, 1, 10, 1) },
		"two columns of labels":   func(f map[string][]byte) { f["num_step_correct.npy"] = arrayBytes(npy.Int64, make([]int64, 8), 4, 2) },
		"logits of another length": func(f map[string][]byte) {
			f["logits.npy"] = arrayBytes(npy.Float16, make([]float32, 4*2*3*6), 4, 2, 3, 6)
		},
		"sequences as floats":       func(f map[string][]byte) { f["sequences.npy"] = arrayBytes(npy.Float32, make([]float32, 24), 4, 2, 3) },
		"sequences of vectors":      func(f map[string][]byte) { f["sequences.npy"] = arrayBytes(npy.Int16, make([]int32, 24), 4, 2, 3, 1) },
		"an empty array":            func(f map[string][]byte) { f["tasks.npy"] = arrayBytes(npy.Int64, []int64{}, 4, 0) },
		"another size of the layer": func(f map[string][]byte) { f["args.json"] = []byte(`{"rnn_hidden_size": 2, "rnn_num_layers": 1}`) },
		"layers without end": func(f map[string][]byte) {
			f["args.json"] = []byte(`{"rnn_hidden_size": 1, "rnn_num_layers": 1000000000}`)
		},
	} {
		files := tinyPublished()
		change(files)
		dir := writeFiles(t, files)
		_, _, err := readPublished(dir)
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(dir)) {
			t.Errorf("%s: error %v, want one that names the folder", what, err)
		}
	}
}

func TestExportRefusals(t *testing.T) {
	languages := Header{Family: "formal_languages", Spec: rnn.Uniform("lstm", 6, 1, 1, 6), Steps: []int{0}, RolloutCount: 1, RolloutLength: 2, Outputs: 6, Metrics: []string{"accuracy_counts"}}
	for what, change := range map[string]func(*Zoo){
		"another family": func(z *Zoo) { z.Header.Family = "tiny" },
		"another cell":   func(z *Zoo) { z.Header.Spec = rnn.Uniform("gru", 6, 1, 1, 6) },
		"unequal layers": func(z *Zoo) {
			z.Header.Spec.Layers = append(z.Header.Spec.Layers, rnn.Layer{Cell: "lstm", Inputs: 1, Hidden: 2})
		},
		"no count":        func(z *Zoo) { z.Header.Metrics = nil },
		"no runs":         func(z *Zoo) { z.Runs = nil },
		"a run not there": func(*Zoo) {},
	} {
		z := &Zoo{Header: languages, Runs: []int{0}, dir: t.TempDir()}
		change(z)
		out := t.TempDir()
		err := z.ExportPublished(out)
		if err == nil || what != "a run not there" && errs.CodeOf(err) != errs.Damaged {
			t.Errorf("%s: error %v", what, err)
		}
		if left := names(out); len(left) != 0 {
			t.Errorf("%s: left %q", what, left)
		}
	}
}

// FuzzPublished: no arguments, labels or tasks make the reader panic.
func FuzzPublished(f *testing.F) {
	files := tinyPublished()
	f.Add(files["args.json"], files["num_step_correct.npy"], files["tasks.npy"], files["sequences.npy"])
	f.Fuzz(func(t *testing.T, args, labels, tasks, sequences []byte) {
		files := tinyPublished()
		files["args.json"], files["num_step_correct.npy"], files["tasks.npy"], files["sequences.npy"] = args, labels, tasks, sequences
		h, runs, err := readPublished(writeFiles(t, files))
		if err == nil && len(runs)*len(h.Steps) != 4 {
			t.Fatalf("%d runs of %d snapshots", len(runs), len(h.Steps))
		}
	})
}
