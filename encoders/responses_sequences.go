package encoders

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"rnnrep/internal/grad"
	"rnnrep/internal/rng"
)

// sequences are rows that every RNN of so many inputs reads.
type sequences struct {
	rows, inputs int
	steps        [][]float32 // [rows, inputs] each
	first        int         // row among those that are read together
}

// givenSequences are all those of RNNs of so many inputs: fixed, since bundles
// depend on them.
type givenSequences struct{ altered, marked, strokes, all sequences }

var givenByInputs [responseWidth + 1]func() *givenSequences

func init() {
	for inputs := range givenByInputs {
		givenByInputs[inputs] = sync.OnceValue(func() *givenSequences { return newGivenSequences(inputs) })
	}
}

func sequencesOf(inputs int) *givenSequences { return givenByInputs[inputs]() }

// newGivenSequences puts the shorter ones' rows beside the longest's; zeros follow
// them.
func newGivenSequences(inputs int) *givenSequences {
	g := &givenSequences{altered: alteredSequences(inputs), marked: markedSequences(inputs), strokes: strokeSequences(inputs)}
	parts := []*sequences{&g.altered, &g.marked, &g.strokes}
	steps, rows := 0, 0
	for _, s := range parts {
		s.first = rows
		steps, rows = max(steps, len(s.steps)), rows+s.rows
	}
	g.all = newSequences(steps, rows, inputs)
	for _, s := range parts {
		for step, v := range s.steps {
			copy(g.all.steps[step][s.first*inputs:], v)
		}
	}
	return g
}

// rowsOf are those of the sequences among all that each model reads: of [N*all,
// cols], [N*rows, cols].
func (s sequences) rowsOf(models, all int, y grad.Var) grad.Var {
	cols := y.Cols()
	return grad.Reshape(grad.Slice(grad.Reshape(y, models, all*cols), s.first*cols, s.rows*cols), models*s.rows, cols)
}

func newSequences(steps, rows, inputs int) sequences {
	s := sequences{rows: rows, inputs: inputs}
	for range steps {
		s.steps = append(s.steps, make([]float32, rows*inputs))
	}
	return s
}

// at is what a row reads at a step.
func (s sequences) at(step, row int) []float32 {
	return s.steps[step][row*s.inputs : (row+1)*s.inputs]
}

// bind gives every model of a population the sequences: one [N*rows, inputs] a step.
func (s sequences) bind(t *grad.Tape, models int) []grad.Var {
	xs := make([]grad.Var, len(s.steps))
	for i, v := range s.steps {
		xs[i] = repeated(t, models, s.rows, s.inputs, v)
	}
	return xs
}

// repeated is a constant [rows, cols] once for every model.
func repeated(t *grad.Tape, models, rows, cols int, v []float32) grad.Var {
	return grad.AddRepeated(t.Zeros(models*rows, cols), t.Input("", rows, cols, v), models, rows)
}

// Altered sequences are of four kinds, two pairs each; those of a pair differ in
// one step alone.
const (
	alteredKinds   = 4
	alteredPairs   = 2 // of each kind
	alteredSteps   = 32
	alteredStep    = 8
	alteredSettled = 12 // from here on outputs count
)

// alterationLags are the steps after the altered one at which pairs are compared.
var alterationLags = [...]int{0, 1, 2, 4, 8, 16}

func alteredSequences(inputs int) sequences {
	s, r := newSequences(alteredSteps, 2*alteredKinds*alteredPairs, inputs), rng.Stream(0, "altered sequences", uint64(inputs))
	for pair := range s.rows / 2 {
		draw := kindOfSequence(pair/alteredPairs, inputs, r)
		for step := range s.steps {
			x, y := s.at(step, 2*pair), s.at(step, 2*pair+1)
			draw(step, x)
			copy(y, x)
			for try := 0; step == alteredStep && slices.Equal(x, y) && try < 20; try++ {
				alter(pair/alteredPairs, r, y)
			}
		}
	}
	return s
}

