package encoders

import (
	"fmt"
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/internal/nn"
	"rnnrep/rnn"
)

// dwsShape is an RNN as axes, which are sets of units, and maps, which have
// features for each unit of an axis or for each pair of units of two.
type dwsShape struct {
	spec rnn.Spec
	axes []int // sizes: inputs, hidden units of each layer, outputs of the readout
	maps []dwsMap
}

// dwsMap is one weight matrix, or the biases of its rows.
type dwsMap struct {
	name  string
	slots []string
	gates int // of each slot
	rows  int // axis
	cols  int // axis, or none
}

// none is the second axis of biases.
const none = -1

// newDWSShape lists the maps in Layout's order.
func newDWSShape(s rnn.Spec) dwsShape {
	d := dwsShape{spec: s, axes: []int{s.Inputs()}}
	for i, l := range s.Layers {
		d.axes = append(d.axes, l.Hidden)
		gates, suffix := gateCount(l), fmt.Sprintf("_l%d", i)
		d.maps = append(d.maps,
			dwsMap{"ih" + suffix, []string{"weight_ih" + suffix}, gates, i + 1, i},
			dwsMap{"hh" + suffix, []string{"weight_hh" + suffix}, gates, i + 1, i + 1},
			dwsMap{"bias" + suffix, []string{"bias_ih" + suffix, "bias_hh" + suffix}, gates, i + 1, none})
	}
	if n := len(s.Layers); s.Outputs > 0 {
		d.axes = append(d.axes, s.Outputs)
		d.maps = append(d.maps,
			dwsMap{"linear", []string{"linear.weight"}, 1, n + 1, n},
			dwsMap{"linear_bias", []string{"linear.bias"}, 1, n + 1, none})
	}
	return d
}

// square tells whether both axes of a matrix are the same.
func (m *dwsMap) square() bool { return m.rows == m.cols }

// touching counts the means over maps that units of an axis have.
func (d *dwsShape) touching(axis int) (n int) {
	for _, m := range d.maps {
		if m.rows == axis {
			n++
		}
		if m.cols == axis {
			n++
		}
	}
	return n
}

// inputsOfMixing counts the features that one layer's maps read of one another.
func (d *dwsShape) inputsOfMixing() (n int) {
	for _, m := range d.maps {
		n += len(d.maps) + d.touching(m.rows)
		if m.cols != none {
			n += 2 + d.touching(m.cols)
		}
	}
	return n
}

// dwsMixing makes one map's next features from all maps' present ones. Each of
// its parts commutes with any order of units along the axes.
type dwsMixing struct {
	dwsMap
	own        *nn.Linear // of the same pair of units
	transposed *nn.Linear // of the pair the other way round, where axes are the same
	row, col   *nn.Linear // of means over maps that have the unit
	whole      *nn.Linear // of means over whole maps
}

func newDWSMixing(name string, d *dwsShape, m dwsMap, channels int, r *rand.Rand) dwsMixing {
	linear := func(part string, inputs int) *nn.Linear {
		return nn.NewLinear(name+"."+part, inputs*channels, channels, r)
	}
	x := dwsMixing{dwsMap: m, row: linear("row", d.touching(m.rows)), whole: linear("whole", len(d.maps))}
	if m.cols != none {
		x.own, x.col = linear("own", 1), linear("col", d.touching(m.cols))
	}
	if m.square() {
		x.transposed = linear("transposed", 1)
	}
	return x
}

func (m *dwsMixing) params() (ps []*grad.Param) {
	for _, l := range []*nn.Linear{m.own, m.transposed, m.row, m.col, m.whole} {
		if l != nil {
			ps = append(ps, l.Params()...)
		}
	}
	return ps
}

// dwsFeatures are the features of all maps: of a matrix [N*rows*cols, channels],
// of biases [N*rows, channels].
type dwsFeatures struct {
	shape  *dwsShape
	models int
	values []grad.Var
}

// dwsMeans are features pooled: per axis [N*units, touching*channels], and whole
// maps side by side, [N, maps*channels].
type dwsMeans struct {
	units []grad.Var
	whole grad.Var
}

// mixed applies a layer, around a residual connection.
func (f *dwsFeatures) mixed(layer []dwsMixing) dwsFeatures {
	next, rows := *f, f.rowMeans()
	means := dwsMeans{f.unitMeans(rows), f.wholeMeans(rows)}
	next.values = nil
	for i := range layer {
		next.values = append(next.values, grad.Add(f.values[i], grad.Relu(f.mix(&layer[i], f.values[i], &means))))
	}
	return next
}

// rowMeans are means over the columns of every map, [N*rows, channels].
func (f *dwsFeatures) rowMeans() (means []grad.Var) {
	for i, m := range f.shape.maps {
		x := f.values[i]
		if m.cols != none {
			x = grad.Mean(x, f.shape.axes[m.cols], 1)
		}
		means = append(means, x)
	}
	return means
}

// unitMeans adds those over the rows, and sorts all by axis.
func (f *dwsFeatures) unitMeans(rowMeans []grad.Var) (means []grad.Var) {
	units := make([][]grad.Var, len(f.shape.axes))
	for i, m := range f.shape.maps {
		if m.cols != none {
			units[m.cols] = append(units[m.cols], grad.Mean(f.values[i], f.shape.axes[m.rows], f.shape.axes[m.cols]))
		}
		units[m.rows] = append(units[m.rows], rowMeans[i])
	}
	for _, parts := range units {
		means = append(means, concatAll(parts))
	}
	return means
}

// wholeMeans are over all of every map.
func (f *dwsFeatures) wholeMeans(rowMeans []grad.Var) grad.Var {
	var whole []grad.Var
	for i, m := range f.shape.maps {
		whole = append(whole, grad.Mean(rowMeans[i], f.shape.axes[m.rows], 1))
	}
	return concatAll(whole)
}

func (f *dwsFeatures) mix(m *dwsMixing, x grad.Var, means *dwsMeans) grad.Var {
	rows := f.shape.axes[m.rows]
	side := grad.AddRepeated(m.row.Apply(means.units[m.rows]), m.whole.Apply(means.whole), rows, 1) // [N*rows, channels]
	if m.cols == none {
		return side
	}
	cols := f.shape.axes[m.cols]
	y := grad.AddRepeated(m.own.Apply(x), side, cols, 1)
	y = grad.AddRepeated(y, m.col.Apply(means.units[m.cols]), rows, cols)
	if m.transposed != nil {
		y = grad.Add(y, f.transposed(m.transposed.Apply(x), rows))
	}
	return y
}

// transposed swaps the axes of a square matrix.
func (f *dwsFeatures) transposed(x grad.Var, units int) grad.Var {
	channels := x.Cols()
	x = grad.Transpose(grad.Reshape(x, f.models*units, units*channels), units)
	return grad.Transpose(x, channels)
}

// addPositions adds a position, [units, channels], to all features of each unit
// of an axis.
func (f *dwsFeatures) addPositions(axis int, positions grad.Var) {
	units := positions.Rows()
	for i, m := range f.shape.maps {
		x := f.values[i]
		switch {
		case m.rows == axis && m.cols == none:
			x = grad.AddRepeated(x, positions, f.models, units)
		case m.rows == axis:
			each := grad.AddRepeated(x.Tape().Zeros(f.models*units, positions.Cols()), positions, f.models, units)
			x = grad.AddRepeated(x, each, f.shape.axes[m.cols], 1)
		}
		if m.cols == axis {
			x = grad.AddRepeated(x, positions, f.models*f.shape.axes[m.rows], units)
		}
		f.values[i] = x
	}
}
