package web

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"rnnrep/encoders"
)

// Map is a bundle's reference population on a plane: the first two principal
// components of its embeddings. An embedding z lies at Axes · (z - Mean).
type Map struct {
	Bundle    string       `json:"bundle"`
	Mean      []float64    `json:"mean"`      // [Dim]
	Axes      [2][]float64 `json:"axes"`      // [2, Dim], unit vectors
	Explained [2]float64   `json:"explained"` // share of the variance along each axis
	Reference int          `json:"reference_snapshots"`
	Members   []MapMember  `json:"members"` // all of the reference, or as many as MaxMembers, evenly drawn
}

// MapMember is a snapshot on the map.
type MapMember struct {
	encoders.Member
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// MaxMembers bounds the members of a map.
const MaxMembers = 20_000

// NewMap computes the map of a bundle's reference population. It is turned so
// that later snapshots lie to the right and more accurate ones above.
func NewMap(b *encoders.Bundle) (*Map, error) {
	members, dim := b.Reference.Members, b.Manifest.Encoder.Dim
	z := mat.NewDense(len(members), dim, nil)
	for i, x := range b.Reference.Embeddings {
		z.Set(i/dim, i%dim, float64(x))
	}
	m := &Map{Bundle: b.Name(), Reference: len(members), Members: []MapMember{}, Mean: make([]float64, dim)}
	for j := range m.Mean {
		m.Mean[j] = stat.Mean(mat.Col(nil, j, z), nil)
	}
	if err := m.setAxes(z); err != nil {
		return nil, err
	}
	stage := func(i int) float64 { return math.Log1p(float64(members[i].Step)) }
	accuracy := func(i int) float64 { return members[i].Accuracy }
	for axis, property := range []func(int) float64{stage, accuracy} {
		m.turn(axis, z, property)
	}
	n := min(len(members), MaxMembers)
	for k := range n {
		i := k * len(members) / n
		m.Members = append(m.Members, MapMember{members[i], short(m.at(0, z.RawRowView(i))), short(m.at(1, z.RawRowView(i)))})
	}
	return m, nil
}

// setAxes finds the principal components of the rows of z. One that does not
// exist is a zero vector.
func (m *Map) setAxes(z *mat.Dense) error {
	rows, dim := z.Dims()
	for axis := range m.Axes {
		m.Axes[axis] = make([]float64, dim)
	}
	if rows < 2 {
		return nil
	}
	var pc stat.PC
	if !pc.PrincipalComponents(z, nil) {
		return fmt.Errorf("the principal components of the embeddings of %s cannot be computed", m.Bundle)
	}
	var vectors mat.Dense
	pc.VectorsTo(&vectors)
	variances := pc.VarsTo(nil)
	var total float64
	for _, v := range variances {
		total += v
	}
	for axis := range min(len(m.Axes), len(variances)) {
		mat.Col(m.Axes[axis], axis, &vectors)
		if total > 0 {
			m.Explained[axis] = variances[axis] / total
		}
	}
	return nil
}

// turn mirrors an axis along which a property of the members falls.
func (m *Map) turn(axis int, z *mat.Dense, property func(i int) float64) {
	rows, _ := z.Dims()
	xs, ys := make([]float64, rows), make([]float64, rows)
	for i := range rows {
		xs[i], ys[i] = m.at(axis, z.RawRowView(i)), property(i)
	}
	if stat.Covariance(xs, ys, nil) < 0 {
		for j := range m.Axes[axis] {
			m.Axes[axis][j] = -m.Axes[axis][j]
		}
	}
}

// at is the coordinate of an embedding along an axis.
func (m *Map) at(axis int, z []float64) (x float64) {
	for j, a := range m.Axes[axis] {
		x += a * (z[j] - m.Mean[j])
	}
	return x
}

// short drops the digits of a coordinate that no picture shows.
func short(x float64) float64 { return math.Round(x*1e5) / 1e5 }
