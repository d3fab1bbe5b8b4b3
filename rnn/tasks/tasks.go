// Package tasks defines what the RNNs of a zoo learn: families of tasks that
// make training batches, score a trained RNN and let it generate sequences.
//
// A family lives in one self-registering file. The package knows sequences and
// logits only; it must not import rnn.
package tasks

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
)

// Family is a class of tasks with one input and output format.
type Family interface {
	Name() string
	IO() (inputs, outputs int)
	Recipe() Recipe
	Draw(r *rand.Rand) Task
	Parse(params []float32) (Task, error) // the task with these Params
	// Holdout ranks tasks for the out-of-distribution part of a zoo: the highest go there.
	Holdout(params []float32) float64
}

// Task is one language, angle, ...
type Task interface {
	Params() []float32 // identity; splits are by this
	String() string    // for people: "a^n b^(n+1) c^(n-2) d^n"
	// Batch makes a batch of n sequences to be filled by Fill.
	Batch(n int) *Batch
	Fill(r *rand.Rand, b *Batch)
	// Score measures an RNN; the keys are the family's Metrics.
	Score(r *rand.Rand, m Runner) Metrics
	// Rollouts lets the RNN put out count sequences.
	Rollouts(r *rand.Rand, m Runner, count int) Rollouts
}

// Recipe is how a family's zoo is trained (paper, appendix; AdamW throughout).
type Recipe struct {
	Steps       int
	Batch       int
	Snapshots   []int // steps after which the weights are kept
	WeightDecay float64
	Rates       []Rate // learning rate, linear in between
	Rollouts    int    // sequences kept per snapshot
	Metrics     []string
}

// Rate is the learning rate at a step.
type Rate struct {
	Step int
	Rate float64
}

// Batch holds sequences step by step: the value of sequence b at step t is at
// index t*Size + b.
type Batch struct {
	Steps, Size     int
	Tokens, Targets []int32
}

// Metrics are a snapshot's measured properties by name.
type Metrics map[string]float64

// Rollouts are sequences put out by an RNN, one after the other: Tokens holds
// count*Length ids, Logits the log-probabilities of the token after each,
// count*Length*outputs values.
type Rollouts struct {
	Length int
	Tokens []int32
	Logits []float32
}

// Runner steps an RNN through many sequences at once.
type Runner interface {
	Reset(n int)                           // n sequences from the zero state
	Step(tokens []int32, logits []float32) // logits: n x outputs
}

var families = map[string]Family{}

// register adds a family; each family's file calls it from init.
func register(f Family) {
	if _, dup := families[f.Name()]; dup {
		panic("tasks: family registered twice: " + f.Name())
	}
	families[f.Name()] = f
}

// Lookup returns a family by name.
func Lookup(name string) (Family, error) {
	if f, ok := families[name]; ok {
		return f, nil
	}
	return nil, fmt.Errorf("unknown task family %q; known: %v", name, Names())
}

// Names lists the registered families, sorted.
func Names() []string { return slices.Sorted(maps.Keys(families)) }
