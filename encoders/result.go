package encoders

import "rnnrep/rnn"

// Result is what a bundle says about one RNN.
type Result struct {
	Bundle      string      `json:"bundle"` // FAMILY/ENCODER
	Embedding   []float32   `json:"embedding"`
	Predictions Predictions `json:"predictions"`
	Trust       Trust       `json:"trust"`
	Neighbours  []Neighbour `json:"neighbours"`
}

// Predictions holds one estimate per property.
type Predictions struct {
	Accuracy          Estimate       `json:"accuracy"`           // fraction of accepted samples, 0 to 1
	GeneralizationGap Estimate       `json:"generalization_gap"` // nats
	TrainingStage     StageEstimate  `json:"training_stage"`     // optimiser steps
	Task              TaskPrediction `json:"task"`
}

// Estimate is a value with its conformal interval.
type Estimate struct {
	Value    float64    `json:"value"`
	Interval [2]float64 `json:"interval"`
	Level    float64    `json:"level"` // probability that the interval covers the truth, for RNNs like the zoo's
	Unit     string     `json:"unit,omitempty"`
}

// StageEstimate is the predicted training step with its distribution over the
// zoo's snapshot steps.
type StageEstimate struct {
	Estimate
	Distribution map[string]float64 `json:"distribution"` // step -> probability
}

// TaskPrediction is the most probable task, or, where task parameters are real
// numbers, the estimated one.
type TaskPrediction struct {
	Value       string    `json:"value"`
	Parameters  []float32 `json:"parameters"`
	Probability float64   `json:"probability,omitempty"` // absent where there are intervals
	// Intervals are those of parameters that are real numbers. An interval on a
	// circle may pass its ends: from 350 to 365 degrees.
	Intervals [][2]float64 `json:"intervals,omitempty"`
	Level     float64      `json:"level,omitempty"` // of the intervals, as in Estimate
}

// Trust says how far an RNN lies from those the bundle was trained on.
type Trust struct {
	InPopulation     bool    `json:"in_population"`
	DistanceQuantile float64 `json:"distance_quantile"` // share of the reference population that lies nearer to its own neighbours
	Note             string  `json:"note"`              // empty when nothing speaks against the numbers
}

// Neighbour is a snapshot of the zoo near the RNN's embedding.
type Neighbour struct {
	ID       string  `json:"id"`       // FAMILY/run-0012/step-5000
	Distance float64 `json:"distance"` // Euclidean, between unit embeddings
	Accuracy float64 `json:"accuracy"`
	Task     string  `json:"task,omitempty"`
}

// Acceptance says which specs a bundle reads. A zero size accepts any.
type Acceptance struct {
	Inputs    int      `json:"inputs,omitempty"`
	Outputs   int      `json:"outputs,omitempty"`
	Causal    bool     `json:"causal,omitempty"` // the RNN is run step by step
	Exact     bool     `json:"exact,omitempty"`  // only RNNs of the spec in TrainedOn
	TrainedOn rnn.Spec `json:"trained_on"`
	Shapes    *Shapes  `json:"shapes,omitempty"` // where it was trained on RNNs of many; TrainedOn then has the widest format
}

// BundleInfo describes a bundle: `rnnrepd bundles`, GET /v1/bundles.
type BundleInfo struct {
	Name       string             `json:"name"` // FAMILY/ENCODER
	Family     string             `json:"family"`
	Encoder    string             `json:"encoder"`
	Dimension  int                `json:"dimension"`
	Accepts    Acceptance         `json:"accepts"`
	Reference  int                `json:"reference_snapshots"`
	Scores     map[string]float64 `json:"scores"`
	Provenance map[string]string  `json:"provenance"`
}
