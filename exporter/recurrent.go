package exporter

import (
	"rnnrep/internal/grad"
	"rnnrep/internal/onnx"
)

// A cellStep computes the next state, h or h and c, from the projections of
// input and h, [rows, gates*H] with PyTorch's order of gates, and the state.
type cellStep func(l *lowerer, input, projected string, state []string) []string

func lstmStep(l *lowerer, input, projected string, state []string) []string {
	gates := l.node("Split", "gates", 4, []string{l.op("Add", []string{input, projected})}, intAttribute("axis", 1))
	sigmoid := func(x string) string { return l.op("Sigmoid", []string{x}) }
	keep := l.op("Mul", []string{sigmoid(gates[1]), state[1]})
	enter := l.op("Mul", []string{sigmoid(gates[0]), l.op("Tanh", []string{gates[2]})})
	c := l.op("Add", []string{keep, enter})
	return []string{l.op("Mul", []string{sigmoid(gates[3]), l.op("Tanh", []string{c})}), c}
}

func gruStep(l *lowerer, input, projected string, state []string) []string {
	in := l.node("Split", "gates", 3, []string{input}, intAttribute("axis", 1))
	recur := l.node("Split", "gates", 3, []string{projected}, intAttribute("axis", 1))
	add := func(a, b string) string { return l.op("Add", []string{a, b}) }
	reset := l.op("Sigmoid", []string{add(in[0], recur[0])})
	update := l.op("Sigmoid", []string{add(in[1], recur[1])})
	candidate := l.op("Tanh", []string{add(in[2], l.op("Mul", []string{reset, recur[2]}))})
	return []string{add(candidate, l.op("Mul", []string{update, l.op("Sub", []string{state[0], candidate})}))}
}

func elmanStep(activation string) cellStep {
	return func(l *lowerer, input, projected string, _ []string) []string {
		return []string{l.op(activation, []string{l.op("Add", []string{input, projected})})}
	}
}

// Inputs of a recurrent record.
const (
	inIH = iota
	inHH
	inBIH
	inBHH
	inX
	inH
	inC
)

// recurrent lowers a layer: one step as such, several as a Scan.
func recurrent(cell cellStep) lowering {
	return func(l *lowerer, r *record, in []string) string {
		if in[inX] == "" {
			return l.fail("a recurrent layer reads tokens")
		}
		rows, width, inputs := dim{r.rows.factor / r.time, r.rows.symbol}, l.read(r, inBIH).cols, l.read(r, inX).cols
		ih := weights{in[inIH], in[inBIH], r.models, width, inputs}
		hh := weights{in[inHH], in[inBHH], r.models, width, r.cols}
		state := []string{in[inH]}
		if r.op == grad.OpLSTM {
			state = append(state, in[inC])
		}
		for i := range state {
			if state[i] == "" {
				state[i] = l.zeros(rows, r.cols)
			}
		}
		step := func(l *lowerer, x string, state []string) []string {
			return cell(l, l.linear(ih, x, rows), l.linear(hh, state[0], rows), state)
		}
		if r.time == 1 {
			state = step(l, in[inX], state)
		} else {
			state = l.overTime(r, inputs, rows, in[inX], state, step)
		}
		if len(state) > 1 {
			l.cells[r.id] = state[1]
		}
		return state[0]
	}
}

// overTime runs step over x [time*rows, inputs] and returns the state's parts at
// all steps, [time*rows, H].
func (l *lowerer) overTime(r *record, inputs, rows dim, x string, state []string, step func(l *lowerer, x string, state []string) []string) []string {
	parts := func(prefix string, values []string) (cs []carried) {
		for i, v := range values {
			cs = append(cs, carried{prefix + []string{"h", "c"}[i], v, []dim{rows, r.cols}, onnx.Float32})
		}
		return cs
	}
	xs := []carried{{"x", l.reshape(x, fixed(r.time), rows, inputs), []dim{rows, inputs}, onnx.Float32}}
	_, all := l.scan("layer", parts("", state), xs, func(b *lowerer, state, x []string) (next, outputs []carried) {
		now := step(b, x[0], state)
		return parts("next_", now), parts("all_", now)
	})
	var values []string
	for _, v := range all { // [time, rows, H]
		values = append(values, l.reshape(v, r.rows, r.cols))
	}
	return values
}
