package theory

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// Counts are numbers of queries that tell the functions of a class apart.
type Counts struct {
	Worst   int     `json:"worst"`
	Average float64 `json:"average"` // over functions that are equally likely
}

// set is a set of functions: bit k is function k.
type set uint32

func (c Class) all() set { return set(1)<<c.Size() - 1 }

func (s set) size() int { return bits.OnesCount32(uint32(s)) }

// answered is the set of functions that give an answer to a query.
type answered struct {
	answer    int
	functions set
}

// byAnswer parts the functions by their answers to each query.
func (c Class) byAnswer() [][]answered {
	queries := make([][]answered, c.Queries())
	for q := range queries {
		for k, answers := range c.Answers {
			i := slices.IndexFunc(queries[q], func(a answered) bool { return a.answer == answers[q] })
			if i < 0 {
				i = len(queries[q])
				queries[q] = append(queries[q], answered{answer: answers[q]})
			}
			queries[q][i].functions |= 1 << k
		}
	}
	return queries
}

// plan is the best way to go on when the functions of a set are left.
type plan struct {
	worst int // queries
	sum   int // of the queries for each function
	query int
}

// planner finds best plans and keeps them. It minimises the worst case and, where
// that is equal, the sum; or, with average, the other way round.
type planner struct {
	queries [][]answered
	average bool
	plans   map[set]plan
}

func newPlanner(c Class, average bool) *planner {
	return &planner{queries: c.byAnswer(), average: average, plans: map[set]plan{}}
}

func (p *planner) better(a, b plan) bool {
	if p.average {
		return cmp.Or(cmp.Compare(a.sum, b.sum), cmp.Compare(a.worst, b.worst)) < 0
	}
	return cmp.Or(cmp.Compare(a.worst, b.worst), cmp.Compare(a.sum, b.sum)) < 0
}

// plan looks at every query that tells anything.
func (p *planner) plan(s set) plan {
	if s.size() <= 1 {
		return plan{}
	}
	if known, ok := p.plans[s]; ok {
		return known
	}
	best := plan{worst: math.MaxInt, sum: math.MaxInt}
	for query, parts := range p.queries {
		candidate, tells := plan{sum: s.size(), query: query}, true
		for _, part := range parts {
			left := s & part.functions
			if tells = left != s; !tells {
				break
			}
			rest := p.plan(left)
			candidate.sum += rest.sum
			candidate.worst = max(candidate.worst, 1+rest.worst)
		}
		if tells && p.better(candidate, best) {
			best = candidate
		}
	}
	p.plans[s] = best
	return best
}

// InteractiveOptimum searches all ways of choosing queries by the answers before.
// The worst case and the average may be of different ways.
func InteractiveOptimum(c Class) Counts {
	sum := newPlanner(c, true).plan(c.all()).sum
	return Counts{newPlanner(c, false).plan(c.all()).worst, float64(sum) / float64(c.Size())}
}

// NoninteractiveOptimum returns the smallest set of queries that, asked at once,
// tells the functions apart. That many are asked whatever the answers are.
func NoninteractiveOptimum(c Class) (queries []int, counts Counts) {
	parts := c.byAnswer()
	for size := range c.Queries() + 1 {
		if queries, ok := choose(parts, nil, size, []set{c.all()}); ok {
			return queries, Counts{size, float64(size)}
		}
	}
	panic("theory: functions of class " + c.Name + " are the same")
}

// choose adds so many queries, each beyond the last, to chosen, which leave the sets
// of functions that are not told apart yet.
func choose(queries [][]answered, chosen []int, add int, left []set) ([]int, bool) {
	if !slices.ContainsFunc(left, func(s set) bool { return s.size() > 1 }) {
		return chosen, true
	}
	first := 0
	if len(chosen) > 0 {
		first = chosen[len(chosen)-1] + 1
	}
	for query := first; add > 0 && query <= len(queries)-add; query++ {
		var parts []set
		for _, s := range left {
			for _, part := range queries[query] {
				if both := s & part.functions; both.size() > 1 {
					parts = append(parts, both)
				}
			}
		}
		if found, ok := choose(queries, append(chosen, query), add-1, parts); ok {
			return found, true
		}
	}
	return nil, false
}

// Formulas for the optima of n functions.

// ThresholdsInteractive is a binary search's: the depths of a balanced tree of n
// leaves.
func ThresholdsInteractive(n int) Counts {
	whole := bits.Len(uint(n)) - 1 // floor(log2 n)
	deeper := 2 * (n - 1<<whole)   // leaves one below
	return Counts{bits.Len(uint(n - 1)), float64(n*whole+deeper) / float64(n)}
}

// PointsInteractive asks for one point after the other; the last needs no query.
func PointsInteractive(n int) Counts {
	return Counts{n - 1, float64((n-1)*(n+2)) / float64(2*n)}
}

// AllButOne is what both Thresholds and Points need non-interactively: only the
// query k tells function k from the next, or from all others.
func AllButOne(n int) Counts { return Counts{n - 1, float64(n - 1)} }
