// Package grad runs fused operations with hand-written gradients. A forward
// pass appends plain records to a Tape; Backward walks them in reverse. Every
// value is a row-major float32 matrix: rows are examples (or time steps times
// examples), columns are features.
//
// Shapes are programmer's business here: a mismatch panics. Data from outside
// is validated before it reaches this package.
package grad

import (
	"fmt"
	"iter"

	"rnnrep/internal/kernel"
	"rnnrep/internal/tensor"
)

// Op names the operation of a record.
type Op uint8

// Param is a trained matrix with its gradient, which Backward sets.
type Param struct {
	Name        string
	Rows, Cols  int
	Value, Grad []float32
}

// NewParam returns a zero parameter with its gradient buffer.
func NewParam(name string, rows, cols int) *Param {
	return &Param{Name: name, Rows: rows, Cols: cols, Value: make([]float32, rows*cols), Grad: make([]float32, rows*cols)}
}

// Var is a value on a tape.
type Var struct {
	t  *Tape
	id int32
}

// MaxInputs bounds how many values one operation, Concat say, reads.
const MaxInputs = 16

// record is one operation: its inputs, its value and what its gradient needs.
type record struct {
	op         Op
	in         [MaxInputs]int32
	nin        int
	rows, cols int
	value      []float32
	grad       []float32
	needs      bool // a gradient flows through it
	param      *Param
	name       string
	aux        [6][]float32
	index      []int32
	scalar     float32
	steps      int
	models     int
	cell       int32     // of a recurrent record: the OpCell record with its states c
	packed     []float32 // of a weight matrix, packed once a pass
	transposed []float32 // its transpose, packed once a pass
}

// Tape holds one forward pass. A tape and its memory are reused by Reset; after
// the first pass of a given shape a pass allocates nothing. Not safe for
// concurrent use.
type Tape struct {
	arena     tensor.Arena
	records   []record
	params    map[*Param]int32
	infer     bool
	pass      recurrentPass
	attention attention
}

// NewTape returns an empty tape.
func NewTape() *Tape { return &Tape{params: map[*Param]int32{}} }

// Inference makes the tape skip everything that only gradients need.
func (t *Tape) Inference() *Tape { t.infer = true; return t }

// Reset forgets the pass; every Var of it becomes invalid.
func (t *Tape) Reset() {
	t.arena.Reset()
	t.records = t.records[:0]
	clear(t.params)
}

// add appends a record with a fresh value of rows x cols.
func (t *Tape) add(op Op, rows, cols int, in ...Var) (*record, Var) {
	n := len(t.records)
	if n < cap(t.records) {
		t.records = t.records[:n+1]
	} else {
		t.records = append(t.records, record{})
	}
	r := &t.records[n]
	*r = record{op: op, rows: rows, cols: cols, nin: len(in)}
	for i, v := range in {
		if v.t != t {
			panic("grad: value of another tape")
		}
		r.in[i] = v.id
		r.needs = r.needs || t.records[v.id].needs
	}
	r.needs = r.needs && !t.infer
	return r, Var{t, int32(n)}
}

// compute is add with the value allocated from the arena.
func (t *Tape) compute(op Op, rows, cols int, in ...Var) (*record, Var) {
	r, v := t.add(op, rows, cols, in...)
	r.value = t.arena.Take(rows * cols)
	return r, v
}

func (t *Tape) input(r *record, i int) *record { return &t.records[r.in[i]] }

// Input puts a constant matrix on the tape; data is used in place. The name is
// for export: a graph input of that name, or a constant if it is empty.
func (t *Tape) Input(name string, rows, cols int, data []float32) Var {
	if len(data) != rows*cols {
		panic(fmt.Sprintf("grad: input %q has %d values, not %dx%d", name, len(data), rows, cols))
	}
	r, v := t.add(OpInput, rows, cols)
	r.value, r.name = data, name
	return v
}

// Buffer is Input with the tape's own memory, for the caller to fill.
func (t *Tape) Buffer(name string, rows, cols int) (v Var, data []float32) {
	data = t.arena.Take(rows * cols)
	return t.Input(name, rows, cols, data), data
}

// Variable is Input for a value whose gradient is wanted: see Grad.
func (t *Tape) Variable(name string, rows, cols int, data []float32) Var {
	v := t.Input(name, rows, cols, data)
	t.records[v.id].needs = !t.infer
	return v
}

// Zeros puts a constant zero matrix on the tape.
func (t *Tape) Zeros(rows, cols int) Var {
	r, v := t.add(OpZeros, rows, cols)
	r.value = t.arena.Zeros(rows * cols)
	return v
}

