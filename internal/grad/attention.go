package grad

import (
	"fmt"
	"math"

	"rnnrep/internal/kernel"
)

func init() { gradients[OpAttention], startsGradients[OpAttention] = attentionBackward, true }

// Attention is multi-head scaled dot-product self-attention (Vaswani et al.,
// 2017) within each sequence of n rows of x. The columns of x are the queries,
// keys and values of all heads, [heads*d | heads*d | heads*d]; the result is
// [rows, heads*d]. It stores two numbers per row and head: the backward pass
// makes the weights again.
func Attention(x Var, n, heads int) Var {
	if x.Cols()%(3*heads) != 0 {
		panic(fmt.Sprintf("grad: attention of %d columns with %d heads", x.Cols(), heads))
	}
	sequences := parts("attention", x, n)
	r, v := x.t.compute(OpAttention, x.Rows(), x.Cols()/3, x)
	r.steps, r.models = n, heads
	r.aux[0] = x.t.arena.Take(2 * heads * r.rows)
	defer x.t.arena.Release(x.t.arena.Mark())
	a := newAttention(x.t, x.rec(), r)
	for s := range sequences {
		for h := range heads {
			a.forward(s, h)
		}
	}
	return v
}

// attentionRows is how many rows of scores are worked on at a time: few enough
// to stay in the cache, enough for efficient products.
const attentionRows = 64

// attention is the working view of one record: one head of one sequence at a
// time.
type attention struct {
	x, r          *record
	n, d          int // rows of a sequence, columns of a head
	ldx, ldp      int
	scale         float32
	keysT, values []float32 // packed, [d, n] and [n, d]
	scores        []float32 // [attentionRows, n], ldp apart
}

func newAttention(t *Tape, x, r *record) *attention {
	a := &t.attention
	*a = attention{x: x, r: r, n: r.steps, d: r.cols / r.models, ldx: x.cols, ldp: (r.steps + 15) &^ 15}
	a.scale = float32(1 / math.Sqrt(float64(a.d)))
	a.keysT, a.values = t.arena.Take(kernel.PackedLen(a.d, a.n)), t.arena.Take(kernel.PackedLen(a.n, a.d))
	a.scores = t.arena.Take(attentionRows * a.ldp)
	return a
}

// part returns b, a buffer like x, from the first row of sequence s on: the
// queries (0), keys (1) or values (2) of head h.
func (a *attention) part(b []float32, s, h, which int) []float32 {
	if b == nil {
		return nil
	}
	return b[s*a.n*a.ldx+which*a.r.cols+h*a.d:]
}

// head returns b, a buffer like the result, from where head h of sequence s
// starts, and the head's statistics.
func (a *attention) head(b []float32, s, h int) (out, stats []float32) {
	return b[s*a.n*a.r.cols+h*a.d:], a.r.aux[0][2*(s*a.r.models+h)*a.n:]
}

// product sets the scores of rows rows of y, ldy apart, with the d columns
// that are packed.
func (a *attention) product(scores, y []float32, ldy int, packed []float32, rows int) {
	kernel.GemmPacked(scores, a.ldp, nil, 0, y, ldy, 1, packed, rows, a.n, a.d)
}

func (a *attention) forward(s, h int) {
	q, k, v := a.part(a.x.value, s, h, 0), a.part(a.x.value, s, h, 1), a.part(a.x.value, s, h, 2)
	out, stats := a.head(a.r.value, s, h)
	kernel.PackTransposed(a.keysT, k, a.ldx, a.d, a.n)
	kernel.Pack(a.values, v, a.ldx, a.n, a.d)
	for i := 0; i < a.n; i += attentionRows {
		rows := min(attentionRows, a.n-i)
		a.product(a.scores, q[i*a.ldx:], a.ldx, a.keysT, rows)
		kernel.AttentionWeights(a.scores, a.ldp, stats[2*i:], rows, a.n, a.scale)
		kernel.GemmPacked(out[i*a.r.cols:], a.r.cols, nil, 0, a.scores, a.ldp, 1, a.values, rows, a.d, a.n)
	}
}

func attentionBackward(t *Tape, r *record) {
	x := t.input(r, 0)
	dx, former := t.startGradient(x)
	defer t.arena.Release(t.arena.Mark())
	g := &attentionGradient{attention: newAttention(t, x, r), dx: dx, former: former}
	g.keys, g.valuesT = t.arena.Take(len(g.values)), t.arena.Take(len(g.keysT))
	g.dscores, g.dots = t.arena.Take(len(g.scores)), t.arena.Take(attentionRows)
	for s := range r.rows / r.steps {
		for h := range r.models {
			g.backward(s, h)
		}
	}
}

// attentionGradient is the working view of the backward pass.
type attentionGradient struct {
	*attention
	dx, former    []float32
	keys, valuesT []float32 // packed, [n, d] and [d, n]
	dscores, dots []float32
}

func (g *attentionGradient) backward(s, h int) {
	a := g.attention
	q, k, v := a.part(a.x.value, s, h, 0), a.part(a.x.value, s, h, 1), a.part(a.x.value, s, h, 2)
	dq, dk, dv := a.part(g.dx, s, h, 0), a.part(g.dx, s, h, 1), a.part(g.dx, s, h, 2)
	formerQ, formerK, formerV := a.part(g.former, s, h, 0), a.part(g.former, s, h, 1), a.part(g.former, s, h, 2)
	out, stats := a.head(a.r.value, s, h)
	dout, _ := a.head(a.r.grad, s, h)
	kernel.PackTransposed(a.keysT, k, a.ldx, a.d, a.n)
	kernel.Pack(g.keys, k, a.ldx, a.n, a.d)
	kernel.PackTransposed(g.valuesT, v, a.ldx, a.d, a.n)
	for i := 0; i < a.n; i += attentionRows {
		rows, at := min(attentionRows, a.n-i), i*a.ldx
		up := dout[i*a.r.cols:]
		for j := range rows {
			o := j * a.r.cols
			g.dots[j] = kernel.Dot(up[o:o+a.d], out[i*a.r.cols+o:][:a.d])
		}
		a.product(a.scores, q[at:], a.ldx, a.keysT, rows)
		a.product(g.dscores, up, a.r.cols, g.valuesT, rows)
		kernel.AttentionWeightsBackward(a.scores, g.dscores, a.ldp, stats[2*i:], g.dots, rows, a.n, a.scale)
		if formerQ != nil {
			formerQ = dq[at:]
		}
		kernel.GemmPacked(dq[at:], a.ldx, formerQ, a.ldx, g.dscores, a.ldp, 1, g.keys, rows, a.d, a.n)
		kernel.Gemm(dk, a.ldx, formerK, a.ldx, g.dscores, 1, a.ldp, q[at:], a.ldx, a.n, a.d, rows)
		kernel.Gemm(dv, a.ldx, formerV, a.ldx, a.scores, 1, a.ldp, up, a.r.cols, a.n, a.d, rows)
		formerK, formerV = dk, dv
	}
}
