package onnxref

import (
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

func init() {
	register(matMul, "MatMul")
	register(gemm, "Gemm")
}

// matMul follows numpy: vectors gain a dimension that the result loses, leading
// dimensions broadcast.
func matMul(c *call) ([]*value, error) {
	a, b, err := c.sameType(0, 1)
	if err != nil {
		return nil, err
	}
	if !a.kind.Float() {
		return nil, c.fail(errs.UnsupportedOp, "operands of data type %d", a.kind).Accepts("a float type")
	}
	if len(a.dims) == 0 || len(b.dims) == 0 {
		return nil, c.mismatch("dimensions %v times %v", a.dims, b.dims)
	}
	aDims, bDims := a.dims, b.dims
	if len(aDims) == 1 {
		aDims = []int{1, aDims[0]}
	}
	if len(bDims) == 1 {
		bDims = []int{bDims[0], 1}
	}
	la, lb := len(aDims)-2, len(bDims)-2
	m, k, n := aDims[la], aDims[la+1], bDims[lb+1]
	if bDims[lb] != k {
		return nil, c.mismatch("dimensions %v times %v", a.dims, b.dims)
	}
	lead, err := c.broadcast(aDims[:la], bDims[:lb])
	if err != nil {
		return nil, err
	}
	out, err := c.make(a.kind, productDims(lead, m, n, a, b))
	if err != nil {
		return nil, err
	}
	x, err := c.floatsOf(a)
	if err != nil {
		return nil, err
	}
	sa, sb := spread(aDims[:la], lead), spread(bDims[:lb], lead)
	at := 0
	walk(append(lead, 1), [][]int{append(sa, 0), append(sb, 0)}, func(_ int, offsets []int) {
		if err != nil {
			return
		}
		var w *matrix
		if w, err = c.matrix(b, offsets[1]*k*n, k, n); err == nil {
			err = c.multiply(out.floats[at:at+m*n], x[offsets[0]*m*k:], w, m)
			at += m * n
		}
	})
	if err != nil {
		return nil, err
	}
	return result(out)
}

// productDims are the dimensions of a product: the dimension that a vector
// gained is lost again.
func productDims(lead []int, m, n int, a, b *value) []int {
	dims := slices.Clone(lead)
	if len(a.dims) > 1 {
		dims = append(dims, m)
	}
	if len(b.dims) > 1 {
		dims = append(dims, n)
	}
	return dims
}

// multiply adds x [m, w.rows] times w to out.
func (c *call) multiply(out, x []float64, w *matrix, m int) error {
	for j := range w.rows {
		if err := c.spend(1 + int64(m)*int64(w.cols)); err != nil {
			return err
		}
		row := w.row(j)
		for i := range m {
			axpy(x[i*w.rows+j], row, out[i*w.cols:(i+1)*w.cols])
		}
	}
	return nil
}

// multiplyTransposed adds x [m, w.cols] times the transpose of w to out.
func (c *call) multiplyTransposed(out, x []float64, w *matrix, m int) error {
	for j := range w.rows {
		if err := c.spend(1 + int64(m)*int64(w.cols)); err != nil {
			return err
		}
		row := w.row(j)
		for i := range m {
			out[i*w.rows+j] += dot(row, x[i*w.cols:(i+1)*w.cols])
		}
	}
	return nil
}

// gemm is alpha * A * B + beta * C.
func gemm(c *call) ([]*value, error) {
	a, x, err := c.floats(0)
	if err != nil {
		return nil, err
	}
	b, err := c.value(1)
	if err != nil {
		return nil, err
	}
	if len(a.dims) != 2 || len(b.dims) != 2 || a.kind != b.kind || !a.kind.Float() {
		return nil, c.mismatch("dimensions %v times %v of data types %d and %d", a.dims, b.dims, a.kind, b.kind)
	}
	m, k := a.dims[0], a.dims[1]
	if c.node.Int("transA", 0) != 0 {
		if x, err = c.transposed(x, m, k); err != nil {
			return nil, err
		}
		m, k = k, m
	}
	transB := c.node.Int("transB", 0) != 0
	inner, n := b.dims[0], b.dims[1]
	if transB {
		inner, n = n, inner
	}
	if inner != k {
		return nil, c.mismatch("dimensions %v times %v", a.dims, b.dims)
	}
	out, err := c.make(a.kind, []int{m, n})
	if err != nil {
		return nil, err
	}
	w, err := c.matrix(b, 0, b.dims[0], b.dims[1])
	if err != nil {
		return nil, err
	}
	if transB {
		err = c.multiplyTransposed(out.floats, x, w, m)
	} else {
		err = c.multiply(out.floats, x, w, m)
	}
	if err != nil {
		return nil, err
	}
	if err := c.addBias(out); err != nil {
		return nil, err
	}
	return result(out)
}

// addBias finishes a Gemm: it scales the product and adds the third input.
func (c *call) addBias(out *value) error {
	alpha, beta := float64(c.node.Float("alpha", 1)), float64(c.node.Float("beta", 1))
	if alpha != 1 {
		for i := range out.floats {
			out.floats[i] *= alpha
		}
	}
	if !c.has(2) || beta == 0 {
		return nil
	}
	return c.apply(out, 2, func(x, y float64) float64 { return x + beta*y })
}

// transposed returns a rows x cols matrix transposed.
func (c *call) transposed(x []float64, rows, cols int) ([]float64, error) {
	t, err := c.make(onnx.Float64, []int{cols, rows})
	if err != nil {
		return nil, err
	}
	for i := range len(x) / max(1, cols) {
		for j := range cols {
			t.floats[j*rows+i] = x[i*cols+j]
		}
	}
	return t.floats, nil
}
