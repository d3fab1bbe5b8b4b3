// Package exporter writes ONNX files: an RNN with WriteRNN, a bundle's encoder
// together with its predictors with WriteEncoder.
//
// Both write IR version 8 and opset 17, which ONNX Runtime loads since 1.14. All
// numbers are float32, everything is in one file, and equal inputs give equal
// bytes.
//
// # Files of WriteRNN
//
//	input   [sequence, batch, inputs]
//	output  [sequence, batch, outputs]
//
// One LSTM, GRU or RNN node per layer, named like lstm_l0, from a zero state, and
// MatMul and Add for a readout at every step. The metadata entry "spec" is the
// rnn.Spec as JSON.
//
// # Files of WriteEncoder
//
// The inputs are n RNNs: one input for every entry of their state_dict, under
// PyTorch's name, with n in front of PyTorch's shape.
//
//	weight_ih_l0   [n, gates*h0, inputs]
//	weight_hh_l0   [n, gates*h0, h0]
//	bias_ih_l0     [n, gates*h0]
//	bias_hh_l0     [n, gates*h0]
//	...            further layers
//	linear.weight  [n, outputs, h1]
//	linear.bias    [n, outputs]
//
// n is free. Cells and the number of layers are those of the spec that the
// encoder was trained on. Hidden sizes h0, h1, ... are free for encoders that
// only probe the RNN; for those that read its weights they are fixed. Of bundles
// that read RNNs of many shapes (responses, layerwise_statistics),
// encoders.Bundle.For makes one whose file reads another shape: `rnnrepd export
// --like`.
//
// The outputs are what a bundle answers (encoders.Result):
//
//	embedding           [n, dim]     of unit length
//	accuracy            [n]          0 to 1
//	generalization_gap  [n]          in the metadata's gap_unit
//	training_stage      [n, stages]  probabilities of the metadata's stage_steps
//	task                [n, coordinates]  the most probable parameters
//	task_probability    [n]          of these parameters
//	task_0, task_1 ...  [n, values]  probabilities of the values in the metadata's
//	                                 task_coordinates; none where there is one value
//
// Where task parameters are real numbers (the metadata's task_ranges), task is their
// estimate, task_probability is absent, and there is task_0, task_1 ... for the
// circular ones alone: [n, 2], cosine and sine of the parameter as an angle. The
// length of that vector is the key of the calibration.
//
// A family without task parameters has none of the task outputs.
//
// Metadata entries are JSON values, but for the plain text of family and encoder:
// options, spec, accepts, stage_steps, task_coordinates, task_ranges, task_names, gap_mean,
// gap_scale, gap_curve, gap_unit, calibration, interval_level, scores, provenance and seed.
// examples/python/embed_state_dict.py uses them to print intervals.
//
// # How an encoder is exported
//
// Encoders hold no ONNX code. A trace is what a grad.Tape recorded of encoder and
// predictors. Traces for several numbers of RNNs and several hidden sizes must
// agree in all but sizes; laid over one another they say of each size how it
// depends on n and h. Then each record is lowered to ONNX nodes by the function
// that lowerings has for its operation. A prober's loop becomes a Scan whose body
// is one step. A new operation of package grad needs a row in lowerings and a
// case in the tests, which insist on both.
//
// WriteEncoder refuses to write a file that the reference evaluator does not find
// equal to the bundle within 1e-5 on random RNNs; VerifyEncoder asks ONNX Runtime
// as well.
//
// The package must not import importer, training or server.
package exporter
