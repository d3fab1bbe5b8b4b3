package exporter

import (
	"fmt"
	"slices"

	"rnnrep/internal/grad"
	"rnnrep/internal/onnx"
)

// A lowerer writes a program's records as nodes. Values are matrices as on the
// tape, [rows, cols]. The first failure stays in err; what is made after it
// means nothing.
type lowerer struct {
	*graph
	program *program
	values  []string          // of records; "" where not lowered
	cells   map[int]string    // c of LSTM records
	torch   map[string]int    // matrix [n, size] -> the slot that it flattens
	sizes   map[string]source // of symbols
	params  map[*grad.Param]string
	err     *error
}

// A source is where the value of a symbol is read: an axis of a graph input.
type source struct {
	input string
	axis  int
}

// newLowerer starts a file whose inputs are the tensors of RNNs. params are the
// names of trained weights.
func newLowerer(p *program, params map[*grad.Param]string) *lowerer {
	l := &lowerer{graph: newGraph("encoder"), program: p, values: make([]string, len(p.records)), cells: map[int]string{},
		torch: map[string]int{}, sizes: map[string]source{}, params: params, err: new(error)}
	for i, s := range p.slots {
		l.input(s.Name, onnx.Float32, inFile(p.shapes[i])...)
		for axis, d := range p.shapes[i] {
			if _, known := l.sizes[d.symbol]; !known && d.factor == 1 {
				l.sizes[d.symbol] = source{s.Name, axis}
			}
		}
	}
	return l
}

// inFile turns sizes into the dimensions of a graph's input or output.
func inFile(dims []dim) []any {
	r := make([]any, len(dims))
	for i, d := range dims {
		r[i] = d.String()
		if !d.free() {
			r[i] = d.factor
		}
	}
	return r
}

// fail keeps the first failure.
func (l *lowerer) fail(format string, args ...any) string {
	if *l.err == nil {
		*l.err = fmt.Errorf(format, args...)
	}
	return ""
}

// lower writes the records from one to before another.
func (l *lowerer) lower(from, to int) {
	for i := from; i < to; i++ {
		r := &l.program.records[i]
		if lowerings[r.op] == nil {
			l.fail("operation %v has no lowering to ONNX", r.op)
			return
		}
		in := make([]string, len(r.in))
		for j, k := range r.in {
			if k < 0 {
				continue
			}
			if in[j] = l.values[k]; in[j] == "" {
				l.fail("operation %d (%v) reads what another step of the loop computed", i, r.op)
			}
		}
		if *l.err != nil {
			return
		}
		l.values[i] = lowerings[r.op](l, r, in)
	}
}

// read is the record that r reads as its i-th input.
func (l *lowerer) read(r *record, i int) *record { return &l.program.records[r.in[i]] }

// size is a size as a vector of one int64.
func (l *lowerer) size(d dim) string {
	if !d.free() {
		return l.ints(int64(d.factor))
	}
	s, ok := l.sizes[d.symbol]
	if !ok {
		return l.fail("a size is no multiple of one free size")
	}
	n := l.op("Shape", []string{s.input}, intAttribute("start", s.axis), intAttribute("end", s.axis+1))
	if d.factor == 1 {
		return n
	}
	return l.op("Mul", []string{n, l.ints(int64(d.factor))})
}

// sum is the sum of two sizes.
func (l *lowerer) sum(a, b dim) string {
	switch {
	case a.symbol == b.symbol:
		return l.size(dim{a.factor + b.factor, a.symbol})
	case a.factor == 0:
		return l.size(b)
	}
	return l.op("Add", []string{l.size(a), l.size(b)})
}

// shape is a vector of sizes.
func (l *lowerer) shape(dims ...dim) string {
	if !slices.ContainsFunc(dims, dim.free) {
		return l.inferring(dims)
	}
	var sizes []string
	for _, d := range dims {
		sizes = append(sizes, l.size(d))
	}
	return l.op("Concat", sizes, intAttribute("axis", 0))
}

// inferring is the constant vector of sizes with -1 for free ones.
func (l *lowerer) inferring(dims []dim) string {
	sizes := make([]int64, len(dims))
	for i, d := range dims {
		sizes[i] = int64(d.factor)
		if d.free() {
			sizes[i] = -1
		}
	}
	return l.ints(sizes...)
}

// reshape gives x other dimensions.
func (l *lowerer) reshape(x string, dims ...dim) string {
	free := 0
	for _, d := range dims {
		if d.free() {
			free++
		}
	}
	if free > 1 {
		return l.op("Reshape", []string{x, l.shape(dims...)})
	}
	return l.op("Reshape", []string{x, l.inferring(dims)})
}

// A carried value goes from step to step of a loop, or into it step by step.
type carried struct {
	name  string
	value string // initial, or of all steps along axis 0
	dims  []dim  // at one step
	dtype onnx.DType
}

// scan writes a Scan over the first axis of xs. The body gets the names of one
// step's states and xs, and returns the next states and the outputs of the step.
// scan returns the last states and the outputs of all steps.
func (l *lowerer) scan(name string, states, xs []carried, body func(b *lowerer, states, xs []string) (next, outputs []carried)) (last, stacked []string) {
	b := *l
	b.graph = l.graph.body(name)
	var inputs, stateNames, xNames []string
	for _, c := range states {
		inputs = append(inputs, c.value)
		stateNames = append(stateNames, b.input(c.name, c.dtype, inFile(c.dims)...))
	}
	for _, c := range xs {
		inputs = append(inputs, c.value)
		xNames = append(xNames, b.input(c.name, c.dtype, inFile(c.dims)...))
	}
	next, outputs := body(&b, stateNames, xNames)
	n := &onnx.Node{Name: l.unique(name), OpType: "Scan", Inputs: inputs}
	for _, c := range slices.Concat(next, outputs) {
		b.output(b.unique(c.name), c.value, c.dtype, inFile(c.dims)...)
		n.Outputs = append(n.Outputs, l.unique(n.Name+"_"+c.name))
	}
	l.add(n, []attribute{graphAttribute("body", b.graph), intAttribute("num_scan_inputs", len(xs))})
	names := slices.Clone(n.Outputs)
	return names[:len(next)], names[len(next):]
}
