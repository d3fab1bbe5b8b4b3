package theory

import (
	"fmt"
	"math/bits"
)

// Oracle answers queries as one function of a class does.
type Oracle func(query int) (answer int, err error)

// Interrogator identifies functions of a class.
type Interrogator interface {
	// Identify returns the function behind the oracle and the number of queries
	// that it took.
	Identify(o Oracle) (function, queries int, err error)
}

// interactive asks what its plan says for the functions that are left.
type interactive struct {
	class   Class
	planner *planner
}

// NewInteractive makes an interrogator of least queries in the worst case.
func NewInteractive(c Class) (Interrogator, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return interactive{c, newPlanner(c, false)}, nil
}

// Identify asks until one function is left.
func (i interactive) Identify(o Oracle) (function, queries int, err error) {
	left := i.class.all()
	for ; left.size() > 1; queries++ {
		if left, err = i.class.ask(o, left, i.planner.plan(left).query); err != nil {
			return 0, queries, err
		}
	}
	return left.first(), queries, nil
}

// noninteractive asks the same queries whatever the answers.
type noninteractive struct {
	class   Class
	queries []int
}

// NewNoninteractive makes an interrogator of the fewest fixed queries.
func NewNoninteractive(c Class) (Interrogator, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	queries, _ := NoninteractiveOptimum(c)
	return noninteractive{c, queries}, nil
}

// Identify asks all queries, then looks at the answers.
func (n noninteractive) Identify(o Oracle) (function, queries int, err error) {
	left := n.class.all()
	for _, query := range n.queries {
		if left, err = n.class.ask(o, left, query); err != nil {
			return 0, len(n.queries), err
		}
	}
	return left.first(), len(n.queries), nil
}

// ask keeps the functions that answer as the oracle does.
func (c Class) ask(o Oracle, left set, query int) (set, error) {
	answer, err := o(query)
	if err != nil {
		return left, err
	}
	var same set
	for k, answers := range c.Answers {
		if answers[query] == answer {
			same |= left & (1 << k)
		}
	}
	if same == 0 {
		return left, fmt.Errorf("%s: no function answers %d to query %d and what was asked before as the oracle does", c.Name, answer, query)
	}
	return same, nil
}

// first is the least function of a set.
func (s set) first() int { return bits.TrailingZeros32(uint32(s)) }

// Of is the oracle of a class's function.
func (c Class) Of(function int) Oracle {
	return func(query int) (int, error) { return c.Answers[function][query], nil }
}

// Measure identifies every function of a class behind the oracles that of makes.
// It fails where one is taken for another.
func Measure(i Interrogator, functions int, of func(function int) Oracle) (Counts, error) {
	var c Counts
	for k := range functions {
		found, queries, err := i.Identify(of(k))
		if err != nil {
			return c, err
		}
		if found != k {
			return c, fmt.Errorf("function %d is taken for %d", k, found)
		}
		c.Worst = max(c.Worst, queries)
		c.Average += float64(queries) / float64(functions)
	}
	return c, nil
}
