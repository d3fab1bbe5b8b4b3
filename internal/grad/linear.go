package grad

import (
	"fmt"

	"rnnrep/internal/kernel"
)

func init() {
	gradients[OpLinear], startsGradients[OpLinear] = linearBackward, true
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
	if models == 1 && rows > 1 && outweighs(out, in, rows) {
		x.t.turnedProduct(r.value, b.Value(), x.Value(), w.Value(), rows, out, in)
		return v
	}
	each := rows / models
	for m := range models {
		y, bias := r.value[m*each*out:(m+1)*each*out], b.Value()[m*out:(m+1)*out]
		product(x.t, y, bias, 0, x.Value()[m*each*in:(m+1)*each*in], w.rec(), m, each, out, in)
	}
	return v
}

// product computes y = init + x·Wᵀ for y [rows, out], x [rows, in] and model m's
// weights W [out, in]. init is y itself or, with ldi = 0, a row.
func product(t *Tape, y, init []float32, ldi int, x []float32, w *record, m, rows, out, in int) {
	if rows == 1 {
		copy(y, init)
		kernel.Gemv(y, w.value[m*out*in:(m+1)*out*in], in, x, out, in)
		return
	}
	kernel.GemmPacked(y, out, init, ldi, x, in, 1, transposed(t, w, m, out, in), rows, out, in)
}

// transposed returns the packed transpose of model m's [out, in] weights; it is
// made once a pass, so that the steps of a loop share it.
func transposed(t *Tape, w *record, m, out, in int) []float32 {
	n := kernel.PackedLen(in, out)
	if w.transposed == nil {
		models := len(w.value) / (out * in)
		w.transposed = t.arena.Take(models * n)
		for i := range models {
			kernel.PackTransposed(w.transposed[i*n:(i+1)*n], w.value[i*out*in:], in, in, out)
		}
	}
	return w.transposed[m*n : (m+1)*n]
}

func linearBackward(t *Tape, r *record) {
	x, w, b := t.input(r, 0), t.input(r, 1), t.input(r, 2)
	out, in, each := r.cols, x.cols, r.rows/r.models
	if t.standardizedData(r) {
		standardizedBackward(t, r)
		return
	}
	dx, formerX := t.startGradient(x)
	dw, formerW := t.startGradient(w)
	db := t.gradient(b)
	for m := range r.models {
		dy := r.grad[m*each*out : (m+1)*each*out]
		rows, weights := span{m * each * in, (m + 1) * each * in}, span{m * out * in, (m + 1) * out * in}
		if dx != nil {
			backProduct(rows.of(dx), rows.of(formerX), dy, weights.of(w.value), nil, each, out, in)
		}
		if db != nil {
			kernel.SumRows(db[m*out:(m+1)*out], dy, out, each, out)
		}
		if dw != nil {
			t.outerProduct(weights.of(dw), weights.of(formerW), dy, out, rows.of(x.value), in, each)
		}
	}
}

// outerProduct computes dw = former + dyᵀ·x for W [out, in]; former is dw or nil.
func (t *Tape) outerProduct(dw, former, dy []float32, out int, x []float32, in, rows int) {
	if !outweighs(out, in, rows) {
		kernel.Gemm(dw, in, former, in, dy, 1, out, x, in, out, in, rows)
		return
	}
	t.strips(dw, former, dy, out, x, in, rows, nil)
}

// span is a part of a buffer.
type span struct{ from, to int }

// of returns the part; that of nil is nil.
func (s span) of(b []float32) []float32 {
	if b == nil {
		return nil
	}
	return b[s.from:s.to]
}

// backProduct computes dx = former + dy·W for weights W [out, in], which may be
// packed too; former is dx or nil.
func backProduct(dx, former, dy, weights, packed []float32, rows, out, in int) {
	switch {
	case rows == 1:
		if former == nil {
			clear(dx)
		}
		kernel.GemvT(dx, weights, in, dy, out, in)
	case packed != nil:
		kernel.GemmPacked(dx, in, former, in, dy, out, 1, packed, rows, in, out)
	default:
		kernel.Gemm(dx, in, former, in, dy, out, 1, weights, in, rows, in, out)
	}
}

// packed returns the packed [out, in] weights where packing pays if rows rows are
// multiplied more than once; it is made once a pass.
func packed(t *Tape, w *record, rows, out, in int) []float32 {
	if len(w.value) != out*in || rows == 1 || in <= kernel.PanelColumns() {
		return nil
	}
	if w.packed == nil {
		w.packed = t.arena.Take(kernel.PackedLen(out, in))
		kernel.Pack(w.packed, w.value, in, out, in)
	}
	return w.packed
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
