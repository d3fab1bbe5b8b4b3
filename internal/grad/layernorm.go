package grad

import (
	"fmt"

	"rnnrep/internal/kernel"
)

func init() { gradients[OpLayerNorm], startsGradients[OpLayerNorm] = layerNormBackward, true }

// LayerNormEpsilon is added to a variance (PyTorch's default).
const LayerNormEpsilon = 1e-5

// LayerNorm brings each row of x to mean 0 and variance 1, then multiplies it
// by scale and adds shift, both [1, cols] (Ba, Kiros and Hinton, 2016).
func LayerNorm(x, scale, shift Var) Var {
	n := x.Cols()
	if len(scale.Value()) != n || len(shift.Value()) != n {
		panic(fmt.Sprintf("grad: layer norm of %d columns with scale %d, shift %d", n, len(scale.Value()), len(shift.Value())))
	}
	r, v := x.t.compute(OpLayerNorm, x.Rows(), n, x, scale, shift)
	r.aux[0] = x.t.arena.Take(2 * r.rows)
	kernel.LayerNorm(r.value, x.Value(), scale.Value(), shift.Value(), r.aux[0], r.rows, n, LayerNormEpsilon)
	return v
}

func layerNormBackward(t *Tape, r *record) {
	x, scale := t.input(r, 0), t.input(r, 1)
	dscale, dshift := t.gradient(scale), t.gradient(t.input(r, 2))
	defer t.arena.Release(t.arena.Mark())
	if dscale == nil { // the kernel computes it anyway
		dscale = t.arena.Take(r.cols)
	}
	if dshift == nil {
		dshift = t.arena.Take(r.cols)
	}
	kernel.LayerNormBackward(r.grad, dscale, dshift, r.grad, x.value, scale.value, r.aux[0], r.rows, r.cols)
	t.addGradient(x, r.grad, true)
}
