package exporter

import (
	"rnnrep/internal/onnx"
)

// The versions that every file carries: the newest that ONNX Runtime 1.14
// loads and that no op used here has outgrown.
const (
	irVersion = 8
	opset     = 17
	producer  = "rnnrep"
)

// model wraps a graph.
func (g *graph) model(doc string, metadata map[string]string) *onnx.Model {
	return &onnx.Model{IRVersion: irVersion, Producer: producer, DocString: doc,
		Opsets: map[string]int64{"": opset}, Metadata: metadata, Graph: g.Graph}
}
