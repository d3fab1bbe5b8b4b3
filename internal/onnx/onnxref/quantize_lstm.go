package onnxref

import (
	"encoding/binary"
	"math"
	"slices"

	"rnnrep/internal/onnx"
)

func init() { registerIn("com.microsoft", dynamicQuantizeLSTM, "DynamicQuantizeLSTM") }

// dynamicQuantizeLSTM is ONNX Runtime's LSTM with weights of 8 bits. Inputs 8
// to 11 are the scales and zero points of W and R. Only the weights are
// dequantised here: the rounding of X and of the states that the runtime adds,
// to 8 bits by their range at every step, is left out.
func dynamicQuantizeLSTM(c *call) ([]*value, error) {
	inner, weights := *c, c.aside()
	defer weights.settle()
	inner.in = slices.Clone(c.in[:min(8, len(c.in))])
	for i := range 2 {
		w, err := weights.dequantized(1+i, 8+2*i)
		if err != nil {
			return nil, err
		}
		inner.in[1+i] = w
	}
	return lstm(&inner)
}

// dequantized returns weights [directions, n, gates*hidden] as those of an LSTM,
// [directions, gates*hidden, n]. Inputs scale and scale+1 hold a scale and a zero
// point for every direction, or for every column of it.
func (c *call) dequantized(i, scale int) (*value, error) {
	v, err := c.value(i)
	if err != nil {
		return nil, err
	}
	x, err := c.integers(v)
	if err != nil {
		return nil, err
	}
	s, scales, err := c.floats(scale)
	if err != nil {
		return nil, err
	}
	zeros := make([]int64, len(scales))
	if c.has(scale + 1) {
		if _, zeros, err = c.ints(scale + 1); err != nil {
			return nil, err
		}
	}
	if len(v.dims) != 3 || len(zeros) != len(scales) || len(s.dims) == 0 || s.dims[0] != v.dims[0] ||
		len(scales) != v.dims[0] && len(scales) != v.dims[0]*v.dims[2] {
		return nil, c.mismatch("weights of dimensions %v with scales of dimensions %v and %d zero points", v.dims, s.dims, len(zeros))
	}
	dirs, n, cols := v.dims[0], v.dims[1], v.dims[2]
	out, err := c.makeRaw(onnx.Float32, []int{dirs, cols, n})
	if err != nil {
		return nil, err
	}
	perColumn := len(scales) != dirs
	for d := range dirs {
		for k := range n {
			for col := range cols {
				at := d
				if perColumn {
					at = d*cols + col
				}
				y := float32(float64(x((d*n+k)*cols+col)-zeros[at]) * scales[at])
				binary.LittleEndian.PutUint32(out.raw[4*((d*cols+col)*n+k):], math.Float32bits(y))
			}
		}
	}
	return out, nil
}