// Param puts a parameter on the tape, once a pass.
func (t *Tape) Param(p *Param) Var {
	if id, ok := t.params[p]; ok {
		return Var{t, id}
	}
	r, v := t.add(OpParam, p.Rows, p.Cols)
	r.value, r.param, r.name = p.Value, p, p.Name
	r.needs = !t.infer
	t.params[p] = v.id
	return v
}

// Value is the matrix of v, row by row; it aliases the tape's memory.
func (v Var) Value() []float32 { return v.rec().value }

// Grad is the gradient of v, a Variable or parameter, after Backward; nil where
// none flows. The memory of other values' gradients is used again.
func (v Var) Grad() []float32 { return v.rec().grad }

// Rows and Cols are the shape of v.
func (v Var) Rows() int { return v.rec().rows }

// Cols is the number of features of v.
func (v Var) Cols() int { return v.rec().cols }

// Tape is the tape that v lives on.
func (v Var) Tape() *Tape { return v.t }

func (v Var) rec() *record { return &v.t.records[v.id] }

// Backward sets the Grad of every parameter on the tape to the gradient of the
// scalar loss.
func (t *Tape) Backward(loss Var) {
	l := loss.rec()
	if l.rows != 1 || l.cols != 1 {
		panic(fmt.Sprintf("grad: loss is %dx%d, not a scalar", l.rows, l.cols))
	}
	if !l.needs {
		return
	}
	l.grad = t.arena.Take(1)
	l.grad[0] = 1
	for i := int(loss.id); i >= 0; i-- {
		r := &t.records[i]
		if r.op == OpInput {
			t.gradient(r) // zero if the loss does not depend on it
		}
		f := gradients[r.op]
		if f == nil || !r.needs || !t.reached(r) {
			continue
		}
		if !startsGradients[r.op] {
			for k := range r.nin {
				t.gradient(t.input(r, k))
			}
		}
		f(t, r)
	}
	for _, id := range t.params {
		t.gradient(&t.records[id]) // zero if the loss does not depend on it
	}
}

// reached reports whether the loss depends on r, and gives r a gradient if only
// its second output is reached.
func (t *Tape) reached(r *record) bool {
	if r.grad == nil && r.cell != 0 && t.records[r.cell].grad != nil {
		t.gradient(r)
	}
	return r.grad != nil
}

// gradient returns the gradient of x, zero if nothing has been added to it, or
// nil if none is wanted.
func (t *Tape) gradient(x *record) []float32 {
	if x.grad == nil && x.needs {
		grad, _ := t.startGradient(x)
		clear(grad)
	}
	return x.grad
}

// startGradient is gradient for an op that is about to set all of it: what it
// has to add to is nil, for zero, the first time.
func (t *Tape) startGradient(x *record) (grad, former []float32) {
	former = x.grad
	switch {
	case former != nil || !x.needs:
	case x.param != nil:
		x.grad = x.param.Grad
	default:
		x.grad = t.arena.Take(len(x.value))
	}
	return x.grad, former
}

// addGradient adds g to the gradient of x, if one is wanted. With give, x may
// keep g itself, which nobody else may then use.
func (t *Tape) addGradient(x *record, g []float32, give bool) {
	switch {
	case !x.needs:
	case x.grad != nil:
		kernel.Axpy(x.grad, 1, g)
	case give && x.param == nil:
		x.grad = g
	default:
		grad, _ := t.startGradient(x)
		copy(grad, g)
	}
}

// Node is a record as an exporter sees it.
type Node struct {
	Op         Op
	In         []Var // Var{} where an optional input is absent
	Rows, Cols int
	Name       string  // of an input or parameter
	Param      *Param  // of a parameter
	Steps      int     // recurrent ops: time steps; others: a number of rows, see Op
	Models     int     // per-model ops: number of weight sets; 1: shared by all rows; others: see Op
	Scalar     float32 // Scale's factor, Slice's first column, AddAt's first row
	Index      []int32
}

// Nodes lists the pass record by record, in order of execution.
func (t *Tape) Nodes() iter.Seq2[Var, Node] {
	return func(yield func(Var, Node) bool) {
		for i := range t.records {
			r := &t.records[i]
			n := Node{Op: r.op, Rows: r.rows, Cols: r.cols, Name: r.name, Param: r.param,
				Steps: r.steps, Models: r.models, Scalar: r.scalar, Index: r.index}
			for _, id := range r.in[:r.nin] {
				in := Var{}
				if id >= 0 {
					in = Var{t, id}
				}
				n.In = append(n.In, in)
			}
			if !yield(Var{t, int32(i)}, n) {
				return
			}
		}
	}
}

// gradients holds the backward function of each op; nil: none flows through it.
// It adds to the gradients of its inputs, which are there, unless the op is
// among startsGradients.
var (
	gradients       [opCount]func(t *Tape, r *record)
	startsGradients [opCount]bool // uses startGradient itself
)
