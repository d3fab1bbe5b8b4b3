package training

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"rnnrep/encoders"
	"rnnrep/internal/grad"
	"rnnrep/internal/kernel"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
	"rnnrep/rnn/zoo"
)

// A batch is cut into a fixed number of shards, each with its own tape and
// gradients; these are added in the order of the shards, so that the result
// does not depend on how many run at a time.
const (
	batchSize = 64
	shards    = 4
	shardSize = batchSize / shards

	// In a mixed zoo each shard is of one shape, and there are more of them.
	mixedShardSize = 8
)

// Losses of the emulation, by name. Where outputs are real, there is one;
// otherwise the first is the default, and what is always reported.
var (
	distributionLosses = []emulationLoss{{"total_variation", grad.TotalVariation}, {"reverse_kl", grad.ReverseKL}, {"kl", grad.KL}}
	meanSquare         = emulationLoss{"mean_square", grad.MeanSquare}
)

// emulationLoss compares logits with targets.
type emulationLoss struct {
	name  string
	apply func(logits grad.Var, targets []float32) grad.Var
}

// String is for people: "total variation".
func (l emulationLoss) String() string { return strings.ReplaceAll(l.name, "_", " ") }

// LossNames lists the losses that EncoderConfig takes, the default first.
func LossNames() (names []string) {
	for _, l := range distributionLosses {
		names = append(names, l.name)
	}
	return names
}

// loss finds one by name, or the default, "".
func (f format) loss(name string) (emulationLoss, error) {
	if f.io.RealOutputs {
		if name != "" {
			return emulationLoss{}, fmt.Errorf("the zoo's outputs are real: their emulation loss is the %v, not %q", meanSquare, name)
		}
		return meanSquare, nil
	}
	for _, l := range distributionLosses {
		if l.name == cmp.Or(name, distributionLosses[0].name) {
			return l, nil
		}
	}
	return emulationLoss{}, fmt.Errorf("unknown emulation loss %q; known: %v", name, LossNames())
}

// shard computes the emulation loss of a part of a batch.
type shard struct {
	sequences
	format   format        // of the examples
	measure  emulationLoss // of distributions, unless all outputs are real
	encoder  encoders.Encoder
	emulator *encoders.Emulator
	params   []*grad.Param
	tape     *grad.Tape
	models   []*rnn.Model
	each     int       // sequences of each model, one after the other; the batch's rows
	features []float32 // of the models, for a Featured encoder; empty: not computed
	out      grad.Var  // what the emulator puts out
	loss     float64   // of the emulation
	// Of supervised training: what the RNNs' properties are predicted with, and the
	// weights of that loss.
	predictors  *encoders.Predictors
	properties  *predictorTargets
	supervision supervision
	supervised  float64 // that loss
	divergence  float32 // weight of KL's divergence beside the emulation's loss
}

// supervision has the weights of the losses of what is known of the RNNs.
type supervision struct {
	measured, task float32 // accuracy, gap and stage; parameters of the task
}

func (w supervision) loss(f *predictorTargets, o encoders.Outputs) grad.Var {
	losses := []grad.Var{grad.Scale(f.measured(o), w.measured)}
	if w.task > 0 {
		for _, l := range f.named(o) {
			losses = append(losses, grad.Scale(l, w.task))
		}
	}
	return total(losses...)
}

// newShard makes a copy of the encoder and emulator that shares their values
// but has gradients of its own.
func newShard(b *encoders.Bundle, l emulationLoss, each int) (*shard, error) {
	own, err := encoders.NewBundle(b.Manifest)
	if err != nil {
		return nil, err
	}
	s := &shard{measure: l, each: each, encoder: own.Encoder, emulator: own.Emulator, predictors: own.Predictors, params: own.Params(), tape: grad.NewTape()}
	for i, p := range b.Params() {
		s.params[i].Value = p.Value
	}
	return s, nil
}

// choice is one row of a batch: a rollout of a snapshot.
type choice struct{ example, rollout int }

// draw chooses the parts of a batch, so many rollouts of each snapshot.
func (d *dataset) draw(r *rand.Rand, each int) [][]choice {
	examples, rollouts := d.parts[zoo.Train], d.header.RolloutCount
	size := d.shardSize()
	batch := make([]choice, batchSize)
	for i := range batch {
		switch {
		case i%each > 0:
			batch[i].example = batch[i-1].example
		case d.shapes == nil || i%size == 0:
			batch[i].example = r.IntN(len(examples))
		default:
			batch[i].example = another(r, examples, batch[i-i%size].example)
		}
		batch[i].rollout = r.IntN(rollouts)
	}
	return slices.Collect(slices.Chunk(batch, size))
}

