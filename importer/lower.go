package importer

import (
	"context"
	"maps"
	"slices"

	"rnnrep/internal/onnx"
)

// lowering rewrites a graph into one of standard float32 nodes that computes the
// same up to rounding, so that recognisers need not know every dialect.
type lowering struct {
	graph     *onnx.Graph
	constants tensors
	maker     map[string]*onnx.Node
	notes     []string
}

// lower returns m, or a rewritten copy, and notes on what was rewritten.
func lower(ctx context.Context, m *onnx.Model) (*onnx.Model, []string) {
	if !needsLowering(m.Graph) {
		return m, nil
	}
	l := &lowering{graph: &onnx.Graph{}, constants: tensors{}, maker: map[string]*onnx.Node{}}
	*l.graph = *m.Graph
	l.graph.Nodes = slices.Clone(m.Graph.Nodes)
	l.graph.Initializers = slices.Clone(m.Graph.Initializers)
	if l.widen(l.graph) {
		l.notes = append(l.notes, narrowNote)
	}
	if slices.ContainsFunc(l.graph.Nodes, func(n *onnx.Node) bool { return n.OpType == "If" }) {
		l.takeBranches(newView(ctx, &onnx.Model{IRVersion: m.IRVersion, Opsets: m.Opsets, Graph: l.graph}))
	}
	l.index()
	l.rewrite()
	l.prune()
	low := *m
	low.Graph = l.graph
	return &low, l.notes
}

// What becomes of a model of fewer bits. Ranges that are part of the file clip values
// outside them.
const (
	narrowNote    = "16-bit floats are computed with 32 bits here"
	quantisedNote = "quantised: the weights are what the stored integers stand for, and values are computed without rounding to 8 bits here"
	rangesNote    = "values are not clipped to the ranges of the file's QuantizeLinear nodes here"
)

// index notes constants and who makes what.
func (l *lowering) index() {
	for _, t := range l.graph.Initializers {
		l.constants[t.Name] = t
	}
	for _, n := range l.graph.Nodes {
		if a := n.Attributes["value"]; n.OpType == "Constant" && a != nil && a.Tensor != nil && len(n.Outputs) == 1 {
			l.constants[n.Outputs[0]] = a.Tensor
		}
		for _, o := range n.Outputs {
			l.maker[o] = n
		}
	}
}

// rewrite replaces nodes one by one.
func (l *lowering) rewrite() {
	var quantised, ranges bool
	for i, n := range l.graph.Nodes {
		var lowered *onnx.Node
		switch n.Domain + "." + n.OpType {
		case "com.microsoft.DynamicQuantizeLSTM":
			lowered = l.quantisedLSTM(n)
		case ".DequantizeLinear":
			lowered = l.fakeQuantised(n)
		case ".Mul":
			lowered = l.quantisedProduct(n)
		case "com.microsoft.FusedMatMul":
			lowered = l.fusedMatMul(n)
		}
		if lowered != nil {
			l.graph.Nodes[i] = lowered
			quantised = quantised || n.OpType != "FusedMatMul"
			ranges = ranges || n.OpType == "DequantizeLinear"
		}
	}
	if quantised {
		l.notes = append(l.notes, quantisedNote)
	}
	if ranges {
		l.notes = append(l.notes, rangesNote)
	}
}

// prune drops nodes that nothing reads any more.
func (l *lowering) prune() {
	live := map[string]bool{}
	for _, o := range l.graph.Outputs {
		live[o.Name] = true
	}
	var kept []*onnx.Node
	for _, n := range slices.Backward(l.graph.Nodes) {
		if slices.ContainsFunc(n.Outputs, func(o string) bool { return live[o] }) {
			kept = append(kept, n)
			for _, in := range n.Reads() {
				live[in] = true
			}
		}
	}
	slices.Reverse(kept)
	l.graph.Nodes = kept
}

// dialect lists the nodes that are rewritten.
var dialect = map[string]bool{"If": true, "DynamicQuantizeLSTM": true, "DequantizeLinear": true, "MatMulInteger": true, "FusedMatMul": true}

