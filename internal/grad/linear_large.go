package grad

import "rnnrep/internal/kernel"

// Products with weights that outweigh inputs and outputs spend their time on
// reading and writing weights: these functions do either once.

// outweighs reports whether weights [out, in] are so large beside rows rows of
// inputs and outputs that transposing these costs less than packing the weights.
func outweighs(out, in, rows int) bool { return rows*(out+in) < out*in }

// turnedProduct computes y = bias + x·Wᵀ as the transpose of W·xᵀ: W is read
// once, where it is. The sums are those of product, bit for bit.
func (t *Tape) turnedProduct(y, bias, x, w []float32, rows, out, in int) {
	defer t.arena.Release(t.arena.Mark())
	columns, turned := t.arena.Take(kernel.PackedLen(in, rows)), t.arena.Take(out*rows)
	kernel.PackTransposed(columns, x, in, in, rows)
	for i, b := range bias {
		row := turned[i*rows : (i+1)*rows]
		for j := range row {
			row[j] = b
		}
	}
	kernel.GemmPacked(turned, rows, turned, rows, w, in, 1, columns, out, rows, in)
	kernel.Transpose(y, out, turned, rows, out, rows)
}

// stripRows is how many rows of a large product are written at a time: few
// streams to memory, and few enough numbers for what follows to find them in the
// cache.
const stripRows = 16

// strips computes dw = former + dyᵀ·x strip by strip, as outerProduct does, and
// calls done, if there is one, with the rows first to before last of each.
func (t *Tape) strips(dw, former, dy []float32, out int, x []float32, in, rows int, done func(first, last int)) {
	defer t.arena.Release(t.arena.Mark())
	packed := t.arena.Take(kernel.PackedLen(rows, in))
	kernel.Pack(packed, x, in, rows, in)
	for i := 0; i < out; i += stripRows {
		last := min(i+stripRows, out)
		if former != nil {
			former = dw[i*in:]
		}
		kernel.GemmPacked(dw[i*in:], in, former, in, dy[i:], 1, out, packed, last-i, in, rows)
		if done != nil {
			done(i, last)
		}
	}
}

// standardizedData reports whether the input of linear record r is data that
// Standardize has scaled with parameters, and the weights are large and not
// yet reached from elsewhere.
func (t *Tape) standardizedData(r *record) bool {
	x, w := t.input(r, 0), t.input(r, 1)
	return x.op == OpStandardize && !t.input(x, 0).needs && t.input(x, 1).needs && t.input(x, 2).needs &&
		w.needs && w.grad == nil && r.models == 1 && outweighs(r.cols, x.cols, r.rows)
}

// standardizedBackward is linearBackward for x = z*scale + shift with data z.
// One product, G = dyᵀ·z, gives all gradients: with the sums d of dy,
//
//	dW = G*scale + d·shift, dscale = sum over the rows of W*G, dshift = d·W
func standardizedBackward(t *Tape, r *record) {
	x, w, b := t.input(r, 0), t.input(r, 1), t.input(r, 2)
	out, in := r.cols, x.cols
	z, scale, shift := t.input(x, 0), t.input(x, 1), t.input(x, 2)
	dw, _ := t.startGradient(w)
	dscale, dshift := t.gradient(scale), t.gradient(shift)
	defer t.arena.Release(t.arena.Mark())
	sums := t.arena.Zeros(out)
	kernel.SumRows(sums, r.grad, out, r.rows, out)
	t.strips(dw, nil, r.grad, out, z.value, in, r.rows, func(first, last int) {
		kernel.ScaledRows(dw[first*in:last*in], w.value[first*in:last*in], in, scale.value, shift.value, dscale, dshift, sums[first:last])
	})
	t.addGradient(b, sums, false)
}
