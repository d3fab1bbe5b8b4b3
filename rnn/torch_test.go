package rnn_test

import (
	"math"
	"testing"

	"rnnrep/internal/grad"
	"rnnrep/internal/optim"
	"rnnrep/rnn"
)

// TestRunAgainstTorch: the plain reference gives PyTorch's float64 outputs.
func TestRunAgainstTorch(t *testing.T) {
	eachFixture(t, false, func(t *testing.T, f *fixture) {
		got, err := f.model().Run(f.inputs(f.Batches[0]), f.Steps, f.Batch)
		if err != nil {
			t.Fatal(err)
		}
		e := maxError(t, got, f.Logits)
		t.Logf("greatest error %.2g", e)
		if e > 1e-6 {
			t.Errorf("outputs differ from PyTorch's by %g", e)
		}
	})
}

// TestTraineeAgainstTorch compares outputs, loss and every gradient.
func TestTraineeAgainstTorch(t *testing.T) {
	eachFixture(t, true, func(t *testing.T, f *fixture) {
		tr := rnn.NewTrainee(f.model())
		tape := grad.NewTape()
		logits := tr.Sequence(tape, f.steps(tape, f.Batches[0]))
		loss := grad.CrossEntropy(logits, f.Batches[0].Targets)
		tape.Backward(loss)
		forward := relativeError(t, logits.Value(), f.Logits)
		if forward > 1e-5 {
			t.Errorf("outputs: relative error %g", forward)
		}
		if d := math.Abs(float64(loss.Value()[0])-f.Loss) / f.Loss; d > 1e-6 {
			t.Errorf("loss %v, want %v", loss.Value()[0], f.Loss)
		}
		worst := 0.0
		for i, s := range f.Spec.Layout() {
			e := relativeError(t, tr.Params()[i].Grad, f.Gradients[s.Offset:s.Offset+s.Size()])
			worst = max(worst, e)
			if e > 1e-5 {
				t.Errorf("gradient of %s: relative error %g", s.Name, e)
			}
		}
		t.Logf("greatest relative error: outputs %.2g, gradients %.2g", forward, worst)
	})
}

// TestOneHotEqualsTokens: tokens stand for one-hot rows.
func TestOneHotEqualsTokens(t *testing.T) {
	eachFixture(t, true, func(t *testing.T, f *fixture) {
		b := f.Batches[0]
		if b.Tokens == nil {
			t.Skip("real inputs")
		}
		b = fixtureBatch{Inputs: f.inputs(b), Targets: b.Targets}
		tr := rnn.NewTrainee(f.model())
		tape := grad.NewTape()
		tape.Backward(grad.CrossEntropy(tr.Sequence(tape, f.steps(tape, b)), b.Targets))
		for i, s := range f.Spec.Layout() {
			if e := relativeError(t, tr.Params()[i].Grad, f.Gradients[s.Offset:s.Offset+s.Size()]); e > 1e-5 {
				t.Errorf("gradient of %s: relative error %g", s.Name, e)
			}
		}
	})
}

// TestTrainingLossesAgainstTorch takes ten steps of clipping and AdamW.
func TestTrainingLossesAgainstTorch(t *testing.T) {
	eachFixture(t, true, func(t *testing.T, f *fixture) {
		tr := rnn.NewTrainee(f.model())
		config := optim.DefaultAdamW()
		config.WeightDecay = f.Training.WeightDecay
		adam := optim.NewAdamW(config, tr.Params())
		tape := grad.NewTape()
		worstLoss, worstNorm := 0.0, 0.0
		for i, b := range f.Batches {
			tape.Reset()
			loss := grad.CrossEntropy(tr.Sequence(tape, f.steps(tape, b)), b.Targets)
			tape.Backward(loss)
			norm := optim.ClipNorm(tr.Params(), f.Training.Clip)
			adam.Step(f.Training.Rate)
			dLoss := math.Abs(float64(loss.Value()[0]) - f.Training.Losses[i])
			dNorm := math.Abs(norm-f.Training.Norms[i]) / f.Training.Norms[i]
			if dLoss > 1e-4 {
				t.Errorf("step %d: loss %v, want %v", i, loss.Value()[0], f.Training.Losses[i])
			}
			if dNorm > 1e-3 {
				t.Errorf("step %d: gradient norm %v, want %v", i, norm, f.Training.Norms[i])
			}
			worstLoss, worstNorm = max(worstLoss, dLoss), max(worstNorm, dNorm)
		}
		t.Logf("greatest error: losses %.2g, norms (relative) %.2g", worstLoss, worstNorm)
	})
}

// TestStepEqualsSequence: step by step gives the sequence's outputs.
func TestStepEqualsSequence(t *testing.T) {
	eachFixture(t, true, func(t *testing.T, f *fixture) {
		tr := rnn.NewTrainee(f.model())
		tape := grad.NewTape().Inference()
		state := make(rnn.State, len(f.Spec.Layers))
		x, n := f.inputs(f.Batches[0]), f.Batch*f.Spec.Inputs()
		var got []float32
		for s := range f.Steps {
			var y grad.Var
			in := tape.Input("", f.Batch, f.Spec.Inputs(), x[s*n:(s+1)*n])
			y, state = tr.Step(tape, grad.Steps{X: in, T: 1}, state)
			got = append(got, y.Value()...)
		}
		if e := relativeError(t, got, f.Logits); e > 1e-5 {
			t.Errorf("relative error %g", e)
		}
	})
}
