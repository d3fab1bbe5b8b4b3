package importer

import (
	"math"
	"math/rand/v2"
)

// sequence holds one vector for every step and batch entry, [steps, batch,
// width], whatever the layout inside the graph.
type sequence struct {
	steps, batch, width int
	data                []float32
}

func newSequence(steps, batch, width int) sequence {
	return sequence{steps, batch, width, make([]float32, steps*batch*width)}
}

// marks fills a sequence with values that tell its elements apart, that float16
// and bfloat16 hold exactly, and none of which is zero, which may be masked.
func marks(r *rand.Rand, steps, batch, width int) sequence {
	s := newSequence(steps, batch, width)
	var bits uint64 // eight numbers from 0 to 255
	for i := range s.data {
		if i%8 == 0 {
			bits = r.Uint64()
		}
		s.data[i] = float32(2*int(bits&255)-255) / 128
		bits >>= 8
	}
	return s
}

// noise fills a sequence with standard normal values.
func noise(r *rand.Rand, steps, batch, width int) sequence {
	s := newSequence(steps, batch, width)
	for i := range s.data {
		s.data[i] = float32(r.NormFloat64())
	}
	return s
}

// row is the vector of step t and batch entry b.
func (s sequence) row(t, b int) []float32 {
	at := (t*s.batch + b) * s.width
	return s.data[at : at+s.width]
}

// equal compares shapes and values, those up to the rounding of a few
// operations: what a layer puts out is compared with what another reads.
func (s sequence) equal(o sequence) bool {
	return s.steps == o.steps && s.batch == o.batch && s.width == o.width && near(s.data, o.data)
}

// rounding is the largest difference of values that count as the same.
const rounding = 1e-4

// near tells whether two lists are equal up to rounding.
func near(a, b []float32) bool {
	if len(a) != len(b) {
		return false
	}
	for i, x := range a {
		if d := float64(x) - float64(b[i]); !(d <= rounding && d >= -rounding) {
			return false
		}
	}
	return true
}

// distinct tells whether no two vectors, of the first ones at least, are the same
// up to rounding.
func (s sequence) distinct() bool {
	n := min(s.steps*s.batch, 256)
	for i := range n {
		for j := range i {
			if distance(s.data[i*s.width:(i+1)*s.width], s.data[j*s.width:(j+1)*s.width]) <= 10*rounding {
				return false
			}
		}
	}
	return true
}

// flip reverses time.
func (s sequence) flip() sequence {
	f := newSequence(s.steps, s.batch, s.width)
	n := s.batch * s.width
	for t := range s.steps {
		copy(f.data[t*n:(t+1)*n], s.data[(s.steps-1-t)*n:])
	}
	return f
}

// flipped is flip where it is asked for.
func (s sequence) flipped(yes bool) sequence {
	if yes {
		return s.flip()
	}
	return s
}

// beside joins the vectors of two sequences of equal steps and batch.
func beside(a, b sequence) sequence {
	c := newSequence(a.steps, a.batch, a.width+b.width)
	for t := range a.steps {
		for i := range a.batch {
			row := c.row(t, i)
			copy(row[copy(row, a.row(t, i)):], b.row(t, i))
		}
	}
	return c
}

// batchFirst returns the values in the order [batch, steps, width].
func (s sequence) batchFirst() []float32 {
	data := make([]float32, 0, len(s.data))
	for b := range s.batch {
		for t := range s.steps {
			data = append(data, s.row(t, b)...)
		}
	}
	return data
}

// over reduces time: f gets the values of one unit of one batch entry.
func (s sequence) over(f func(values []float32) float32) []float32 {
	data := make([]float32, 0, s.batch*s.width)
	values := make([]float32, s.steps)
	for b := range s.batch {
		for i := range s.width {
			for t := range s.steps {
				values[t] = s.row(t, b)[i]
			}
			data = append(data, f(values))
		}
	}
	return data
}

// inf is a distance between what cannot be compared.
var inf = math.Inf(1)

// distance is the largest difference of two equally long lists; NaN if any
// value is not a number.
func distance(a, b []float32) (d float64) {
	b = b[:len(a)]
	for i, x := range a {
		if at := math.Abs(float64(x) - float64(b[i])); !(at <= d) { // seldom
			d = at
			if math.IsNaN(at) {
				return d
			}
		}
	}
	return d
}
