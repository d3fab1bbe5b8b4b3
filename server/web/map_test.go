package web

import (
	"encoding/json"
	"math"
	"testing"

	"rnnrep/encoders"
	"rnnrep/encoders/enctest"
	"rnnrep/rnn"
)

// bundle returns one whose reference population is the given one.
func bundle(t *testing.T, members []encoders.Member, embeddings []float32) *encoders.Bundle {
	t.Helper()
	dim := len(embeddings) / len(members)
	b := enctest.Bundle(t, encoders.Config{Kind: "layerwise_statistics", Dim: dim, Spec: rnn.Uniform("lstm", 2, 3, 1, 2), Options: json.RawMessage(`{"hidden":[8]}`)})
	b.Reference = encoders.NewReference(members, embeddings, dim)
	return b
}

// plane is a population on a plane in four dimensions, spread four times as far
// along u as along v. Steps rise against u, accuracy along v.
func plane() (members []encoders.Member, embeddings []float32, u, v [4]float64) {
	u, v = [4]float64{0.8, 0, -0.6, 0}, [4]float64{0, 0.6, 0, 0.8}
	for i := range 63 {
		a, b := 4*math.Sin(float64(i)), math.Cos(float64(i))
		members = append(members, encoders.Member{Run: i / 9, Step: int(1000 * (5 - a)), Accuracy: (1 + b) / 2, Task: "t"})
		for j := range u {
			embeddings = append(embeddings, float32(3+a*u[j]+b*v[j]))
		}
	}
	return members, embeddings, u, v
}

func TestMapFindsThePlane(t *testing.T) {
	members, embeddings, u, v := plane()
	m, err := NewMap(bundle(t, members, embeddings))
	if err != nil {
		t.Fatal(err)
	}
	for j := range u { // u is turned: later is to the right
		if math.Abs(m.Axes[0][j]+u[j]) > 0.01 || math.Abs(m.Axes[1][j]-v[j]) > 0.01 {
			t.Errorf("axes %.3f, want %.3f turned and %.3f", m.Axes, u, v)
		}
	}
	if sum := m.Explained[0] + m.Explained[1]; math.Abs(sum-1) > 1e-6 || m.Explained[0] < 0.9 {
		t.Errorf("explained %v of a plane", m.Explained)
	}
	for i, p := range m.Members {
		var x, y float64
		for j := range u {
			d := float64(embeddings[4*i+j]) - m.Mean[j]
			x, y = x+m.Axes[0][j]*d, y+m.Axes[1][j]*d
		}
		if math.Abs(x-p.X) > 1e-5 || math.Abs(y-p.Y) > 1e-5 || p.Member != members[i] {
			t.Errorf("member %d is %+v, want %.5f %.5f and %+v", i, p, x, y, members[i])
		}
	}
}

// TestMapOfFew: populations without two directions have a map all the same.
func TestMapOfFew(t *testing.T) {
	one := encoders.Member{Task: "t"}
	for name, c := range map[string]struct {
		members    []encoders.Member
		embeddings []float32
	}{
		"one":           {[]encoders.Member{one}, []float32{1, 2, 3}},
		"two":           {[]encoders.Member{one, one}, []float32{1, 2, 3, 4, 5, 6}},
		"all equal":     {[]encoders.Member{one, one, one}, []float32{1, 2, 1, 2, 1, 2}},
		"one dimension": {[]encoders.Member{one, one, one}, []float32{1, 2, 3}},
	} {
		m, err := NewMap(bundle(t, c.members, c.embeddings))
		if err != nil || len(m.Members) != len(c.members) {
			t.Errorf("%s: %v %+v", name, err, m)
			continue
		}
		if text, err := json.Marshal(m); err != nil {
			t.Errorf("%s: %v %s", name, err, text)
		}
	}
}

// TestMapIsBounded: of a large population every so many members are drawn, and
// the map says so.
func TestMapIsBounded(t *testing.T) {
	b := bundle(t, []encoders.Member{{}, {}}, []float32{0, 1, 2, 3})
	b.Reference.Members = make([]encoders.Member, 3*MaxMembers)
	b.Reference.Embeddings = make([]float32, 2*len(b.Reference.Members))
	for i := range b.Reference.Members {
		b.Reference.Members[i].Run = i
		b.Reference.Embeddings[2*i] = float32(i)
	}
	m, err := NewMap(b)
	if err != nil || len(m.Members) != MaxMembers || m.Reference != 3*MaxMembers || m.Members[MaxMembers-1].Run != 3*MaxMembers-3 {
		t.Errorf("%v: %d of %d, the last is run %d", err, len(m.Members), m.Reference, m.Members[len(m.Members)-1].Run)
	}
}
