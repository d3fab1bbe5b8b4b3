package tasks

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"rnnrep/internal/rng"
)

// allLanguages lists the 216 tasks of the family.
func allLanguages() (all []language) {
	for m1 := minOffset; m1 <= maxOffset; m1++ {
		for m2 := minOffset; m2 <= maxOffset; m2++ {
			for m3 := minOffset; m3 <= maxOffset; m3++ {
				all = append(all, language{0, m1, m2, m3})
			}
		}
	}
	return all
}

// spell is the string of l for n, letter by letter, without markers.
func spell(l language, n int) (s []int32) {
	for letter, m := range l {
		for range n + m {
			s = append(s, int32(letter))
		}
	}
	return s
}

func TestSmallestN(t *testing.T) {
	for _, l := range allLanguages() {
		n := l.minN()
		for _, m := range l {
			if n+m < 0 {
				t.Errorf("%s: n = %d leaves %d letters", l, n, n+m)
			}
		}
		if n > 0 && min(n-1+l[1], n-1+l[2], n-1+l[3]) >= 0 {
			t.Errorf("%s: n = %d would do, minN is %d", l, n-1, n)
		}
	}
	if got := len(allLanguages()); got != 216 {
		t.Errorf("%d languages, the paper has 216", got)
	}
}

// TestAcceptance: the strict check takes the language's strings and nothing
// else; the published one, counts only, takes every order of them.
func TestAcceptance(t *testing.T) {
	check := func(l language, tokens []int32, strict, counts bool) {
		t.Helper()
		if s, c := l.accepts(tokens); s != strict || c != counts {
			t.Errorf("%s: %v is accepted: %v, by counts: %v; want %v, %v", l, tokens, s, c, strict, counts)
		}
	}
	for _, l := range allLanguages() {
		for n := l.minN(); n <= longestN; n++ {
			s := spell(l, n)
			if len(s) != l.length(n) {
				t.Fatalf("%s: length(%d) is %d, the string has %d letters", l, n, l.length(n), len(s))
			}
			ended := append(slices.Clone(s), end)
			check(l, ended, true, true)
			check(l, append(slices.Clone(ended), 3, 0, begin), true, true) // what follows the end does not count
			check(l, s, false, false)                                      // unfinished
			for i := range len(s) - 1 {
				if s[i] != s[i+1] {
					swapped := slices.Clone(ended)
					swapped[i], swapped[i+1] = s[i+1], s[i]
					check(l, swapped, false, true)
				}
			}
			for letter := range int32(letters) {
				more := append(slices.Clone(s), letter, end)
				check(l, more, false, false)
			}
			if len(s) > 0 {
				check(l, ended[1:], false, false) // a letter too few
				check(l, slices.Insert(slices.Clone(ended), len(s)/2, begin), false, true)
			}
		}
	}
}

// TestBatch: every sequence is the begin marker, a string of the language and
// end markers; the targets are the tokens that follow.
func TestBatch(t *testing.T) {
	const size = 500
	r := rng.Stream(1, "test", 0)
	for _, l := range allLanguages() {
		b := l.Batch(size)
		if b.Steps != 42 || b.Size != size {
			t.Fatalf("%d steps of %d sequences, want 42 of %d", b.Steps, b.Size, size)
		}
		l.Fill(r, b)
		var seen [maxN + 1]int
		for s := range size {
			n := 0
			for n < 42 && b.Tokens[(n+1)*size+s] == 0 {
				n++
			}
			want := append([]int32{begin}, spell(l, n)...)
			for len(want) <= 42 {
				want = append(want, end)
			}
			for step := range 42 {
				if b.Tokens[step*size+s] != want[step] || b.Targets[step*size+s] != want[step+1] {
					t.Fatalf("%s, n = %d, step %d: token %d, target %d, want %d, %d", l, n, step,
						b.Tokens[step*size+s], b.Targets[step*size+s], want[step], want[step+1])
				}
			}
			seen[n]++
		}
		// Each n is drawn with probability 1/choices: 500 draws, six standard deviations.
		choices := float64(maxN - l.minN() + 1)
		mean, spread := size/choices, math.Sqrt(size/choices*(1-1/choices))
		for n, count := range seen {
			if n < l.minN() && count > 0 || n >= l.minN() && math.Abs(float64(count)-mean) > 6*spread {
				t.Errorf("%s: n = %d was drawn %d times of %d, want %.0f", l, n, count, size, mean)
			}
		}
	}
}

