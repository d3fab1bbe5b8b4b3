package encoders

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"

	"rnnrep/internal/errs"
	"rnnrep/internal/grad"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// Bundle is all that passes between training, exporter and server: a trained
// encoder with its emulator and predictors, how to make intervals, and the
// population it knows. It is safe for concurrent use.
type Bundle struct {
	Manifest   Manifest
	Encoder    Encoder
	Emulator   *Emulator
	Predictors *Predictors
	Reference  *Reference
	tapes      sync.Pool
}

// NewBundle builds a manifest's parts with initial weights.
func NewBundle(m Manifest) (*Bundle, error) {
	r := rng.Stream(m.Seed, "initial weights", 0)
	e, err := New(m.Encoder, r)
	if err != nil {
		return nil, err
	}
	emulator, err := NewEmulator(m.Emulator, r)
	if err != nil {
		return nil, err
	}
	if err := m.Predictors.validate(); err != nil {
		return nil, err
	}
	return &Bundle{Manifest: m, Encoder: e, Emulator: emulator, Predictors: NewPredictors(m.Predictors, r)}, nil
}

// Params lists the weights of encoder, emulator and predictors.
func (b *Bundle) Params() []*grad.Param {
	return append(append(append([]*grad.Param{}, b.Encoder.Params()...), b.Emulator.Params()...), b.Predictors.Params()...)
}

// Name is FAMILY/ENCODER.
func (b *Bundle) Name() string { return b.Manifest.Family + "/" + b.Manifest.Encoder.Kind }

// For returns the bundle as one for RNNs of another spec that it accepts: what is
// exported of it reads those. Both share everything else, also what Trust says.
func (b *Bundle) For(s rnn.Spec) (*Bundle, error) {
	if err := b.Encoder.Accepts().Check(s); err != nil {
		return nil, err
	}
	m := b.Manifest
	m.Encoder.Spec = s
	return &Bundle{Manifest: m, Encoder: b.Encoder, Emulator: b.Emulator, Predictors: b.Predictors, Reference: b.Reference}, nil
}

// Info describes the bundle.
func (b *Bundle) Info() BundleInfo {
	return BundleInfo{Name: b.Name(), Family: b.Manifest.Family, Encoder: b.Manifest.Encoder.Kind, Dimension: b.Manifest.Encoder.Dim,
		Accepts: b.Encoder.Accepts(), Reference: len(b.Reference.Members), Scores: b.Manifest.Scores, Provenance: b.Manifest.Provenance}
}

// Check returns an error that says why a spec is not accepted, or nil.
func (a Acceptance) Check(s rnn.Spec) error {
	refuse := func(found string) error {
		accepted := fmt.Sprintf("%d inputs, %d outputs, run step by step forward in time", a.Inputs, a.Outputs)
		if a.Exact {
			accepted = a.TrainedOn.String()
		}
		return errs.New(errs.SpecNotAccepted, "the RNN is %s: %s", s, found).Accepts("%s", accepted).
			Do("leave the bundle to the program, or choose a responses or layerwise_statistics one: they read any RNN")
	}
	switch {
	case a.Exact && !s.Equal(a.TrainedOn):
		return refuse("the encoder reads the weights of one architecture")
	case a.Inputs > 0 && s.Inputs() != a.Inputs:
		return refuse(fmt.Sprintf("%d inputs", s.Inputs()))
	case a.Outputs > 0 && s.OutputSize() != a.Outputs:
		return refuse(fmt.Sprintf("%d outputs", s.OutputSize()))
	case a.Causal && !s.Plain():
		return refuse("it is not PyTorch's plain cell, or it runs backward in time")
	}
	return nil
}

// Knows reports whether RNNs of this spec were among those of the training.
func (a Acceptance) Knows(s rnn.Spec) bool {
	if a.Shapes != nil {
		return a.Shapes.Contain(s)
	}
	return s.Equal(a.TrainedOn)
}

// embedAtOnce bounds how many RNNs go through the encoder together.
const embedAtOnce = 32

// Embed answers for every model, in order. The models may differ in spec; one
// that the bundle does not accept fails the call.
func (b *Bundle) Embed(ctx context.Context, models []*rnn.Model) ([]Result, error) {
	accepts := b.Encoder.Accepts()
	for _, m := range models {
		if err := accepts.Check(m.Spec); err != nil {
			return nil, err
		}
	}
	results := make([]Result, 0, len(models))
	for len(models) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := 1
		for n < min(len(models), embedAtOnce) && models[n].Spec.Equal(models[0].Spec) {
			n++
		}
		group, err := b.embedGroup(models[:n])
		if err != nil {
			return nil, err
		}
		results = append(results, group...)
		models = models[n:]
	}
	return results, nil
}

