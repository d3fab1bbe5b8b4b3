package encoders

import "fmt"

// Limits of the sizes that options and manifests may ask for; they are checked
// before any weight is allocated.
const (
	maxSize    = 1 << 14 // of a layer, or layers
	maxWeights = 1 << 25 // of the encoder, the emulator or the predictors
)

// checkSizes says whether layer sizes or counts of the part are in bounds.
func checkSizes(part string, sizes ...int) error {
	for _, n := range sizes {
		if n < 1 || n > maxSize {
			return fmt.Errorf("%s: a size of %d; 1 to %d is accepted", part, n, maxSize)
		}
	}
	return nil
}

// checkWeights says whether the part has not too many weights.
func checkWeights(part string, count int) error {
	if count > maxWeights {
		return fmt.Errorf("%s: %d weights; at most %d are accepted", part, count, maxWeights)
	}
	return nil
}

// checkPlain says whether the spec is of PyTorch's plain cells, run forwards.
func checkPlain(c Config) error {
	if !c.Spec.Plain() {
		return fmt.Errorf("%s: RNNs of spec %s are not of plain cells that run step by step", c.Kind, c.Spec)
	}
	return nil
}

// mlpWeights is the number of weights of a stack of linear layers.
func mlpWeights(widths ...int) (n int) {
	for i := 1; i < len(widths); i++ {
		n += (widths[i-1] + 1) * widths[i]
	}
	return n
}
