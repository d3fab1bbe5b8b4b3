package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rnnrep/rnn"
	"rnnrep/rnn/zoo"
)

// smallZoo holds two runs; the second metric was not measured at step 0.
func smallZoo(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	h := zoo.Header{Family: "tiny", Seed: 9, Spec: rnn.Uniform("gru", 3, 2, 1, 2), Steps: []int{0, 50}, RolloutCount: 1, RolloutLength: 2, Outputs: 2,
		Metrics: []string{"accuracy", "generalization_gap"}, Recipe: map[string]string{"batch": "32"}}
	w, err := zoo.Create(dir, h)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		r := &zoo.Run{Index: i, Task: []float32{1}}
		for _, step := range h.Steps {
			s := zoo.Snapshot{Step: step, Weights: make([]float32, h.Spec.Parameters()), Tokens: make([]int32, 2), Logits: make([]float32, 4),
				Metrics: []float64{0.5 + 0.25*float64(i), float64(step)}}
			if step == 0 {
				s.Metrics[1] = math.NaN()
			}
			r.Snapshots = append(r.Snapshots, s)
		}
		if err := w.Commit(r); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestZooInfo(t *testing.T) {
	info, err := describeZoo(smallZoo(t))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := writeZooInfo(&b, "json", info); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Family      string
		Seed        uint64
		Runs, Tasks int
		Checksum    string
		Spec        rnn.Spec
		Means       map[string][]*float64
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, b.String())
	}
	if got.Family != "tiny" || got.Seed != 9 || got.Runs != 2 || got.Tasks != 1 || !got.Spec.Equal(info.Spec) || !strings.HasPrefix(got.Checksum, "sha256:") {
		t.Errorf("info %+v", got)
	}
	if m := got.Means["accuracy"]; len(m) != 2 || *m[0] != 0.625 || *m[1] != 0.625 {
		t.Errorf("means of accuracy %v", m)
	}
	if m := got.Means["generalization_gap"]; len(m) != 2 || m[0] != nil || *m[1] != 50 {
		t.Errorf("means of generalization_gap %v, want null and 50", m)
	}
	b.Reset()
	if err := writeZooInfo(&b, "table", info); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"tiny", "gru 3-2-2", "2, of 1 tasks", info.Checksum, "batch", "50.0000", " -"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
}

// TestZooInfoReadsEveryRun: damage in any run is named.
func TestZooInfoReadsEveryRun(t *testing.T) {
	dir := smallZoo(t)
	file := filepath.Join(dir, "run-00001.rrz")
	if err := os.Truncate(file, 100); err != nil {
		t.Fatal(err)
	}
	if _, err := describeZoo(dir); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v does not name %s", err, file)
	}
}
