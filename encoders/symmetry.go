package encoders

import (
	"math/rand/v2"
	"slices"

	"rnnrep/rnn"
)

// Hidden units may stand in any order, and those of an odd activation may have
// either sign: such RNNs differ in their weights and compute the same function.

// PermuteUnits returns a copy of m whose hidden units stand in another order:
// unit i of layer l is m's unit permutations[l][i]. The copy computes the same
// function if it has a readout or the last layer keeps its order. m must be
// plain.
func PermuteUnits(m *rnn.Model, permutations [][]int) *rnn.Model {
	p := rnn.NewModel(m.Spec)
	slots := m.Spec.Layout()
	permute := func(rows, columns []int) {
		permuteMatrix(p.Tensor(slots[0]), m.Tensor(slots[0]), rows, columns)
		slots = slots[1:]
	}
	var below []int // order of what the layer reads; nil: as it is
	for l, layer := range m.Spec.Layers {
		cell, _ := rnn.LookupCell(layer.Cell)
		rows := gateRows(permutations[l], len(cell.Gates))
		permute(rows, below)
		permute(rows, permutations[l])
		permute(rows, nil)
		permute(rows, nil)
		below = permutations[l]
	}
	if m.Spec.Outputs > 0 {
		permute(identity(m.Spec.Outputs), below)
		permute(identity(m.Spec.Outputs), nil)
	}
	return p
}

// MirrorUnits returns a copy of m in which the state of each hidden unit i of
// layer l with mirrored[l][i] has the other sign. The copy computes the same
// function if the layers' cells have odd gates, and if it has a readout or no unit
// of the last layer is mirrored. m must be plain.
func MirrorUnits(m *rnn.Model, mirrored [][]bool) *rnn.Model {
	p := &rnn.Model{Spec: m.Spec, Weights: slices.Clone(m.Weights)}
	slots := m.Spec.Layout()
	mirror := func(rows, columns []bool) {
		mirrorMatrix(p.Tensor(slots[0]), slots[0].Shape[0], rows, columns)
		slots = slots[1:]
	}
	var below []bool // of what the layer reads; nil: as it is
	for l, layer := range m.Spec.Layers {
		cell, _ := rnn.LookupCell(layer.Cell)
		var rows []bool
		for _, gate := range cell.Gates {
			if slices.Contains(cell.OddGates, gate) {
				rows = append(rows, mirrored[l]...)
			} else {
				rows = append(rows, make([]bool, layer.Hidden)...)
			}
		}
		mirror(rows, below)
		mirror(rows, mirrored[l])
		mirror(rows, nil)
		mirror(rows, nil)
		below = mirrored[l]
	}
	if m.Spec.Outputs > 0 {
		mirror(nil, below)
	}
	return p
}

// RandomMirrors draws the units to mirror, for MirrorUnits: none where the copy
// would compute something else.
func RandomMirrors(r *rand.Rand, s rnn.Spec) [][]bool {
	mirrored := make([][]bool, len(s.Layers))
	for l, layer := range s.Layers {
		mirrored[l] = make([]bool, layer.Hidden)
		cell, _ := rnn.LookupCell(layer.Cell)
		if len(cell.OddGates) == 0 || l == len(s.Layers)-1 && s.Outputs == 0 {
			continue
		}
		for i := range mirrored[l] {
			mirrored[l][i] = r.IntN(2) == 0
		}
	}
	return mirrored
}

// mirroring is the Augmenter of encoders that see the sign of hidden units, but
// not their order.
type mirroring struct{}

// Augment returns a copy of m with mirrored hidden units.
func (mirroring) Augment(r *rand.Rand, m *rnn.Model) *rnn.Model {
	return MirrorUnits(m, RandomMirrors(r, m.Spec))
}

// rearranging is the Augmenter of encoders that see both.
type rearranging struct{}

// Augment returns a copy of m with permuted and mirrored hidden units.
func (rearranging) Augment(r *rand.Rand, m *rnn.Model) *rnn.Model {
	return MirrorUnits(PermuteUnits(m, RandomPermutations(r, m.Spec)), RandomMirrors(r, m.Spec))
}

// RandomPermutations draws an order of each layer's units, for PermuteUnits. The
// last layer keeps its own where its units are the outputs.
func RandomPermutations(r *rand.Rand, s rnn.Spec) [][]int {
	orders := make([][]int, len(s.Layers))
	for l, layer := range s.Layers {
		orders[l] = r.Perm(layer.Hidden)
	}
	if last := len(orders) - 1; s.Outputs == 0 {
		orders[last] = identity(len(orders[last]))
	}
	return orders
}

func identity(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// gateRows repeats an order of units for every gate.
func gateRows(order []int, gates int) []int {
	rows := make([]int, 0, gates*len(order))
	for g := range gates {
		for _, unit := range order {
			rows = append(rows, g*len(order)+unit)
		}
	}
	return rows
}

// permuteMatrix writes src with rows and columns in the given order; columns nil
// means all as they are.
func permuteMatrix(dst, src []float32, rows, columns []int) {
	width := len(src) / len(rows)
	for i, from := range rows {
		to, row := dst[i*width:(i+1)*width], src[from*width:(from+1)*width]
		if columns == nil {
			copy(to, row)
			continue
		}
		for j, c := range columns {
			to[j] = row[c]
		}
	}
}

// mirrorMatrix negates the marked rows and columns; nil marks none.
func mirrorMatrix(w []float32, height int, rows, columns []bool) {
	width := len(w) / height
	for i := range height {
		row := w[i*width : (i+1)*width]
		for j := range row {
			if (rows != nil && rows[i]) != (columns != nil && columns[j]) {
				row[j] = -row[j]
			}
		}
	}
}
