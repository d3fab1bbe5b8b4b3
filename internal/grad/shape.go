package grad

import (
	"fmt"

	"rnnrep/internal/kernel"
)

func init() {
	gradients[OpReshape], startsGradients[OpReshape] = func(t *Tape, r *record) { t.addGradient(t.input(r, 0), r.grad, true) }, true
	gradients[OpTranspose], startsGradients[OpTranspose] = transposeBackward, true
	gradients[OpMean] = meanBackward
	gradients[OpAddRepeated], startsGradients[OpAddRepeated] = addRepeatedBackward, true
}

// Reshape returns the numbers of x, row by row, as a matrix of other rows and
// columns. Nothing is copied.
func Reshape(x Var, rows, cols int) Var {
	if rows*cols != len(x.Value()) {
		panic(fmt.Sprintf("grad: %dx%d reshaped to %dx%d", x.Rows(), x.Cols(), rows, cols))
	}
	r, v := x.t.add(OpReshape, rows, cols, x)
	r.value = x.Value()
	return v
}

// Transpose transposes each block of n rows of x: [B*n, cols] becomes
// [B*cols, n].
func Transpose(x Var, n int) Var {
	blocks := parts("transpose", x, n)
	r, v := x.t.compute(OpTranspose, blocks*x.Cols(), n, x)
	r.steps = n
	size := n * x.Cols()
	for b := range blocks {
		kernel.Transpose(r.value[b*size:], n, x.Value()[b*size:], x.Cols(), n, x.Cols())
	}
	return v
}

// parts is how many times n rows make up x.
func parts(op string, x Var, n int) int {
	if n < 1 || x.Rows()%n != 0 {
		panic(fmt.Sprintf("grad: %s: %d rows in parts of %d", op, x.Rows(), n))
	}
	return x.Rows() / n
}

func transposeBackward(t *Tape, r *record) {
	x := t.input(r, 0)
	n, size := r.steps, r.steps*x.cols
	dx, former := t.startGradient(x)
	if dx == nil {
		return
	}
	defer t.arena.Release(t.arena.Mark())
	back := t.arena.Take(size)
	for b := 0; b < len(r.grad); b += size {
		if former == nil {
			back = dx[b : b+size]
		}
		kernel.Transpose(back, x.cols, r.grad[b:], n, x.cols, n)
		if former != nil {
			kernel.Axpy(dx[b:b+size], 1, back)
		}
	}
}

// Mean averages over the middle one of three axes: the rows of x are
// [outer, n, inner], those of the result [outer, inner]. With inner = 1 it is
// the mean of every n rows that follow one another.
func Mean(x Var, n, inner int) Var {
	outer := parts("mean", x, n*inner)
	r, v := x.t.compute(OpMean, outer*inner, x.Cols(), x)
	r.models, r.steps = n, inner
	block := inner * r.cols
	clear(r.value)
	for o := range outer {
		kernel.SumRows(r.value[o*block:(o+1)*block], x.Value()[o*n*block:], block, n, block)
	}
	kernel.Scale(r.value, 1/float32(n))
	return v
}

func meanBackward(t *Tape, r *record) {
	x, block := t.input(r, 0), r.steps*r.cols
	defer t.arena.Release(t.arena.Mark())
	share := t.arena.Take(block)
	for o := 0; o < len(r.grad); o += block {
		copy(share, r.grad[o:o+block])
		kernel.Scale(share, 1/float32(r.models))
		kernel.AddRow(x.grad[o*r.models:], block, x.grad[o*r.models:], block, share, r.models, block)
	}
}

// AddRepeated returns x + y, y being repeated along the middle one of three
// axes: the rows of x are [outer, n, inner], those of y [outer, inner]. It is to
// Mean what broadcasting is to reduction.
func AddRepeated(x, y Var, n, inner int) Var {
	outer := parts("add repeated", x, n*inner)
	if y.Rows() != outer*inner || y.Cols() != x.Cols() {
		panic(fmt.Sprintf("grad: %dx%d repeated %d times in %d rows is not %dx%d", y.Rows(), y.Cols(), n, inner, x.Rows(), x.Cols()))
	}
	r, v := x.t.compute(OpAddRepeated, x.Rows(), x.Cols(), x, y)
	r.models, r.steps = n, inner
	block := inner * r.cols
	for o := range outer {
		kernel.AddRow(r.value[o*n*block:], block, x.Value()[o*n*block:], block, y.Value()[o*block:(o+1)*block], n, block)
	}
	return v
}

func addRepeatedBackward(t *Tape, r *record) {
	x, y, block := t.input(r, 0), t.input(r, 1), r.steps*r.cols
	if dy := t.gradient(y); dy != nil {
		for o := 0; o < len(dy); o += block {
			kernel.SumRows(dy[o:o+block], r.grad[o*r.models:], block, r.models, block)
		}
	}
	t.addGradient(x, r.grad, true)
}
