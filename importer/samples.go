package importer

import (
	"math/rand/v2"
	"slices"
	"strings"

	"rnnrep/internal/onnx"
)

// Sizes of what the graph leaves open.
const (
	batchSize = 2
	stepCount = 4
)

// maxInputSize bounds what is made for one graph input.
const maxInputSize = 1 << 22

// sampleInputs returns a value for every graph input, the same at every call:
// declared dimensions where they are numbers, small ones elsewhere.
func (v *view) sampleInputs() tensors {
	if v.samples == nil {
		v.samples = v.drawInputs(rand.New(rand.NewPCG(1, 2)))
	}
	return v.samples
}

// drawInputs draws a value for every graph input, and passes the front.
func (v *view) drawInputs(r *rand.Rand) tensors {
	values := tensors{}
	for name, t := range v.opened {
		values[name] = t
	}
	if v.place != "" { // what a graph inside a node reads has been evaluated once
		for name, t := range v.samples {
			values[name] = t
			if t.Type.Float() {
				values[name] = drawInput(r, t.Type, t.Dims, 0)
			}
		}
		return values
	}
	s := sizes{named: map[string]int64{}, free: []int64{stepCount, 3, 5, 6, 7}, stretch: v.stretch}
	for _, in := range v.graph.Inputs {
		if !v.varying[in.Name] {
			continue
		}
		tokens := 0
		if !in.Type.Float() {
			tokens = v.tokens(in.Name)
		}
		if dims, ok := s.of(in); ok {
			values[in.Name] = drawInput(r, in.Type, dims, tokens)
		}
	}
	v.pass(values, r)
	return values
}

// sizes gives numbers to dimensions that have none: equal ones to equal names,
// different ones to different names.
type sizes struct {
	named   map[string]int64
	free    []int64 // the last is used again
	stretch int64
}

// of returns the dimensions of an input; false where they make it too large.
func (s *sizes) of(in onnx.Value) ([]int, bool) {
	dims, total := make([]int, len(in.Dims)), int64(1)
	for i, d := range in.Dims {
		if d < 0 {
			d = s.size(in.Params[i])
		}
		if d > maxInputSize || total*max(d, 1) > maxInputSize {
			return nil, false
		}
		dims[i] = int(d)
		total *= max(d, 1)
	}
	return dims, true
}

func (s *sizes) size(name string) int64 {
	if n := s.named[name]; n > 0 && name != "" {
		return n
	}
	n := int64(batchSize)
	if lower := strings.ToLower(name); !strings.Contains(lower, "batch") && lower != "n" && lower != "b" {
		n = s.free[0] * max(1, s.stretch)
		if len(s.free) > 1 {
			s.free = s.free[1:]
		}
	}
	s.named[name] = n
	return n
}

// tokens is the number of tokens that an input of integers may name: the size of
// the smallest table it is looked up in, or depth of a OneHot; 2 if there is none.
func (v *view) tokens(name string) int {
	const far = 30 // nodes
	found := 0
	for open, seen := []string{name}, 0; len(open) > 0 && seen < far; seen++ {
		at := open[0]
		open = open[1:]
		for _, n := range v.readers(at) {
			bound := 0
			switch {
			case n.OpType == "Gather" && n.Input(1) == at:
				if t, _ := v.constant(n.Input(0)); t != nil && len(t.Dims) > 0 {
					bound = t.Dims[0]
				}
			case n.OpType == "OneHot" && n.Input(0) == at:
				if t, _ := v.constant(n.Input(1)); t != nil && t.Len() == 1 {
					bound = int(min(t.Int64s()[0], 1<<20))
				}
			case n.OpType != "Shape":
				open = append(open, n.Outputs...)
			}
			if bound > 0 && (found == 0 || bound < found) {
				found = bound
			}
		}
	}
	if found == 0 {
		return 2
	}
	return found
}

// drawInput makes a value: marks for floats, small numbers for what may be
// tokens, the number of steps for what may be a length.
func drawInput(r *rand.Rand, kind onnx.DType, dims []int, tokens int) *onnx.Tensor {
	n := 1
	for _, d := range dims {
		n *= d
	}
	switch {
	case kind.Float():
		m := marks(r, 1, 1, n)
		wide := make([]float64, n)
		for i, x := range m.data {
			wide[i] = float64(x)
		}
		return onnx.FromFloats("", kind, wide, slices.Clone(dims)...)
	case kind.Width() == 0:
		return nil
	}
	ints := make([]int64, n)
	for i := range ints {
		switch {
		case kind == onnx.Bool:
			ints[i] = 1
		case len(dims) > 1 || tokens > 2:
			ints[i] = int64(min(tokens-1, 1+r.IntN(max(1, tokens-1)))) // 0 may be padding
		default:
			ints[i] = stepCount
		}
	}
	return onnx.FromInts("", kind, ints, slices.Clone(dims)...)
}
