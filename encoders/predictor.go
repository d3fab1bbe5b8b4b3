package encoders

import (
	"math"
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/internal/nn"
)

// Predictors read properties of an RNN from its embedding: small MLPs, trained
// while the encoder is frozen (paper, section 5, downstream tasks).
type Predictors struct {
	Config   PredictorConfig
	accuracy *nn.MLP // logit
	gap      *nn.MLP // in units of GapScale around GapMean
	stage    *nn.MLP // logits over Steps
	task     *nn.MLP // logits over the values of each coordinate, one after the other, or what Range says
}

// PredictorConfig is what a manifest stores of the predictors.
type PredictorConfig struct {
	Dim    int `json:"dim"`
	Hidden int `json:"hidden"`
	// Steps are the training stages told apart.
	Steps []int `json:"steps"`
	// Coordinates lists, for every task parameter, the values it takes; a
	// parameter of one value is not predicted.
	Coordinates [][]float32 `json:"coordinates"`
	// Ranges are those of the task parameters where they are real numbers;
	// there are no Coordinates then.
	Ranges []Range `json:"ranges,omitempty"`
	// The gap is predicted in units of GapScale around GapMean. With a GapCurve, gaps
	// far greater than it are predicted by their logarithm: g as asinh(g/GapCurve).
	GapMean  float32 `json:"gap_mean"`
	GapScale float32 `json:"gap_scale"`
	GapCurve float32 `json:"gap_curve,omitempty"`
	GapUnit  string  `json:"gap_unit,omitempty"` // "": nats
}

// taskOutputs is the number of outputs of the task predictor.
func (c PredictorConfig) taskOutputs() (n int) {
	for _, r := range c.Ranges {
		n += r.outputs()
	}
	for _, values := range c.Coordinates {
		if len(values) > 1 {
			n += len(values)
		}
	}
	return n
}

// NewPredictors draws initial weights from r.
func NewPredictors(c PredictorConfig, r *rand.Rand) *Predictors {
	head := func(name string, outputs int) *nn.MLP {
		return nn.NewMLP("predictor."+name, []int{c.Dim, c.Hidden, c.Hidden, outputs}, r)
	}
	return &Predictors{Config: c, accuracy: head("accuracy", 1), gap: head("generalization_gap", 1),
		stage: head("training_stage", len(c.Steps)), task: head("task", max(1, c.taskOutputs()))}
}

// Params lists the weights.
func (p *Predictors) Params() (ps []*grad.Param) {
	for _, m := range []*nn.MLP{p.accuracy, p.gap, p.stage, p.task} {
		ps = append(ps, m.Params()...)
	}
	return ps
}

// Outputs are raw predictions for N embeddings.
type Outputs struct {
	Accuracy grad.Var // [N, 1], logit
	Gap      grad.Var // [N, 1], standardised
	Stage    grad.Var // [N, steps], logits
	Task     grad.Var // [N, sum of coordinate sizes], logits; or what Range says
}

// Apply predicts from embeddings [N, Dim].
func (p *Predictors) Apply(z grad.Var) Outputs {
	return Outputs{p.accuracy.Apply(z), p.gap.Apply(z), p.stage.Apply(z), p.task.Apply(z)}
}

// point is one RNN's prediction without intervals.
type point struct {
	accuracy, gap   float64
	stage           []float64 // probabilities
	task            []float32
	taskProbability float64   // of the values of all coordinates
	taskKeys        []float64 // of the residuals of each range
}

// point reads row i of the outputs.
func (p *Predictors) point(o Outputs, i int) point {
	row := func(v grad.Var) []float32 { return v.Value()[i*v.Cols() : (i+1)*v.Cols()] }
	q := point{
		accuracy:        1 / (1 + math.Exp(-float64(row(o.Accuracy)[0]))),
		gap:             p.Config.gapOf(row(o.Gap)[0]),
		stage:           softmax(row(o.Stage)),
		taskProbability: 1,
	}
	logits := row(o.Task)
	for _, r := range p.Config.Ranges {
		value, key := r.Parameter(logits[:r.outputs()])
		logits = logits[r.outputs():]
		q.task, q.taskKeys = append(q.task, float32(value)), append(q.taskKeys, key)
	}
	for _, values := range p.Config.Coordinates {
		if len(values) == 1 {
			q.task = append(q.task, values[0])
			continue
		}
		probabilities := softmax(logits[:len(values)])
		logits = logits[len(values):]
		best := argmax(probabilities)
		q.task = append(q.task, values[best])
		q.taskProbability *= probabilities[best]
	}
	return q
}

// GapTarget is what the gap's predictor should put out.
func (c PredictorConfig) GapTarget(gap float64) float32 {
	return float32((c.Curved(gap) - float64(c.GapMean)) / float64(c.GapScale))
}

// Curved is the gap, or with a GapCurve asinh(gap/GapCurve).
func (c PredictorConfig) Curved(gap float64) float64 {
	if c.GapCurve == 0 {
		return gap
	}
	return math.Asinh(gap / float64(c.GapCurve))
}

// gapOf reverses GapTarget.
func (c PredictorConfig) gapOf(output float32) float64 {
	if c.GapCurve == 0 {
		return float64(output*c.GapScale + c.GapMean)
	}
	// Beyond the limit float32 would overflow.
	const limit = 80
	return float64(c.GapCurve) * math.Sinh(max(-limit, min(limit, float64(output*c.GapScale+c.GapMean))))
}

func softmax(logits []float32) []float64 {
	top := float64(logits[0])
	for _, x := range logits {
		top = max(top, float64(x))
	}
	p := make([]float64, len(logits))
	var sum float64
	for i, x := range logits {
		p[i] = math.Exp(float64(x) - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func argmax(p []float64) int {
	best := 0
	for i, x := range p {
		if x > p[best] {
			best = i
		}
	}
	return best
}