// needsLowering tells whether a graph holds 16-bit floats or nodes to rewrite.
func needsLowering(g *onnx.Graph) bool {
	for _, t := range g.Initializers {
		if narrow(t.Type) {
			return true
		}
	}
	for _, v := range g.Inputs {
		if narrow(v.Type) {
			return true
		}
	}
	for _, n := range g.Nodes {
		if dialect[n.OpType] || n.OpType == "Cast" && narrow(onnx.DType(n.Int("to", 0))) {
			return true
		}
		for _, a := range n.Attributes {
			if a.Graph != nil && needsLowering(a.Graph) || a.Tensor != nil && narrow(a.Tensor.Type) {
				return true
			}
		}
	}
	return false
}

func narrow(d onnx.DType) bool { return d == onnx.Float16 || d == onnx.BFloat16 }

// widen turns 16-bit floats into float32, in inner graphs too. g's slices are
// its own; what they point to is copied before it is changed.
func (l *lowering) widen(g *onnx.Graph) bool {
	changed := false
	wide := func(t *onnx.Tensor) *onnx.Tensor {
		changed = true
		return onnx.NewFloats(t.Name, t.Float32s(), t.Dims...)
	}
	for i, t := range g.Initializers {
		if narrow(t.Type) {
			g.Initializers[i] = wide(t)
		}
	}
	g.Inputs, g.Outputs = slices.Clone(g.Inputs), slices.Clone(g.Outputs)
	for _, list := range [][]onnx.Value{g.Inputs, g.Outputs} {
		for i := range list {
			if narrow(list[i].Type) {
				list[i].Type, changed = onnx.Float32, true
			}
		}
	}
	for i, n := range g.Nodes {
		attributes := maps.Clone(n.Attributes)
		touched := false
		for name, a := range attributes {
			b := *a
			switch {
			case a.Tensor != nil && narrow(a.Tensor.Type):
				b.Tensor = wide(a.Tensor)
			case (name == "to" || name == "dtype") && narrow(onnx.DType(a.Int)):
				b.Int, changed = int64(onnx.Float32), true
			case a.Graph != nil:
				inner := *a.Graph
				inner.Nodes, inner.Initializers = slices.Clone(inner.Nodes), slices.Clone(inner.Initializers)
				if !l.widen(&inner) {
					continue
				}
				b.Graph, changed = &inner, true
			default:
				continue
			}
			attributes[name], touched = &b, true
		}
		if touched {
			m := *n
			m.Attributes = attributes
			g.Nodes[i] = &m
		}
	}
	return changed
}

// add makes a constant and returns its name.
func (l *lowering) add(name string, data []float32, dims ...int) string {
	for l.constants[name] != nil || l.maker[name] != nil {
		name += "'"
	}
	t := onnx.NewFloats(name, data, dims...)
	l.constants[name] = t
	l.graph.Initializers = append(l.graph.Initializers, t)
	return name
}

// dequantised returns (q - zero) * scale; scale and zero hold one value, one for
// each of the last dimension, or one for each of the first, or of both.
func (l *lowering) dequantised(q, scale, zero string) ([]float32, []int) {
	t, s := l.constants[q], l.constants[scale]
	if t == nil || s == nil || t.Type.Float() || len(t.Dims) < 2 || s.Len() == 0 {
		return nil, nil
	}
	scales := s.Float32s()
	zeros := make([]int64, len(scales))
	if z := l.constants[zero]; z != nil {
		if z.Len() != len(scales) {
			return nil, nil
		}
		zeros = z.Int64s()
	}
	n, first, last := t.Len(), t.Dims[0], t.Dims[len(t.Dims)-1]
	if n == 0 {
		return nil, nil
	}
	var scaleOf func(f, c int) int
	switch len(scales) {
	case 1:
		scaleOf = func(_, _ int) int { return 0 }
	case first * last:
		scaleOf = func(f, c int) int { return f*last + c }
	case last:
		scaleOf = func(_, c int) int { return c }
	case first:
		scaleOf = func(f, _ int) int { return f }
	default:
		return nil, nil
	}
	data := make([]float32, 0, n)
	for at := 0; at < n; at += last { // integers take eight times the file: a row at a time
		for c, x := range part(t, at, last).Int64s() {
			k := scaleOf(at/(n/first), c)
			data = append(data, float32(x-zeros[k])*scales[k])
		}
	}
	return data, t.Dims
}

