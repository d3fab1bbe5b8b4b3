package training

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"rnnrep/encoders"
	"rnnrep/rnn/zoo"
)

// Projection is the plane of most variance through the embeddings of snapshots of
// tasks that training did not see (paper, figure 6).
type Projection struct {
	Explained [2]float64 `json:"explained"` // share of the variance along each axis
	Points    []Point    `json:"points"`
}

// Point is a snapshot in the plane.
type Point struct {
	X        float64   `json:"x"`
	Y        float64   `json:"y"`
	Run      int       `json:"run"`
	Step     int       `json:"step"`
	Accuracy float64   `json:"accuracy"`
	Task     []float32 `json:"task"`
}

// project finds the plane for the validation and the held-out part.
func (d *dataset) project(b *encoders.Bundle) *Projection {
	var examples []example
	for _, part := range []zoo.Part{zoo.Validation, zoo.OOD} {
		examples = append(examples, d.parts[part]...)
	}
	z := mat.NewDense(len(examples), b.Manifest.Encoder.Dim, nil)
	for i, v := range embed(b, models(examples)) {
		z.Set(i/b.Manifest.Encoder.Dim, i%b.Manifest.Encoder.Dim, float64(v))
	}
	var pc stat.PC
	if !pc.PrincipalComponents(z, nil) || b.Manifest.Encoder.Dim < 2 {
		return nil
	}
	var axes, points mat.Dense
	pc.VectorsTo(&axes)
	means := columnMeans(z)
	z.Apply(func(_, j int, v float64) float64 { return v - means[j] }, z)
	points.Mul(z, axes.Slice(0, len(means), 0, 2))
	p := &Projection{}
	variances := pc.VarsTo(nil)
	for i := range p.Explained {
		p.Explained[i] = variances[i] / mat.Sum(mat.NewVecDense(len(variances), variances))
	}
	signs := [2]float64{sign(&axes, 0), sign(&axes, 1)}
	for i, e := range examples {
		p.Points = append(p.Points, Point{X: rounded(signs[0] * points.At(i, 0)), Y: rounded(signs[1] * points.At(i, 1)), Run: e.run, Step: e.step,
			Accuracy: e.truth.Accuracy, Task: e.truth.Task})
	}
	return p
}

// rounded keeps what a picture shows.
func rounded(x float64) float64 { return math.Round(x*1e4) / 1e4 }

// sign makes the greatest component of an axis positive: a plane has two sides.
func sign(axes *mat.Dense, j int) float64 {
	var greatest float64
	rows, _ := axes.Dims()
	for i := range rows {
		if v := axes.At(i, j); math.Abs(v) > math.Abs(greatest) {
			greatest = v
		}
	}
	if greatest < 0 {
		return -1
	}
	return 1
}
