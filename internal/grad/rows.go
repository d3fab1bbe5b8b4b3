package grad

import (
	"math"

	"rnnrep/internal/kernel"
)

func init() {
	gradients[OpSoftmax] = softmaxBackward
	gradients[OpL2Normalize] = l2NormalizeBackward
	gradients[OpStandardize] = standardizeBackward
}

// Softmax returns exp(x)/sum(exp(x)) of each row.
func Softmax(x Var) Var {
	r, v := x.t.compute(OpSoftmax, x.Rows(), x.Cols(), x)
	kernel.Softmax(r.value, x.Value(), r.rows, r.cols)
	return v
}

func softmaxBackward(t *Tape, r *record) {
	x := t.input(r, 0)
	softmaxChain(x.grad, r.value, r.grad, r.rows, r.cols)
}

// softmaxChain adds to dx the gradient of a softmax with output p, given dp.
func softmaxChain(dx, p, dp []float32, rows, cols int) {
	for i := range rows {
		pr, dr, out := p[i*cols:(i+1)*cols], dp[i*cols:(i+1)*cols], dx[i*cols:(i+1)*cols]
		var dot float32
		for j, v := range pr {
			dot += v * dr[j]
		}
		for j, v := range pr {
			out[j] += v * (dr[j] - dot)
		}
	}
}

// normFloor keeps the direction of a zero row finite (PyTorch's F.normalize).
const normFloor = 1e-12

// L2Normalize scales each row to unit length.
func L2Normalize(x Var) Var {
	r, v := x.t.compute(OpL2Normalize, x.Rows(), x.Cols(), x)
	norms := x.t.arena.Take(r.rows)
	r.aux[0] = norms
	for i := range r.rows {
		row := x.Value()[i*r.cols : (i+1)*r.cols]
		norms[i] = float32(max(math.Sqrt(kernel.SumSquares(row)), normFloor))
		for j, s := range row {
			r.value[i*r.cols+j] = s / norms[i]
		}
	}
	return v
}

func l2NormalizeBackward(t *Tape, r *record) {
	x, norms := t.input(r, 0), r.aux[0]
	for i := range r.rows {
		y, dy := r.value[i*r.cols:(i+1)*r.cols], r.grad[i*r.cols:(i+1)*r.cols]
		dot := kernel.Dot(y, dy)
		for j := range y {
			x.grad[i*r.cols+j] += (dy[j] - y[j]*dot) / norms[i]
		}
	}
}

// Standardize multiplies each column of x by its scale and adds its shift, both
// [1, cols].
func Standardize(x, scale, shift Var) Var {
	if len(scale.Value()) != x.Cols() || len(shift.Value()) != x.Cols() {
		panic("grad: standardize: scale or shift of another width")
	}
	r, v := x.t.compute(OpStandardize, x.Rows(), x.Cols(), x, scale, shift)
	for i := range r.rows {
		kernel.MulAdd(r.value[i*r.cols:(i+1)*r.cols], shift.Value(), x.Value()[i*r.cols:(i+1)*r.cols], scale.Value())
	}
	return v
}

func standardizeBackward(t *Tape, r *record) {
	x, scale, shift := t.input(r, 0), t.input(r, 1), t.input(r, 2)
	for i := range r.rows {
		row := span{i * r.cols, (i + 1) * r.cols}
		if x.needs {
			kernel.MulAdd(row.of(x.grad), row.of(x.grad), row.of(r.grad), scale.value)
		}
		if scale.needs {
			kernel.MulAdd(scale.grad, scale.grad, row.of(r.grad), row.of(x.value))
		}
		if shift.needs {
			kernel.Add(shift.grad, shift.grad, row.of(r.grad))
		}
	}
}
