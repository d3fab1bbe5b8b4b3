package tasks

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

func init() { register(formalLanguages{}) }

// The languages' alphabet: a to d, then the two markers (published generator).
const (
	letters    = 4
	begin      = 4
	end        = 5 // and padding
	vocabulary = 6
)

// Ranges of the published generator (paper, section 5 and its code): offsets
// from -3 to 2, n below 10, sequences of 42 tokens with the begin marker.
const (
	minOffset      = -3
	maxOffset      = 2
	maxN           = 9
	sequenceLength = 42
	scoredStrings  = 1000
	longestN       = 14 // of the strings longer than any in training
)

// formalLanguages are a^n b^(n+m1) c^(n+m2) d^(n+m3) with m from -3 to 2.
type formalLanguages struct{}

func (formalLanguages) Name() string { return "formal_languages" }
func (formalLanguages) IO() IO {
	return IO{Inputs: vocabulary, Outputs: vocabulary, Length: sequenceLength, Samples: true}
}

func (formalLanguages) Recipe() Recipe {
	return publishedRecipe([]float64{1e-4}, "accuracy", "accuracy_counts", "train_loss", "generalization_gap")
}

func (formalLanguages) Draw(r *rand.Rand) Task {
	var l language
	for i := 1; i < letters; i++ {
		l[i] = minOffset + r.IntN(maxOffset-minOffset+1)
	}
	return l
}

func (formalLanguages) Parse(params []float32) (Task, error) {
	var l language
	if len(params) != letters || params[0] != 0 {
		return nil, fmt.Errorf("formal_languages: task %v is not [0, m1, m2, m3]", params)
	}
	for i, p := range params {
		if l[i] = int(p); float32(l[i]) != p || l[i] < minOffset || l[i] > maxOffset {
			return nil, fmt.Errorf("formal_languages: offset %v is not a whole number from %d to %d", p, minOffset, maxOffset)
		}
	}
	return l, nil
}

// Holdout is the entropy of the offsets, shifted to start at 1 and normalised:
// the flattest languages are held out, as in the published code.
func (formalLanguages) Holdout(params []float32) float64 {
	low := params[0]
	var sum float64
	for _, p := range params {
		low = min(low, p)
	}
	for _, p := range params {
		sum += float64(1 + p - low)
	}
	var entropy float64
	for _, p := range params {
		q := float64(1+p-low) / sum
		entropy -= q * math.Log(q)
	}
	return entropy
}

// language holds the offsets of a, b, c and d; a's is 0.
type language [letters]int

// Params returns the offsets, [0, m1, m2, m3].
func (l language) Params() []float32 {
	p := make([]float32, letters)
	for i, m := range l {
		p[i] = float32(m)
	}
	return p
}

// String is the usual notation, "a^n b^(n+1) c^(n-2) d^n".
func (l language) String() string {
	parts := make([]string, letters)
	for i, m := range l {
		exponent := "n"
		if m != 0 {
			exponent = fmt.Sprintf("(n%+d)", m)
		}
		parts[i] = string(rune('a'+i)) + "^" + exponent
	}
	return strings.Join(parts, " ")
}

// minN is the smallest n for which no letter occurs a negative number of times.
func (l language) minN() int { return max(0, -min(l[1], l[2], l[3])) }

// token is the i-th token of the string for n, the begin marker being token 0.
func (l language) token(n, i int) int32 {
	if i == 0 {
		return begin
	}
	for letter, m := range l {
		if i <= n+m {
			return int32(letter)
		}
		i -= n + m
	}
	return end
}

// length is the number of letters of the string for n.
func (l language) length(n int) int { return letters*n + l[1] + l[2] + l[3] }

// Batch makes a batch of n sequences of 42 steps.
func (l language) Batch(n int) *Batch {
	return newBatch(formalLanguages{}.IO(), sequenceLength, n)
}

