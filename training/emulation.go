package training

import (
	"math"
	"math/rand/v2"
	"sync"

	"rnnrep/encoders"
	"rnnrep/internal/grad"
	"rnnrep/internal/kernel"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// A batch is cut into a fixed number of shards, each with its own tape and
// gradients; these are added in the order of the shards, so that the result
// does not depend on how many run at a time.
const (
	batchSize = 64
	shards    = 4
	shardSize = batchSize / shards
)

// shard computes the emulation loss of a part of a batch.
type shard struct {
	encoder  encoders.Encoder
	emulator *encoders.Emulator
	params   []*grad.Param
	tape     *grad.Tape
	models   []*rnn.Model
	tokens   []int32
	targets  []float32
	loss     float64
}

// newShard makes a copy of the encoder and emulator that shares their values
// but has gradients of its own.
func newShard(b *encoders.Bundle) (*shard, error) {
	own, err := encoders.NewBundle(b.Manifest)
	if err != nil {
		return nil, err
	}
	s := &shard{encoder: own.Encoder, emulator: own.Emulator, tape: grad.NewTape()}
	s.params = append(append(s.params, own.Encoder.Params()...), own.Emulator.Params()...)
	for i, p := range append(append([]*grad.Param{}, b.Encoder.Params()...), b.Emulator.Params()...) {
		s.params[i].Value = p.Value
	}
	return s, nil
}

// choice is one row of a batch: a rollout of a snapshot.
type choice struct{ example, rollout int }

// draw chooses a batch.
func draw(r *rand.Rand, examples, rollouts int) []choice {
	batch := make([]choice, batchSize)
	for i := range batch {
		batch[i] = choice{r.IntN(examples), r.IntN(rollouts)}
	}
	return batch
}

// fill lays the chosen rollouts out step by step.
func (s *shard) fill(examples []example, batch []choice, length, outputs int) {
	n := len(batch)
	s.models = s.models[:0]
	if s.tokens == nil {
		s.tokens, s.targets = make([]int32, n*length), make([]float32, n*length*outputs)
	}
	for i, c := range batch {
		e := &examples[c.example]
		s.models = append(s.models, e.model)
		for t := range length {
			from := c.rollout*length + t
			s.tokens[t*n+i] = e.tokens[from]
			copy(s.targets[(t*n+i)*outputs:][:outputs], e.logits[from*outputs:][:outputs])
		}
	}
	kernel.Exp(s.targets, s.targets)
}

// augment replaces the RNNs by altered copies where the encoder wants them; row
// is the number of the shard's first row among all of the training.
func (s *shard) augment(seed, row uint64) {
	a, ok := s.encoder.(encoders.Augmenter)
	if !ok {
		return
	}
	for i, m := range s.models {
		s.models[i] = a.Augment(rng.Stream(seed, "augmentation", row+uint64(i)), m)
	}
}

// run computes the loss and, unless the tape only infers, adds the gradients.
func (s *shard) run(length int, backward bool) {
	s.tape.Reset()
	z := encoders.Embeddings(s.tape, s.encoder, rnn.Bind(s.tape, s.models...))
	loss := grad.TotalVariation(s.emulator.Emulate(z, grad.Steps{Tokens: s.tokens, T: length}), s.targets)
	s.loss = float64(loss.Value()[0])
	if backward {
		s.tape.Backward(loss)
	}
}

// parallel runs the shards, workers at a time.
func parallel(workers int, ss []*shard, do func(i int, s *shard)) {
	queue := make(chan int)
	var wg sync.WaitGroup
	for range max(1, min(workers, len(ss))) {
		wg.Go(func() {
			for i := range queue {
				do(i, ss[i])
			}
		})
	}
	for i := range ss {
		queue <- i
	}
	close(queue)
	wg.Wait()
}

// collect adds the shards' gradients to the parameters' own, as a mean, clears
// theirs and returns the mean loss.
func collect(params []*grad.Param, ss []*shard) (loss float64) {
	for _, s := range ss {
		loss += s.loss / float64(len(ss))
		for i, p := range params {
			kernel.Axpy(p.Grad, 1/float32(len(ss)), s.params[i].Grad)
			clear(s.params[i].Grad)
		}
	}
	return loss
}

// emulationLoss is the mean total variation over the examples, one rollout each
// in turn, without training.
func emulationLoss(b *encoders.Bundle, d *dataset, examples []example, workers int) (float64, error) {
	ss := make([]*shard, (len(examples)+shardSize-1)/shardSize)
	for i := range ss {
		s, err := newShard(b)
		if err != nil {
			return 0, err
		}
		s.tape.Inference()
		ss[i] = s
	}
	parallel(workers, ss, func(i int, s *shard) {
		var batch []choice
		for e := i * shardSize; e < min((i+1)*shardSize, len(examples)); e++ {
			batch = append(batch, choice{e, e % d.header.RolloutCount})
		}
		s.fill(examples, batch, d.header.RolloutLength, d.header.Outputs)
		s.run(d.header.RolloutLength, false)
		s.loss *= float64(len(batch))
		s.tape = nil
	})
	var sum float64
	for _, s := range ss {
		sum += s.loss
	}
	if math.IsNaN(sum) {
		return sum, nil
	}
	return sum / float64(len(examples)), nil
}
