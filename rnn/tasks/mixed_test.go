package tasks

import (
	"math"
	"slices"
	"testing"

	"rnnrep/internal/rng"
)

func TestAddingTargets(t *testing.T) {
	for _, w := range []weightedSum{{8, 1}, {24, -0.5}, {13, 0.5}} {
		b := w.Batch(200)
		w.Fill(rng.Stream(1, "test", 0), b)
		marked := map[int]int{}
		for s := range b.Size {
			var markers []int
			var sum float64
			for step := range b.Steps {
				at := step*b.Size + s
				number, marker := b.Inputs[2*at], b.Inputs[2*at+1]
				if number < 0 || number >= 1 {
					t.Fatalf("number %v", number)
				}
				if marker == 1 {
					weight := 1.0
					if len(markers) == 1 {
						weight = float64(w.weight)
					}
					markers = append(markers, step)
					sum += weight * float64(number)
					marked[step]++
				} else if marker != 0 {
					t.Fatalf("marker %v", marker)
				}
				if math.Abs(float64(b.Values[at])-sum) > 1e-6 {
					t.Fatalf("%s: target %v after markers at %v, want %v", w, b.Values[at], markers, sum)
				}
			}
			if len(markers) != 2 || markers[0] >= w.window/2 || markers[1] < w.window/2 || markers[1] >= w.window {
				t.Fatalf("%s: markers at %v", w, markers)
			}
		}
		if len(marked) != w.window {
			t.Errorf("%s: markers at %d steps of %d", w, len(marked), w.window)
		}
	}
}

func TestParityTargets(t *testing.T) {
	c := counter{3, [4]int{1, 0, 2, 1}}
	b := c.Batch(100)
	c.Fill(rng.Stream(1, "test", 0), b)
	var letters [4]int
	for s := range b.Size {
		var counts [4]int
		for step := range b.Steps {
			counts[b.Tokens[step*b.Size+s]]++
			if got, want := int(b.Targets[step*b.Size+s]), (counts[0]+2*counts[2]+counts[3])%3; got != want {
				t.Fatalf("after letters %v the target is %d, want %d", counts, got, want)
			}
		}
		for i, n := range counts {
			letters[i] += n
		}
	}
	for i, n := range letters {
		if n < 500 || n > 700 { // 2400 letters, four kinds
			t.Errorf("letter %d was drawn %d times of 2400", i, n)
		}
	}
	if got := c.String(); got != "(a + 2c + d) mod 3" {
		t.Errorf("named %q", got)
	}
}

func TestCopyTargets(t *testing.T) {
	for _, c := range []recall{{2, 0, false}, {8, 6, true}, {5, 3, false}, {4, 0, true}} {
		b := c.Batch(200)
		c.Fill(rng.Stream(1, "test", 0), b)
		lengths := map[int]bool{}
		for s := range b.Size {
			var list, said []int32
			marker := -1
			for step := range b.Steps {
				token, target := b.Tokens[step*b.Size+s], b.Targets[step*b.Size+s]
				switch {
				case token < copySymbols && marker < 0 && len(list) == step:
					list = append(list, token)
				case token == copyRecall && marker < 0:
					marker = step
				case token != copyBlank:
					t.Fatalf("%s: token %d at step %d", c, token, step)
				}
				if target >= 0 {
					if marker < 0 || step-marker != len(said) {
						t.Fatalf("%s: target at step %d, the marker is at %d", c, step, marker)
					}
					said = append(said, target)
				}
			}
			if c.backwards {
				slices.Reverse(said)
			}
			if len(list) < 1 || len(list) > c.length || marker != len(list)+c.delay || !slices.Equal(list, said) {
				t.Fatalf("%s: list %v, marker at %d, to be said %v", c, list, marker, said)
			}
			lengths[len(list)] = true
		}
		if len(lengths) != c.length {
			t.Errorf("%s: lists of %d lengths", c, len(lengths))
		}
	}
}

// TestSineTargets: targets follow the recurrence of a sine of the period, inputs
// are the values before them with noise of the level.
func TestSineTargets(t *testing.T) {
	w := wave{period: 9.5, noise: 0.3}
	b := w.Batch(300)
	w.Fill(rng.Stream(1, "test", 0), b)
	twice := 2 * math.Cos(2*math.Pi/9.5)
	var square float64
	n := 0
	for s := range b.Size {
		value := func(step int) float64 { return float64(b.Values[step*b.Size+s]) }
		peak := 0.0
		for step := 1; step < b.Steps; step++ {
			noise := float64(b.Inputs[step*b.Size+s]) - value(step-1)
			square += noise * noise
			n++
			if step > 1 && math.Abs(value(step)-twice*value(step-1)+value(step-2)) > 1e-5 {
				t.Fatalf("values %v, %v, %v are no sine", value(step-2), value(step-1), value(step))
			}
			peak = max(peak, math.Abs(value(step)))
		}
		if peak < 0.45 || peak > 1.5 {
			t.Errorf("a wave of amplitude %v", peak)
		}
	}
	if spread := math.Sqrt(square / float64(n)); math.Abs(spread-0.3) > 0.01 {
		t.Errorf("noise of %v, want 0.3", spread)
	}
}

// TestLongerThanTraining: the gaps of families whose sequences have no end are
// measured where training never went.
func TestLongerThanTraining(t *testing.T) {
	for name, want := range map[string]int{"adding": 2 * 20, "parity": 2 * paritySteps, "copy": 4*6 + 2, "noisy_sine": 2 * sineSteps} {
		f, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		params := map[string][]float32{"adding": {20, 1}, "parity": {2, 1, 0, 1, 0}, "copy": {6, 2, 1}, "noisy_sine": {10, 0.1}}[name]
		task, err := f.Parse(params)
		if err != nil {
			t.Fatal(err)
		}
		m := &longest{constant: constant{t: t, io: f.IO()}}
		task.Score(rng.Stream(1, "test", 0), m)
		if m.steps != want {
			t.Errorf("%s: the longest sequence has %d steps, want %d", name, m.steps, want)
		}
	}
}

// longest remembers the longest sequence.
type longest struct {
	constant
	at, steps int
}

func (l *longest) Reset(n int) { l.constant.Reset(n); l.at = 0 }
func (l *longest) Step(tokens []int32, logits []float32) {
	l.constant.Step(tokens, logits)
	l.count()
}
func (l *longest) StepInputs(inputs, logits []float32) {
	l.constant.StepInputs(inputs, logits)
	l.count()
}
func (l *longest) count() { l.at++; l.steps = max(l.steps, l.at) }
