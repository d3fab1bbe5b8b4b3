package rnn

import (
	"fmt"
	"math"
	"slices"
)

// Run feeds x, [steps, batch, Inputs], to the model from a zero state and
// returns the outputs, [steps, batch, OutputSize]. It is the plain reference:
// sums are float64, every Variant and direction is covered, nothing is fast.
func (m *Model) Run(x []float32, steps, batch int) ([]float32, error) {
	if want := steps * batch * m.Spec.Inputs(); len(x) != want {
		return nil, fmt.Errorf("input has %d values, %d steps of batch %d need %d", len(x), steps, batch, want)
	}
	slots := m.Spec.Layout()
	for _, l := range m.Spec.Layers {
		var err error
		if x, slots, err = m.runLayer(l, slots, x, steps, batch); err != nil {
			return nil, err
		}
	}
	if m.Spec.Outputs == 0 {
		return x, nil
	}
	y := make([]float32, steps*batch*m.Spec.Outputs)
	for r := range steps * batch {
		affine(y[r*m.Spec.Outputs:(r+1)*m.Spec.Outputs], m.Tensor(slots[0]), x[r*m.Spec.Width():(r+1)*m.Spec.Width()], m.Tensor(slots[1]))
	}
	return y, nil
}

// directionWeights are one direction's tensors.
type directionWeights struct{ ih, hh, bih, bhh, peephole []float32 }

// runLayer runs one layer and returns its outputs and the slots not yet used.
func (m *Model) runLayer(l Layer, slots []Slot, x []float32, steps, batch int) ([]float32, []Slot, error) {
	activations, err := l.activations()
	if err != nil {
		return nil, nil, err
	}
	y := make([]float32, steps*batch*l.Width())
	var pre, recur []float64 // of one step
	for d := range l.Directions() {
		w := directionWeights{ih: m.Tensor(slots[0]), hh: m.Tensor(slots[1]), bih: m.Tensor(slots[2]), bhh: m.Tensor(slots[3])}
		slots = slots[4:]
		if l.Variant.Peepholes {
			w.peephole, slots = m.Tensor(slots[0]), slots[1:]
		}
		if pre == nil {
			pre, recur = make([]float64, len(w.bih)), make([]float64, len(w.bih))
		}
		backwards := d == 1 || l.Reverse
		for b := range batch {
			h, c := make([]float32, l.Hidden), make([]float32, l.Hidden)
			for i := range steps {
				t := i
				if backwards {
					t = steps - 1 - i
				}
				row := t*batch + b
				stepCell(l, w, activations, x[row*l.Inputs:(row+1)*l.Inputs], h, c, pre, recur)
				copy(y[row*l.Width()+d*l.Hidden:], h)
			}
		}
	}
	return y, slots, nil
}

// affine writes W·x + b.
func affine(y, w, x, b []float32) {
	for i := range y {
		y[i] = float32(dot(w[i*len(x):(i+1)*len(x)], x) + float64(b[i]))
	}
}

// dot is an inner product whose additions run in four chains at once.
func dot(a, b []float32) float64 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+3 < len(a); i += 4 {
		s0 += float64(a[i]) * float64(b[i])
		s1 += float64(a[i+1]) * float64(b[i+1])
		s2 += float64(a[i+2]) * float64(b[i+2])
		s3 += float64(a[i+3]) * float64(b[i+3])
	}
	for ; i < len(a); i++ {
		s0 += float64(a[i]) * float64(b[i])
	}
	return s0 + s1 + (s2 + s3)
}

// stepCell advances h and c by one step; pre and recur are its scratch.
func stepCell(l Layer, w directionWeights, f []func(float64) float64, x, h, c []float32, pre, recur []float64) {
	for i := range pre {
		pre[i] = dot(w.ih[i*l.Inputs:(i+1)*l.Inputs], x) + float64(w.bih[i])
		recur[i] = dot(w.hh[i*l.Hidden:(i+1)*l.Hidden], h) + float64(w.bhh[i])
	}
	clip := func(v float64) float64 {
		if limit := float64(l.Variant.Clip); limit > 0 {
			return min(max(v, -limit), limit)
		}
		return v
	}
	switch l.Cell {
	case "lstm":
		stepLSTM(l, w, f, clip, pre, recur, h, c)
	case "gru":
		stepGRU(l, w, f, clip, pre, recur, h)
	default:
		for i := range h {
			h[i] = float32(f[0](clip(pre[i] + recur[i])))
		}
	}
}

