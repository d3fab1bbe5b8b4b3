package encoders

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// unitRows draws n unit vectors, some of them twice.
func unitRows(r *rand.Rand, n, dim int) []float32 {
	rows := make([]float32, n*dim)
	for i := range n {
		row := rows[i*dim : (i+1)*dim]
		if i > 0 && i%7 == 0 {
			copy(row, rows[(i-1)*dim:])
			continue
		}
		var square float64
		for j := range row {
			row[j] = float32(r.NormFloat64())
			square += float64(row[j]) * float64(row[j])
		}
		for j := range row {
			row[j] /= float32(math.Sqrt(square))
		}
	}
	return rows
}

// newTestReference has runs of three snapshots each.
func newTestReference(n, dim int) *Reference {
	members := make([]Member, n)
	for i := range members {
		members[i] = Member{Run: i / 3, Step: i % 3, Accuracy: float64(i), Task: "t"}
	}
	return NewReference(members, unitRows(rng.Stream(1, "reference", 0), n, dim), dim)
}

// bruteForce sorts all members that count by distance, ties by index.
func bruteForce(r *Reference, z []float32, n int, counts func(int) bool) (best []found) {
	for i := range r.Members {
		if !counts(i) {
			continue
		}
		var sum float64
		for j, x := range z {
			sum += math.Pow(float64(r.Embeddings[i*len(z)+j])-float64(x), 2)
		}
		best = append(best, found{i, math.Sqrt(sum)})
	}
	slices.SortStableFunc(best, func(a, b found) int { return cmp.Compare(a.distance, b.distance) })
	return best[:min(n, len(best))]
}

func TestNearest(t *testing.T) {
	const n, dim = 60, 4
	r := newTestReference(n, dim)
	queries := append(unitRows(rng.Stream(2, "queries", 0), 40, dim), r.Embeddings...)
	for q := 0; q < len(queries); q += dim {
		z := queries[q : q+dim]
		for name, counts := range map[string]func(int) bool{
			"all": func(int) bool { return true }, "odd": func(i int) bool { return i%2 == 1 }, "two": func(i int) bool { return i < 2 }, "none": func(int) bool { return false },
		} {
			for _, many := range []int{1, 5, n + 1} {
				got, want := r.nearest(z, many, counts), bruteForce(r, z, many, counts)
				if len(got) != len(want) {
					t.Fatalf("%s: %d found, want %d", name, len(got), len(want))
				}
				for i := range want {
					if got[i].member != want[i].member || math.Abs(got[i].distance-want[i].distance) > 1e-6 {
						t.Fatalf("%s: neighbour %d is %v, want %v", name, i, got[i], want[i])
					}
				}
			}
		}
	}
}

// TestOwnRunExcluded: a member's distance is from members of other runs, though
// those of its own lie nearer.
func TestOwnRunExcluded(t *testing.T) {
	const n, dim = 60, 4
	r := newTestReference(n, dim)
	var want []float32
	for i, m := range r.Members {
		near := bruteForce(r, r.Embeddings[i*dim:(i+1)*dim], neighboursMeant, func(j int) bool { return r.Members[j].Run != m.Run })
		var mean float64
		for _, f := range near {
			mean += f.distance / neighboursMeant
		}
		want = append(want, float32(mean))
	}
	slices.Sort(want)
	for i, w := range want {
		if math.Abs(float64(r.Distances[i]-w)) > 1e-6 {
			t.Fatalf("distance %d is %v, want %v", i, r.Distances[i], w)
		}
	}
}

// circle is a population evenly on the circle, so that every member has the
// same distance from its neighbours, and how far that is.
func circle(n int) *Reference {
	var members []Member
	var rows []float32
	for i := range n {
		a := 2 * math.Pi * float64(i) / float64(n)
		members = append(members, Member{Run: i, Task: "t"})
		rows = append(rows, float32(math.Cos(a)), float32(math.Sin(a)))
	}
	return NewReference(members, rows, 2)
}

