package importer

import (
	"context"

	"rnnrep/internal/onnx"
	"rnnrep/internal/onnx/onnxgraph"
)

// Dot draws a model's graph in Graphviz's language: recurrent nodes filled,
// constants left out. It needs no RNN to be found.
func Dot(data []byte, o Options) ([]byte, error) {
	m, err := onnx.Parse(data, o.External, onnx.Limits{Bytes: o.maxBytes()})
	if err != nil {
		return nil, err
	}
	v := newView(context.Background(), m)
	recurrent := map[string]bool{}
	if found, err := v.recurrences(); err == nil {
		for _, r := range found {
			for _, name := range r.outputs() {
				recurrent[name] = true
			}
		}
	}
	return onnxgraph.Dot(m, onnxgraph.Style{
		Hide: func(value string) bool { return !v.varying[value] },
		Fill: func(value string) bool { return recurrent[value] },
	})
}
