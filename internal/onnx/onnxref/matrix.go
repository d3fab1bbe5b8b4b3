package onnxref

import "rnnrep/internal/onnx"

// decodeBelow is the number of elements up to which a matrix is decoded whole
// and kept; larger ones of float32 are decoded row by row, so that a run of a
// model of 100 MB does not take 300.
const decodeBelow = 1 << 18

// matrix is a view of a value as rows of numbers.
type matrix struct {
	rows, cols int
	floats     []float64
	raw        []byte // float32, if floats is nil
	buf        []float64
}

// matrix returns rows x cols numbers of v from an offset on.
func (c *call) matrix(v *value, offset, rows, cols int) (*matrix, error) {
	m := &matrix{rows: rows, cols: cols}
	if v.kind == onnx.Float32 && v.floats == nil && v.len() > decodeBelow {
		m.raw = v.raw[4*offset : 4*(offset+rows*cols)]
		m.buf = make([]float64, cols)
		return m, c.reserve(8 * int64(cols))
	}
	floats, err := c.floatsOf(v)
	if err != nil {
		return nil, err
	}
	m.floats = floats[offset : offset+rows*cols]
	return m, nil
}

// row returns row i, which is good until the next one is asked for.
func (m *matrix) row(i int) []float64 {
	if m.floats != nil {
		return m.floats[i*m.cols : (i+1)*m.cols]
	}
	decodeRow(m.raw[4*i*m.cols:], m.buf)
	return m.buf
}

// dot is the inner product of rows of equal length.
func dot(x, y []float64) float64 {
	y = y[:len(x)]
	var s0, s1, s2, s3 float64 // four chains of additions run at once
	i := 0
	for ; i+3 < len(x); i += 4 {
		s0 += x[i] * y[i]
		s1 += x[i+1] * y[i+1]
		s2 += x[i+2] * y[i+2]
		s3 += x[i+3] * y[i+3]
	}
	for ; i < len(x); i++ {
		s0 += x[i] * y[i]
	}
	return s0 + s1 + (s2 + s3)
}

// axpy adds a multiple of x to y.
func axpy(alpha float64, x, y []float64) {
	y = y[:len(x)]
	for i, x := range x {
		y[i] += alpha * x
	}
}
