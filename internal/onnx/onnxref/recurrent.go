package onnxref

import (
	"math"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// recurrent is what LSTM, GRU and RNN have in common: the operands by
// direction, and the walk over the steps of a batch of sequences.
type recurrent struct {
	*call
	kind                                    onnx.DType
	gates, directions, steps, batch, inputs int
	hidden                                  int
	batchFirst                              bool // layout=1
	clip                                    float64
	x                                       []float64
	w, r                                    []*matrix   // [gates*hidden, inputs], [gates*hidden, hidden]
	bias                                    [][]float64 // [2*gates*hidden], W's before R's
	lens                                    []int
	h                                       [][]float64 // the states, [batch, hidden]
	activations                             [][]activation
	y                                       *value
}

// cell advances the states of a direction by one step. x and h hold one row for
// every sequence of the batch, nil where a sequence has ended; h is updated.
type cell interface {
	step(direction int, x, h [][]float64) error
}

// recurrent reads the inputs and attributes X, W, R, B, sequence_lens and
// initial_h of a node whose W and R stack the given number of gates.
func (c *call) recurrent(gates int, activations ...string) (*recurrent, error) {
	r := &recurrent{call: c, gates: gates, directions: 1, clip: math.Inf(1), batchFirst: c.node.Int("layout", 0) != 0}
	if c.node.Text("direction", "forward") == "bidirectional" {
		r.directions = 2
	}
	if clip := c.node.Float("clip", 0); clip > 0 {
		r.clip = float64(clip)
	}
	var err error
	if r.activations, err = c.activations(r.directions, activations...); err != nil {
		return nil, err
	}
	x, floats, err := c.floats(0)
	if err != nil {
		return nil, err
	}
	if len(x.dims) != 3 || !x.kind.Float() {
		return nil, c.mismatch("X has dimensions %v", x.dims).Accepts("[steps, batch, inputs]")
	}
	r.kind, r.x = x.kind, floats
	r.steps, r.batch, r.inputs = x.dims[0], x.dims[1], x.dims[2]
	if r.batchFirst {
		r.steps, r.batch = r.batch, r.steps
	}
	if err := r.weights(); err != nil {
		return nil, err
	}
	if err := r.lengths(); err != nil {
		return nil, err
	}
	if r.h, err = r.state(5); err != nil {
		return nil, err
	}
	dims := []int{r.steps, r.directions, r.batch, r.hidden}
	if r.batchFirst {
		dims = []int{r.batch, r.steps, r.directions, r.hidden}
	}
	r.y, err = c.make(r.kind, dims)
	return r, err
}

// weights reads W, R and B.
func (r *recurrent) weights() error {
	w, err := r.value(1)
	if err != nil {
		return err
	}
	rec, err := r.value(2)
	if err != nil {
		return err
	}
	if len(rec.dims) != 3 || rec.kind != r.kind || w.kind != r.kind {
		return r.mismatch("W has dimensions %v, R has %v", w.dims, rec.dims)
	}
	r.hidden = rec.dims[2]
	rows := r.gates * r.hidden
	if !fits(w.dims, r.directions, rows, r.inputs) || !fits(rec.dims, r.directions, rows, r.hidden) ||
		r.node.Int("hidden_size", int64(r.hidden)) != int64(r.hidden) {
		return r.mismatch("W has dimensions %v and R %v for %d inputs, hidden_size %d and %d directions", w.dims, rec.dims, r.inputs, r.node.Int("hidden_size", 0), r.directions).
			Accepts("[directions, %d * hidden_size, inputs] and [directions, %d * hidden_size, hidden_size]", r.gates, r.gates)
	}
	for d := range r.directions {
		wd, err := r.matrix(w, d*rows*r.inputs, rows, r.inputs)
		if err != nil {
			return err
		}
		rd, err := r.matrix(rec, d*rows*r.hidden, rows, r.hidden)
		if err != nil {
			return err
		}
		r.w, r.r = append(r.w, wd), append(r.r, rd)
	}
	r.bias, err = r.perDirection(3, 2*rows)
	return err
}

func fits(dims []int, want ...int) bool {
	if len(dims) != len(want) {
		return false
	}
	for i := range dims {
		if dims[i] != want[i] {
			return false
		}
	}
	return true
}

// perDirection reads an optional input [directions, n]; zeros where absent.
func (r *recurrent) perDirection(i, n int) ([][]float64, error) {
	all := make([]float64, r.directions*n)
	if r.has(i) {
		v, x, err := r.floats(i)
		if err != nil {
			return nil, err
		}
		if !fits(v.dims, r.directions, n) {
			return nil, r.mismatch("input %d has dimensions %v", i, v.dims).Accepts("[%d, %d]", r.directions, n)
		}
		all = x
	}
	rows := make([][]float64, r.directions)
	for d := range rows {
		rows[d] = all[d*n : (d+1)*n]
	}
	return rows, nil
}

// lengths reads sequence_lens; every sequence is of full length without.
func (r *recurrent) lengths() error {
	if err := r.reserve(8 * int64(r.batch)); err != nil {
		return err
	}
	r.lens = make([]int, r.batch)
	for b := range r.lens {
		r.lens[b] = r.steps
	}
	if !r.has(4) {
		return nil
	}
	_, lens, err := r.ints(4)
	if err != nil {
		return err
	}
	if len(lens) != r.batch {
		return r.mismatch("%d sequence_lens for a batch of %d", len(lens), r.batch)
	}
	for b, n := range lens {
		if n < 0 || n > int64(r.steps) {
			return r.fail(errs.ShapeMismatch, "a sequence of length %d in %d steps", n, r.steps)
		}
		r.lens[b] = int(n)
	}
	return nil
}

// state reads an initial state [directions, batch, hidden], or with layout=1
// [batch, directions, hidden], and returns a copy by direction.
func (r *recurrent) state(i int) ([][]float64, error) {
	if err := r.reserve(8 * int64(r.directions) * int64(r.batch) * int64(r.hidden)); err != nil {
		return nil, err
	}
	s := make([][]float64, r.directions)
	for d := range s {
		s[d] = make([]float64, r.batch*r.hidden)
	}
	if !r.has(i) {
		return s, nil
	}
	v, x, err := r.floats(i)
	if err != nil {
		return nil, err
	}
	if !r.batchFirst && !fits(v.dims, r.directions, r.batch, r.hidden) || r.batchFirst && !fits(v.dims, r.batch, r.directions, r.hidden) {
		return nil, r.mismatch("input %d has dimensions %v for %d directions, a batch of %d and hidden_size %d", i, v.dims, r.directions, r.batch, r.hidden)
	}
	for d := range s {
		for b := range r.batch {
			copy(r.rowOf(s[d], b), x[r.stateAt(d, b):])
		}
	}
	return s, nil
}

// stateAt is the place of a state in initial_h or Y_h.
func (r *recurrent) stateAt(d, b int) int {
	if r.batchFirst {
		return (b*r.directions + d) * r.hidden
	}
	return (d*r.batch + b) * r.hidden
}

func (r *recurrent) rowOf(state []float64, b int) []float64 {
	return state[b*r.hidden : (b+1)*r.hidden]
}

// run walks over the steps of every direction.
func (r *recurrent) run(c cell) error {
	if r.batch == 0 {
		return nil
	}
	direction := r.node.Text("direction", "forward")
	x, h := make([][]float64, r.batch), make([][]float64, r.batch)
	for d := range r.directions {
		reverse := d == 1 || direction == "reverse"
		for t := range r.steps {
			if err := r.spend(1 + int64(r.batch)*int64(r.gates)*int64(r.hidden)*int64(r.inputs+r.hidden+8)); err != nil {
				return err
			}
			for b := range r.batch {
				x[b], h[b] = nil, nil
				if t < r.lens[b] {
					x[b], h[b] = r.input(r.time(t, b, reverse), b), r.rowOf(r.h[d], b)
				}
			}
			if err := c.step(d, x, h); err != nil {
				return err
			}
			for b := range r.batch {
				if h[b] != nil {
					copy(r.y.floats[r.outputAt(r.time(t, b, reverse), d, b):], h[b])
				}
			}
		}
	}
	return nil
}

// time is the step of a sequence that is read t-th.
func (r *recurrent) time(t, b int, reverse bool) int {
	if reverse {
		return r.lens[b] - 1 - t
	}
	return t
}

func (r *recurrent) input(t, b int) []float64 {
	at := t*r.batch + b
	if r.batchFirst {
		at = b*r.steps + t
	}
	return r.x[at*r.inputs : (at+1)*r.inputs]
}

// outputAt is the place of a state in Y.
func (r *recurrent) outputAt(t, d, b int) int {
	if r.batchFirst {
		return ((b*r.steps+t)*r.directions + d) * r.hidden
	}
	return ((t*r.directions+d)*r.batch + b) * r.hidden
}

// final returns a state as an output: Y_h or Y_c.
func (r *recurrent) final(s [][]float64) (*value, error) {
	dims := []int{r.directions, r.batch, r.hidden}
	if r.batchFirst {
		dims = []int{r.batch, r.directions, r.hidden}
	}
	v, err := r.make(r.kind, dims)
	if err != nil {
		return nil, err
	}
	for d := range s {
		for b := range r.batch {
			copy(v.floats[r.stateAt(d, b):], r.rowOf(s[d], b))
		}
	}
	round(v.kind, v.floats)
	return v, nil
}

// outputs returns Y and the final states.
func (r *recurrent) outputs(states ...[][]float64) ([]*value, error) {
	round(r.y.kind, r.y.floats)
	out := []*value{r.y}
	for _, s := range states {
		v, err := r.final(s)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// scratch returns n numbers for every sequence of the batch.
func (r *recurrent) scratch(n int) ([]float64, error) {
	if err := r.reserve(8 * int64(r.batch) * int64(n)); err != nil {
		return nil, err
	}
	return make([]float64, r.batch*n), nil
}

// addProduct adds rows from to to-1 of m times every row of x to the same
// columns of out, whose rows are width long. Rows of x that are nil are left
// out.
func (m *matrix) addProduct(out []float64, width, from, to int, x [][]float64) {
	for i := from; i < to; i++ {
		row := m.row(i)
		for b, x := range x {
			if x != nil {
				out[b*width+i] += dot(row, x)
			}
		}
	}
}

// begin sets pre-activations to W's bias, and the first rows to the sum of W's
// and R's.
func (r *recurrent) begin(pre []float64, d int, active [][]float64, both int) {
	n := r.gates * r.hidden
	w, rec := r.bias[d][:n], r.bias[d][n:]
	for b := range active {
		if active[b] == nil {
			continue
		}
		row := pre[b*n : (b+1)*n]
		copy(row, w)
		for i := range both {
			row[i] += rec[i]
		}
	}
}

// clamp applies clip.
func (r *recurrent) clamp(x float64) float64 {
	return min(max(x, -r.clip), r.clip)
}
