package grad

import (
	"fmt"

	"rnnrep/internal/kernel"
)

func init() {
	gradients[OpAdd], startsGradients[OpAdd] = addBackward, true
	gradients[OpAddAt] = func(t *Tape, r *record) {
		x, y := t.input(r, 0), t.input(r, 1)
		if x.needs {
			kernel.Axpy(x.grad, 1, r.grad)
		}
		if y.needs {
			at := int(r.scalar) * r.cols
			kernel.Axpy(y.grad, 1, r.grad[at:at+len(y.value)])
		}
	}
	gradients[OpMul] = mulBackward
	pointwiseGradient(OpScale, func(r, _ *record) { kernel.Scale(r.grad, r.scalar) })
	pointwiseGradient(OpRelu, func(r, _ *record) { kernel.ReluBackward(r.grad, r.value, r.grad) })
	pointwiseGradient(OpGelu, func(r, x *record) { kernel.GeluBackward(r.grad, x.value, r.grad) })
	pointwiseGradient(OpTanh, func(r, _ *record) {
		for i, y := range r.value {
			r.grad[i] *= 1 - y*y
		}
	})
	pointwiseGradient(OpSigmoid, func(r, _ *record) {
		for i, y := range r.value {
			r.grad[i] *= y * (1 - y)
		}
	})
	gradients[OpConcat], startsGradients[OpConcat] = concatBackward, true
	gradients[OpSlice] = sliceBackward
}

func sameShape(op string, a, b Var) {
	if a.Rows() != b.Rows() || a.Cols() != b.Cols() {
		panic(fmt.Sprintf("grad: %s of %dx%d and %dx%d", op, a.Rows(), a.Cols(), b.Rows(), b.Cols()))
	}
}

// Add returns a + b.
func Add(a, b Var) Var {
	sameShape("add", a, b)
	r, v := a.t.compute(OpAdd, a.Rows(), a.Cols(), a, b)
	kernel.Add(r.value, a.Value(), b.Value())
	return v
}

func addBackward(t *Tape, r *record) {
	a, b := t.input(r, 0), t.input(r, 1)
	t.addGradient(a, r.grad, false)
	t.addGradient(b, r.grad, true)
}

// AddAt returns x with y added to y.Rows() of its rows, from row at on.
func AddAt(x, y Var, at int) Var {
	if x.Cols() != y.Cols() || at+y.Rows() > x.Rows() {
		panic(fmt.Sprintf("grad: %dx%d added at row %d of %dx%d", y.Rows(), y.Cols(), at, x.Rows(), x.Cols()))
	}
	r, v := x.t.compute(OpAddAt, x.Rows(), x.Cols(), x, y)
	r.scalar = float32(at)
	copy(r.value, x.Value())
	kernel.Axpy(r.value[at*r.cols:at*r.cols+len(y.Value())], 1, y.Value())
	return v
}

// Mul returns a times b, element by element.
func Mul(a, b Var) Var {
	sameShape("mul", a, b)
	r, v := a.t.compute(OpMul, a.Rows(), a.Cols(), a, b)
	kernel.Mul(r.value, a.Value(), b.Value())
	return v
}

func mulBackward(t *Tape, r *record) {
	a, b := t.input(r, 0), t.input(r, 1)
	if a.needs {
		kernel.MulAdd(a.grad, a.grad, r.grad, b.value)
	}
	if b.needs {
		kernel.MulAdd(b.grad, b.grad, r.grad, a.value)
	}
}

// Scale returns x times a constant factor.
func Scale(x Var, factor float32) Var {
	r, v := x.t.compute(OpScale, x.Rows(), x.Cols(), x)
	r.scalar = factor
	copy(r.value, x.Value())
	kernel.Scale(r.value, factor)
	return v
}

// Tanh returns the hyperbolic tangent of each element.
func Tanh(x Var) Var { return pointwise(OpTanh, x, kernel.Tanh) }

// Sigmoid returns 1/(1+exp(-x)) of each element.
func Sigmoid(x Var) Var { return pointwise(OpSigmoid, x, kernel.Sigmoid) }

// Relu returns max(x, 0) of each element.
func Relu(x Var) Var { return pointwise(OpRelu, x, kernel.Relu) }

// Gelu returns 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))): the tanh form of
// GELU (Hendrycks and Gimpel, 2016).
func Gelu(x Var) Var { return pointwise(OpGelu, x, kernel.Gelu) }

func pointwise(op Op, x Var, f func(dst, src []float32)) Var {
	r, v := x.t.compute(op, x.Rows(), x.Cols(), x)
	f(r.value, x.Value())
	return v
}

// pointwiseGradient registers an op whose gradient is that of its value times
// its slope, element by element: chain multiplies in place.
func pointwiseGradient(op Op, chain func(r, x *record)) {
	startsGradients[op] = true
	gradients[op] = func(t *Tape, r *record) {
		x := t.input(r, 0)
		chain(r, x)
		t.addGradient(x, r.grad, true)
	}
}

// Concat puts matrices of equal row counts side by side.
func Concat(xs ...Var) Var {
	cols := 0
	for _, x := range xs {
		if x.Rows() != xs[0].Rows() {
			panic(fmt.Sprintf("grad: concat of %d and %d rows", xs[0].Rows(), x.Rows()))
		}
		cols += x.Cols()
	}
	r, v := xs[0].t.compute(OpConcat, xs[0].Rows(), cols, xs...)
	at := 0
	for _, x := range xs {
		for i := range r.rows {
			copy(r.value[i*cols+at:], x.Value()[i*x.Cols():(i+1)*x.Cols()])
		}
		at += x.Cols()
	}
	return v
}

func concatBackward(t *Tape, r *record) {
	at := 0
	for k := range r.nin {
		x := t.input(r, k)
		dx, former := t.startGradient(x)
		for i := range r.rows {
			row, from := span{i * x.cols, (i + 1) * x.cols}, r.grad[i*r.cols+at:][:x.cols]
			switch {
			case dx == nil:
			case former == nil:
				copy(row.of(dx), from)
			default:
				kernel.Axpy(row.of(dx), 1, from)
			}
		}
		at += x.cols
	}
}

// Slice returns cols columns of x, from column first on.
func Slice(x Var, first, cols int) Var {
	if first+cols > x.Cols() {
		panic(fmt.Sprintf("grad: columns %d to %d of %d", first, first+cols, x.Cols()))
	}
	r, v := x.t.compute(OpSlice, x.Rows(), cols, x)
	r.scalar = float32(first)
	for i := range r.rows {
		copy(r.value[i*cols:(i+1)*cols], x.Value()[i*x.Cols()+first:])
	}
	return v
}

func sliceBackward(t *Tape, r *record) {
	x, first := t.input(r, 0), int(r.scalar)
	for i := range r.rows {
		at := i*x.cols + first
		kernel.Axpy(x.grad[at:at+r.cols], 1, r.grad[i*r.cols:(i+1)*r.cols])
	}
}
