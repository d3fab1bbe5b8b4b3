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

// sampleInputs returns a value for every graph input, the same at every call:
// declared dimensions where they are numbers, small ones elsewhere.
func (v *view) sampleInputs() tensors {
	if v.samples == nil {
		v.samples = v.drawInputs(rand.New(rand.NewPCG(1, 2)))
	}
	return v.samples
}

// drawInputs draws a value for every graph input.
func (v *view) drawInputs(r *rand.Rand) tensors {
	values := tensors{}
	if v.place != "" { // what a graph inside a node reads has been evaluated once
		for name, t := range v.samples {
			values[name] = t
			if t.Type.Float() {
				values[name] = drawInput(r, t.Type, toInt64s(t.Dims))
			}
		}
		return values
	}
	sizes := map[string]int64{}
	free := []int64{stepCount, 3, 5, 6, 7}
	size := func(name string) int64 {
		if n := sizes[name]; n > 0 && name != "" {
			return n
		}
		n := int64(batchSize)
		if lower := strings.ToLower(name); !strings.Contains(lower, "batch") && lower != "n" && lower != "b" {
			n = free[0]
			if len(free) > 1 {
				free = free[1:]
			}
		}
		sizes[name] = n
		return n
	}
	for _, in := range v.graph.Inputs {
		if !v.varying[in.Name] {
			continue
		}
		dims := slices.Clone(in.Dims)
		total := int64(1)
		for i, d := range dims {
			if d < 0 {
				dims[i] = size(in.Params[i])
			}
			if total *= max(dims[i], 1); total > maxInputSize {
				break
			}
		}
		if total <= maxInputSize {
			values[in.Name] = drawInput(r, in.Type, dims)
		}
	}
	return values
}

// maxInputSize bounds what is made for one graph input.
const maxInputSize = 1 << 22

// drawInput makes a value: marks for floats, small numbers for what may be
// tokens, the number of steps for what may be a length.
func drawInput(r *rand.Rand, kind onnx.DType, dims []int64) *onnx.Tensor {
	shape := make([]int, len(dims))
	n := 1
	for i, d := range dims {
		shape[i] = int(d)
		n *= int(d)
	}
	switch {
	case kind.Float():
		m := marks(r, 1, 1, n)
		wide := make([]float64, n)
		for i, x := range m.data {
			wide[i] = float64(x)
		}
		return onnx.FromFloats("", kind, wide, shape...)
	case kind.Width() == 0:
		return nil
	}
	ints := make([]int64, n)
	for i := range ints {
		switch {
		case kind == onnx.Bool:
			ints[i] = 1
		case len(dims) > 1:
			ints[i] = int64(r.IntN(2))
		default:
			ints[i] = stepCount
		}
	}
	return onnx.FromInts("", kind, ints, shape...)
}

func toInt64s(dims []int) []int64 {
	list := make([]int64, len(dims))
	for i, d := range dims {
		list[i] = int64(d)
	}
	return list
}
