package training

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"

	"rnnrep/internal/grad"
	"rnnrep/internal/optim"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
)

// ZooConfig says which zoo to train.
type ZooConfig struct {
	Family   string
	Runs     int
	Seed     uint64
	Dir      string
	Cell     string    // "": lstm
	Hidden   int       // units a layer; 0: 32
	Layers   int       // 0: 2
	Workers  int       // 0: one a core
	Progress io.Writer // nil: none
	// Steps a run; 0: as many as the family's recipe has. With fewer, the learning
	// rate falls so much faster and the snapshots after the last step are missing.
	Steps int

	rollouts int // a snapshot; 0: as many as the recipe has
}

// TrainZoo trains the runs that are not yet in the directory, one RNN a core,
// and commits each when it is done. Run i depends on (Seed, i) alone, so that
// any interruption loses at most the runs in progress and changes nothing.
func TrainZoo(ctx context.Context, c ZooConfig) error {
	p, err := c.plan(c.Family, c.Dir, func(io tasks.IO) rnn.Spec { return c.spec(io) })
	if err != nil {
		return err
	}
	return c.train(ctx, func(int) (*zooPlan, error) { return p, nil })
}

// zooPlan is how runs of one zoo are trained.
type zooPlan struct {
	family tasks.Family
	recipe tasks.Recipe
	spec   rnn.Spec
	store  *zoo.Writer
}

// plan opens the zoo of a family in dir.
func (c *ZooConfig) plan(name, dir string, spec func(tasks.IO) rnn.Spec) (*zooPlan, error) {
	family, err := tasks.Lookup(name)
	if err != nil {
		return nil, err
	}
	p := &zooPlan{family: family, recipe: c.recipe(family), spec: spec(family.IO())}
	if err := p.spec.Validate(); err != nil {
		return nil, err
	}
	p.store, err = zoo.Create(dir, zooHeader(family, p.recipe, p.spec, c.Seed))
	return p, err
}

// recipe is the family's, for as many steps as are wanted.
func (c *ZooConfig) recipe(f tasks.Family) tasks.Recipe {
	r := f.Recipe()
	r.Rollouts = cmp.Or(c.rollouts, r.Rollouts)
	if c.Steps == 0 {
		return r
	}
	r.Snapshots = slices.DeleteFunc(r.Snapshots, func(s int) bool { return s > c.Steps })
	for i := range r.Rates {
		r.Rates[i].Step = r.Rates[i].Step * c.Steps / r.Steps
	}
	r.Steps = c.Steps
	return r
}

// train trains the runs that are not there yet, each as planned.
func (c *ZooConfig) train(ctx context.Context, planOf func(run int) (*zooPlan, error)) error {
	plans := make([]*zooPlan, c.Runs)
	var todo []int
	for i := range plans {
		p, err := planOf(i)
		if err != nil {
			return err
		}
		if plans[i] = p; !p.store.Done(i) {
			todo = append(todo, i)
		}
	}
	if c.Runs == 0 {
		return nil
	}
	progress := newProgress(c.Progress, "runs", c.Runs, c.Runs-len(todo), plans[0].recipe.Steps)
	defer progress.finish()
	return forEach(ctx, c.Workers, todo, func(ctx context.Context, i int) error {
		run, err := plans[i].trainRun(ctx, c.Seed, i, progress.tick)
		if err != nil {
			return err
		}
		return plans[i].store.Commit(run)
	})
}

// spec is the RNN of the zoo; the paper's has two layers of 32 LSTM units.
func (c *ZooConfig) spec(io tasks.IO) rnn.Spec {
	return rnn.Uniform(cmp.Or(c.Cell, "lstm"), io.Inputs, cmp.Or(c.Hidden, 32), cmp.Or(c.Layers, 2), io.Outputs)
}

func zooHeader(f tasks.Family, r tasks.Recipe, spec rnn.Spec, seed uint64) zoo.Header {
	h := zoo.Header{Family: f.Name(), Seed: seed, Spec: spec, Steps: r.Snapshots, RolloutCount: r.Rollouts,
		RolloutLength: f.IO().Length, Outputs: spec.OutputSize(), Metrics: r.Metrics,
		Recipe: map[string]string{"optimiser": "AdamW", "batch": fmt.Sprint(r.Batch), "steps": fmt.Sprint(r.Steps),
			"learning_rate": fmt.Sprint(r.Rates), "weight_decay": strings.Trim(fmt.Sprint(r.WeightDecay), "[]")}}
	if f.IO().RealInputs {
		h.Inputs = f.IO().Inputs
	}
	if r.Clip > 0 {
		h.Recipe["clip"] = fmt.Sprint(r.Clip)
	}
	return h
}

