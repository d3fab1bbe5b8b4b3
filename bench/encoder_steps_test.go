//go:build unix

// Package bench compares the speed of training steps with other frameworks';
// its scripts run the benchmarks here next to their peers.
package bench

import (
	"encoding/json"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"rnnrep/encoders"
	"rnnrep/internal/grad"
	"rnnrep/internal/kernel"
	"rnnrep/internal/nn"
	"rnnrep/internal/optim"
	"rnnrep/rnn"
)

// Sizes of every workload; encoder_steps.py has the same.
const (
	batch       = 64
	length      = 42
	dim         = 16
	vocabulary  = 6
	clip        = 0.1
	rate        = 1e-4
	sequences   = 8 // of the transformer
	tokens      = 526
	width       = 128
	heads       = 4
	depth       = 6
	probes      = 40
	interrogate = 256
)

// workload is one training step's model: a forward pass to a loss.
type workload struct {
	params []*grad.Param
	flop   float64 // multiply-adds count twice
	loss   func(t *grad.Tape) grad.Var
}

func random() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func normal(n int) []float32 {
	r, x := random(), make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// spec is that of the paper's zoos.
func spec() rnn.Spec { return rnn.Uniform("lstm", vocabulary, 32, 2, vocabulary) }

func population() []*rnn.Model {
	s := spec()
	w := normal(batch * s.Parameters())
	models := make([]*rnn.Model, batch)
	for i := range models {
		models[i] = &rnn.Model{Spec: s, Weights: w[i*s.Parameters() : (i+1)*s.Parameters()]}
		kernel.Scale(models[i].Weights, 0.2)
	}
	return models
}

// encoding is an encoder's step towards given embeddings.
func encoding(b *testing.B, kind, options string, flop float64) workload {
	e, err := encoders.New(encoders.Config{Kind: kind, Dim: dim, Spec: spec(), Options: json.RawMessage(options)}, random())
	if err != nil {
		b.Fatal(err)
	}
	models, target := population(), normal(batch*dim)
	if p, ok := e.(encoders.Preparer); ok {
		p.Prepare(models)
	}
	return workload{e.Params(), flop, func(t *grad.Tape) grad.Var {
		return grad.MeanSquare(e.Encode(t, rnn.Bind(t, models...)), target)
	}}
}

func emulator(b *testing.B) workload {
	e, err := encoders.NewEmulator(encoders.EmulatorConfig{Dim: dim, Inputs: vocabulary, Outputs: vocabulary, Hidden: 256, Layers: 2}, random())
	if err != nil {
		b.Fatal(err)
	}
	ids, target, z := make([]int32, batch*length), normal(batch*length*vocabulary), normal(batch*dim)
	r := random()
	for i := range ids {
		ids[i] = int32(r.IntN(vocabulary))
	}
	kernel.Softmax(target, target, batch*length, vocabulary)
	return workload{e.Params(), 3 * 2 * batch * length * (3 * 1024 * 256), func(t *grad.Tape) grad.Var {
		return grad.TotalVariation(e.Emulate(t.Input("", batch, dim, z), grad.Steps{Tokens: ids, T: length}), target)
	}}
}

func transformer(*testing.B) workload {
	const rows = sequences * tokens
	r := random()
	var w workload
	var layers []*nn.TransformerLayer
	for range depth {
		l := nn.NewTransformerLayer("layer", width, heads, 4*width, r)
		layers, w.params = append(layers, l), append(w.params, l.Params()...)
	}
	out := nn.NewLinear("out", width, dim, r)
	w.params = append(w.params, out.Params()...)
	w.flop = 3 * 2 * depth * rows * (12*width*width + 2*tokens*width)
	x, target := normal(rows*width), normal(sequences*dim)
	w.loss = func(t *grad.Tape) grad.Var {
		h := t.Input("", rows, width, x)
		for _, l := range layers {
			h = l.Apply(h, tokens)
		}
		return grad.MeanSquare(out.Apply(grad.Mean(h, tokens, 1)), target)
	}
	return w
}

// BenchmarkEncoderSteps measures whole training steps on one core (forward,
// backward, clipping, AdamW): the median of their CPU times, and the share that
// the products in them have of the core's multiply-add peak.
func BenchmarkEncoderSteps(b *testing.B) {
	const weights = 13766 // of one RNN
	mlp := func(widths ...int) (flop float64) {
		for i := 1; i < len(widths); i++ {
			flop += 3 * 2 * batch * float64(widths[i-1]*widths[i])
		}
		return flop
	}
	for _, c := range []struct {
		name string
		make func(b *testing.B) workload
	}{
		{"emulator", emulator},
		{"flattened", func(b *testing.B) workload {
			return encoding(b, "flattened", `{}`, mlp(weights, 128, 128, dim))
		}},
		{"flattened_wide", func(b *testing.B) workload {
			return encoding(b, "flattened", `{"hidden":[768,128]}`, mlp(weights, 768, 128, dim))
		}},
		{"layerwise_statistics", func(b *testing.B) workload {
			return encoding(b, "layerwise_statistics", `{}`, mlp(238, 256, 256, dim))
		}},
		{"transformer", transformer},
		{"interactive_probing", func(b *testing.B) workload {
			return encoding(b, "interactive_probing", `{"steps":40,"hidden":256,"layers":2}`,
				probes*2*batch*(3*4*1024*256+2*(weights-vocabulary*128)))
		}},
	} {
		b.Run(c.name, func(b *testing.B) { measure(b, c.make(b)) })
	}
}

func measure(b *testing.B, w workload) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	adam, tape := optim.NewAdamW(optim.DefaultAdamW(), w.params), grad.NewTape()
	step := func() {
		tape.Reset()
		tape.Backward(w.loss(tape))
		adam.ClippedStep(rate, clip)
	}
	for range 3 {
		step()
	}
	var times, peaks []float64
	for b.Loop() {
		start := cpuTime(b)
		flop := kernel.PeakLoop(50000)
		middle := cpuTime(b)
		step()
		peaks = append(peaks, float64(flop)/(middle-start).Seconds())
		times = append(times, (cpuTime(b) - middle).Seconds())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(1e3*median(times), "ms/step")
	b.ReportMetric(w.flop/median(times)/1e9, "GFLOP/s")
	b.ReportMetric(100*w.flop/median(times)/median(peaks), "%peak")
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// cpuTime is what this process has used so far: unlike the wall clock it does
// not count what others use.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
