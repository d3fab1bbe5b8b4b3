package training

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"rnnrep/encoders"
	"rnnrep/internal/errs"
	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
)

// TestDataset: every snapshot is in one part, tasks are not shared between
// parts, and what the examples say is what the zoo holds.
func TestDataset(t *testing.T) {
	dir := tinyZoo(t)
	d, err := loadZoo(dir)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zoo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[zoo.TaskKey]zoo.Part{}
	snapshots := 0
	for part, examples := range d.parts {
		for _, e := range examples {
			key := zoo.Key(e.truth.Task)
			if other, ok := parts[key]; ok && other != part {
				t.Errorf("task %s is in %s and %s", key, part, other)
			}
			parts[key] = part
			snapshots++
			run, err := z.Load(e.run)
			if err != nil {
				t.Fatal(err)
			}
			s := run.Snapshots[e.truth.Stage]
			if s.Step != e.step || !reflect.DeepEqual(s.Weights, e.model.Weights) || s.Metrics[z.Header.Metric("accuracy")] != e.truth.Accuracy ||
				s.Metrics[z.Header.Metric("generalization_gap")] != e.truth.Gap || !reflect.DeepEqual(run.Task, e.truth.Task) {
				t.Errorf("run %d, step %d is not what the zoo holds", e.run, e.step)
			}
		}
	}
	if want := len(z.Runs) * len(z.Header.Steps); snapshots != want || d.runs != len(z.Runs) {
		t.Errorf("%d snapshots of %d runs, want %d", snapshots, d.runs, want)
	}
	again, err := loadZoo(dir)
	if err != nil || again.checksum != d.checksum || !reflect.DeepEqual(again.parts, d.parts) {
		t.Errorf("read again, the zoo is another: %v", err)
	}
}

func TestDatasetCoordinates(t *testing.T) {
	d := &dataset{family: languages(t), parts: map[zoo.Part][]example{
		zoo.Train:      {{truth: encoders.Truth{Task: []float32{0, 2, -1, 0}}}, {truth: encoders.Truth{Task: []float32{0, -3, -1, 0}}}},
		zoo.Validation: {{truth: encoders.Truth{Task: []float32{0, 2, 1, 0}}}},
		zoo.OOD:        {{truth: encoders.Truth{Task: []float32{0, 0, -1, 0}}}},
	}}
	coordinates := d.coordinates()
	if want := [][]float32{{0}, {-3, 0, 2}, {-1, 1}, {0}}; !reflect.DeepEqual(coordinates, want) {
		t.Errorf("coordinates %v, want %v", coordinates, want)
	}
	if names := d.taskNames(coordinates); len(names) != 6 || names["0 -3 1 0"] != "a^n b^(n-3) c^(n+1) d^n" {
		t.Errorf("names %v", names)
	}
	if got := d.nameOf([]float32{0, 2, 0, 0}); got != "a^n b^(n+2) c^n d^n" {
		t.Errorf("name %q", got)
	}
}

// TestUnfitZoos: too small, damaged and missing zoos are refused by name.
func TestUnfitZoos(t *testing.T) {
	train := func(dir string, runs int) {
		t.Helper()
		if err := TrainZoo(context.Background(), ZooConfig{Family: "formal_languages", Runs: runs, Seed: 3, Dir: dir, Steps: 1, Hidden: 2, Layers: 1}); err != nil {
			t.Fatal(err)
		}
	}
	small, damaged := t.TempDir(), t.TempDir()
	train(small, 2)
	train(damaged, 2)
	file := filepath.Join(damaged, "run-00001.rrz")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	for dir, says := range map[string]string{small: "train more runs", damaged: file, t.TempDir(): "zoo.json"} {
		if _, err := loadZoo(dir); errs.CodeOf(err) != errs.Damaged || !strings.Contains(err.Error(), says) {
			t.Errorf("%v; want a word of %s", err, says)
		}
	}
}

func languages(t *testing.T) tasks.Family {
	t.Helper()
	f, err := tasks.Lookup("formal_languages")
	if err != nil {
		t.Fatal(err)
	}
	return f
}
