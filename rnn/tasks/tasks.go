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
	IO() IO
	Recipe() Recipe
	Draw(r *rand.Rand) Task
	Parse(params []float32) (Task, error) // the task with these Params
	// Holdout ranks tasks for the out-of-distribution part of a zoo: the highest go there.
	Holdout(params []float32) float64
}

// IO is the format of a family's sequences.
type IO struct {
	Inputs      int // tokens, or real inputs a step
	Outputs     int // logits, or real outputs a step
	RealInputs  bool
	RealOutputs bool    // the loss is the mean square; otherwise the cross-entropy
	Tolerance   float64 // a real output this near to its target is right
	Length      int     // steps of a rollout
	Samples     bool    // in rollouts the RNN reads what it sampled itself, and Logits are log-probabilities
}

// Range is that of a task parameter that may be any number within it.
type Range struct {
	Name      string // "rotation"
	Unit      string // "degrees"; "": none
	Low, High float64
	Circular  bool // High is Low again
}

// Ranged is a Family whose task parameters are real numbers. Those of other
// families take a few values each.
type Ranged interface {
	Family
	Ranges() []Range // of every parameter
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

// Sampled is a Task whose accuracy can be measured, less exactly than by Score, on
// any number of samples.
type Sampled interface {
	Task
	Accuracy(r *rand.Rand, m Runner, samples int) float64
}

// Recipe is how a family's zoo is trained (paper, appendix; AdamW throughout).
type Recipe struct {
	Steps       int
	Batch       int
	Snapshots   []int     // steps after which the weights are kept
	WeightDecay []float64 // of several, each run draws one
	Rates       []Rate    // learning rate, linear in between
	Clip        float64   // of the gradient's norm; 0: none
	Rollouts    int       // sequences kept per snapshot
	// Metrics are those of Score, and WeightDecayMetric if it is among them.
	Metrics []string
}

// publishedRecipe is that of the paper's zoos.
func publishedRecipe(weightDecay []float64, metrics ...string) Recipe {
	return Recipe{
		Steps: 20000, Batch: 32, WeightDecay: weightDecay, Rollouts: 100,
		Snapshots: []int{0, 100, 200, 500, 1000, 2000, 5000, 10000, 20000},
		Rates:     []Rate{{0, 0.01}, {10000, 0.003}, {20000, 0.0003}},
		Metrics:   metrics,
	}
}

// mixedRecipe is that of the families beside the paper's. Elman cells need the
// clipping.
func mixedRecipe() Recipe {
	r := publishedRecipe([]float64{0, 0.001, 0.01, 0.1}, "accuracy", "train_loss", "generalization_gap", WeightDecayMetric)
	r.Clip = 1
	return r
}

// WeightDecayMetric is the metric that holds what a run drew.
const WeightDecayMetric = "weight_decay"

// Rate is the learning rate at a step.
type Rate struct {
	Step int
	Rate float64
}

// Metrics are a snapshot's measured properties by name.
type Metrics map[string]float64

// Rollouts are count sequences that an RNN read, one after the other, with what
// it put out at each step; see IO.Samples.
type Rollouts struct {
	Tokens []int32   // [count, IO.Length], or nil
	Inputs []float32 // [count, IO.Length, IO.Inputs], or nil
	Logits []float32 // [count, IO.Length, IO.Outputs]
}

// Runner steps an RNN through many sequences at once. Logits are [n, outputs].
type Runner interface {
	Reset(n int) // n sequences from the zero state
	Step(tokens []int32, logits []float32)
	StepInputs(inputs, logits []float32) // inputs: [n, inputs]
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