// forEach works through todo with some goroutines, 0 for one a core, until one fails.
func forEach(ctx context.Context, workers int, todo []int, work func(context.Context, int) error) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan int)
	var wg sync.WaitGroup
	for range min(workers, len(todo)) {
		wg.Go(func() {
			for i := range queue {
				if err := work(ctx, i); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
feed:
	for _, i := range todo {
		select {
		case queue <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(queue)
	wg.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return ctx.Err()
}

// initialModel draws weights as PyTorch initialises nn.LSTM, nn.GRU and nn.RNN
// (uniform within 1/sqrt(hidden)) and nn.Linear (within 1/sqrt(inputs)).
func initialModel(s rnn.Spec, r *rand.Rand) *rnn.Model {
	m := rnn.NewModel(s)
	bound := 1 / math.Sqrt(float64(s.Layers[len(s.Layers)-1].Width()))
	for _, slot := range s.Layout() {
		limit := bound
		var layer int
		if _, err := fmt.Sscanf(slot.Name[len(slot.Name)-1:], "%d", &layer); err == nil {
			limit = 1 / math.Sqrt(float64(s.Layers[layer].Hidden))
		}
		w := m.Tensor(slot)
		for i := range w {
			w[i] = float32((2*r.Float64() - 1) * limit)
		}
	}
	return m
}

// cancelEvery is how many steps pass between looks at the context.
const cancelEvery = 100

// trainRun trains one RNN and returns its snapshots.
func (p *zooPlan) trainRun(ctx context.Context, seed uint64, index int, tick func(steps int)) (*zoo.Run, error) {
	recipe := p.recipe
	task := p.family.Draw(rng.Stream(seed, "zoo task", uint64(index)))
	trainee := rnn.NewTrainee(initialModel(p.spec, rng.Stream(seed, "zoo weights", uint64(index))))
	decay := recipe.WeightDecay[rng.Stream(seed, "zoo weight decay", uint64(index)).IntN(len(recipe.WeightDecay))]
	t := newZooTrainer(trainee, task, recipe, decay, rng.Stream(seed, "zoo batches", uint64(index)))
	run := &zoo.Run{Index: index, Task: task.Params()}
	measure := rng.Stream(seed, "zoo measurements", uint64(index))
	for step := 0; ; step++ {
		if slices.Contains(recipe.Snapshots, step) {
			run.Snapshots = append(run.Snapshots, snapshot(trainee, task, recipe, decay, step, measure))
		}
		if step == recipe.Steps {
			return run, nil
		}
		loss := float64(t.step())
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return nil, fmt.Errorf("run %d: the loss is %v at step %d", index, loss, step)
		}
		if (step+1)%cancelEvery == 0 {
			tick(cancelEvery)
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
	}
}

// snapshot scores the RNN and keeps its weights and rollouts.
func snapshot(tr *rnn.Trainee, task tasks.Task, recipe tasks.Recipe, decay float64, step int, r *rand.Rand) zoo.Snapshot {
	m := newRunner(tr)
	metrics := task.Score(r, m)
	metrics[tasks.WeightDecayMetric] = decay
	rollouts := task.Rollouts(r, m, recipe.Rollouts)
	s := zoo.Snapshot{Step: step, Weights: tr.Weights(nil), Tokens: rollouts.Tokens, Inputs: rollouts.Inputs, Logits: rollouts.Logits}
	for _, name := range recipe.Metrics {
		s.Metrics = append(s.Metrics, metrics[name])
	}
	return s
}

// zooTrainer takes optimiser steps for one RNN; a step allocates nothing.
type zooTrainer struct {
	trainee *rnn.Trainee
	task    tasks.Task
	batch   *tasks.Batch
	tape    *grad.Tape
	adam    *optim.AdamW
	rate    func(step int) float64
	clip    float64
	random  *rand.Rand
	steps   int
}

func newZooTrainer(tr *rnn.Trainee, task tasks.Task, recipe tasks.Recipe, decay float64, r *rand.Rand) *zooTrainer {
	config := optim.DefaultAdamW()
	config.WeightDecay = decay
	var knots []optim.Knot
	for _, k := range recipe.Rates {
		knots = append(knots, optim.Knot(k))
	}
	return &zooTrainer{trainee: tr, task: task, batch: task.Batch(recipe.Batch), tape: grad.NewTape(),
		adam: optim.NewAdamW(config, tr.Params()), rate: optim.PiecewiseLinear(knots...), clip: recipe.Clip, random: r}
}

// step draws a batch, takes one optimiser step and returns the loss before it.
func (z *zooTrainer) step() float32 {
	z.task.Fill(z.random, z.batch)
	z.tape.Reset()
	loss := z.loss()
	z.tape.Backward(loss)
	if z.clip > 0 {
		optim.ClipNorm(z.trainee.Params(), z.clip)
	}
	z.adam.Step(z.rate(z.steps))
	z.steps++
	return loss.Value()[0]
}

// loss runs the batch: the mean cross-entropy or mean square over all steps.
func (z *zooTrainer) loss() grad.Var {
	b := z.batch
	in := grad.Steps{Tokens: b.Tokens, T: b.Steps}
	if b.Inputs != nil {
		in.X = z.tape.Input("", b.Steps*b.Size, z.trainee.Spec.Inputs(), b.Inputs)
	}
	out := z.trainee.Sequence(z.tape, in)
	if b.Values != nil {
		return grad.MeanSquare(out, b.Values)
	}
	return grad.CrossEntropy(out, b.Targets)
}
