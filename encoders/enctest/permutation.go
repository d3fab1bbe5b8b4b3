package enctest

import (
	"slices"
	"testing"

	"rnnrep/encoders"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// invariant is the optional claim that hidden units may stand in any order.
type invariant interface{ PermutationInvariant() bool }

const (
	// permutationTolerance: sums over units run in another order, which an RNN that
	// runs for many steps amplifies.
	permutationTolerance = 5e-6
	// permutationEffect is what an inconsistent permutation must change at least.
	permutationEffect = 10 * permutationTolerance
)

// checkPermutation: an invariant encoder gives a permuted RNN the same
// embedding and, unless it is blind to order, another one as soon as one block
// of weights is left as it was. Any other encoder must say how training alters
// its RNNs, and must not alter what they compute.
func checkPermutation(t *testing.T, c Case) {
	spec := c.Config.Spec
	e, m := build(t, c.Config, rng.Stream(seed, "encoder", 0)), Models(spec, 1)[0]
	permuted := encoders.PermuteUnits(m, encoders.RandomPermutations(rng.Stream(seed, "permutation", 0), spec))
	checkSameFunction(t, m, permuted)
	moved := distance(embed(e, permuted), embed(e, m))
	claims, ok := e.(invariant)
	if !ok || !claims.PermutationInvariant() {
		if moved < permutationEffect {
			t.Errorf("the embedding of a permuted RNN differs by %g only, and the encoder claims no invariance", moved)
		}
		checkAugmentation(t, e, m)
		return
	}
	if moved > permutationTolerance {
		t.Errorf("the embedding of a permuted RNN differs by %g", moved)
	}
	for _, s := range spec.Layout() {
		mixed := &rnn.Model{Spec: spec, Weights: slices.Clone(permuted.Weights)}
		copy(mixed.Tensor(s), m.Tensor(s))
		if slices.Equal(mixed.Weights, permuted.Weights) {
			continue // not permuted: the readout's bias
		}
		if d := distance(embed(e, mixed), embed(e, m)); (d < permutationEffect) != c.OrderFree {
			t.Errorf("with %s left as it was, the embedding differs by %g", s.Name, d)
		}
	}
}

// checkSameFunction runs both RNNs, by the plain reference.
func checkSameFunction(t *testing.T, a, b *rnn.Model) {
	t.Helper()
	const steps, batch = 6, 2
	r := rng.Stream(seed, "inputs", 0)
	x := make([]float32, steps*batch*a.Spec.Inputs())
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	ya, errA := a.Run(x, steps, batch)
	yb, errB := b.Run(x, steps, batch)
	if errA != nil || errB != nil || distance(ya, yb) > permutationTolerance {
		t.Fatalf("permuted RNNs differ by %g (%v, %v)", distance(ya, yb), errA, errB)
	}
	if slices.Equal(a.Weights, b.Weights) {
		t.Fatal("the permutation changes nothing")
	}
}

func checkAugmentation(t *testing.T, e encoders.Encoder, m *rnn.Model) {
	a, ok := e.(encoders.Augmenter)
	if !ok {
		t.Fatal("the encoder is neither invariant to permutations nor an Augmenter")
	}
	before := slices.Clone(m.Weights)
	one, again := a.Augment(rng.Stream(seed, "augmentation", 0), m), a.Augment(rng.Stream(seed, "augmentation", 0), m)
	other := a.Augment(rng.Stream(seed, "augmentation", 1), m)
	if !slices.Equal(m.Weights, before) {
		t.Error("Augment changes the RNN it is given")
	}
	if !slices.Equal(one.Weights, again.Weights) || slices.Equal(one.Weights, other.Weights) {
		t.Error("Augment does not depend on its random stream alone")
	}
	checkSameFunction(t, m, one)
}
