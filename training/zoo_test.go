package training

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"rnnrep/internal/kernel"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
	"rnnrep/rnn/tasks"
)

// newBenchTrainer is the formal-language trainer at its start.
func newBenchTrainer() *zooTrainer {
	family, _ := tasks.Lookup("formal_languages")
	task := family.Draw(rng.Stream(1, "zoo task", 0))
	spec := rnn.Uniform("lstm", 6, 32, 2, 6)
	return newZooTrainer(rnn.NewTrainee(initialModel(spec, rng.Stream(1, "zoo weights", 0))), task, family.Recipe(), rng.Stream(1, "zoo batches", 0))
}

// stepFLOP is the arithmetic of one step of a 2x32 LSTM, batch 32, T 42: only
// the matrix products, forward and backward, and the token rows.
const stepFLOP = 32 * 42 * (3*2*128*96 + 3*2*32*6 + 128)

// BenchmarkZooStep measures a whole training step (batch, forward, backward,
// AdamW) and its share of the core's multiply-add peak in the same run.
func BenchmarkZooStep(b *testing.B) {
	z := newBenchTrainer()
	z.step()
	const rounds = 200000
	flops, start := 0, time.Now()
	for range 5 {
		flops += kernel.PeakLoop(rounds)
	}
	peak := float64(flops) / time.Since(start).Seconds()
	for b.Loop() {
		z.step()
	}
	rate := stepFLOP * float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate/1e9, "GFLOP/s")
	b.ReportMetric(100*rate/peak, "%peak")
}

func TestZooStepAllocatesNothing(t *testing.T) {
	z := newBenchTrainer()
	for range 3 {
		z.step()
	}
	if n := testing.AllocsPerRun(20, func() { z.step() }); n != 0 {
		t.Errorf("a step makes %v allocations, want 0", n)
	}
}

func TestZooStepLearns(t *testing.T) {
	z := newBenchTrainer()
	first := z.step()
	var last float32
	for range 300 {
		last = z.step()
	}
	if math.Abs(float64(first)-math.Log(6)) > 0.3 || last > 0.5*first {
		t.Errorf("loss goes from %v to %v in 300 steps, want from about ln 6 to less than half", first, last)
	}
}

// readRuns returns the run files of a zoo.
func readRuns(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "run-*.rrz"))
	all := map[string][]byte{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(f)] = data
	}
	return all
}

// TestZooDependsOnSeedAndIndexAlone trains a zoo at once on one worker, and
// again interrupted, in pieces and on three workers.
func TestZooDependsOnSeedAndIndexAlone(t *testing.T) {
	train := func(dir string, runs, workers int, ctx context.Context) error {
		return TrainZoo(ctx, ZooConfig{Family: "formal_languages", Runs: runs, Seed: 7, Dir: dir, Workers: workers, Steps: 100})
	}
	whole, pieces := t.TempDir(), t.TempDir()
	if err := train(whole, 3, 1, context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := train(pieces, 1, 1, context.Background()); err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := train(pieces, 3, 2, cancelled); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled training returned %v", err)
	}
	if err := train(pieces, 3, 3, context.Background()); err != nil {
		t.Fatal(err)
	}
	want, got := readRuns(t, whole), readRuns(t, pieces)
	if len(want) != 3 || len(got) != 3 {
		t.Fatalf("%d and %d runs, want 3", len(want), len(got))
	}
	for name, data := range want {
		if !bytes.Equal(data, got[name]) {
			t.Errorf("%s differs between the two trainings", name)
		}
	}
}

// TestGoldenRun: the bytes of a run never change on one instruction set, or no
// zoo could be resumed or made again. A kernel that rounds otherwise changes them.
func TestGoldenRun(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the golden bytes were made on amd64")
	}
	golden := map[string]string{
		"avx512":  "0e6fd19cecf7750973e9630df5d330cfb10cb9f21e471e7f91fb93d1d190a51d",
		"avx2":    "0e6fd19cecf7750973e9630df5d330cfb10cb9f21e471e7f91fb93d1d190a51d",
		"generic": "b82354c553d329c47861de236cd099b45a03a668d3a394e3a9368b7c8fbe2f52",
	}
	for _, name := range kernel.Implementations() {
		if name == "generic" && kernel.Name() != name {
			continue // takes seconds; the build tag noasm tests it
		}
		restore := kernel.Select(name)
		dir := t.TempDir()
		err := TrainZoo(context.Background(), ZooConfig{Family: "formal_languages", Runs: 1, Seed: 7, Dir: dir, Workers: 1, Steps: 100})
		restore()
		if err != nil {
			t.Fatal(err)
		}
		for file, data := range readRuns(t, dir) {
			if got := fmt.Sprintf("%x", sha256.Sum256(data)); got != golden[name] {
				t.Errorf("%s: %s hashes to %s, want %s", name, file, got, golden[name])
			}
		}
	}
}
