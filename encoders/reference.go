package encoders

import (
	"fmt"
	"math"
	"slices"

	"rnnrep/rnn"
)

// Reference is the population that embeddings are compared with: snapshots of
// the zoo's training tasks.
type Reference struct {
	Members    []Member
	Embeddings []float32 // [len(Members), Dim], unit rows
	Distances  []float32 // of every member from its neighbours in other runs, ascending
}

// Member is one snapshot of the reference population.
type Member struct {
	Run      int     `json:"run"`
	Step     int     `json:"step"`
	Accuracy float64 `json:"accuracy"`
	Task     string  `json:"task"`
}

const (
	neighboursShown = 5
	// neighboursMeant is how many the distance from a population is a mean over.
	neighboursMeant = 5
	// outside is the quantile of distances beyond which an RNN does not count
	// as one of the population.
	outside = 0.99
	// smallestDistance is what rounding alone makes of equal embeddings.
	smallestDistance = 1e-7
)

// NewReference computes the members' own distances.
func NewReference(members []Member, embeddings []float32, dim int) *Reference {
	r := &Reference{Members: members, Embeddings: embeddings}
	for i, m := range members {
		near := r.nearest(embeddings[i*dim:(i+1)*dim], neighboursMeant, func(j int) bool { return members[j].Run != m.Run })
		r.Distances = append(r.Distances, float32(meanDistance(near)))
	}
	slices.Sort(r.Distances)
	return r
}

type found struct {
	member   int
	distance float64
}

// nearest returns the n members nearest to z among those that count.
func (r *Reference) nearest(z []float32, n int, counts func(member int) bool) []found {
	var best []found
	worst := math.Inf(1) // squared distance of the last of n
	for i := range r.Members {
		if counts != nil && !counts(i) {
			continue
		}
		row, sum := r.Embeddings[i*len(z):(i+1)*len(z)], 0.0
		for j := 0; j < len(row) && sum < worst; { // most are too far long before the end
			for end := min(j+8, len(row)); j < end; j++ {
				d := float64(row[j] - z[j])
				sum += d * d
			}
		}
		if sum >= worst {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, sum, func(f found, d float64) int {
			if f.distance <= d {
				return -1
			}
			return 1
		})
		best = slices.Insert(best, at, found{i, sum})
		if best = best[:min(n, len(best))]; len(best) == n {
			worst = best[n-1].distance
		}
	}
	for i := range best {
		best[i].distance = math.Sqrt(best[i].distance)
	}
	return best
}

func meanDistance(near []found) float64 {
	var sum float64
	for _, f := range near {
		sum += f.distance / float64(len(near))
	}
	return sum
}

// trust compares an RNN of spec s at embedding z with the population. intervals says
// what those of RNNs that a mixed zoo does not know are.
func (r *Reference) trust(family string, trained Acceptance, intervals string, s rnn.Spec, z []float32) (Trust, []found) {
	near := r.nearest(z, max(neighboursMeant, neighboursShown), nil)
	distance := meanDistance(near[:min(len(near), neighboursMeant)])
	below, _ := slices.BinarySearch(r.Distances, float32(distance))
	t := Trust{DistanceQuantile: float64(below) / float64(max(1, len(r.Distances)))}
	same := trained.Knows(s)
	t.InPopulation = same && t.DistanceQuantile <= outside
	typical := max(float64(r.Distances[len(r.Distances)/2]), smallestDistance)
	switch {
	case !same && trained.Shapes != nil:
		t.Note = fmt.Sprintf("This RNN is %s; the bundle was trained on %v. Its numbers are extrapolations, and %s.", s, trained.Shapes, intervals)
	case !same:
		t.Note = fmt.Sprintf("This RNN is %s; the bundle was trained on %s of %s alone. Its numbers are extrapolations, the task is one of that family whatever this RNN does, and the intervals' level does not hold.", s, trained.TrainedOn, family)
	case !t.InPopulation:
		t.Note = fmt.Sprintf("The embedding lies %.1f times as far from its neighbours as is usual in the population, farther than %.1f %% of it: the numbers are extrapolations.", distance/typical, 100*t.DistanceQuantile)
	}
	if !same && t.DistanceQuantile > outside {
		t.Note += fmt.Sprintf(" Its embedding, too, is unlike the population's: %.1f times the usual distance from its neighbours.", distance/typical)
	}
	return t, near[:min(len(near), neighboursShown)]
}
