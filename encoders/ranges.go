package encoders

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Range is that of a task parameter that may be any number within it. The task
// predictor puts out one number for it, from -1 for Low to 1 for High, or, where
// it is circular, two: cosine and sine of the parameter as an angle. The length
// of that vector, about 0 to 1, says how sure the predictor is.
type Range struct {
	Name     string  `json:"name"`           // "rotation"
	Unit     string  `json:"unit,omitempty"` // "degrees"
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	Circular bool    `json:"circular,omitempty"` // High is Low again
}

func (r Range) validate() error {
	if !(r.Low < r.High) || math.IsInf(r.High-r.Low, 0) {
		return fmt.Errorf("predictors: the task parameter %q ranges from %v to %v", r.Name, r.Low, r.High)
	}
	return nil
}

// outputs is the number of outputs of the task predictor.
func (r Range) outputs() int {
	if r.Circular {
		return 2
	}
	return 1
}

// AppendTargets appends to dst what the task predictor should put out for x.
func (r Range) AppendTargets(dst []float32, x float32) []float32 {
	if r.Circular {
		sin, cos := math.Sincos(2 * math.Pi * (float64(x) - r.Low) / (r.High - r.Low))
		return append(dst, float32(cos), float32(sin))
	}
	return append(dst, float32((2*float64(x)-r.Low-r.High)/(r.High-r.Low)))
}

// Parameter reads the parameter from the predictor's outputs for it; residuals are
// kept by key.
func (r Range) Parameter(outputs []float32) (value, key float64) {
	if !r.Circular {
		x := min(max(float64(outputs[0]), -1), 1)
		value = (r.Low + r.High + x*(r.High-r.Low)) / 2
		return value, value
	}
	cos, sin := float64(outputs[0]), float64(outputs[1])
	turns := math.Atan2(sin, cos) / (2 * math.Pi)
	value = r.Low + (turns-math.Floor(turns))*(r.High-r.Low)
	if float32(value) >= float32(r.High) { // after rounding
		value = r.Low
	}
	return value, math.Hypot(cos, sin)
}

// Distance is how far two values are apart, on the shorter way round where the
// range is circular.
func (r Range) Distance(a, b float64) float64 {
	d := math.Abs(a - b)
	if r.Circular {
		d = min(d, r.High-r.Low-d)
	}
	return d
}

// interval reaches width to both sides of value, at most half of a circle; it
// does not pass the ends of a range that is none.
func (r Range) interval(value, width float64) [2]float64 {
	if r.Circular {
		width = min(width, (r.High-r.Low)/2)
		return [2]float64{value - width, value + width}
	}
	return [2]float64{max(r.Low, value-width), min(r.High, value+width)}
}

// text is a value for people, to a thousandth of the range.
func (r Range) text(value float32) string {
	digits := max(0, int(math.Ceil(-math.Log10((r.High-r.Low)/1000))))
	return strings.TrimSpace(r.Name + " " + strconv.FormatFloat(float64(value), 'f', digits, 32) + " " + r.Unit)
}

// TaskText names a task of parameters that are real numbers.
func (c PredictorConfig) TaskText(parameters []float32) string {
	texts := make([]string, len(c.Ranges))
	for i, r := range c.Ranges {
		texts[i] = r.text(parameters[i])
	}
	return strings.Join(texts, ", ")
}

// validateTask checks what is said of the task's parameters.
func (c PredictorConfig) validateTask() error {
	if len(c.Ranges) > 0 && len(c.Coordinates) > 0 {
		return errors.New("predictors: both coordinates and ranges of the task")
	}
	for i, values := range c.Coordinates {
		if len(values) == 0 {
			return fmt.Errorf("predictors: coordinate %d has no values", i)
		}
	}
	for _, r := range c.Ranges {
		if err := r.validate(); err != nil {
			return err
		}
	}
	return nil
}
