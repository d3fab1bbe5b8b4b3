package importer

import (
	"bytes"
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/rnn"
)

func init() { register(recogniseUnrolled) }

// recogniseUnrolled finds recurrences written out step by step: products with
// the same matrix, each of which depends on the one before.
func recogniseUnrolled(v *view) ([]*recurrence, error) {
	groups := v.productGroups()
	used := map[*onnx.Node]bool{}
	var found []*recurrence
	var first error
	for _, g := range v.productChains(groups) {
		if used[g[0].node] || used[g[1].node] {
			continue
		}
		after := v.above(g[0].out)
		if slices.ContainsFunc(g[1:], func(p *product) bool { return !after[p.data] }) {
			continue
		}
		c := &chain{v: v, groups: groups, members: g, after: after}
		r, ok := c.recurrence()
		if !ok {
			if first == nil {
				first = errs.New(errs.UnsupportedCell, "the %d products %q ... repeat with the same weights, each from the one before, but make no LSTM, GRU or Elman cell", len(g), g[0].node.Label()).
					At(g[0].node.Label()).Accepts("cells that compute what PyTorch's or ONNX's LSTM, GRU or RNN compute")
			}
			continue
		}
		for _, p := range c.step.products {
			own := g
			if !slices.ContainsFunc(g, func(q *product) bool { return q.node == p.node }) {
				own = groupOf(groups, p)
			}
			for _, q := range own {
				used[q.node] = true
			}
		}
		found = append(found, r)
	}
	if len(found) > 0 { // what else repeats belongs to the cells that were found
		first = nil
	}
	return found, first
}

// productGroups groups the graph's products by equal matrices, in the order of
// the graph.
func (v *view) productGroups() [][]*product {
	var groups [][]*product
	bySize := map[[3]int][]int{}
	for _, n := range v.graph.Nodes {
		p, ok := v.product(n)
		if !ok {
			continue
		}
		key := [3]int{p.rows, p.cols, boolInt(p.byCols)}
		at := slices.IndexFunc(bySize[key], func(i int) bool {
			w := groups[i][0].weight
			return w == p.weight || bytes.Equal(w.Raw, p.weight.Raw)
		})
		if at < 0 {
			bySize[key] = append(bySize[key], len(groups))
			groups = append(groups, []*product{p})
			continue
		}
		i := bySize[key][at]
		groups[i] = append(groups[i], p)
	}
	return groups
}

// maxShared bounds the products of a group that are looked at one by one.
const maxShared = 256