func TestTrust(t *testing.T) {
	trained, other := rnn.Uniform("lstm", 3, 4, 2, 5), rnn.Uniform("gru", 3, 4, 1, 5)
	r := circle(100)
	near, far := []float32{1, 0}, []float32{2, 0}
	for _, c := range []struct {
		name         string
		spec         rnn.Spec
		z            []float32
		inPopulation bool
		quantile     float64
		note         []string
	}{
		{"near", trained, near, true, 0, nil},
		{"far", trained, far, false, 1, []string{"times as far", "100.0 %", "extrapolations"}},
		{"another spec", other, near, false, 0, []string{other.String(), trained.String(), "languages", "level does not hold"}},
		{"another spec, far", other, far, false, 1, []string{other.String(), "embedding, too", "times the usual"}},
	} {
		got, neighbours := r.trust("languages", Acceptance{TrainedOn: trained}, "", c.spec, c.z)
		if got.InPopulation != c.inPopulation || got.DistanceQuantile != c.quantile || (got.Note == "") != (c.note == nil) {
			t.Errorf("%s: %+v", c.name, got)
		}
		for _, part := range c.note {
			if !strings.Contains(got.Note, part) {
				t.Errorf("%s: the note %q does not say %q", c.name, got.Note, part)
			}
		}
		if len(neighbours) != neighboursShown || neighbours[0].member != 0 {
			t.Errorf("%s: neighbours are %v", c.name, neighbours)
		}
	}
	// The usual distance is that of two members one step of the circle away, two
	// at two steps and one at three: 1.8 steps. From (2, 0) they are about 1 away.
	got, _ := r.trust("languages", Acceptance{TrainedOn: trained}, "", trained, far)
	if ratio := fmt.Sprintf("%.1f times", 1.004/(1.8*2*math.Pi/100)); !strings.Contains(got.Note, ratio) {
		t.Errorf("the note %q does not say %s", got.Note, ratio)
	}
}

// TestQuantile: the share of the population that lies nearer to its neighbours.
func TestQuantile(t *testing.T) {
	const n, dim = 60, 4
	r, spec := newTestReference(n, dim), rnn.Uniform("lstm", 3, 4, 2, 5)
	z := unitRows(rng.Stream(3, "queries", 0), 20, dim)
	for q := range 20 {
		row := z[q*dim : (q+1)*dim]
		distance := float32(meanDistance(bruteForce(r, row, neighboursMeant, func(int) bool { return true })))
		below := 0
		for _, d := range r.Distances {
			if d < distance {
				below++
			}
		}
		got, _ := r.trust("", Acceptance{TrainedOn: spec}, "", spec, row)
		if want := float64(below) / n; math.Abs(got.DistanceQuantile-want) > 1.0/n+1e-9 {
			t.Errorf("quantile %v, want %v", got.DistanceQuantile, want)
		}
		if got.InPopulation != (got.DistanceQuantile <= outside) {
			t.Errorf("%+v", got)
		}
	}
}

// TestTinyReference: one run, one member and equal embeddings give finite
// numbers and words.
func TestTinyReference(t *testing.T) {
	spec := rnn.Uniform("lstm", 3, 4, 2, 5)
	for name, r := range map[string]*Reference{
		"one member": NewReference([]Member{{Run: 1}}, []float32{1, 0}, 2),
		"one run":    NewReference([]Member{{Run: 1}, {Run: 1, Step: 1}}, []float32{1, 0, 0, 1}, 2),
		"all equal":  NewReference([]Member{{Run: 1}, {Run: 2}}, []float32{1, 0, 1, 0}, 2),
	} {
		for _, z := range [][]float32{{1, 0}, {0, 1}} {
			got, near := r.trust("languages", Acceptance{TrainedOn: spec}, "", spec, z)
			if math.IsNaN(got.DistanceQuantile) || strings.Contains(got.Note, "Inf") || strings.Contains(got.Note, "NaN") || len(near) != len(r.Members) {
				t.Errorf("%s: %+v, neighbours %v", name, got, near)
			}
		}
	}
}