func (d *dataset) shardSize() int {
	if d.shapes != nil {
		return mixedShardSize
	}
	return shardSize
}

// another draws a snapshot of the same shape.
func another(r *rand.Rand, examples []example, e int) int {
	first, last := e, e
	for first > 0 && sameShape(&examples[first-1], &examples[e]) {
		first--
	}
	for last < len(examples)-1 && sameShape(&examples[last+1], &examples[e]) {
		last++
	}
	return first + r.IntN(last-first+1)
}

// fill takes the chosen snapshots and rollouts.
func (s *shard) fill(examples []example, batch []choice) {
	s.models, s.features = s.models[:0], s.features[:0]
	if s.supervision != (supervision{}) {
		s.properties = newPredictorBatch(s.predictors.Config, len(batch)/s.each)
	}
	for i := 0; i < len(batch); i += s.each {
		e := &examples[batch[i].example]
		s.models, s.features = append(s.models, e.model), append(s.features, e.features...)
		if s.properties != nil {
			s.properties.set(i/s.each, e)
		}
	}
	s.format = *examples[batch[0].example].format
	s.sequences.fill(s.format, examples, batch)
}

// augment replaces the RNNs, or their features, by altered copies where the encoder
// wants them; row is the number of the shard's first row among all of the training.
func (s *shard) augment(seed, row uint64) {
	switch e := s.encoder.(type) {
	case encoders.Augmenter:
		for i, m := range s.models {
			s.models[i] = e.Augment(rng.Stream(seed, "augmentation", row+uint64(i)), m)
		}
	case encoders.Blurred:
		for i, width := 0, len(s.features)/len(s.models); i < len(s.models); i++ {
			e.Blur(rng.Stream(seed, "augmentation", row+uint64(i)), s.features[i*width:(i+1)*width])
		}
	}
}

// run computes the loss and, unless the tape only infers, adds the gradients.
func (s *shard) run(backward bool) {
	s.tape.Reset()
	z := s.embeddings()
	s.out = s.emulator.Emulate(s.repeated(z), s.steps())
	loss := s.imitation()
	s.loss = float64(loss.Value()[0])
	if s.divergence > 0 && !s.format.io.RealOutputs {
		loss = grad.Add(loss, grad.Scale(grad.KL(s.out, s.targets), s.divergence))
	}
	if s.supervision != (supervision{}) {
		known := s.supervision.loss(s.properties, s.predictors.Apply(z))
		s.supervised = float64(known.Value()[0])
		loss = grad.Add(loss, known)
	}
	if backward {
		s.tape.Backward(loss)
	}
}

// imitation is the emulation loss. Where the emulator has more outputs than the
// RNNs, it is that of as many as they have, and of putting out zero otherwise.
func (s *shard) imitation() grad.Var {
	if !s.format.io.RealOutputs {
		return s.measure.apply(s.out, s.targets)
	}
	return grad.Scale(meanSquare.apply(s.out, s.targets), float32(s.format.outputs)/float32(s.format.io.Outputs))
}

// embeddings are those of the models.
func (s *shard) embeddings() grad.Var {
	if f, ok := s.encoder.(encoders.Featured); ok && len(s.features) > 0 {
		return encodeFeatures(s.tape, f, len(s.models), s.features)
	}
	return encoders.Embeddings(s.tape, s.encoder, rnn.Bind(s.tape, s.models...))
}

// encodeFeatures returns the unit embeddings, [n, Dim], of n RNNs whose features are
// one after the other.
func encodeFeatures(t *grad.Tape, e encoders.Featured, n int, features []float32) grad.Var {
	return grad.L2Normalize(e.EncodeFeatures(t, t.Input("", n, len(features)/n, features)))
}

// repeated has an embedding for each sequence.
func (s *shard) repeated(z grad.Var) grad.Var {
	if s.each == 1 {
		return z
	}
	model := make([]int32, len(s.models)*s.each)
	for i := range model {
		model[i] = int32(i / s.each)
	}
	return grad.Embed(z, model)
}