// quantisedLSTM turns ONNX Runtime's DynamicQuantizeLSTM, whose W is [dirs, in,
// 4H] and R [dirs, H, 4H] of 8-bit integers, into an LSTM.
func (l *lowering) quantisedLSTM(n *onnx.Node) *onnx.Node {
	const firstScale = 8 // inputs 8 to 11: scale and zero point of W, of R
	if len(n.Inputs) <= firstScale+2 {
		return nil
	}
	m := &onnx.Node{Name: n.Name, OpType: "LSTM", Outputs: n.Outputs, Attributes: n.Attributes, Inputs: slices.Clone(n.Inputs[:firstScale])}
	for k, i := range []int{inputW, inputR} {
		data, dims := l.dequantised(n.Inputs[i], n.Inputs[firstScale+2*k], n.Input(firstScale+2*k+1))
		if data == nil || len(dims) != 3 {
			return nil
		}
		size := dims[1] * dims[2]
		for d := range dims[0] {
			copy(data[d*size:], transpose(data[d*size:(d+1)*size], dims[1], dims[2]))
		}
		m.Inputs[i] = l.add(n.Inputs[i]+" dequantised", data, dims[0], dims[2], dims[1])
	}
	return m
}

// fakeQuantised passes on what is quantised and dequantised again.
func (l *lowering) fakeQuantised(n *onnx.Node) *onnx.Node {
	q := l.maker[n.Input(0)]
	if q == nil || q.OpType != "QuantizeLinear" || q.Domain != "" || l.constants[q.Input(0)] != nil {
		return nil
	}
	return &onnx.Node{Name: n.Name, OpType: "Identity", Inputs: q.Inputs[:1], Outputs: n.Outputs}
}

// quantisedProduct turns Mul(Cast(MatMulInteger(DynamicQuantizeLinear(x), W)),
// scales) into MatMul(x, dequantised W).
func (l *lowering) quantisedProduct(n *onnx.Node) *onnx.Node {
	if len(n.Inputs) != 2 {
		return nil
	}
	for i, in := range n.Inputs {
		cast := l.maker[in]
		if cast == nil || cast.OpType != "Cast" {
			continue
		}
		p := l.maker[cast.Input(0)]
		if p == nil || p.OpType != "MatMulInteger" || len(p.Inputs) < 2 {
			continue
		}
		x := l.maker[p.Inputs[0]]
		scales := l.maker[n.Inputs[1-i]]
		if x == nil || x.OpType != "DynamicQuantizeLinear" || len(x.Outputs) < 2 || scales == nil || scales.OpType != "Mul" || len(scales.Inputs) != 2 {
			continue
		}
		k := slices.Index(scales.Inputs, x.Outputs[1])
		if k < 0 {
			continue
		}
		if data, dims := l.dequantised(p.Inputs[1], scales.Inputs[1-k], p.Input(3)); data != nil {
			return &onnx.Node{Name: p.Name, OpType: "MatMul", Inputs: []string{x.Inputs[0], l.add(p.Inputs[1]+" dequantised", data, dims...)}, Outputs: n.Outputs}
		}
	}
	return nil
}

// fusedMatMul turns ONNX Runtime's FusedMatMul by a constant into MatMul.
func (l *lowering) fusedMatMul(n *onnx.Node) *onnx.Node {
	w := l.constants[n.Input(1)]
	if w == nil || !w.Type.Float() || len(w.Dims) != 2 || n.Int("transA", 0)+n.Int("transBatchA", 0)+n.Int("transBatchB", 0) != 0 {
		return nil
	}
	data, rows, cols := w.Float32s(), w.Dims[0], w.Dims[1]
	if n.Int("transB", 0) != 0 {
		data, rows, cols = transpose(data, rows, cols), cols, rows
	}
	scale(data, n.Float("alpha", 1))
	return &onnx.Node{Name: n.Name, OpType: "MatMul", Inputs: []string{n.Inputs[0], l.add(n.Inputs[1]+" lowered", data, rows, cols)}, Outputs: n.Outputs}
}
