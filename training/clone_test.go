package training

import (
	"math"
	"testing"

	"rnnrep/encoders"
	"rnnrep/internal/grad"
	"rnnrep/internal/rng"
)

// TestCloneSteps: step by step, a clone puts out what the emulator does for whole
// sequences, again after Reset too.
func TestCloneSteps(t *testing.T) {
	const dim, n, steps, inputs, outputs = 3, 2, 5, 4, 6
	for i := range 4 {
		real := i%2 == 1
		e, err := encoders.NewEmulator(encoders.EmulatorConfig{Dim: dim, Inputs: inputs, Real: real, Outputs: outputs, Hidden: 7, Layers: 2, EveryStep: i > 1}, rng.Stream(1, "emulator", 0))
		if err != nil {
			t.Fatal(err)
		}
		r := rng.Stream(1, "inputs", 0)
		embedding, tokens, x := []float32{.6, 0, -.8}, make([]int32, steps*n), make([]float32, steps*n*inputs)
		for i := range tokens {
			tokens[i] = int32(r.IntN(inputs))
		}
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		tape := grad.NewTape().Inference()
		in := grad.Steps{Tokens: tokens, T: steps}
		if real {
			in = grad.Steps{X: tape.Input("", steps*n, inputs, x), T: steps}
		}
		want := e.Emulate(tape.Input("", n, dim, append(embedding, embedding...)), in).Value()
		clone, got := newClone(e, embedding), make([]float32, n*outputs)
		for range 2 {
			clone.Reset(n)
			for step := range steps {
				if real {
					clone.StepInputs(x[step*n*inputs:(step+1)*n*inputs], got)
				} else {
					clone.Step(tokens[step*n:(step+1)*n], got)
				}
				for i, v := range got {
					if w := want[step*n*outputs+i]; math.Abs(float64(v-w)) > 1e-5 {
						t.Fatalf("step %d: output %d is %v, the emulator's %v", step, i, v, w)
					}
				}
			}
		}
	}
}
