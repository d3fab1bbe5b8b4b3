package training

import (
	"context"
	"path/filepath"
	"testing"

	"rnnrep/rnn/zoo"
)

// TestMixedZoo: runs draw architectures of their own, and the zoo is the same
// however often it is interrupted.
func TestMixedZoo(t *testing.T) {
	dir, again := t.TempDir(), t.TempDir()
	train := func(dir string, runs int) {
		if err := TrainMixedZoo(context.Background(), ZooConfig{Runs: runs, Seed: 4, Dir: dir, Workers: 2, Steps: 2}); err != nil {
			t.Fatal(err)
		}
	}
	const runs = 8
	train(dir, runs)
	train(again, runs/2)
	train(again, runs)
	folders, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(folders) < 3 {
		t.Fatalf("%d architectures of %d runs (%v)", len(folders), runs, err)
	}
	found := 0
	for _, folder := range folders {
		z, err := zoo.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		found += len(z.Runs)
		sameRuns(t, folder, filepath.Join(again, filepath.Base(folder)), len(z.Runs))
	}
	if found != runs {
		t.Errorf("%d runs, want %d", found, runs)
	}
}
