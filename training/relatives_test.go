package training

import (
	"math"
	"testing"

	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
)

// TestRelativeLosses: an RNN whose relative is its own copy has no loss but that of
// the stored half precision; others have one.
func TestRelativeLosses(t *testing.T) {
	d, err := loadZoo(tinyZoo(t))
	if err != nil {
		t.Fatal(err)
	}
	apart, err := d.relativeLosses(2)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range d.parts[zoo.Validation] {
		e.run += 1000
		d.parts[zoo.Train] = append(d.parts[zoo.Train], e)
	}
	copied, err := d.relativeLosses(1)
	if err != nil {
		t.Fatal(err)
	}
	for part, loss := range apart {
		if !(loss > 0.01 && loss < 1) {
			t.Errorf("%s: relatives of other initial weights have the loss %v", part, loss)
		}
	}
	if loss := copied[zoo.Validation]; !(math.Abs(float64(loss)) < 1e-3) {
		t.Errorf("copies have the loss %v", loss)
	}
}

// TestNearestRun: angles are compared around the circle, and of equally near runs
// the first is taken.
func TestNearestRun(t *testing.T) {
	turned := map[int][]float32{0: {5}, 1: {180}, 2: {350}, 3: {100}, 4: {260}}
	family, err := tasks.Lookup("sequential_mnist")
	if err != nil {
		t.Fatal(err)
	}
	circle := (&dataset{family: family}).ranges()
	for run, want := range map[int]int{0: 2, 2: 0, 1: 3} {
		if got := nearestRun(turned, circle, run); got != want {
			t.Errorf("nearest to run %d of %v is %d, not %d", run, turned, got, want)
		}
	}
	counted := map[int][]float32{0: {0, -3}, 1: {1, -3}, 2: {0, 2}}
	if got := nearestRun(counted, nil, 2); got != 0 {
		t.Errorf("nearest to run 2 of %v is %d, not 0", counted, got)
	}
}