// stepLSTM follows ONNX LSTM-14 with PyTorch's gate order i, f, g, o.
func stepLSTM(l Layer, w directionWeights, f []func(float64) float64, clip func(float64) float64, pre, recur []float64, h, c []float32) {
	n := l.Hidden
	peep := func(gate, i int, c float64) float64 {
		if w.peephole == nil {
			return 0
		}
		return float64(w.peephole[gate*n+i]) * c
	}
	for i := range n {
		was := float64(c[i])
		in := f[0](clip(pre[i] + recur[i] + peep(0, i, was)))
		forget := 1 - in
		if !l.Variant.InputForget {
			forget = f[0](clip(pre[n+i] + recur[n+i] + peep(1, i, was)))
		}
		cell := forget*was + in*f[1](clip(pre[2*n+i]+recur[2*n+i]))
		out := f[0](clip(pre[3*n+i] + recur[3*n+i] + peep(2, i, cell)))
		c[i] = float32(cell)
		h[i] = float32(out * f[2](cell))
	}
}

// stepGRU follows ONNX GRU-14; ResetFirst is linear_before_reset = 0.
func stepGRU(l Layer, w directionWeights, f []func(float64) float64, clip func(float64) float64, pre, recur []float64, h []float32) {
	n := l.Hidden
	was := slices.Clone(h)
	reset := make([]float32, n)
	for i := range n {
		reset[i] = float32(f[0](clip(pre[i] + recur[i])))
	}
	gated := make([]float32, n) // reset * h
	for i := range n {
		gated[i] = reset[i] * was[i]
	}
	for i := range n {
		z := f[0](clip(pre[n+i] + recur[n+i]))
		candidate := pre[2*n+i] + float64(reset[i])*recur[2*n+i]
		if l.Variant.ResetFirst {
			candidate = pre[2*n+i] + dot(w.hh[(2*n+i)*n:(2*n+i+1)*n], gated) + float64(w.bhh[2*n+i])
		}
		h[i] = float32((1-z)*f[1](clip(candidate)) + z*float64(was[i]))
	}
}

// activations returns the layer's functions in ONNX order.
func (l Layer) activations() ([]func(float64) float64, error) {
	names := cells[l.Cell].ONNXActivations
	fs := make([]func(float64) float64, len(names))
	for i, name := range names {
		a := l.Variant.Activations[i]
		if a.Name == "" {
			a.Name = name
		}
		f, err := a.function()
		if err != nil {
			return nil, err
		}
		fs[i] = f
	}
	return fs, nil
}

// function is the activation as ONNX RNN-14 defines it.
func (a Activation) function() (func(float64) float64, error) {
	alpha, beta := float64(a.Alpha), float64(a.Beta)
	switch a.Name {
	case "Sigmoid":
		return func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, nil
	case "Tanh":
		return math.Tanh, nil
	case "Relu":
		return func(x float64) float64 { return max(x, 0) }, nil
	case "Affine":
		return func(x float64) float64 { return alpha*x + beta }, nil
	case "LeakyRelu":
		return func(x float64) float64 { return max(x, 0) + alpha*min(x, 0) }, nil
	case "ThresholdedRelu":
		return func(x float64) float64 {
			if x >= alpha {
				return x
			}
			return 0
		}, nil
	case "ScaledTanh":
		return func(x float64) float64 { return alpha * math.Tanh(beta*x) }, nil
	case "HardSigmoid":
		return func(x float64) float64 { return min(max(alpha*x+beta, 0), 1) }, nil
	case "Elu":
		return func(x float64) float64 { return max(x, 0) + alpha*(math.Exp(min(x, 0))-1) }, nil
	case "Softsign":
		return func(x float64) float64 { return x / (1 + math.Abs(x)) }, nil
	case "Softplus":
		return func(x float64) float64 { return math.Log1p(math.Exp(-math.Abs(x))) + max(x, 0) }, nil
	default:
		return nil, fmt.Errorf("unknown activation %q", a.Name)
	}
}