// productChains lists the groups of two or more products; one whose products do
// not all depend on the first is cut into chains that do not depend on each
// other: a layer that is used more than once.
func (v *view) productChains(groups [][]*product) (list [][]*product) {
	for _, g := range groups {
		after := v.above(g[0].out)
		apart := slices.ContainsFunc(g[1:], func(p *product) bool { return !after[p.data] })
		if !apart || len(g) > maxShared {
			if len(g) > 1 {
				list = append(list, g)
			}
			continue
		}
		var chains [][]*product
		for _, p := range g {
			below := v.below(p.data)
			i := slices.IndexFunc(chains, func(c []*product) bool { return below[c[len(c)-1].out] })
			if i < 0 {
				chains = append(chains, []*product{p})
			} else {
				chains[i] = append(chains[i], p)
			}
		}
		list = append(list, slices.DeleteFunc(chains, func(c []*product) bool { return len(c) < 2 })...)
	}
	return list
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// groupOf returns the products that share a product's matrix.
func groupOf(groups [][]*product, p *product) []*product {
	for _, g := range groups {
		if slices.ContainsFunc(g, func(q *product) bool { return q.node == p.node }) {
			return g
		}
	}
	return nil
}

// chain is a group of recurrent products in the order of the steps.
type chain struct {
	v       *view
	groups  [][]*product
	members []*product
	after   map[string]bool // what depends on the first
	step    *step
	cell    *stepCell
}

// recurrence recovers the cell from a step inside the chain.
func (c *chain) recurrence() (*recurrence, bool) {
	k := min(1, len(c.members)-2)
	h, next := c.state(k), c.state(k+1)
	if h == next {
		return nil, false
	}
	given := c.v.sampleInputs()
	for _, s := range append(c.carried(k, h, next), [2]string{}) {
		c.step = &step{v: c.v, given: given, h: h, next: next, c: s[0], nextC: s[1]}
		if c.cell, _ = c.step.cell(); c.cell != nil {
			break
		}
	}
	if c.cell == nil || !slices.ContainsFunc(c.step.products, func(p *product) bool { return p.node == c.members[k].node }) {
		return nil, false // the latter: what is made of the states and fed back
	}
	p, ok := c.ports(k)
	if !ok {
		return nil, false
	}
	return &recurrence{name: c.members[0].node.Label(), form: "unrolled " + c.cell.form(), layer: c.cell.layer, load: c.cell.load, ports: p}, true
}

// form is the ONNX op that a cell would be.
func (c *stepCell) form() string {
	info, _ := rnn.LookupCell(c.layer.Cell)
	return info.ONNXOp
}

// state is the hidden state that the k-th product reads.
func (c *chain) state(k int) string {
	name := c.members[k].data
	for {
		n := c.v.maker[name]
		switch {
		case n == nil || n.Domain != "":
			return name
		case n.OpType == "Concat":
			i := slices.IndexFunc(n.Inputs, func(in string) bool { return c.after[in] })
			if i < 0 { // the first step: the same part as at the second
				second := c.v.maker[c.members[1].data]
				if k > 0 || second == nil || len(second.Inputs) != len(n.Inputs) {
					return name
				}
				if i = slices.IndexFunc(second.Inputs, func(in string) bool { return c.after[in] }); i < 0 {
					return name
				}
			}
			name = n.Inputs[i]
		case moves[n.OpType] && c.v.varying[n.Inputs[0]]:
			name = n.Inputs[0]
		default:
			return name
		}
	}
}

// moves lists the ops that pass their first input on in another shape.
var moves = map[string]bool{"Identity": true, "Squeeze": true, "Unsqueeze": true, "Reshape": true, "Transpose": true, "Cast": true, "Flatten": true, "Dropout": true}

// carried lists candidates for the cell state before and after step k: before,
// what the step reads of earlier steps besides h; after, what the next step
// reads, or any inner value.
func (c *chain) carried(k int, h, next string) (pairs [][2]string) {
	before := c.frontier(k, h, next)
	if len(before) == 0 {
		return nil
	}
	var after []string
	if k+2 < len(c.members) {
		after = c.frontier(k+1, next, c.state(k+2))
	} else {
		within, below := c.v.above(h), c.v.below(next)
		for _, n := range c.v.graph.Nodes {
			if o := n.Outputs; len(o) == 1 && within[o[0]] && below[o[0]] && o[0] != next && o[0] != h && (n.OpType == "Add" || n.OpType == "Sum") {
				after = append(after, o[0])
			}
		}
	}
	for _, a := range before {
		for _, b := range after {
			pairs = append(pairs, [2]string{a, b})
		}
	}
	return pairs
}

// frontier lists what the nodes from h to next read of earlier steps besides h;
// where there is no earlier product, what else they read.
func (c *chain) frontier(k int, h, next string) (list []string) {
	earlier := c.v.varying
	if k > 0 {
		earlier = c.v.above(c.members[k-1].out)
	}
	within, below := c.v.above(h), c.v.below(next)
	for _, n := range c.v.graph.Nodes {
		if len(n.Outputs) == 0 || !within[n.Outputs[0]] || !below[n.Outputs[0]] || n.Outputs[0] == h {
			continue
		}
		for _, in := range n.Inputs {
			if in != h && !within[in] && earlier[in] && !slices.Contains(list, in) {
				list = append(list, in)
			}
		}
	}
	return list
}

// ports finds where every step reads its input and leaves its state.
func (c *chain) ports(k int) (*unrolledPorts, bool) {
	p := &unrolledPorts{v: c.v, cell: c.cell}
	batch := len(c.cell.lanes)
	vectors := c.step.shape[c.cell.input.data].Len() / c.cell.input.cols
	if vectors == batch {
		p.reads = groupOf(c.groups, c.cell.input)
		p.steps = len(p.reads)
		if !c.cell.identity() || p.reads[0] != c.members[0] && !c.align(p) {
			return nil, false
		}
	} else {
		p.reads = []*product{c.cell.input}
		p.steps = vectors / batch
		if vectors%batch != 0 || !p.timeAxis() {
			return nil, false
		}
	}
	skip := p.steps - len(c.members) // a first step from zeros may have been folded
	if skip < 0 || skip > 1 {
		return nil, false
	}
	if skip == 0 {
		p.initial = c.initial()
	}
	for i := range c.members {
		if name := c.state(i); i+skip > 0 && c.v.varying[name] {
			p.taps = append(p.taps, tap{name, i + skip - 1})
		}
	}
	if len(p.taps) == 0 {
		return nil, false
	}
	p.last = c.v.following(c.members[len(c.members)-1].out)
	if p.together() {
		backwards, ok := c.backwards(p)
		if !ok {
			return nil, false
		}
		p.backwards = backwards
		c.cell.layer.Reverse = backwards
	}
	return p, true
}

// initial lists the states before the first step: what the first product reads,
// and what else the first step gets straight from the graph's inputs.
func (c *chain) initial() []string {
	h := c.state(0)
	list := []string{h}
	if c.step.c == "" {
		return list
	}
	for _, name := range c.frontier(0, h, c.state(1)) {
		if c.v.isState(name) {
			list = append(list, name)
		}
	}
	return list
}

// align puts the products that read the input of each step in the order of the
// steps: a product belongs to the step where what comes of it first meets what
// comes of a recurrent product, or to the first step if that was folded away. One
// that reads what was made of earlier states is as many steps behind the first.
func (c *chain) align(p *unrolledPorts) bool {
	reads := p.reads
	depth := map[string]int{} // recurrent products on the way to a value
	made := map[string]bool{}
	for _, m := range c.members {
		made[m.out] = true
	}
	for _, n := range c.v.graph.Nodes {
		d := 0
		for _, in := range n.Reads() {
			d = max(d, depth[in])
		}
		for _, o := range n.Outputs {
			depth[o] = d + boolInt(made[o])
		}
	}
	meets := map[string]int{}
	for _, n := range slices.Backward(c.v.graph.Nodes) {
		at := len(reads) + 1
		for _, o := range n.Outputs {
			if depth[o] > 0 {
				at = min(at, depth[o])
			} else if m, ok := meets[o]; ok {
				at = min(at, m)
			}
		}
		for _, in := range n.Reads() {
			if m, ok := meets[in]; depth[in] == 0 && (!ok || at < m) {
				meets[in] = at
			}
		}
	}
	skip := len(reads) - len(c.members)
	folded := map[string]bool{}
	if skip == 1 {
		folded = c.v.below(c.members[0].data)
	}
	ordered, feedback := make([]*product, len(reads)), false
	for _, p := range reads {
		at := meets[p.out] - 1 + skip
		switch d := depth[p.out]; {
		case folded[p.out]:
			at = 0
		case d > 0:
			at, feedback = d+skip, true
		}
		if at < 0 || at >= len(ordered) || ordered[at] != nil {
			return false
		}
		ordered[at] = p
	}
	p.reads, p.feedback = ordered, feedback
	return true
}

// following lists the first float values made after one that depend on it.
func (v *view) following(name string) (list []string) {
	const enough = 100
	after := v.above(name)
	for _, n := range v.graph.Nodes[v.order[v.maker[name]]+1:] {
		if len(list) < enough && len(n.Outputs) == 1 && after[n.Outputs[0]] && arithmetic[n.OpType] {
			list = append(list, n.Outputs[0])
		}
	}
	return list
}

// arithmetic lists the ops that may make a hidden state.
var arithmetic = map[string]bool{"Add": true, "Mul": true, "Sub": true, "Tanh": true, "Relu": true, "Sigmoid": true, "Where": true}

// backwards tells whether the first step reads the last vector of the sequence:
// changing the first one, up or down, does not change the first state.
func (c *chain) backwards(p *unrolledPorts) (yes, ok bool) {
	first := p.taps[0]
	if first.step != 0 {
		return false, false
	}
	out := c.cell.input.out
	values, err := c.v.evaluate(c.step.given, out, first.name)
	if err != nil {
		return false, false
	}
	for _, by := range []float64{100, -100} {
		changed := values[out].Float64s()
		for i := range changed {
			if v := c.cell.input.outVector(i, values[out].Dims); p.vectorTime(v, len(c.cell.lanes)) == 0 {
				changed[i] += by
			}
		}
		given := c.step.with(out, onnx.FromFloats(out, values[out].Type, changed, values[out].Dims...))
		after, err := c.v.evaluate(given, first.name)
		if err != nil {
			return false, false
		}
		if !bytes.Equal(values[first.name].Raw, after[first.name].Raw) {
			return false, true
		}
	}
	return true, true
}
