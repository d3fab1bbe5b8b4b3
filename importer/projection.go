package importer

import (
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/rnn"
)

// projection is a product outside a loop that makes what all steps read.
type projection struct {
	*product
	batchMajor bool // its vectors are in the order [batch, steps]
	backwards  bool // the last step comes first
}

// project finds the product outside the loop that makes what its steps read, and
// takes it into the layer: W_ih becomes its rows, its biases go to bias_ih. It
// changes nothing if there is none.
func (p *loopPorts) project(outer *view) {
	s := &step{v: outer, given: outer.sampleInputs(), shape: tensors{}, h: p.read}
	product := s.collectOutside(p.read)
	if product == nil {
		return
	}
	values, err := outer.evaluate(s.given, p.read, product.out, product.data)
	if err != nil {
		return
	}
	for name, t := range values {
		s.shape[name] = t
	}
	read := values[p.read]
	unset := func() setting {
		t := setting{s, tensors{}}
		for name, v := range s.given {
			t.values[name] = v
		}
		for _, b := range s.biases {
			t.fill(b, 0)
		}
		return t.fill(product.out, 0)
	}
	tr, ok := follow(unset, product.out, p.read, nil)
	if !ok || !tr.complete() || tr.by != 1 || tr.plus != 0 {
		return
	}
	rows, vectors := product.grid(tr.at, values[product.out].Dims, p.cell.input.cols)
	outside := &projection{product: product}
	if rows == nil || len(read.Dims) == 0 || !outside.order(vectors, read.Dims[0]) {
		return
	}
	bias, ok := s.outsideBias(p, unset, product, rows)
	if ok {
		p.cell.compose(product, rows, bias)
		p.outside = outside
	}
}

// grid reads the places of elements in the product's result, width features
// after width features, as one row for each feature and one vector for each
// group; nil if they are not.
func (p *product) grid(at, dims []int, width int) (rows, vectors []int) {
	if len(at)%width != 0 {
		return nil, nil
	}
	rows, vectors = make([]int, width), make([]int, len(at)/width)
	for i, x := range at {
		row, vector := p.row(x, dims), p.outVector(x, dims)
		if i < width {
			rows[i] = row
		}
		if i%width == 0 {
			vectors[i/width] = vector
		}
		if rows[i%width] != row || vectors[i/width] != vector {
			return nil, nil
		}
	}
	return rows, vectors
}

// collectOutside walks back from what the steps read to the one product that
// makes it, noting the constants added on the way.
func (s *step) collectOutside(name string) *product {
	n := s.v.maker[name]
	var found *product
	seen := map[string]bool{}
	open := n.Reads()
	for steps := 0; len(open) > 0 && steps < maxStepNodes; steps++ {
		name := open[0]
		open = open[1:]
		n := s.v.maker[name]
		if seen[name] || n == nil || !s.v.varying[name] {
			continue
		}
		seen[name] = true
		if p, ok := s.v.product(n); ok {
			if found != nil {
				return nil
			}
			found = p
			continue
		}
		for _, in := range n.Inputs {
			if s.v.varying[in] {
				open = append(open, in)
			} else if in != "" {
				s.constant(n, in)
			}
		}
	}
	for _, b := range s.biases {
		s.shape[b] = s.v.constants[b]
	}
	return found
}

// outsideBias is what is added to each feature outside the loop.
func (s *step) outsideBias(p *loopPorts, unset func() setting, product *product, rows []int) ([]float32, bool) {
	bias := make([]float32, len(rows))
	if product.bias != "" && product.biasScale != 0 {
		t, err := s.v.constant(product.bias)
		all := make([]float32, product.rows)
		if err != nil || t == nil || !spread(all, t) {
			return nil, false
		}
		for i, row := range rows {
			bias[i] = product.biasScale * all[row]
		}
	}
	for _, b := range s.biases {
		tr, ok := follow(unset, b, p.read, nil)
		if !ok {
			if slices.ContainsFunc(tr.at, func(x int) bool { return x >= 0 }) {
				return nil, false
			}
			continue
		}
		values := s.shape[b].Float32s()
		for i, at := range tr.at {
			if at < 0 || tr.by != 1 || values[at] != values[tr.at[i%len(rows)]] {
				return nil, false
			}
			if i < len(rows) {
				bias[i] += values[at]
			}
		}
	}
	return bias, true
}

// compose replaces W_ih, which selects features, by the rows of a product that
// makes the features.
func (c *stepCell) compose(p *product, rows []int, bias []float32) {
	old := &rnn.Model{Spec: rnn.Spec{Layers: []rnn.Layer{c.layer}}, Weights: c.weights}
	layer := c.layer
	layer.Inputs = p.cols
	m := rnn.NewModel(rnn.Spec{Layers: []rnn.Layer{layer}})
	for _, s := range m.Spec.Layout() {
		if s.Name != "weight_ih_l0" {
			copy(m.Tensor(s), old.Named(s.Name))
		}
	}
	w, from := m.Named("weight_ih_l0"), old.Named("weight_ih_l0")
	biasIH, matrix := m.Named("bias_ih_l0"), p.matrix()
	for r := range biasIH {
		for k, selected := range from[r*len(rows) : (r+1)*len(rows)] {
			if selected == 0 {
				continue
			}
			for i, x := range matrix[rows[k]*p.cols : (rows[k]+1)*p.cols] {
				w[r*p.cols+i] += selected * x
			}
			biasIH[r] += selected * bias[k]
		}
	}
	c.layer, c.weights = layer, m.Weights
}

// order finds the order of the vectors that are read at step 0, 1, ... for each
// batch entry.
func (p *projection) order(vectors []int, steps int) bool {
	for _, p.batchMajor = range []bool{false, true} {
		for _, p.backwards = range []bool{false, true} {
			if slices.Equal(vectors, p.places(steps, len(vectors)/steps)) {
				return true
			}
		}
	}
	return false
}

// places lists the vector of every step and batch entry.
func (p *projection) places(steps, batch int) []int {
	list := make([]int, 0, steps*batch)
	for t := range steps {
		if p.backwards {
			t = steps - 1 - t
		}
		for b := range batch {
			if p.batchMajor {
				list = append(list, b*steps+t)
			} else {
				list = append(list, t*batch+b)
			}
		}
	}
	return list
}

// input is the sequence in the order of the steps.
func (p *projection) input(data *onnx.Tensor, steps int) (sequence, error) {
	if steps == 0 || data.Len() == 0 || data.Len()%(p.cols*steps) != 0 {
		return sequence{}, errs.New(errs.ShapeMismatch, "node %q (%s) reads a value of dimensions %v", p.node.Label(), p.node.OpType, data.Dims).At(p.node.Label())
	}
	columns := make([]int, p.cols)
	for i := range columns {
		columns[i] = i
	}
	x := p.vectors(data, columns)
	s := newSequence(steps, len(x)/p.cols/steps, p.cols)
	for i, at := range p.places(steps, s.batch) {
		copy(s.data[i*p.cols:(i+1)*p.cols], x[at*p.cols:])
	}
	return s, nil
}