// steps are the emulator's inputs.
func (s *shard) steps() grad.Steps {
	if s.format.inputs == 0 {
		return grad.Steps{Tokens: s.tokens, T: s.format.length}
	}
	return grad.Steps{X: s.tape.Input("", len(s.inputs)/s.format.inputs, s.format.inputs, s.inputs), T: s.format.length}
}

// concurrently does n things, workers at a time.
func concurrently(workers, n int, do func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range max(1, min(workers, n)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}

// collected is how many gradients a worker adds up at a time.
const collected = 1 << 15

// collect adds the shards' gradients to the parameters' own, as a mean, clears
// theirs and returns the mean loss.
func collect(params []*grad.Param, ss []*shard, workers int) (loss float64) {
	type piece struct{ param, from, to int }
	var pieces []piece
	for i, p := range params {
		for from := 0; from < len(p.Grad); from += collected {
			pieces = append(pieces, piece{i, from, min(from+collected, len(p.Grad))})
		}
	}
	concurrently(workers, len(pieces), func(i int) {
		p := pieces[i]
		for _, s := range ss {
			g := s.params[p.param].Grad[p.from:p.to]
			kernel.Axpy(params[p.param].Grad[p.from:p.to], 1/float32(len(ss)), g)
			clear(g)
		}
	})
	for _, s := range ss {
		loss += s.loss / float64(len(ss))
	}
	return loss
}

// emulationLosses returns the losses of the examples, one rollout each in turn.
func emulationLosses(b *encoders.Bundle, d *dataset, examples []example, workers int) ([]float64, error) {
	measure, err := d.format().loss("")
	if err != nil {
		return nil, err
	}
	losses := make([]float64, len(examples))
	err = eachBatch(b, d, examples, workers, measure, func(first int, s *shard) {
		copy(losses[first:], s.format.losses(s.out.Value(), s.targets, len(s.models)))
	})
	return losses, err
}

// losses are the emulation losses of n sequences, apart, of what was put out and
// should have been: mean squares, or else total variations.
func (f *format) losses(out, targets []float32, n int) []float64 {
	losses, values := make([]float64, n), out
	if !f.io.RealOutputs {
		values = make([]float32, len(out))
		kernel.Softmax(values, out, n*f.length, f.outputs)
	}
	for i, v := range values {
		d := math.Abs(float64(v - targets[i]))
		if f.io.RealOutputs {
			d *= d / float64(f.io.Outputs)
		} else {
			d /= 2
		}
		losses[i/f.outputs%n] += d / float64(f.length)
	}
	return losses
}

// lossOn is the mean loss over the examples by any measure.
func lossOn(b *encoders.Bundle, d *dataset, examples []example, workers int, measure emulationLoss) (float64, error) {
	losses := make([]float64, len(examples)) // of a batch at its first example
	err := eachBatch(b, d, examples, workers, measure, func(first int, s *shard) {
		losses[first] = s.loss * float64(len(s.models)) / float64(len(examples))
	})
	var sum float64
	for _, l := range losses {
		sum += l
	}
	return sum, err
}

// eachBatch runs shards over the examples, one rollout each in turn, without
// training; first is the number of a batch's first example.
func eachBatch(b *encoders.Bundle, d *dataset, examples []example, workers int, measure emulationLoss, do func(first int, s *shard)) error {
	batches := evaluationBatches(examples, d.header.RolloutCount)
	ss := make([]*shard, max(1, min(workers, len(batches))))
	for i := range ss {
		s, err := newShard(b, measure, 1)
		if err != nil {
			return err
		}
		s.tape.Inference()
		ss[i] = s
	}
	concurrently(len(ss), len(ss), func(worker int) {
		s := ss[worker]
		for i := worker; i < len(batches); i += len(ss) {
			s.fill(examples, batches[i])
			s.run(false)
			do(batches[i][0].example, s)
		}
	})
	return nil
}

// evaluationBatches take every example in order, with one rollout. A batch is of
// one spec.
func evaluationBatches(examples []example, rollouts int) (batches [][]choice) {
	for e := range examples {
		if e == 0 || len(batches[len(batches)-1]) == shardSize || !sameShape(&examples[e-1], &examples[e]) {
			batches = append(batches, nil)
		}
		last := &batches[len(batches)-1]
		*last = append(*last, choice{e, e % rollouts})
	}
	return batches
}

// sameShape reports whether two snapshots can be in one population, and their
// sequences in one batch.
func sameShape(a, b *example) bool { return a.format == b.format && a.model.Spec.Equal(b.model.Spec) }
