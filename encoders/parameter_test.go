package encoders

import (
	"math"
	"testing"

	"rnnrep/internal/rng"
	"rnnrep/rnn"
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
			value, key := e.Parameter(out)
			if e.Distance(value, float64(x)) > 1e-6*(e.High-e.Low) || value < e.Low || float32(value) > float32(e.High) || e.Circular && float32(value) == float32(e.High) {
				t.Fatalf("%+v: %v is read as %v", e, x, value)
			}
			if want := map[bool]float64{true: length, false: value}[e.Circular]; math.Abs(key-want) > 1e-6 {
				t.Fatalf("%+v: the key of %v is %v, want %v", e, x, key, want)
			}
		}
	}
	if value, _ := (Range{Low: -3, High: 5}).Parameter([]float32{9}); value != 5 {
		t.Errorf("an output of 9 is %v, beyond the range", value)
	}
	if value, _ := (Range{High: 360, Circular: true}).Parameter([]float32{1, -1e-12}); value != 0 {
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

// TestStatistics: names and values stand in one order, by hand for a small RNN.
func TestStatistics(t *testing.T) {
	m := rnn.NewModel(rnn.Uniform("gru", 1, 2, 1, 1))
	copy(m.Named("bias_hh_l0"), []float32{0, 0, 0, 0, 1, 3}) // of r, z and n
	copy(m.Named("linear.bias"), []float32{5})
	names, values := StatisticsNames(), Statistics([]*rnn.Model{rnn.NewModel(m.Spec), m})
	if len(values) != 2*len(names) {
		t.Fatalf("%d values for %d names", len(values), len(names))
	}
	root := float32(math.Sqrt(2)) // of the width
	want := map[string]float32{}
	for _, layer := range []string{"first", "last"} {
		for name, v := range map[string]float32{"mean": 2, "deviation": 1, "minimum": 1, "quartile1": 1.5, "median": 2, "quartile3": 2.5, "maximum": 3} {
			want[layer+".g.bias_hh."+name] = v * root
		}
	}
	for _, name := range []string{"mean", "minimum", "quartile1", "median", "quartile3", "maximum"} {
		want["linear.bias."+name] = 5 * root
	}
	for i, name := range names {
		if got := values[len(names)+i]; math.Abs(float64(got-want[name])) > 1e-5 {
			t.Errorf("%s is %v, want %v", name, got, want[name])
		}
	}
}