func (b *Bundle) embedGroup(models []*rnn.Model) ([]Result, error) {
	t, _ := b.tapes.Get().(*grad.Tape)
	if t == nil {
		t = grad.NewTape().Inference()
	}
	defer b.tapes.Put(t)
	t.Reset()
	z := Embeddings(t, b.Encoder, rnn.Bind(t, models...))
	outputs := b.Predictors.Apply(z)
	results := make([]Result, len(models))
	for i, m := range models {
		embedding := append([]float32(nil), z.Value()[i*z.Cols():(i+1)*z.Cols()]...)
		if slices.ContainsFunc(embedding, notFinite) {
			return nil, errs.New(errs.NonFiniteWeights, "the embedding of the RNN is not finite: its weights are too large to compute with").
				Accepts("weights whose products stay within float32").Do("check the weights; their training may have diverged")
		}
		results[i] = b.result(m.Spec, embedding, b.Predictors.point(outputs, i))
	}
	return results, nil
}

// result puts intervals, trust and neighbours around a point prediction.
func (b *Bundle) result(s rnn.Spec, embedding []float32, p point) Result {
	accepts, steps := b.Encoder.Accepts(), b.Manifest.Predictors.Steps
	c, intervals := b.Manifest.Calibration.of(accepts, s)
	trust, near := b.Reference.trust(b.Manifest.Family, accepts, intervals, s, embedding)
	first, last := stageSet(p.stage, c.Stage)
	stage := StageEstimate{Estimate: Estimate{Value: float64(steps[argmax(p.stage)]), Level: level, Unit: "steps",
		Interval: [2]float64{float64(steps[first]), float64(steps[last])}}, Distribution: map[string]float64{}}
	for i, q := range p.stage {
		stage.Distribution[strconv.Itoa(steps[i])] = q
	}
	r := Result{Bundle: b.Name(), Embedding: embedding, Trust: trust, Predictions: Predictions{
		Accuracy:          Estimate{Value: p.accuracy, Interval: c.Accuracy.interval(p.accuracy, 0, 1), Level: level},
		GeneralizationGap: Estimate{Value: p.gap, Interval: c.Gap.interval(p.gap, math.Inf(-1), math.Inf(1)), Level: level, Unit: cmp.Or(b.Manifest.Predictors.GapUnit, "nats")},
		TrainingStage:     stage,
		Task:              b.Manifest.task(p, c),
	}}
	for _, f := range near {
		m := b.Reference.Members[f.member]
		r.Neighbours = append(r.Neighbours, Neighbour{ID: fmt.Sprintf("%s/run-%04d/step-%d", b.Manifest.Family, m.Run, m.Step),
			Distance: f.distance, Accuracy: m.Accuracy, Task: m.Task})
	}
	return r
}

// task names the predicted task, with intervals where parameters are real numbers.
func (m *Manifest) task(p point, c *Calibration) TaskPrediction {
	t := TaskPrediction{Value: m.TaskNames[taskKey(p.task)], Parameters: p.task, Probability: p.taskProbability}
	ranges := m.Predictors.Ranges
	if len(ranges) == 0 {
		return t
	}
	t.Value, t.Probability, t.Level = m.Predictors.TaskText(p.task), 0, level
	for i, r := range ranges {
		t.Intervals = append(t.Intervals, r.interval(float64(p.task[i]), c.Task[i].width(p.taskKeys[i])))
	}
	return t
}

// Truth is what is known of an RNN, for calibration and evaluation.
type Truth struct {
	Accuracy, Gap float64
	Stage         int       // index into PredictorConfig.Steps
	Task          []float32 // parameters
}

// Calibrate sets the intervals from RNNs that training did not see.
func (b *Bundle) Calibrate(models []*rnn.Model, truths []Truth) {
	t := grad.NewTape().Inference()
	var embeddings []float32
	for _, m := range models {
		t.Reset()
		embeddings = append(embeddings, Embeddings(t, b.Encoder, rnn.Bind(t, m)).Value()...)
	}
	b.Manifest.Calibration = b.Deviations(embeddings, truths).Calibration()
}

// Deviations are those of what is predicted from embeddings, [len(truths), Dim].
func (b *Bundle) Deviations(embeddings []float32, truths []Truth) *Deviations {
	ranges, dim := b.Manifest.Predictors.Ranges, b.Manifest.Encoder.Dim
	d := &Deviations{task: make([]deviations, len(ranges))}
	t := grad.NewTape().Inference()
	for i, truth := range truths {
		t.Reset()
		p := b.Predictors.point(b.Predictors.Apply(t.Input("", 1, dim, embeddings[i*dim:(i+1)*dim])), 0)
		d.accuracy.add(p.accuracy, math.Abs(p.accuracy-truth.Accuracy))
		d.gap.add(p.gap, math.Abs(p.gap-truth.Gap))
		d.stage = append(d.stage, stageScore(p.stage, truth.Stage))
		for j, r := range ranges {
			d.task[j].add(p.taskKeys[j], r.Distance(float64(p.task[j]), float64(truth.Task[j])))
		}
	}
	return d
}
