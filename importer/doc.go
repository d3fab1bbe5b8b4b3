// Package importer reads the recurrent network of an ONNX file: bytes in,
// rnn.Model and Report out.
//
// ReadBytes parses the file behind its limits, lets recognisers find recurrent
// layers, one file per shape they come in, finds out how the layers are wired
// by sending marked values through the graph, and compares the recovered model
// with the original nodes run by the reference evaluator. A guess that does not
// compute what the graph computes is refused, never returned.
//
// It is the only package that reads foreign ONNX. It must not import encoders,
// training, exporter or server.
package importer
