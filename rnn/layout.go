package rnn

import "strconv"

// Slot is one named tensor inside Model.Weights.
type Slot struct {
	Name   string // PyTorch's: weight_ih_l0, bias_hh_l1_reverse, linear.weight
	Shape  []int  // PyTorch's: weight_ih [gates*H, in], weight_hh [gates*H, H], bias [gates*H]
	Offset int    // of the first value, in float32s
}

// Size is the number of values in the slot.
func (s Slot) Size() int {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	return n
}

// Layout lists every tensor in the order of PyTorch's named_parameters:
// layer by layer (forward, then reverse direction), then the readout.
func (s Spec) Layout() []Slot {
	var slots []Slot
	at := 0
	for i, l := range s.Layers {
		for _, sl := range layerSlots(i, l, at) {
			at = sl.Offset + sl.Size()
			slots = append(slots, sl)
		}
	}
	if s.Outputs > 0 {
		w := s.Width()
		slots = append(slots, Slot{"linear.weight", []int{s.Outputs, w}, at})
		slots = append(slots, Slot{"linear.bias", []int{s.Outputs}, at + s.Outputs*w})
	}
	return slots
}

// Parameters is the number of float32 values of a model of this spec.
func (s Spec) Parameters() int {
	n := 0
	for _, l := range s.Layers {
		n += l.parameters()
	}
	if s.Outputs > 0 {
		n += s.Outputs * (s.Width() + 1)
	}
	return n
}

// parameters is the size of the layer's tensors.
func (l Layer) parameters() int {
	n := cells[l.Cell].GateCount() * l.Hidden * (l.Inputs + l.Hidden + 2)
	if l.Variant.Peepholes {
		n += 3 * l.Hidden
	}
	return n * l.Directions()
}

// layerSlots lists the tensors of layer i, from offset at.
func layerSlots(i int, l Layer, at int) []Slot {
	g := cells[l.Cell].GateCount() * l.Hidden
	var slots []Slot
	add := func(name string, shape ...int) {
		sl := Slot{name, shape, at}
		at += sl.Size()
		slots = append(slots, sl)
	}
	for d := range l.Directions() {
		suffix := "_l" + strconv.Itoa(i)
		if d == 1 {
			suffix += "_reverse"
		}
		add("weight_ih"+suffix, g, l.Inputs)
		add("weight_hh"+suffix, g, l.Hidden)
		add("bias_ih"+suffix, g)
		add("bias_hh"+suffix, g)
		if l.Variant.Peepholes {
			add("peephole"+suffix, 3*l.Hidden) // canonical order i, f, o
		}
	}
	return slots
}
