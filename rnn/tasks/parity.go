package tasks

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

func init() { register(parity{}) }

const (
	parityLetters    = 4
	parityMinModulus = 2
	parityMaxModulus = 4
	paritySteps      = 24
	parityScored     = 500
)

// parity and its relatives: each letter has a weight, and at every step the sum
// of the weights so far is asked for, modulo 2 (which is parity), 3 or 4. A task
// is a modulus with the letters' weights.
type parity struct{}

func (parity) Name() string { return "parity" }
func (parity) IO() IO {
	return IO{Inputs: parityLetters, Outputs: parityMaxModulus, Length: paritySteps}
}
func (parity) Recipe() Recipe { return mixedRecipe() }

// Draw draws weights below the modulus, not all of them 0.
func (parity) Draw(r *rand.Rand) Task {
	c := counter{modulus: parityMinModulus + r.IntN(parityMaxModulus-parityMinModulus+1)}
	for c.weights == [parityLetters]int{} {
		for i := range c.weights {
			c.weights[i] = r.IntN(c.modulus)
		}
	}
	return c
}

func (parity) Parse(params []float32) (Task, error) {
	var c counter
	whole := len(params) == 1+parityLetters
	for i, p := range params {
		v := int(p)
		if i == 0 {
			c.modulus = v
		} else if i <= parityLetters {
			c.weights[i-1] = v
		}
		whole = whole && float32(v) == p && v >= 0
	}
	if !whole || c.modulus < parityMinModulus || c.modulus > parityMaxModulus || slices.Max(c.weights[:]) >= c.modulus || slices.Max(c.weights[:]) == 0 {
		return nil, fmt.Errorf("parity: task %v is not [modulus, weight of a, b, c, d] with a modulus from %d to %d and weights below it, one of them not 0",
			params, parityMinModulus, parityMaxModulus)
	}
	return c, nil
}

// Holdout ranks by the modulus, then by how many letters count.
func (parity) Holdout(params []float32) float64 {
	rank := float64(params[0]) * (parityLetters + 1)
	for _, w := range params[1:] {
		if w != 0 {
			rank++
		}
	}
	return rank
}

// counter is the task of one modulus and weights.
type counter struct {
	modulus int
	weights [parityLetters]int
}

// Params returns [modulus, weight of a, b, c, d].
func (c counter) Params() []float32 {
	p := []float32{float32(c.modulus)}
	for _, w := range c.weights {
		p = append(p, float32(w))
	}
	return p
}

// String is the sum, "(a + 2c) mod 3".
func (c counter) String() string {
	var terms []string
	for i, w := range c.weights {
		letter := string(rune('a' + i))
		switch {
		case w == 1:
			terms = append(terms, letter)
		case w > 1:
			terms = append(terms, fmt.Sprint(w, letter))
		}
	}
	return fmt.Sprintf("(%s) mod %d", strings.Join(terms, " + "), c.modulus)
}

// Batch makes a batch of n sequences of 24 letters.
func (c counter) Batch(n int) *Batch { return newBatch(parity{}.IO(), paritySteps, n) }

// Fill draws letters; each step's target is the sum so far.
func (c counter) Fill(r *rand.Rand, b *Batch) {
	for s := range b.Size {
		sum := 0
		for t := range b.Steps {
			letter := r.IntN(parityLetters)
			sum = (sum + c.weights[letter]) % c.modulus
			b.Tokens[t*b.Size+s], b.Targets[t*b.Size+s] = int32(letter), int32(sum)
		}
	}
}

// Score reads 500 sequences of twice the training length. accuracy and
// train_loss, the mean cross-entropy in nats, are those of the first half;
// generalization_gap is the loss of the second half minus train_loss.
func (c counter) Score(r *rand.Rand, m Runner) Metrics {
	x := newTally(2 * paritySteps)
	b := newBatch(parity{}.IO(), 2*paritySteps, parityScored)
	c.Fill(r, b)
	x.add(m, b, parity{}.IO())
	train := x.mean(0, paritySteps)
	return Metrics{"accuracy": x.accuracy(0, paritySteps), "train_loss": train, "generalization_gap": x.mean(paritySteps, 2*paritySteps) - train}
}

// Rollouts shows the RNN sequences as in training.
func (c counter) Rollouts(r *rand.Rand, m Runner, count int) Rollouts {
	return show(c, parity{}.IO(), r, m, count)
}
