package training

import (
	"context"
	"math"
	"testing"

	"rnnrep/internal/rng"
	"rnnrep/rnn"
	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
)

// TestEveryFamilyTrains makes a small zoo of each family, the cells in turn.
func TestEveryFamilyTrains(t *testing.T) {
	for i, name := range tasks.Names() {
		t.Run(name, func(t *testing.T) {
			cell := rnn.CellNames()[i%len(rnn.CellNames())]
			dir := t.TempDir()
			c := ZooConfig{Family: name, Runs: 1, Seed: 5, Dir: dir, Workers: 1, Steps: 100, Cell: cell, Hidden: 8, Layers: 1}
			if err := TrainZoo(context.Background(), c); err != nil {
				t.Fatal(err)
			}
			z, err := zoo.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			run, err := z.Load(0)
			if err != nil {
				t.Fatal(err)
			}
			if z.Header.Spec.Layers[0].Cell != cell || len(run.Snapshots) != 2 {
				t.Fatalf("%s with %d snapshots", z.Header.Spec, len(run.Snapshots))
			}
			loss := func(s zoo.Snapshot) float64 { return s.Metrics[z.Header.Metric("train_loss")] }
			if before, after := loss(run.Snapshots[0]), loss(run.Snapshots[1]); !(after < before) {
				t.Errorf("train_loss goes from %v to %v", before, after)
			}
			for _, s := range run.Snapshots {
				for m, v := range s.Metrics {
					if math.IsNaN(v) || math.IsInf(v, 0) {
						t.Errorf("step %d: %s is %v", s.Step, z.Header.Metrics[m], v)
					}
				}
			}
		})
	}
}

// TestStoredLogitsAreTheModels: what a zoo stores of an RNN's outputs is what
// its stored weights put out for the stored inputs.
func TestStoredLogitsAreTheModels(t *testing.T) {
	for _, name := range tasks.Names() {
		family, err := tasks.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		io := family.IO()
		trainee := rnn.NewTrainee(initialModel(rnn.Uniform("gru", io.Inputs, 7, 2, io.Outputs), rng.Stream(1, "zoo weights", 0)))
		const count = 4
		out := family.Draw(rng.Stream(1, "zoo task", 0)).Rollouts(rng.Stream(1, "test", 0), newRunner(trainee), count)
		var x []float32 // [length, count, inputs]
		for step := range io.Length {
			for s := range count {
				at := s*io.Length + step
				if io.RealInputs {
					x = append(x, out.Inputs[at*io.Inputs:(at+1)*io.Inputs]...)
					continue
				}
				x = append(x, make([]float32, io.Inputs)...)
				x[len(x)-io.Inputs+int(out.Tokens[at])] = 1
			}
		}
		model := rnn.Model{Spec: trainee.Spec, Weights: trainee.Weights(nil)}
		want, err := model.Run(x, io.Length, count)
		if err != nil {
			t.Fatal(err)
		}
		for step := range io.Length {
			for s := range count {
				row := want[(step*count+s)*io.Outputs : (step*count+s+1)*io.Outputs]
				if io.Samples {
					tasks.LogSoftmax(row)
				}
				for k, v := range row {
					if got := out.Logits[(s*io.Length+step)*io.Outputs+k]; math.Abs(float64(got-v)) > 1e-5 {
						t.Fatalf("%s, step %d, sequence %d: output %v, the model's is %v", name, step, s, got, v)
					}
				}
			}
		}
	}
}

func TestTrainZooRefuses(t *testing.T) {
	for what, c := range map[string]ZooConfig{
		"an unknown family": {Family: "chess"},
		"an unknown cell":   {Family: "parity", Cell: "transformer"},
		"negative units":    {Family: "parity", Hidden: -1},
		"2^30 units":        {Family: "parity", Hidden: 1 << 30},
		"1000 layers":       {Family: "parity", Layers: 1000},
	} {
		c.Dir, c.Runs, c.Steps = t.TempDir(), 1, 100
		if err := TrainZoo(context.Background(), c); err == nil {
			t.Errorf("%s: trained", what)
		}
	}
}
