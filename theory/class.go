// Package theory states the propositions of the paper's section 3 as facts that
// run: an interrogator has to tell which function of a finite set it is talking
// to, by asking for the function's values. It may choose each query by the answers
// before (interactive) or must ask all at once (non-interactive).
//
//   - Proposition 3.1: of n functions, n-1 queries tell any from the others.
//   - Proposition 3.2: some sets need n-1 queries, interactively or not: Points.
//   - Proposition 3.3: some sets need exponentially fewer queries interactively:
//     Thresholds, ceil(log2 n) against n-1.
//
// The optima are found by exhaustive search, the formulas are checked against
// them, and RNNs that compute the functions are told apart by the same
// interrogators. The sets are not claimed to be those of the paper's proofs.
//
// The package must not import training, zoo or server.
package theory

import (
	"fmt"
	"slices"
)

// MaxFunctions bounds the sets that the exhaustive search takes.
const MaxFunctions = 16

// Class is a finite set of distinct functions from queries to answers.
type Class struct {
	Name    string
	Answers [][]int // [function][query]
}

// Thresholds are the n functions that answer 1 from a number on: the function k of
// 0 to n-1 answers 1 to a query x of 0 to n-1 if x >= k.
func Thresholds(n int) Class {
	return newClass("thresholds", n, func(k, x int) bool { return x >= k })
}

// Points are the n functions that answer 1 to one number: the function k of 0 to
// n-1 answers 1 to k alone.
func Points(n int) Class {
	return newClass("points", n, func(k, x int) bool { return x == k })
}

func newClass(name string, n int, of func(k, x int) bool) Class {
	c := Class{Name: name}
	for k := range n {
		answers := make([]int, n)
		for x := range answers {
			if of(k, x) {
				answers[x] = 1
			}
		}
		c.Answers = append(c.Answers, answers)
	}
	return c
}

// Size is the number of functions.
func (c Class) Size() int { return len(c.Answers) }

// Queries is the number of queries.
func (c Class) Queries() int { return len(c.Answers[0]) }

// Validate checks that the functions are distinct, few enough to search, and
// answer the same queries.
func (c Class) Validate() error {
	if n := c.Size(); n < 1 || n > MaxFunctions {
		return fmt.Errorf("%s: %d functions; 1 to %d are accepted", c.Name, n, MaxFunctions)
	}
	for i, f := range c.Answers {
		if len(f) != c.Queries() {
			return fmt.Errorf("%s: function %d answers %d queries, not %d", c.Name, i, len(f), c.Queries())
		}
		for j, g := range c.Answers[:i] {
			if slices.Equal(f, g) {
				return fmt.Errorf("%s: functions %d and %d are the same", c.Name, j, i)
			}
		}
	}
	return nil
}
