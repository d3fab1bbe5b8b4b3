package importer

import (
	"math/rand/v2"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/rnn"
)

// recurrence is one recurrent layer found in a graph.
type recurrence struct {
	name  string     // of the node, or of the value it makes
	form  string     // how it is written: "LSTM", "GRU", "Scan", ...
	op    *onnx.Node // the node, where one node is the layer
	layer rnn.Layer
	load  func(dst []float32) // puts the layer's weights, in the order of rnn.Spec.Layout, into dst
	ports
}

// ports tie a recurrence to its graph.
type ports interface {
	// needs names the values that input reads, outputs those that the layer
	// makes: what depends on the layer depends on one of them.
	needs() []string
	outputs() []string
	// input is the sequence that the layer reads, from the values of needs.
	input(values tensors) (sequence, error)
	// emit returns what the layer puts out for x: marks, which it puts into the
	// wiring's values in place of the layer's own, or what the layer computes.
	emit(w *wiring, r *recurrence, x sequence) (sequence, error)
	// starts names the initial states, which verification sets to zeros.
	starts() []string
	// observed names values that hold outputs; deviation compares them with y.
	observed() []string
	deviation(values tensors, y sequence) float64
	// remarks says what a user should know of how the graph uses the layer.
	remarks(w *wiring) []string
}

// solitary is implemented by ports whose layer can run by itself.
type solitary interface {
	// cut puts marks in place of what the layer reads and returns them.
	cut(values tensors, r *rand.Rand) sequence
	// run gives x to the original nodes, from a zero state, and returns what
	// they put out.
	run(x sequence) (sequence, error)
}

// parameters is the number of the layer's weights.
func (r *recurrence) parameters() int {
	return rnn.Spec{Layers: []rnn.Layer{r.layer}}.Parameters()
}

// apply runs the recovered layer.
func (r *recurrence) apply(x sequence) (sequence, error) {
	m := rnn.NewModel(rnn.Spec{Layers: []rnn.Layer{r.layer}})
	r.load(m.Weights)
	y, err := m.Run(x.data, x.steps, x.batch)
	return sequence{x.steps, x.batch, r.layer.Width(), y}, err
}

// tensors are values of a graph by name.
type tensors map[string]*onnx.Tensor

// recogniser finds the recurrences of one form. It returns errors for what is
// of its form and cannot be read.
type recogniser func(v *view) ([]*recurrence, error)

// recognisers is filled by the init function of each form's own file.
var recognisers []recogniser

// register adds a recogniser; each form's file calls it from init.
func register(r recogniser) { recognisers = append(recognisers, r) }

// maxRecurrences bounds what is wired: every layer is compared with every other.
const maxRecurrences = 4 * rnn.MaxLayers

// recurrences asks all recognisers. The first error counts only if nothing is
// found: an unreadable RNN beside a readable one is not the file's refusal.
func (v *view) recurrences() ([]*recurrence, error) {
	var all []*recurrence
	var first error
	for _, find := range recognisers {
		found, err := find(v)
		all = append(all, found...)
		if err != nil {
			v.unread = append(v.unread, err)
			if first == nil {
				first = err
			}
		}
	}
	switch {
	case len(all) > maxRecurrences:
		return nil, errs.New(errs.TooLarge, "the graph has %d recurrent layers", len(all)).Accepts("up to %d", maxRecurrences)
	case len(all) > 0:
		v.sort(all)
		return all, nil
	case first != nil:
		return nil, first
	}
	return nil, errs.New(errs.NoRecurrence, "the graph of %d nodes has no recurrence", len(v.graph.Nodes)).
		Accepts("LSTM, GRU or RNN nodes").Do("export the recurrent network itself")
}
