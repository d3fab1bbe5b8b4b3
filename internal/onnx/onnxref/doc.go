// Package onnxref evaluates ONNX graphs, slowly and exactly: the reference that
// recovered and exported networks are compared with, and what finds weights
// behind Transpose, Slice, Concat and the like.
//
// Run evaluates a model. Floats are computed in float64 and rounded to the
// declared type after every node. Operators register themselves from the file of
// their family; opsets 7 to 26 are understood, newer ones are read as 26. Limits
// and a context bound what a foreign graph can cost.
//
// The package knows no recurrent network of ours and must not import one.
package onnxref
