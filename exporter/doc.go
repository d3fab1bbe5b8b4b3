// Package exporter writes ONNX files: a recurrent network as WriteRNN, a
// bundle's encoder with its predictors as WriteEncoder.
//
// Both write IR version 8 and opset 17, which every ONNX Runtime since 1.14
// loads; all numbers are float32 in one file, and equal inputs give equal bytes.
//
// # Files of WriteRNN
//
//	input   float32 [sequence, batch, inputs]
//	output  float32 [sequence, batch, outputs]
//
// One LSTM, GRU or RNN node per layer, named like lstm_l0, from a zero state,
// then MatMul and Add for a readout at every step. metadata_props hold "spec",
// the rnn.Spec as JSON.
//
// The package must not import importer, training or server.
package exporter
