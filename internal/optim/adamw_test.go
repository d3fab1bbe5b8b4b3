package optim_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rnnrep/internal/grad"
	"rnnrep/internal/optim"
)

// TestRestoreContinuesBitForBit: a new optimiser that is given the state and
// the values goes on as the old one.
func TestRestoreContinuesBitForBit(t *testing.T) {
	const before, after = 7, 9
	r := rand.New(rand.NewPCG(5, 6))
	steps := make([][][]float32, before+after)
	for i := range steps {
		steps[i] = [][]float32{randoms(r, 37), randoms(r, 5)}
	}
	take := func(adam *optim.AdamW, ps []*grad.Param, steps [][][]float32) {
		for i, gradients := range steps {
			setGradients(ps, gradients)
			adam.Step(0.01 / float64(i+1))
		}
	}
	ps := parameters([][]float32{randoms(r, 37), randoms(r, 5)})
	adam := optim.NewAdamW(optim.DefaultAdamW(), ps)
	take(adam, ps, steps[:before])

	count, m, v := adam.State()
	resumed := parameters([][]float32{ps[0].Value, ps[1].Value})
	other := optim.NewAdamW(optim.DefaultAdamW(), resumed)
	if err := other.Restore(count, clone(m), clone(v)); err != nil {
		t.Fatal(err)
	}
	take(adam, ps, steps[before:])
	take(other, resumed, steps[before:])
	for i := range ps {
		if !slices.Equal(ps[i].Value, resumed[i].Value) {
			t.Errorf("parameter %d differs after resuming", i)
		}
	}
	if n, _, _ := other.State(); n != before+after {
		t.Errorf("%d steps, want %d", n, before+after)
	}
}

// TestClippedStepIsBoth: bit for bit, whether it clips or not.
func TestClippedStepIsBoth(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, limit := range []float64{0.5, 1e6} {
		start := [][]float32{randoms(r, 37), randoms(r, 5)}
		apart, joined := parameters(start), parameters(start)
		a, j := optim.NewAdamW(optim.DefaultAdamW(), apart), optim.NewAdamW(optim.DefaultAdamW(), joined)
		for range 3 {
			g := [][]float32{randoms(r, 37), randoms(r, 5)}
			setGradients(apart, g)
			setGradients(joined, g)
			norm := optim.ClipNorm(apart, limit)
			a.Step(0.01)
			if got := j.ClippedStep(0.01, limit); got != norm {
				t.Errorf("norm %v, want %v", got, norm)
			}
		}
		for i := range apart {
			if !slices.Equal(apart[i].Value, joined[i].Value) {
				t.Errorf("limit %v: parameter %d differs", limit, i)
			}
		}
	}
}

// TestRestoreCopies: the optimiser does not keep the caller's slices.
func TestRestoreCopies(t *testing.T) {
	adam := optim.NewAdamW(optim.DefaultAdamW(), parameters([][]float32{{1, 2}}))
	m, v := [][]float32{{3, 4}}, [][]float32{{5, 6}}
	if err := adam.Restore(1, m, v); err != nil {
		t.Fatal(err)
	}
	m[0][0], v[0][0] = 0, 0
	if _, gotM, gotV := adam.State(); gotM[0][0] != 3 || gotV[0][0] != 5 {
		t.Error("Restore shares its arguments")
	}
}

func TestRestoreRefusesAnotherModel(t *testing.T) {
	ps := parameters([][]float32{{1, 2}, {3}})
	ps[1].Name = "linear.bias"
	adam := optim.NewAdamW(optim.DefaultAdamW(), ps)
	for _, c := range []struct {
		m, v  [][]float32
		names string
	}{
		{[][]float32{{0, 0}}, [][]float32{{0, 0}}, "1 tensors, the model has 2"},
		{[][]float32{{0, 0}, {0}}, [][]float32{{0, 0}}, "tensors"},
		{[][]float32{{0, 0}, {0, 0}}, [][]float32{{0, 0}, {0, 0}}, `"linear.bias" has 2 values, the model has 1`},
	} {
		if err := adam.Restore(1, c.m, c.v); err == nil || !strings.Contains(err.Error(), c.names) {
			t.Errorf("error %v does not say %q", err, c.names)
		}
	}
	if n, _, _ := adam.State(); n != 0 {
		t.Error("a refused state changed the step count")
	}
}

func clone(xs [][]float32) (ys [][]float32) {
	for _, x := range xs {
		ys = append(ys, slices.Clone(x))
	}
	return ys
}

func randoms(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}
