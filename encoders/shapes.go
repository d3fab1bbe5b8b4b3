package encoders

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"rnnrep/rnn"
)

// Shapes describes the RNNs of a zoo of many architectures: their cells and, from
// the least to the greatest, their sizes. All run step by step.
type Shapes struct {
	Cells   []string `json:"cells"`
	Layers  [2]int   `json:"layers"`
	Hidden  [2]int   `json:"hidden"` // units a layer
	Inputs  [2]int   `json:"inputs"`
	Outputs [2]int   `json:"outputs"`
}

// NewShapes returns those of some specs.
func NewShapes(specs []rnn.Spec) *Shapes {
	var s Shapes
	include := func(r *[2]int, n int) {
		if r[1] == 0 {
			*r = [2]int{n, n}
		}
		r[0], r[1] = min(r[0], n), max(r[1], n)
	}
	for _, spec := range specs {
		include(&s.Layers, len(spec.Layers))
		include(&s.Inputs, spec.Inputs())
		include(&s.Outputs, spec.OutputSize())
		for _, l := range spec.Layers {
			include(&s.Hidden, l.Hidden)
			if !slices.Contains(s.Cells, l.Cell) {
				s.Cells = append(s.Cells, l.Cell)
			}
		}
	}
	slices.Sort(s.Cells)
	return &s
}

// Contain reports whether a spec's cells are among the zoo's, and its sizes
// between the zoo's.
func (s *Shapes) Contain(spec rnn.Spec) bool {
	within := func(r [2]int, n int) bool { return r[0] <= n && n <= r[1] }
	strange := func(l rnn.Layer) bool { return !within(s.Hidden, l.Hidden) }
	return s.knowsCells(spec) && !slices.ContainsFunc(spec.Layers, strange) &&
		within(s.Layers, len(spec.Layers)) && within(s.Inputs, spec.Inputs()) && within(s.Outputs, spec.OutputSize())
}

// knowsCells reports whether a spec has none but the zoo's cells.
func (s *Shapes) knowsCells(spec rnn.Spec) bool {
	strange := func(l rnn.Layer) bool { return !slices.Contains(s.Cells, l.Cell) }
	return spec.Plain() && !slices.ContainsFunc(spec.Layers, strange)
}

func (s *Shapes) String() string {
	span := func(r [2]int, one, many string) string {
		if r[0] == r[1] && r[0] == 1 {
			return "1 " + one
		} else if r[0] == r[1] {
			return fmt.Sprintf("%d %s", r[0], many)
		}
		return fmt.Sprintf("%d to %d %s", r[0], r[1], many)
	}
	return fmt.Sprintf("%s of %s of %s, %s, %s", strings.Join(s.Cells, ", "), span(s.Layers, "layer", "layers"),
		span(s.Hidden, "unit", "units"), span(s.Inputs, "input", "inputs"), span(s.Outputs, "output", "outputs"))
}

// validate checks the shapes of a manifest against the widest format.
func (s *Shapes) validate(spec rnn.Spec) error {
	if len(s.Cells) == 0 {
		return errors.New("shapes of no cells")
	}
	for _, r := range [][2]int{s.Layers, s.Hidden, s.Inputs, s.Outputs} {
		if r[0] < 1 || r[0] > r[1] {
			return fmt.Errorf("shapes from %d to %d", r[0], r[1])
		}
	}
	if s.Inputs[1] != spec.Inputs() || s.Outputs[1] != spec.OutputSize() {
		return fmt.Errorf("shapes of up to %d inputs and %d outputs; the spec has %d and %d", s.Inputs[1], s.Outputs[1], spec.Inputs(), spec.OutputSize())
	}
	return nil
}

// checkOneShape refuses zoos of many shapes.
func checkOneShape(c Config) error {
	if c.Shapes != nil {
		return errors.New(c.Kind + " reads RNNs of one shape; the zoo has many: choose responses or layerwise_statistics")
	}
	return nil
}
