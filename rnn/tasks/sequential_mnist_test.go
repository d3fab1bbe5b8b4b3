package tasks

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"rnnrep/internal/half"
	"rnnrep/internal/mnist"
	"rnnrep/internal/npy"
	"rnnrep/internal/rng"
)

// TestRotationAgainstTorch compares with torchvision: testdata/make_rotations.py.
func TestRotationAgainstTorch(t *testing.T) {
	data, err := os.ReadFile("testdata/rotations.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Torchvision string
		Rotations   []struct {
			Angle   float64
			Sources []byte
		}
		Digits []struct {
			Angle  float64
			Image  int
			Inputs []byte
		}
	}
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	if f.Torchvision == "" || len(f.Rotations) < 50 || len(f.Digits) != 6 {
		t.Fatalf("torchvision %q, %d rotations, %d digits", f.Torchvision, len(f.Rotations), len(f.Digits))
	}
	for _, r := range f.Rotations {
		wrong := 0
		for pixel, got := range rotationSources(28, float64(float32(r.Angle))) { // torchvision draws the angle as a float32
			if got != int(int16(binary.LittleEndian.Uint16(r.Sources[2*pixel:]))) {
				wrong++
			}
		}
		if wrong > 0 {
			t.Errorf("%v°: %d of 784 pixels differ", r.Angle, wrong)
		}
	}
	for _, d := range f.Digits {
		task := newRotatedDigits(float32(d.Angle))
		got := make([]float32, tilePixels)
		for step := range digitSteps {
			task.tile(got, d.Image, step)
			for i, v := range got {
				want := math.Float32frombits(binary.LittleEndian.Uint32(d.Inputs[4*(step*tilePixels+i):]))
				if math.Abs(float64(v-want)) > 2e-7 {
					t.Fatalf("digit %d at %v°, step %d, input %d: %v, want %v", d.Image, d.Angle, step, i, v, want)
				}
			}
		}
	}
}

// TestPublishedDigits: sequences that the published generator stored are those
// of training images at its angle.
func TestPublishedDigits(t *testing.T) {
	f, err := os.Open("testdata/published_digits.npy")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	a, err := npy.NewReader(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	stored := make([]float32, a.Len())
	if err := npy.Read(a, stored); err != nil {
		t.Fatal(err)
	}
	task := newRotatedDigits(170.48465967178345)
	var rounded [256]float32
	for i, l := range levels {
		rounded[i] = half.To(half.From(l))
	}
	matches := func(sequence []float32, image int) bool {
		pixels := mnist.Images()[image*mnist.Pixels:]
		for i, source := range task.sources {
			level := byte(0)
			if source >= 0 {
				level = pixels[source]
			}
			if rounded[level] != sequence[tilePixels+i] {
				return false
			}
		}
		return true
	}
	for sequence := range slices.Chunk(stored, digitSteps*tilePixels) {
		found := slices.ContainsFunc(digitParts().training, func(image int) bool { return matches(sequence, image) })
		if !found || slices.ContainsFunc(sequence[:tilePixels], func(v float32) bool { return v != 0 }) {
			t.Errorf("a stored sequence is none of a training image at %v°", task.angle)
		}
	}
}

// TestDigitParts: the published split of the training set.
func TestDigitParts(t *testing.T) {
	p := digitParts()
	if len(p.training) != 47998 || len(p.validation) != 12002 {
		t.Errorf("%d images for training and %d for validation, published 47998 and 12002", len(p.training), len(p.validation))
	}
	seen := map[int]bool{}
	for _, image := range p.scored {
		if _, found := slices.BinarySearch(p.training, image); !found || seen[image] {
			t.Fatalf("image %d is scored twice or not in the training part", image)
		}
		seen[image] = true
	}
	if len(seen) != 12000 {
		t.Errorf("%d images are scored", len(seen))
	}
	all := slices.Concat(p.training, p.validation)
	slices.Sort(all)
	for i, image := range all {
		if i != image {
			t.Fatalf("image %d is in both parts or in none", i)
		}
	}
}

func TestDigitBatch(t *testing.T) {
	task := newRotatedDigits(90)
	b := task.Batch(3)
	task.Fill(rng.Stream(1, "test", 0), b)
	if b.Steps != 50 || len(b.Inputs) != 50*3*16 || len(b.Targets) != 50*3 || b.Tokens != nil || b.Values != nil {
		t.Fatalf("batch of %d steps, %d inputs, %d targets", b.Steps, len(b.Inputs), len(b.Targets))
	}
	r := rng.Stream(1, "test", 0)
	for s := range 3 {
		image := digitParts().training[r.IntN(47998)]
		// A quarter turn counter-clockwise: pixel (y, x) shows (x, 27-y).
		for y := range mnist.Side {
			for x := range mnist.Side {
				step, input := 1+y/4*7+x/4, y%4*4+x%4
				want := levels[mnist.Images()[image*mnist.Pixels+x*mnist.Side+27-y]]
				if got := b.Inputs[(step*3+s)*16+input]; got != want {
					t.Fatalf("sequence %d, pixel (%d, %d) is %v, want %v", s, y, x, got, want)
				}
			}
		}
		for step := range 50 {
			if b.Targets[step*3+s] != int32(mnist.Labels()[image]) {
				t.Errorf("sequence %d: target %d, the digit is %d", s, b.Targets[step*3+s], mnist.Labels()[image])
			}
		}
	}
	if n := testing.AllocsPerRun(5, func() { task.Fill(r, b) }); n != 0 {
		t.Errorf("Fill makes %v allocations", n)
	}
}

// TestDigitAnglesAreHeldOutOnBothSides: the held-out angles lie around 0.
func TestDigitAnglesAreHeldOutOnBothSides(t *testing.T) {
	h := sequentialMNIST{}.Holdout
	if h([]float32{1}) <= h([]float32{40}) || h([]float32{359}) <= h([]float32{320}) || math.Abs(h([]float32{10})-h([]float32{350})) > 1e-6 {
		t.Error("the criterion is not highest on both sides of 0")
	}
}

// guesser is a Runner that puts out the same logits for every input.
type guesser struct {
	n      int
	logits []float32
}

func (g *guesser) Reset(n int)             { g.n = n }
func (g *guesser) Step([]int32, []float32) { panic("tokens") }
func (g *guesser) StepInputs(_, logits []float32) {
	for i := range g.n {
		copy(logits[i*len(g.logits):], g.logits)
	}
}

// TestDigitScore: losses of a constant guess follow from the counts of digits.
func TestDigitScore(t *testing.T) {
	g := &guesser{logits: []float32{0, 1, 0, 0.5, 0, 0, 0, 0, 0, -1}}
	got := newRotatedDigits(200).Score(nil, g)
	expect := func(images []int) (loss, accuracy float64) {
		var total float64
		for _, v := range g.logits {
			total += math.Exp(float64(v))
		}
		for _, image := range images {
			label := mnist.Labels()[image]
			loss += math.Log(total) - float64(g.logits[label])
			if label == 1 {
				accuracy++
			}
		}
		return loss / float64(len(images)), accuracy / float64(len(images))
	}
	train, _ := expect(digitParts().scored)
	validation, accuracy := expect(digitParts().validation)
	for name, want := range map[string]float64{"accuracy": accuracy, "train_loss": train, "validation_loss": validation, "generalization_gap": validation - train} {
		if math.Abs(got[name]-want) > 1e-6 {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}
