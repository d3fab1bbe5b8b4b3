package encoders_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"rnnrep/encoders"
	"rnnrep/encoders/enctest"
	"rnnrep/internal/errs"
	"rnnrep/internal/rng"
)

var circle = encoders.Range{Name: "angle", Unit: "degrees", High: 360, Circular: true}

func TestRangeDistance(t *testing.T) {
	line := encoders.Range{Low: -180, High: 180}
	for _, c := range []struct{ a, b, circle, line float64 }{
		{10, 350, 20, 340}, {350, 10, 20, 340}, {0, 180, 180, 180}, {90, 91, 1, 1}, {45, 45, 0, 0},
	} {
		if got := circle.Distance(c.a, c.b); got != c.circle {
			t.Errorf("from %v to %v it is %v on the circle, want %v", c.a, c.b, got, c.circle)
		}
		if got := line.Distance(c.a, c.b); got != c.line {
			t.Errorf("from %v to %v it is %v on the line, want %v", c.a, c.b, got, c.line)
		}
	}
}

// TestRangeTargets: what the predictor should put out, by hand.
func TestRangeTargets(t *testing.T) {
	line := encoders.Range{Low: -2, High: 6}
	for _, c := range []struct {
		r    encoders.Range
		x    float32
		want []float64
	}{
		{line, -2, []float64{-1}}, {line, 2, []float64{0}}, {line, 6, []float64{1}},
		{circle, 0, []float64{1, 0}}, {circle, 90, []float64{0, 1}}, {circle, 225, []float64{-math.Sqrt2 / 2, -math.Sqrt2 / 2}},
		{encoders.Range{Low: 1, High: 5, Circular: true}, 4, []float64{0, -1}},
	} {
		got := c.r.AppendTargets([]float32{7}, c.x)
		if len(got) != 1+len(c.want) || got[0] != 7 {
			t.Fatalf("%v appended: %v", c.x, got)
		}
		for i, w := range c.want {
			if math.Abs(float64(got[1+i])-w) > 1e-6 {
				t.Errorf("%v of %+v: %v, want %v", c.x, c.r, got[1:], c.want)
			}
		}
	}
}

// TestRangedBundle: estimates lie in their ranges with intervals around them,
// before and after the bundle is saved, and have a text instead of a
// probability.
func TestRangedBundle(t *testing.T) {
	b, dir := enctest.RangedBundle(t, probingConfig()), t.TempDir()
	models := enctest.Models(b.Manifest.Encoder.Spec, 12)
	results := mustEmbed(t, b, models...)
	for _, r := range results {
		task := r.Predictions.Task
		if len(task.Parameters) != 2 || len(task.Intervals) != 2 || task.Probability != 0 || task.Level != 0.9 {
			t.Fatalf("the task is %+v", task)
		}
		for i, limits := range [][2]float64{{-180, 540}, {-2, 6}} {
			v, in := float64(task.Parameters[i]), task.Intervals[i]
			if !(limits[0] <= in[0] && in[0] <= v && v <= in[1] && in[1] <= limits[1]) || in[1]-in[0] > 360 {
				t.Errorf("parameter %d is %v in %v", i, v, in)
			}
		}
		if !strings.HasPrefix(task.Value, "angle ") || !strings.Contains(task.Value, " degrees, length ") {
			t.Errorf("the task is %q", task.Value)
		}
		if unit := r.Predictions.GeneralizationGap.Unit; unit != "metres" {
			t.Errorf("the gap is in %q", unit)
		}
	}
	if err := b.Save(dir); err != nil {
		t.Fatal(err)
	}
	opened, err := encoders.OpenBundle(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if again := mustEmbed(t, opened, models...); !reflect.DeepEqual(again, results) {
		t.Errorf("opened, it answers %+v, before %+v", again, results)
	}
}

// TestRangedCalibration: intervals of an angle around noisy predictions cover
// new ones at their level; where the vector is short they are wide.
func TestRangedCalibration(t *testing.T) {
	r := rng.Stream(1, "angles", 0)
	b := enctest.RangedBundle(t, probingConfig())
	models := enctest.Models(b.Manifest.Encoder.Spec, 1200)
	results := mustEmbed(t, b, models...)
	truth := func(i int) encoders.Truth {
		p := results[i].Predictions.Task.Parameters
		angle := math.Mod(float64(p[0])+20*r.NormFloat64()+720, 360)
		return encoders.Truth{Task: []float32{float32(angle), p[1] + float32(0.1*r.NormFloat64())}}
	}
	calibration := make([]encoders.Truth, 600)
	for i := range calibration {
		calibration[i] = truth(i)
	}
	b.Calibrate(models[:600], calibration)
	fresh := models[600:]
	var covered [2]float64
	for i, result := range mustEmbed(t, b, fresh...) {
		for j, in := range result.Predictions.Task.Intervals {
			x := float64(truth(600 + i).Task[j])
			if in[0] <= x && x <= in[1] || j == 0 && (in[0] <= x-360 || x+360 <= in[1]) {
				covered[j] += 1 / float64(len(fresh))
			}
		}
	}
	for j, share := range covered {
		if share < 0.83 || share > 0.97 { // of 600, after calibration on 600
			t.Errorf("intervals of parameter %d cover %.3f", j, share)
		}
	}
}

// TestDamagedRanges: what a manifest says of ranges is checked.
func TestDamagedRanges(t *testing.T) {
	b, dir := enctest.RangedBundle(t, statisticsConfig()), t.TempDir()
	if err := b.Save(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(dir + "/" + manifest)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(m *encoders.Manifest){
		"empty":              func(m *encoders.Manifest) { m.Predictors.Ranges[0].High = 0 },
		"reversed":           func(m *encoders.Manifest) { m.Predictors.Ranges[1].High = -9 },
		"both":               func(m *encoders.Manifest) { m.Predictors.Coordinates = [][]float32{{1, 2}} },
		"no calibration":     func(m *encoders.Manifest) { m.Calibration.Task = nil },
		"a calibration less": func(m *encoders.Manifest) { m.Calibration.Task = m.Calibration.Task[:1] },
		"no widths":          func(m *encoders.Manifest) { m.Calibration.Task[0].Widths = nil },
		"line for circle":    func(m *encoders.Manifest) { m.Predictors.Ranges[0].Circular = false },
	} {
		var m encoders.Manifest
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		damage(&m)
		changed, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(changed, text) {
			t.Fatal("no damage")
		}
		if err := os.WriteFile(dir+"/"+manifest, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := encoders.OpenBundle(os.DirFS(dir)); errs.CodeOf(err) != errs.Damaged {
			t.Errorf("%s: %v", name, err)
		}
	}
}
