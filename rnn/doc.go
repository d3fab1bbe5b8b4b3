// Package rnn describes and runs small recurrent networks: LSTM, GRU and Elman
// cells in stacks of any widths.
//
// A Spec says what an RNN looks like, a Model adds its weights, Layout names
// every tensor as PyTorch does. A Population binds one or many models of equal
// spec to a grad.Tape; zoo training, probing and evaluation all run through it.
//
// The package must not import onnx, encoders or anything above them.
package rnn