// kindOfSequence draws tokens, numbers from 0 to 1 at some of the inputs, waves, or
// such numbers now and then.
func kindOfSequence(kind, inputs int, r *rand.Rand) func(step int, x []float32) {
	on, period, phase, height := make([]bool, inputs), make([]float64, inputs), make([]float64, inputs), make([]float64, inputs)
	for i := range inputs {
		on[i] = r.IntN(2) == 0
		period[i], phase[i], height[i] = 5+20*r.Float64(), 2*math.Pi*r.Float64(), 0.5+0.5*r.Float64()
	}
	on[r.IntN(inputs)] = true
	number := func(step, i int) float32 {
		switch {
		case kind == 2:
			return float32(height[i] * math.Sin(2*math.Pi*float64(step)/period[i]+phase[i]))
		case kind == 1 && on[i], kind == 3 && r.IntN(4) == 0:
			return r.Float32()
		}
		return 0
	}
	return func(step int, x []float32) {
		if kind == 0 {
			drawToken(r, x)
			return
		}
		for i := range x {
			x[i] = number(step, i)
		}
	}
}

func drawToken(r *rand.Rand, x []float32) {
	clear(x)
	if len(x) == 1 {
		x[0] = float32(r.IntN(2))
		return
	}
	x[r.IntN(len(x))] = 1
}

// alter draws another token, or moves the numbers.
func alter(kind int, r *rand.Rand, x []float32) {
	if kind == 0 {
		drawToken(r, x)
		return
	}
	for i := range x {
		if x[i] != 0 || kind == 1 {
			x[i] += float32(r.NormFloat64()) / 2
		}
	}
}

// In marked sequences the first input is a number from 0 to 1 at every step, and
// the others are marks: 1 at two steps, otherwise 0. Half of them are marked the
// second time early, the others late; the number is the same for all then.
const (
	markedRows   = 16
	markedSteps  = 30
	firstMark    = 3
	secondNumber = 0.7
)

var secondMarks = [...]int{6, 14}

func markedSequences(inputs int) sequences {
	s, r := newSequences(markedSteps, markedRows, inputs), rng.Stream(0, "marked sequences", uint64(inputs))
	for step := range s.steps {
		for row := range markedRows {
			x, second := s.at(step, row), secondMarks[row*len(secondMarks)/markedRows]
			x[0] = r.Float32()
			if step == second {
				x[0] = secondNumber
			}
			for i := 1; i < inputs && (step == firstMark || step == second); i++ {
				x[i] = 1
			}
		}
	}
	return s
}

// Pictures of strokes are read as seven by seven square tiles, row by row, after
// a tile of zeros; the inputs are a tile's pixels.
const (
	strokeRows   = 8
	strokeTiles  = 7
	strokeSteps  = 1 + strokeTiles*strokeTiles
	strokeCount  = 3  // strokes of a picture, each from where the last ended
	strokeMoves  = 5  // steps between answers that are compared
	strokeInk    = 28 // a stroke is two of as many pixels of the picture's side wide
	strokeMiddle = 2.2
)

// strokeLooks are the steps at which answers are looked at.
var strokeLooks = [...]int{25, 40, strokeSteps - 1}

func strokeSequences(inputs int) sequences {
	s, r := newSequences(strokeSteps, strokeRows, inputs), rng.Stream(0, "strokes", uint64(inputs))
	side := int(math.Ceil(math.Sqrt(float64(inputs))))
	for row := range strokeRows {
		ends := [][2]float64{{0.25 + 0.5*r.Float64(), 0.2 + 0.2*r.Float64()}}
		for range strokeCount {
			ends = append(ends, [2]float64{0.25 + 0.5*r.Float64(), 0.2 + 0.6*r.Float64()})
		}
		for step := 1; step < strokeSteps; step++ {
			tile, x := step-1, s.at(step, row)
			for i := range x {
				at := func(tile, pixel int) float64 {
					return (float64(tile*side+pixel) + 0.5) / float64(side*strokeTiles)
				}
				d := strokeDistance(ends, at(tile%strokeTiles, i%side), at(tile/strokeTiles, i/side))
				x[i] = float32(min(max(strokeMiddle-strokeInk*d, 0), 1))
			}
		}
	}
	return s
}

// strokeDistance is that of a point from the nearest stroke.
func strokeDistance(ends [][2]float64, x, y float64) float64 {
	least := math.Inf(1)
	for i := range ends[1:] {
		a, b := ends[i], ends[i+1]
		dx, dy := b[0]-a[0], b[1]-a[1]
		along := ((x-a[0])*dx + (y-a[1])*dy) / (dx*dx + dy*dy + 1e-9)
		along = min(max(along, 0), 1)
		least = min(least, math.Hypot(x-a[0]-along*dx, y-a[1]-along*dy))
	}
	return least
}
