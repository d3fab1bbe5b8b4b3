package training

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"rnnrep/internal/rng"
	"rnnrep/rnn"
	"rnnrep/rnn/tasks"
)

// MixedFamily names the zoo of RNNs of many shapes, of all families.
const MixedFamily = "mixed"

// A mixed zoo has many short runs, and keeps few sequences of a snapshot.
const (
	mixedSteps    = 5000
	mixedRollouts = 10
)

// mixedCells, mixedWidths and mixedLayers are what a run of a mixed zoo draws
// from. The cells that are used most are there most.
var (
	mixedCells  = []string{"lstm", "lstm", "lstm", "gru", "gru", "gru", "rnn_tanh", "rnn_tanh", "rnn_relu"}
	mixedWidths = []int{8, 12, 16, 24, 32, 48, 64}
	mixedLayers = []int{1, 2, 3}
)

// TrainMixedZoo is TrainZoo for RNNs of many shapes: run i draws a family of
// tasks and an architecture too, and lies in a zoo of its own kind, a folder of
// c.Dir. Family, Cell, Hidden and Layers are not read; Steps 0 means 5000.
func TrainMixedZoo(ctx context.Context, c ZooConfig) error {
	c.Steps, c.rollouts = cmp.Or(c.Steps, mixedSteps), mixedRollouts
	plans := map[string]*zooPlan{}
	return c.train(ctx, func(i int) (*zooPlan, error) {
		a := drawArchitecture(c.Seed, i)
		if p, ok := plans[a.String()]; ok {
			return p, nil
		}
		p, err := c.plan(a.family, filepath.Join(c.Dir, a.String()), a.spec)
		plans[a.String()] = p
		return p, err
	})
}

// architecture is what a run of a mixed zoo draws beside its task.
type architecture struct {
	family, cell   string
	layers, hidden int
}

func drawArchitecture(seed uint64, run int) architecture {
	r := rng.Stream(seed, "zoo architecture", uint64(run))
	pick := func(n int) int { return r.IntN(n) }
	return architecture{family: tasks.Names()[pick(len(tasks.Names()))], cell: mixedCells[pick(len(mixedCells))],
		layers: mixedLayers[pick(len(mixedLayers))], hidden: mixedWidths[pick(len(mixedWidths))]}
}

// String names the folder: "adding-lstm-2x32".
func (a architecture) String() string {
	return fmt.Sprintf("%s-%s-%dx%d", a.family, a.cell, a.layers, a.hidden)
}

func (a architecture) spec(io tasks.IO) rnn.Spec {
	return rnn.Uniform(a.cell, io.Inputs, a.hidden, a.layers, io.Outputs)
}
