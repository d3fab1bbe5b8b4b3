// Package onnx reads and writes ONNX models as plain Go values.
//
// Parse is the gate for outside bytes. It decodes the protobuf wire format
// itself, message by message, and checks counts, depth, dimensions and data
// lengths against Limits before it allocates; no generated code, no reflection.
// Tensor data stay views of the file, decoded on demand.
package onnx
