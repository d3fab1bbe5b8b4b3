package grad

import (
	"fmt"

	"rnnrep/internal/kernel"
)

func init() {
	gradients[OpLinear] = linearBackward
	gradients[OpEmbed] = embedBackward
}

// Linear returns x·Wᵀ + b, [R, out]. Shared weights: w is [out, in], b is
// [1, out]. One set of weights per model: w is [N, out*in], b is [N, out], and
// rows n*R/N to (n+1)*R/N of x belong to model n; see LinearEach.
func Linear(x, w, b Var) Var { return linear(x, w, b, w.Rows(), 1) }

// LinearEach is Linear with one weight set per model.
func LinearEach(x, w, b Var) Var { return linear(x, w, b, b.Cols(), w.Rows()) }

func linear(x, w, b Var, out, models int) Var {
	rows, in := x.Rows(), x.Cols()
	if len(w.Value()) != models*out*in || len(b.Value()) != models*out || rows%models != 0 {
		panic(fmt.Sprintf("grad: linear: x %dx%d, w %dx%d, b %dx%d", rows, in, w.Rows(), w.Cols(), b.Rows(), b.Cols()))
	}
	r, v := x.t.compute(OpLinear, rows, out, x, w, b)
	r.models = models
	each := rows / models
	for m := range models {
		y := r.value[m*each*out : (m+1)*each*out]
		clear(y)
		kernel.AddRow(y, out, b.Value()[m*out:(m+1)*out], each, out)
		product(x.t, y, x.Value()[m*each*in:(m+1)*each*in], w.rec(), m, each, out, in)
	}
	return v
}

// product adds x [rows, in] times the transpose of model m's weights [out, in]
// to y [rows, out].
func product(t *Tape, y, x []float32, w *record, m, rows, out, in int) {
	weights := w.value[m*out*in : (m+1)*out*in]
	if rows == 1 {
		kernel.Gemv(y, weights, in, x, out, in)
		return
	}
	kernel.Gemm(y, out, x, in, 1, transposed(t, w, m, out, in), out, rows, out, in, true)
}

// transposed returns the transpose of model m's [out, in] weights; it is made
// once a pass, so that the steps of a loop share it.
func transposed(t *Tape, w *record, m, out, in int) []float32 {
	if w.transposed == nil {
		w.transposed = t.arena.Take(len(w.value))
		for i := 0; i < len(w.value); i += out * in {
			kernel.Transpose(w.transposed[i:], out, w.value[i:], in, out, in)
		}
	}
	return w.transposed[m*out*in : (m+1)*out*in]
}

func linearBackward(t *Tape, r *record) {
	x, w, b := t.input(r, 0), t.input(r, 1), t.input(r, 2)
	out, in, each := r.cols, x.cols, r.rows/r.models
	for m := range r.models {
		dy := r.grad[m*each*out : (m+1)*each*out]
		if b.needs {
			kernel.SumRows(b.grad[m*out:(m+1)*out], dy, out, each, out)
		}
		backProduct(dy, x, w, m, each, out, in)
	}
}

// backProduct adds the gradients of product to x and w: dx += dy·W, dW += dyᵀ·x.
func backProduct(dy []float32, x, w *record, m, rows, out, in int) {
	weights := w.value[m*out*in : (m+1)*out*in]
	if x.needs {
		dx := x.grad[m*rows*in : (m+1)*rows*in]
		if rows == 1 {
			kernel.GemvT(dx, weights, in, dy, out, in)
		} else {
			kernel.Gemm(dx, in, dy, out, 1, weights, in, rows, in, out, true)
		}
	}
	if w.needs {
		xs := x.value[m*rows*in : (m+1)*rows*in]
		kernel.Gemm(w.grad[m*out*in:(m+1)*out*in], in, dy, 1, out, xs, in, out, in, rows, true)
	}
}

// Embed returns the rows of table [V, cols] chosen by index, [len(index), cols].
// index is used in place until the next Reset.
func Embed(table Var, index []int32) Var {
	r, v := table.t.compute(OpEmbed, len(index), table.Cols(), table)
	r.index = index
	kernel.GatherRows(r.value, r.cols, table.Value(), r.cols, index, r.cols)
	return v
}

func embedBackward(t *Tape, r *record) {
	table := t.input(r, 0)
	kernel.ScatterAddRows(table.grad, r.cols, r.grad, r.cols, r.index, r.cols)
}
