package encoders

import (
	"math/rand/v2"

	"rnnrep/rnn"
)

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

// permuting is the Augmenter of encoders that see the order of hidden units.
type permuting struct{}

// Augment returns a copy of m with permuted hidden units.
func (permuting) Augment(r *rand.Rand, m *rnn.Model) *rnn.Model {
	return PermuteUnits(m, RandomPermutations(r, m.Spec))
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
