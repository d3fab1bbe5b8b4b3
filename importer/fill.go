package importer

import (
	"slices"

	"rnnrep/rnn"
)

// target is one gate of a model that a step's constants are copied to.
type target struct {
	*step
	cell    *stepCell
	gate    gate
	first   []int // one element of the state for each unit
	arrived map[*product]bool

	ih, hh, biasIH, biasHH, peephole []float32 // the gate's rows
}

// fill copies the weights of every gate into m.
func (s *step) fill(c *stepCell, m *rnn.Model, r gates) bool {
	info, _ := rnn.LookupCell(c.layer.Cell)
	first := make([]int, c.layer.Hidden)
	for e := len(c.units) - 1; e >= 0; e-- {
		first[c.units[e]] = e
	}
	arrived := map[*product]bool{}
	for i, name := range info.Gates {
		rows := func(tensor string) []float32 {
			w := m.Named(tensor + "_l0")
			n := len(w) / len(info.Gates)
			return w[i*n : (i+1)*n]
		}
		t := &target{step: s, cell: c, gate: r.of[name], first: first, arrived: arrived, ih: rows("weight_ih"), hh: rows("weight_hh"), biasIH: rows("bias_ih"), biasHH: rows("bias_hh")}
		if k := slices.Index([]string{"i", "f", "o"}, name); k >= 0 && c.layer.Variant.Peepholes {
			t.peephole = m.Named("peephole_l0")[k*c.layer.Hidden:]
		}
		if !t.copy() {
			return false
		}
	}
	return len(c.lanes) > 0 && len(arrived) == len(s.products) // else something is multiplied in ways of its own
}

func (t *target) copy() bool {
	for _, p := range t.products {
		if !t.product(p) {
			return false
		}
	}
	for _, name := range t.biases {
		if !t.bias(name) {
			return false
		}
	}
	for _, name := range t.peepholes {
		if !t.peep(name) {
			return false
		}
	}
	return true
}

// arrive follows a value to the gate's activation and returns which marked
// element each element of the state is, none if it does not arrive, and the
// sign it arrives with. False if it arrives in part, or scaled.
func (t *target) arrive(name string) (at []int, sign float32, ok bool) {
	set := func() setting {
		s := t.linear(1)
		if t.c != "" {
			s.fill(t.c, 1).fill(t.nextC, 1)
		}
		return s
	}
	tr, ok := follow(set, name, t.gate.activation.input, t.gate.at)
	switch {
	case !ok:
		return nil, 0, !slices.ContainsFunc(tr.at, func(x int) bool { return x >= 0 })
	case slices.Contains(tr.at, -1):
		return nil, 0, false
	case t.gate.activation.clip:
		return tr.at, 1, tr.by > 0 // its scale is the HardSigmoid's alpha
	}
	sign = float32(tr.by)
	if t.gate.negated && !t.cell.layer.Variant.InputForget { // 1 - sigmoid(x) = sigmoid(-x)
		sign = -sign
	}
	return tr.at, sign, tr.by == 1 || tr.by == -1
}

// product copies the rows of a product's matrix that the gate reads, and its
// bias.
func (t *target) product(p *product) bool {
	at, sign, ok := t.arrive(p.out)
	if at == nil {
		return ok
	}
	t.arrived[p] = true
	dims, w := t.shape[p.out].Dims, p.matrix()
	row := func(e int) int { return p.row(at[e], dims) }
	if !t.perUnit(func(e int) int { return row(e) }) {
		return false
	}
	state, recurrent := t.stateOf(p)
	unitOf := make([]int, p.cols)
	feature := slices.Clone(unitOf)
	for i := range unitOf {
		unitOf[i], feature[i] = -1, -1
	}
	data := t.shape[p.data].Dims
	for i, element := range state {
		if recurrent && element >= 0 {
			unitOf[p.col(i, data)] = t.cell.units[element]
		}
	}
	columns := t.inputColumns(p)
	for k, col := range columns {
		feature[col] = k
	}
	if len(columns) > 0 && !t.readsInput(p, columns) {
		return false
	}
	for j, e := range t.first {
		for col, x := range w[row(e)*p.cols : (row(e)+1)*p.cols] {
			if u := unitOf[col]; u >= 0 {
				t.hh[j*t.cell.layer.Hidden+u] += sign * x
			} else if feature[col] < 0 { // the state, but scaled
				return false
			} else {
				t.ih[j*t.cell.layer.Inputs+feature[col]] += sign * x
			}
		}
	}
	if p == t.cell.input {
		t.place(p, at, dims)
	}
	into := t.biasIH
	if recurrent && len(columns) == 0 {
		into = t.biasHH
	}
	return t.gemmBias(p, into, at, sign)
}

