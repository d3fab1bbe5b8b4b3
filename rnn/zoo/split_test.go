package zoo_test

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
)

// languages lists the tasks of the formal languages, [0, m1, m2, m3].
func languages() (all [][]float32) {
	for m1 := range 6 {
		for m2 := range 6 {
			for m3 := range 6 {
				all = append(all, []float32{0, float32(m1 - 3), float32(m2 - 3), float32(m3 - 3)})
			}
		}
	}
	return all
}

func count(parts map[zoo.TaskKey]zoo.Part) map[zoo.Part]int {
	n := map[zoo.Part]int{}
	for _, p := range parts {
		n[p]++
	}
	return n
}

// TestSplitShares: 15 % of the tasks each, rounded down; the rest is for training.
func TestSplitShares(t *testing.T) {
	family, err := tasks.Lookup("formal_languages")
	if err != nil {
		t.Fatal(err)
	}
	all := languages()
	parts := zoo.Split(all, family.Holdout, 1)
	if got, want := count(parts), map[zoo.Part]int{zoo.Train: 152, zoo.Validation: 32, zoo.OOD: 32}; !maps.Equal(got, want) {
		t.Errorf("parts of %v tasks, want %v", got, want)
	}
	lowest, highest := math.Inf(1), math.Inf(-1) // of the criterion, outside and inside of OOD
	for _, task := range all {
		switch c := family.Holdout(task); parts[zoo.Key(task)] {
		case zoo.OOD:
			lowest = min(lowest, c)
		case zoo.Train, zoo.Validation:
			highest = max(highest, c)
		default:
			t.Fatalf("task %v is in part %q", task, parts[zoo.Key(task)])
		}
	}
	if highest > lowest {
		t.Errorf("a task of criterion %v is held out, one of %v is not", lowest, highest)
	}
	if got := count(zoo.Split(all, nil, 1)); got[zoo.OOD] != 0 || got[zoo.Validation] != 32 || got[zoo.Train] != 184 {
		t.Errorf("without a criterion: parts of %v tasks", got)
	}
	if got := zoo.Split(nil, family.Holdout, 1); len(got) != 0 {
		t.Errorf("no tasks: %v", got)
	}
	if got := zoo.Split(all[:1], family.Holdout, 1); got[zoo.Key(all[0])] != zoo.Train {
		t.Errorf("one task: %v", got)
	}
}

// TestSplitDependsOnTasksAlone: not on their order, nor on how often each occurs.
func TestSplitDependsOnTasksAlone(t *testing.T) {
	flat := func([]float32) float64 { return 1 } // all are ties
	want := zoo.Split(languages(), flat, 5)
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		other := append(languages(), languages()[:r.IntN(216)]...)
		r.Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
		if got := zoo.Split(other, flat, 5); !maps.Equal(got, want) {
			t.Fatal("the split depends on the order of the tasks")
		}
	}
	// Ties are held out in the order of their keys.
	keys := slices.SortedFunc(maps.Keys(want), cmp.Compare[zoo.TaskKey])
	for i, k := range keys {
		if (want[k] == zoo.OOD) != (i < 32) {
			t.Errorf("task %q, number %d of the keys, is in part %s", k, i, want[k])
		}
	}
}

// TestSplitSeeds: the seed chooses validation tasks, never the OOD tasks.
func TestSplitSeeds(t *testing.T) {
	criterion := func(p []float32) float64 { return float64(p[1]) }
	a, b := zoo.Split(languages(), criterion, 1), zoo.Split(languages(), criterion, 2)
	moved := 0
	for k := range a {
		if (a[k] == zoo.OOD) != (b[k] == zoo.OOD) {
			t.Errorf("task %q is %s under one seed and %s under another", k, a[k], b[k])
		}
		if a[k] != b[k] {
			moved++
		}
	}
	if moved < 20 {
		t.Errorf("two seeds differ in %d tasks of 216", moved)
	}
}

// TestSplitIsStable: tasks that come later move few of the others.
func TestSplitIsStable(t *testing.T) {
	all := languages()
	r := rand.New(rand.NewPCG(3, 4))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	before, after := zoo.Split(all[:180], nil, 1), zoo.Split(all, nil, 1)
	moved := 0
	for k := range before {
		if before[k] != after[k] {
			moved++
		}
	}
	if moved > 15 {
		t.Errorf("36 new tasks moved %d of 180", moved)
	}
}

func TestKey(t *testing.T) {
	seen := map[zoo.TaskKey][]float32{}
	for _, p := range append(languages(), []float32{}, []float32{1}, []float32{12}, []float32{1, 2}, []float32{170.48466}, []float32{170.48468}) {
		if other, dup := seen[zoo.Key(p)]; dup {
			t.Errorf("%v and %v share the key %q", p, other, zoo.Key(p))
		}
		seen[zoo.Key(p)] = p
	}
}