// TestGoldenBatch: a stored zoo can be made again only while seeds give these.
func TestGoldenBatch(t *testing.T) {
	var drawn []string
	for i := range uint64(4) {
		drawn = append(drawn, formalLanguages{}.Draw(rng.Stream(1, "zoo task", i)).String())
	}
	want := []string{"a^n b^(n+1) c^(n+1) d^n", "a^n b^(n-3) c^(n-3) d^(n-1)", "a^n b^(n-1) c^n d^n", "a^n b^(n+2) c^(n-2) d^(n-1)"}
	if !slices.Equal(drawn, want) {
		t.Errorf("tasks %q, want %q", drawn, want)
	}
	l := language{0, 1, -2, 0}
	b := l.Batch(32)
	r := rng.Stream(1, "zoo batches", 0)
	l.Fill(r, b)
	l.Fill(r, b)
	sum := sha256.New()
	for _, ids := range [][]int32{b.Tokens, b.Targets} {
		if err := binary.Write(sum, binary.LittleEndian, ids); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := fmt.Sprintf("%x", sum.Sum(nil)[:8]), "350343586ef22e3c"; got != want {
		t.Errorf("the second batch hashes to %s, want %s", got, want)
	}
}

// TestPublishedRecipe compares with the published generator's settings.
func TestPublishedRecipe(t *testing.T) {
	r := formalLanguages{}.Recipe()
	if r.Steps != 20000 || r.Batch != 32 || !slices.Equal(r.WeightDecay, []float64{1e-4}) || r.Rollouts != 100 ||
		!slices.Equal(r.Snapshots, []int{0, 100, 200, 500, 1000, 2000, 5000, 10000, 20000}) ||
		!slices.Equal(r.Rates, []Rate{{0, 0.01}, {10000, 0.003}, {20000, 0.0003}}) {
		t.Errorf("recipe %+v", r)
	}
}

// TestHoldoutIsFlattest: the highest criterion belongs to the flattest offsets.
func TestHoldoutIsFlattest(t *testing.T) {
	h := formalLanguages{}.Holdout
	if got, want := h([]float32{0, 0, 0, 0}), math.Log(4); math.Abs(got-want) > 1e-12 {
		t.Errorf("entropy of equal offsets is %v, want ln 4", got)
	}
	// Shifted to start at 1 they are (1, 2, 1, 4)/8: 1.75 bits.
	if got, want := h([]float32{-2, -1, -2, 1}), 1.75*math.Ln2; math.Abs(got-want) > 1e-12 {
		t.Errorf("entropy is %v, want %v", got, want)
	}
}

// table is a Runner whose logits depend on the last token and the step alone.
type table struct {
	n, step int
	logit   func(step int, token, next int32) float32
}

func (m *table) Reset(n int) { m.n, m.step = n, 0 }

func (m *table) StepInputs(_, _ []float32) { panic("real inputs") }

func (m *table) Step(tokens []int32, logits []float32) {
	for i, t := range tokens {
		for next := range int32(vocabulary) {
			logits[i*vocabulary+int(next)] = m.logit(m.step, t, next)
		}
	}
	m.step++
}

// TestLosses computes train_loss and generalization_gap string by string.
func TestLosses(t *testing.T) {
	logit := func(step int, token, next int32) float32 {
		return float32(math.Sin(float64(step)*0.7 + float64(token)*1.3 + float64(next)*2.1))
	}
	mean := func(l language, low, high int) float64 {
		var sum float64
		count := 0
		for n := low; n <= high; n++ {
			token := int32(begin)
			for step, next := range append(spell(l, n), end) {
				var total float64
				for other := range int32(vocabulary) {
					total += math.Exp(float64(logit(step, token, other)))
				}
				sum += math.Log(total) - float64(logit(step, token, next))
				count++
				token = next
			}
		}
		return sum / float64(count)
	}
	for _, l := range []language{{0, 0, 0, 0}, {0, -3, 2, 1}, {0, 2, 2, 2}} {
		got := l.Score(rng.Stream(1, "test", 0), &table{logit: logit})
		train := mean(l, l.minN(), 9)
		gap := mean(l, 10, 14) - train
		if math.Abs(got["train_loss"]-train) > 1e-6 || math.Abs(got["generalization_gap"]-gap) > 1e-6 {
			t.Errorf("%s: losses %v, want train_loss %v, generalization_gap %v", l, got, train, gap)
		}
	}
}

// oracle is a Runner that puts out strings of the language, or their letters in
// any order.
type oracle struct {
	language language
	last     int // the greatest n
	shuffled bool
	strings  [][]int32
	at       int
}

func (o *oracle) Reset(n int) {
	o.strings, o.at = nil, 0
	r := rng.Stream(2, "oracle", uint64(n))
	for range n {
		s := spell(o.language, o.language.minN()+r.IntN(o.last-o.language.minN()+1))
		if o.shuffled {
			r.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
		}
		o.strings = append(o.strings, append(s, end))
	}
}

func (o *oracle) StepInputs(_, _ []float32) { panic("real inputs") }

func (o *oracle) Step(_ []int32, logits []float32) {
	for i, s := range o.strings {
		row := logits[i*vocabulary : (i+1)*vocabulary]
		for j := range row {
			row[j] = -50
		}
		row[s[min(o.at, len(s)-1)]] = 50
	}
	o.at++
}

// TestAccuracies: an RNN that speaks the language is right; one that shuffles
// the letters is right by counts alone; one that never ends is never right.
func TestAccuracies(t *testing.T) {
	l := language{0, 2, -1, 1}
	score := func(m Runner) Metrics { return l.Score(rng.Stream(1, "test", 0), m) }
	if m := score(&oracle{language: l, last: maxN - 1}); m["accuracy"] != 1 || m["accuracy_counts"] != 1 {
		t.Errorf("a perfect speaker scores %v", m)
	}
	if m := score(&oracle{language: l, last: maxN - 1, shuffled: true}); m["accuracy"] > 0.1 || m["accuracy_counts"] != 1 {
		t.Errorf("a speaker of shuffled strings scores %v", m)
	}
	if m := score(&table{logit: func(int, int32, int32) float32 { return 0 }}); m["accuracy"] > 0.1 || math.Abs(m["train_loss"]-math.Log(6)) > 1e-6 || math.Abs(m["generalization_gap"]) > 1e-6 {
		t.Errorf("a speaker of random letters scores %v, want losses of ln 6", m)
	}
	silent := &table{logit: func(_ int, _, next int32) float32 {
		if next == end {
			return -100
		}
		return 0
	}}
	if m := score(silent); m["accuracy"] != 0 || m["accuracy_counts"] != 0 {
		t.Errorf("a speaker that never ends scores %v", m)
	}
}

// TestRolloutsSample: tokens follow the logits, which are log-probabilities, and
// are fed back.
func TestRolloutsSample(t *testing.T) {
	weights := []float64{1, 2, 3, 4, 5, 6}
	fed := map[int32]bool{}
	m := &table{logit: func(_ int, token, next int32) float32 {
		fed[token] = true
		return float32(math.Log(weights[next])) + float32(token)
	}}
	const count = 300
	out := language{}.Rollouts(rng.Stream(3, "test", 0), m, count)
	if len(out.Tokens) != count*42 || len(out.Logits) != count*42*vocabulary {
		t.Fatalf("%d tokens, %d logits", len(out.Tokens), len(out.Logits))
	}
	var seen [vocabulary]float64
	for i, token := range out.Tokens {
		if i%42 == 0 {
			if token != begin {
				t.Fatalf("sequence %d begins with %d", i/42, token)
			}
			continue
		}
		seen[token]++
	}
	const draws = count * 41
	for token, n := range seen {
		p := weights[token] / 21
		if math.Abs(n-draws*p) > 5*math.Sqrt(draws*p*(1-p)) {
			t.Errorf("token %d was drawn %v times of %d, want %.0f", token, n, draws, draws*p)
		}
		if !fed[int32(token)] {
			t.Errorf("token %d was never fed", token)
		}
	}
	for i := range count * 42 {
		for next, w := range weights {
			if got, want := float64(out.Logits[i*vocabulary+next]), math.Log(w/21); math.Abs(got-want) > 1e-5 {
				t.Fatalf("log-probability of %d is %v, want %v", next, got, want)
			}
		}
	}
}

func TestSampleIsSafeAtTheEnd(t *testing.T) {
	// Probabilities that sum to less than one by rounding.
	row := []float32{-100, float32(math.Log(0.5)), float32(math.Log(0.4999))}
	r := rand.New(rand.NewPCG(1, 1))
	for range 100000 {
		if got := sample(r, row); got != 1 && got != 2 {
			t.Fatalf("sampled %d", got)
		}
	}
}
