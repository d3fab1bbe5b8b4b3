package exporter

import (
	"slices"

	"rnnrep/internal/onnx"
)

// lowerLinear is x·Wᵀ + b.
func lowerLinear(l *lowerer, r *record, in []string) string {
	return l.linear(weights{w: in[1], b: in[2], models: r.models, out: r.cols, in: l.read(r, 0).cols}, in[0], r.rows)
}

// weights are those of a linear layer, one set or one per model.
type weights struct {
	w, b    string // shared: [out, in], [1, out]; else [models, out*in], [models, out]
	models  dim
	out, in dim
}

// linear returns x·Wᵀ + b for x [rows, in]; the rows of one model follow one
// another.
func (l *lowerer) linear(ws weights, x string, rows dim) string {
	if ws.models == fixed(1) {
		return l.op("Gemm", []string{x, ws.w, ws.b}, intAttribute("transB", 1))
	}
	if rows.symbol != ws.models.symbol {
		return l.fail("a linear layer of %v models over %v rows", ws.models, rows)
	}
	each := rows.factor / ws.models.factor
	w := l.op("Transpose", []string{l.tensor(ws.w, ws.models, ws.out, ws.in)}, intsAttribute("perm", 0, 2, 1))
	if each == 1 {
		y := l.op("MatMul", []string{l.op("Unsqueeze", []string{x, l.ints(1)}), w})
		return l.op("Add", []string{l.op("Squeeze", []string{y, l.ints(1)}), l.tensor(ws.b, ws.models, ws.out)})
	}
	y := l.op("MatMul", []string{l.reshape(x, ws.models, fixed(each), ws.in), w})
	y = l.op("Add", []string{y, l.op("Unsqueeze", []string{l.tensor(ws.b, ws.models, ws.out), l.ints(1)})})
	return l.reshape(y, rows, ws.out)
}

// tensor gives a matrix [models, size] further dimensions. A tensor of the RNNs
// is in the file as such.
func (l *lowerer) tensor(matrix string, dims ...dim) string {
	if slot, ok := l.torch[matrix]; ok && slices.Equal(l.program.shapes[slot], dims) {
		return l.program.slots[slot].Name
	}
	return l.reshape(matrix, dims...)
}

// lowerEmbed takes rows of a table: a block of rows that follow one another, the
// same ones always, or a pattern of rows for each RNN (RNN by RNN, or each row
// for all RNNs).
func lowerEmbed(l *lowerer, r *record, in []string) string {
	if first, ok := l.program.block(r.index); ok {
		return l.op("Slice", []string{in[0], l.size(first), l.sum(first, r.rows), l.ints(0)})
	}
	pattern, byModel, ok := l.program.pattern(r.index)
	if !ok {
		return l.fail("the rows taken of a table do not repeat from RNN to RNN")
	}
	rows := l.op("Gather", []string{in[0], l.initializer(onnx.NewInts("rows", pattern))}, intAttribute("axis", 0))
	if !r.rows.free() {
		return rows
	}
	n, k := dim{1, count.name}, fixed(len(pattern))
	if byModel {
		return l.reshape(l.op("Expand", []string{rows, l.shape(n, k, r.cols)}), r.rows, r.cols)
	}
	rows = l.op("Unsqueeze", []string{rows, l.ints(1)})
	return l.reshape(l.op("Expand", []string{rows, l.shape(k, n, r.cols)}), r.rows, r.cols)
}

// block finds the first of rows that follow one another in every trace.
func (p *program) block(index [][]int32) (first dim, ok bool) {
	for _, list := range index {
		for i, row := range list {
			if row != list[0]+int32(i) {
				return dim{}, false
			}
		}
	}
	return p.size(func(tr *trace) int { return int(index[slices.Index(p.traces, tr)][0]) }), true
}

// pattern finds what repeats in the index lists of the traces: all of it, with
// byModel the part of each RNN, otherwise one entry for all RNNs.
func (p *program) pattern(index [][]int32) (pattern []int64, byModel, ok bool) {
	base, n := index[0], p.traces[0].n
	all := func(entry func(i, n, length int) int) ([]int64, bool) {
		pattern = nil
		for t, list := range index {
			for i, row := range list {
				at := entry(i, p.traces[t].n, len(list))
				if at == len(pattern) && t == 0 {
					pattern = append(pattern, int64(row))
				}
				if at >= len(pattern) || pattern[at] != int64(row) {
					return nil, false
				}
			}
		}
		return pattern, true
	}
	if !slices.ContainsFunc(index, func(list []int32) bool { return len(list) != len(base) }) {
		pattern, ok = all(func(i, _, _ int) int { return i })
		return pattern, false, ok
	}
	if len(base)%n != 0 {
		return nil, false, false
	}
	if pattern, ok = all(func(i, n, length int) int { return i % (length / n) }); ok {
		return pattern, true, true
	}
	pattern, ok = all(func(i, n, _ int) int { return i / n })
	return pattern, false, ok
}