// perUnit tells whether f is the same for all elements of a unit.
func (t *target) perUnit(f func(e int) int) bool {
	for e, u := range t.cell.units {
		if f(e) != f(t.first[u]) {
			return false
		}
	}
	return true
}

// readsInput tells whether a product reads the same values as the one that was
// chosen for the layer's input.
func (t *target) readsInput(p *product, columns []int) bool {
	return p == t.cell.input || slices.Equal(t.vectors(p, columns), t.vectors(t.cell.input, t.cell.columns))
}

// vectors returns some columns of a product's data in the traced run.
func (s *step) vectors(p *product, columns []int) []float32 {
	return p.vectors(s.shape[p.data], columns)
}

// place notes which of the product's vectors each batch entry is at this step.
func (t *target) place(p *product, at, dims []int) {
	t.cell.lanes = make([]int, 1+slices.Max(t.cell.batch))
	for e, b := range t.cell.batch {
		t.cell.lanes[b] = p.outVector(at[e], dims)
	}
}

// gemmBias adds the bias inside a Gemm.
func (t *target) gemmBias(p *product, into []float32, at []int, sign float32) bool {
	if p.bias == "" || p.biasScale == 0 {
		return true
	}
	bias, err := t.v.constant(p.bias)
	if err != nil || bias == nil {
		return false
	}
	row := make([]float32, p.rows)
	if !spread(row, bias) {
		return false
	}
	for j, e := range t.first {
		into[j] += sign * p.biasScale * row[p.row(at[e], t.shape[p.out].Dims)]
	}
	return true
}

// bias adds a constant that is added on the way: to bias_hh where it joins what
// comes from the state alone, else to bias_ih.
func (t *target) bias(name string) bool {
	if t.shape[name].Len() == 1 && t.gate.activation.clip {
		return true // the HardSigmoid's beta
	}
	at, sign, ok := t.arrive(name)
	if at == nil {
		return ok
	}
	values := t.shape[name].Float32s()
	if !t.perUnitValue(values, at) {
		return false
	}
	into := t.biasIH
	if t.joinsState(name) {
		into = t.biasHH
	}
	for j, e := range t.first {
		into[j] += sign * values[at[e]]
	}
	return true
}

func (t *target) perUnitValue(values []float32, at []int) bool {
	for e, u := range t.cell.units {
		if values[at[e]] != values[at[t.first[u]]] {
			return false
		}
	}
	return true
}

// joinsState tells whether a constant is added to a value that depends, within
// the step, on the hidden state and on no product that reads the input.
func (t *target) joinsState(name string) bool {
	for _, n := range t.v.readers(name) {
		for _, other := range n.Inputs {
			if other == name {
				continue
			}
			below := t.v.belowUntil(map[string]bool{t.h: true, t.c: true}, other)
			if below[t.h] && !slices.ContainsFunc(t.products, func(p *product) bool { return below[p.out] && len(t.inputColumns(p)) > 0 }) {
				return true
			}
		}
	}
	return false
}

// peep copies a constant that multiplies the cell state.
func (t *target) peep(name string) bool {
	at, sign, ok := t.arrive(name)
	if at == nil {
		return ok
	}
	values := t.shape[name].Float32s()
	if t.peephole == nil || !t.perUnitValue(values, at) {
		return false
	}
	for j, e := range t.first {
		t.peephole[j] += sign * values[at[e]]
	}
	return true
}
