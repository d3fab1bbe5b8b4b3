package encoders

import (
	"math"
	"testing"

	"rnnrep/internal/rng"
)

// TestRangeParameter: the outputs wanted for a value are read as that value,
// whatever the length of the vector on a circle.
func TestRangeParameter(t *testing.T) {
	r := rng.Stream(1, "ranges", 0)
	for _, e := range []Range{{Low: -3, High: 5}, {High: 360, Circular: true}, {Low: 10, High: 11, Circular: true}} {
		for i := range 1000 {
			x := float32(e.Low + (e.High-e.Low)*r.Float64())
			if i == 0 {
				x = float32(e.Low)
			}
			out := e.AppendTargets(nil, x)
			length := 1.0
			if e.Circular {
				length = 0.1 + r.Float64()
				for j := range out {
					out[j] *= float32(length)
				}
			}
			value, key := e.parameter(out)
			if e.Distance(value, float64(x)) > 1e-6*(e.High-e.Low) || value < e.Low || float32(value) > float32(e.High) || e.Circular && float32(value) == float32(e.High) {
				t.Fatalf("%+v: %v is read as %v", e, x, value)
			}
			if want := map[bool]float64{true: length, false: value}[e.Circular]; math.Abs(key-want) > 1e-6 {
				t.Fatalf("%+v: the key of %v is %v, want %v", e, x, key, want)
			}
		}
	}
	if value, _ := (Range{Low: -3, High: 5}).parameter([]float32{9}); value != 5 {
		t.Errorf("an output of 9 is %v, beyond the range", value)
	}
	if value, _ := (Range{High: 360, Circular: true}).parameter([]float32{1, -1e-12}); value != 0 {
		t.Errorf("a little less than the whole circle is %v", value)
	}
}

// TestRangeInterval: at most the whole circle, and not beyond the ends of a line.
func TestRangeInterval(t *testing.T) {
	circle, line := Range{High: 360, Circular: true}, Range{Low: -1, High: 1}
	for _, c := range []struct {
		r            Range
		value, width float64
		want         [2]float64
	}{
		{circle, 350, 20, [2]float64{330, 370}}, {circle, 5, 20, [2]float64{-15, 25}}, {circle, 5, math.Inf(1), [2]float64{-175, 185}},
		{line, 0.5, 0.25, [2]float64{0.25, 0.75}}, {line, 0.5, 3, [2]float64{-1, 1}},
	} {
		if got := c.r.interval(c.value, c.width); got != c.want {
			t.Errorf("%v within %v: %v, want %v", c.value, c.width, got, c.want)
		}
	}
}

func TestTaskText(t *testing.T) {
	c := PredictorConfig{Ranges: []Range{{Name: "rotation", Unit: "degrees", High: 360, Circular: true}, {Name: "noise", High: .5}, {Name: "size", Unit: "m", High: 1e5}}}
	if got, want := c.TaskText([]float32{123.44, .1, 5e4}), "rotation 123.4 degrees, noise 0.1000, size 50000 m"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