// Fill draws strings with n uniform between minN and 9. Each step's target is
// the token that follows; behind the string comes the end marker for good.
func (l language) Fill(r *rand.Rand, b *Batch) {
	for s := range b.Size {
		n := l.minN() + r.IntN(maxN-l.minN()+1)
		next := l.token(n, 0)
		for t := range b.Steps {
			b.Tokens[t*b.Size+s] = next
			next = l.token(n, t+1)
			b.Targets[t*b.Size+s] = next
		}
	}
}

// accepts reports whether the letters before the end marker are a string of the
// language: counts and order. counts is the published check, which looks at the
// relative counts alone.
func (l language) accepts(tokens []int32) (accepted, counts bool) {
	var n [letters]int
	ordered := true
	last := int32(0)
	for _, t := range tokens {
		switch {
		case t == end:
			counts = n[1]-n[0] == l[1] && n[2]-n[0] == l[2] && n[3]-n[0] == l[3]
			return counts && ordered, counts
		case t == begin:
			ordered = false
		default:
			ordered = ordered && t >= last
			last = t
			n[t]++
		}
	}
	return false, false // unfinished
}

// Score samples 1000 strings for accuracy (counts and order) and
// accuracy_counts (the published number), and compares losses: train_loss is
// the mean cross-entropy in nats, over every position up to the end marker, of
// the strings of training length; generalization_gap is the same mean for
// strings longer than any in training, up to n = 14, minus train_loss.
func (l language) Score(r *rand.Rand, m Runner) Metrics {
	accuracy, counts := l.accepted(r, m, scoredStrings)
	train := l.loss(m, l.minN(), maxN)
	return Metrics{
		"accuracy":           accuracy,
		"accuracy_counts":    counts,
		"train_loss":         train,
		"generalization_gap": l.loss(m, maxN+1, longestN) - train,
	}
}

// Accuracy is Score's, of fewer strings.
func (l language) Accuracy(r *rand.Rand, m Runner, samples int) float64 {
	accuracy, _ := l.accepted(r, m, samples)
	return accuracy
}

// accepted samples strings and returns the shares that are of the language, and
// that at least have its counts.
func (l language) accepted(r *rand.Rand, m Runner, samples int) (accuracy, counts float64) {
	rollouts := l.Rollouts(r, m, samples)
	for i := range samples {
		a, c := l.accepts(rollouts.Tokens[i*sequenceLength+1 : (i+1)*sequenceLength])
		if a {
			accuracy++
		}
		if c {
			counts++
		}
	}
	return accuracy / float64(samples), counts / float64(samples)
}

// loss is the mean cross-entropy over all positions, the end marker's included,
// of the strings for n from low to high.
func (l language) loss(m Runner, low, high int) float64 {
	size := high - low + 1
	m.Reset(size)
	tokens, logits := make([]int32, size), make([]float32, size*vocabulary)
	var sum float64
	positions := 0
	for t := 0; t <= l.length(high); t++ {
		for i := range tokens {
			tokens[i] = l.token(low+i, t)
		}
		m.Step(tokens, logits)
		for i := range tokens {
			if t <= l.length(low+i) {
				row := logits[i*vocabulary : (i+1)*vocabulary]
				sum += logSum(row) - float64(row[l.token(low+i, t+1)])
				positions++
			}
		}
	}
	return sum / float64(positions)
}

// Rollouts samples sequences of 42 tokens from the RNN, begin marker first, as
// the published generator does.
func (l language) Rollouts(r *rand.Rand, m Runner, count int) Rollouts {
	out := Rollouts{Tokens: make([]int32, count*sequenceLength),
		Logits: make([]float32, count*sequenceLength*vocabulary)}
	m.Reset(count)
	tokens, logits := make([]int32, count), make([]float32, count*vocabulary)
	for i := range tokens {
		tokens[i] = begin
	}
	for t := range sequenceLength {
		m.Step(tokens, logits)
		for i := range tokens {
			at := i*sequenceLength + t
			out.Tokens[at] = tokens[i]
			row := out.Logits[at*vocabulary : (at+1)*vocabulary]
			copy(row, logits[i*vocabulary:])
			LogSoftmax(row)
			tokens[i] = sample(r, row)
		}
	}
	return out
}
