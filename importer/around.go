package importer

import (
	"fmt"
	"slices"
	"strings"

	"rnnrep/internal/onnx"
)

// plumbing lists the ops that move values about and change none.
var plumbing = map[string]bool{
	"Identity": true, "Transpose": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true, "Flatten": true, "Cast": true,
	"Slice": true, "Concat": true, "Split": true, "Expand": true, "Constant": true, "Dropout": true, "Gather": true, "Shape": true, "Size": true,
}

// describe fills the report's words: what was found, what is around it.
func (r *Report) describe(best candidate, all []candidate) {
	w, s := best.wiring, best.stack
	r.Found = s.found()
	if w.place != "" {
		r.Notes = append(r.Notes, "the RNN is inside node "+w.place)
	}
	w.evaluateStates(s)
	for _, f := range s.flows() {
		r.Recurrent = append(r.Recurrent, f.name)
		r.Notes = append(r.Notes, f.remarks(w)...)
		if f.flipped {
			r.Notes = append(r.Notes, fmt.Sprintf("%s runs over reversed time: recovered as the backward direction", f.name))
		}
	}
	r.Notes = slices.Compact(r.Notes)
	unread := map[*view]bool{}
	for _, c := range all {
		if c.stack != s {
			r.Others = append(r.Others, c.other())
		}
		if v := c.wiring.view; !unread[v] {
			unread[v] = true
			for _, err := range v.unread {
				r.Others = append(r.Others, "not read: "+err.Error())
			}
		}
	}
	w.around(r, s)
}

// found is, say, "2 LSTM nodes, Gemm readout on the last step".
func (s *stack) found() string {
	var parts []string
	flows := s.flows()
	for i := 0; i < len(flows); {
		n := 1
		for i+n < len(flows) && flows[i+n].form == flows[i].form {
			n++
		}
		parts = append(parts, plural(n, flows[i].form+" node"))
		i += n
	}
	if s.readout != nil {
		parts = append(parts, fmt.Sprintf("%s readout on %s", s.readout.form, s.readout.on))
	}
	return strings.Join(parts, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// other describes a stack that was not read.
func (s *stack) other() string {
	var names []string
	for _, f := range s.flows() {
		names = append(names, f.name)
	}
	return fmt.Sprintf("%s (%s)", s.spec(), strings.Join(names, ", "))
}

// around describes the nodes before, behind and beside the RNN.
func (w *wiring) around(r *Report, s *stack) {
	own := map[*onnx.Node]bool{}
	var inputs []string
	for _, f := range s.flows() {
		w.inside(f, s, own)
	}
	for _, f := range s.units[0].parts {
		inputs = append(inputs, f.needs()...)
	}
	before, behind, within := w.below(inputs...), s.above, map[string]bool{}
	where := "behind the RNN"
	if s.readout != nil {
		where = "behind the readout"
		within = w.below(s.readout.input)
		for _, n := range s.readout.nodes {
			own[n] = true
		}
	}
	ofShape := w.ofShape()
	var front, back, side []string
	for _, n := range w.graph.Nodes {
		if own[n] || len(n.Outputs) == 0 || !w.varying[n.Outputs[0]] || ofShape[n.Outputs[0]] {
			continue
		}
		what := w.word(n)
		switch made := n.Outputs[0]; {
		case what == "":
		case before[made]:
			front = append(front, what)
		case within[made] && behind[made]: // said by what the readout reads
		case behind[made]:
			back = append(back, what)
		default:
			side = append(side, what)
		}
	}
	for _, part := range []struct {
		where string
		words []string
	}{{"in front of the RNN", front}, {where, back}, {"beside the RNN", side}} {
		if len(part.words) > 0 {
			r.Around = append(r.Around, part.where+": "+counted(part.words))
		}
	}
}

// inside adds the nodes that a recurrence consists of; with a stack, those
// between its last step and the stack's readout too.
func (w *wiring) inside(f *flow, s *stack, own map[*onnx.Node]bool) {
	for _, name := range f.outputs() {
		if n := w.maker[name]; n != nil {
			own[n] = true
		}
	}
	if f.op != nil {
		return
	}
	ends := f.observed()
	if s != nil && s.readout != nil {
		ends = append(ends, s.readout.input)
	}
	after, before := w.above(f.needs()...), w.below(ends...)
	for _, n := range w.graph.Nodes {
		if len(n.Outputs) > 0 && after[n.Outputs[0]] && before[n.Outputs[0]] {
			own[n] = true
		}
	}
}

// word names a node; "" for what only moves values.
func (v *view) word(n *onnx.Node) string {
	switch {
	case n.OpType == "Gather" && !v.varying[n.Input(0)]:
		if t, _ := v.constant(n.Input(0)); t != nil && len(t.Dims) == 2 {
			return fmt.Sprintf("embedding of %d tokens in %d values (Gather)", t.Dims[0], t.Dims[1])
		}
		return n.OpType
	case n.OpType == "OneHot":
		return "one-hot coding (OneHot)"
	case plumbing[n.OpType]:
		return ""
	case n.Domain != "":
		return n.Domain + "." + n.OpType
	}
	return n.OpType
}

// maxWords bounds a description.
const maxWords = 12

// counted lists words in order, each once with its count.
func counted(words []string) string {
	count := map[string]int{}
	var order []string
	for _, x := range words {
		if count[x]++; count[x] == 1 {
			order = append(order, x)
		}
	}
	more := ""
	if len(order) > maxWords {
		more = fmt.Sprintf(" and %d other kinds of nodes", len(order)-maxWords)
		order = order[:maxWords]
	}
	for i, x := range order {
		if count[x] > 1 {
			order[i] = fmt.Sprintf("%d %s", count[x], x)
		}
	}
	return strings.Join(order, ", ") + more
}

// ofShape marks the values that depend on the sizes of inputs alone.
func (v *view) ofShape() map[string]bool {
	marked := map[string]bool{}
	for _, n := range v.graph.Nodes {
		shape := n.OpType == "Shape" || n.OpType == "Size"
		if !shape {
			shape = len(n.Inputs) > 0
			for _, in := range n.Inputs {
				shape = shape && (!v.varying[in] || marked[in])
			}
		}
		for _, o := range n.Outputs {
			if shape {
				marked[o] = true
			}
		}
	}
	return marked
}
