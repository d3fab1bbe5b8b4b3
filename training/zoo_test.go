package training

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"rnnrep/internal/kernel"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
)

// newTestTrainer is a family's trainer at its start.
func newTestTrainer(tb testing.TB, name string) *zooTrainer {
	tb.Helper()
	family, err := tasks.Lookup(name)
	if err != nil {
		tb.Fatal(err)
	}
	io := family.IO()
	task := family.Draw(rng.Stream(1, "zoo task", 0))
	spec := rnn.Uniform("lstm", io.Inputs, 32, 2, io.Outputs)
	return newZooTrainer(rnn.NewTrainee(initialModel(spec, rng.Stream(1, "zoo weights", 0))), task, family.Recipe(), 1e-4, rng.Stream(1, "zoo batches", 0))
}

// stepFLOP is the arithmetic of one step of a 2x32 LSTM, batch 32: only the
// matrix products, forward and backward, and the token rows.
var stepFLOP = map[string]int{
	"formal_languages": 32 * 42 * (3*2*128*96 + 3*2*32*6 + 128),
	"sequential_mnist": 32 * 50 * (3*2*128*96 + 2*2*128*16 + 3*2*32*10),
}

// BenchmarkZooStep measures whole training steps (batch, forward, backward,
// AdamW), in turns with the core's multiply-add peak: medians, so that what else
// the core does now and then counts for neither.
func BenchmarkZooStep(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(stepFLOP)) {
		b.Run(name, func(b *testing.B) {
			z := newTestTrainer(b, name)
			for range 10 {
				z.step()
			}
			var steps, peaks []float64
			for b.Loop() {
				start := time.Now()
				flop := kernel.PeakLoop(50000)
				middle := time.Now()
				z.step()
				steps = append(steps, time.Since(middle).Seconds())
				peaks = append(peaks, float64(flop)/middle.Sub(start).Seconds())
			}
			slices.Sort(steps)
			slices.Sort(peaks)
			step := steps[len(steps)/2]
			rate := float64(stepFLOP[name]) / step
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(1e6*step, "us/step")
			b.ReportMetric(rate/1e9, "GFLOP/s")
			b.ReportMetric(100*rate/peaks[len(peaks)/2], "%peak")
		})
	}
}

func TestZooStepAllocatesNothing(t *testing.T) {
	for _, name := range tasks.Names() {
		z := newTestTrainer(t, name)
		for range 3 {
			z.step()
		}
		if n := testing.AllocsPerRun(5, func() { z.step() }); n != 0 {
			t.Errorf("%s: a step makes %v allocations, want 0", name, n)
		}
	}
}

func TestZooStepLearns(t *testing.T) {
	z := newTestTrainer(t, "formal_languages")
	first := z.step()
	var last float32
	for range 120 {
		last = z.step()
	}
	if math.Abs(float64(first)-math.Log(6)) > 0.3 || last > 0.5*first {
		t.Errorf("loss goes from %v to %v in 120 steps, want from about ln 6 to less than half", first, last)
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
		return TrainZoo(ctx, ZooConfig{Family: "formal_languages", Runs: runs, Seed: 7, Dir: dir, Workers: workers, Steps: 100, Hidden: 8, Layers: 1})
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
	sameRuns(t, whole, pieces, 3)
}

// sameRuns compares the run files of two zoos.
func sameRuns(t *testing.T, a, b string, runs int) {
	t.Helper()
	want, got := readRuns(t, a), readRuns(t, b)
	if len(want) != runs || len(got) != runs {
		t.Fatalf("%d and %d runs, want %d", len(want), len(got), runs)
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
		firstSteps(t, dir, "formal_languages", []int{0, 100}, 7, 0)
		restore()
		for file, data := range readRuns(t, dir) {
			if got := fmt.Sprintf("%x", sha256.Sum256(data)); got != golden[name] {
				t.Errorf("%s: %s hashes to %s, want %s", name, file, got, golden[name])
			}
		}
	}
}

// TestGoldenDigits is TestGoldenRun for real inputs: a short run of a few steps.
func TestGoldenDigits(t *testing.T) {
	if name := kernel.Name(); name == "generic" {
		t.Skip("reading 24,000 images takes minutes without vector kernels")
	}
	dir := t.TempDir()
	s := firstSteps(t, dir, "sequential_mnist", []int{30}, 7, 2).Snapshots[0]
	if len(s.Inputs) != 100*50*16 || len(s.Logits) != 100*50*10 || s.Tokens != nil {
		t.Fatalf("%d inputs, %d logits, %d tokens", len(s.Inputs), len(s.Logits), len(s.Tokens))
	}
	for file, data := range readRuns(t, dir) {
		if got, want := fmt.Sprintf("%x", sha256.Sum256(data)), "500be98ff823a31be46539f3f9086711fc956620bb5f31ae1150c9fb3b79d376"; got != want {
			t.Errorf("%s hashes to %s, want %s", file, got, want)
		}
	}
	t.Logf("metrics %v", s.Metrics)
}

// firstSteps commits a run of the family's recipe, cut off after the last of the
// snapshots.
func firstSteps(t *testing.T, dir, name string, snapshots []int, seed uint64, index int) *zoo.Run {
	t.Helper()
	family, err := tasks.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	c := ZooConfig{}
	p := &zooPlan{family: family, recipe: family.Recipe(), spec: c.spec(family.IO())}
	p.recipe.Steps, p.recipe.Snapshots = snapshots[len(snapshots)-1], snapshots
	run, err := p.trainRun(context.Background(), seed, index, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	store, err := zoo.Create(dir, zooHeader(p.family, p.recipe, p.spec, seed))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Commit(run); err != nil {
		t.Fatal(err)
	}
	return run
}
