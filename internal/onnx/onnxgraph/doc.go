// Package onnxgraph draws models: Dot views one as a gonum graph of its values and
// writes that in Graphviz's language.
//
// The graph is decoded by onnx-go (github.com/owulveryck/onnx-go), which turns
// ONNX into gonum graphs and is no longer maintained. It is not the importer: of
// IR version 3, it knows no float16, 8-bit integers, external data or functions,
// refuses graphs inside nodes, drops symbolic dimensions, accepts cycles, panics
// on dimensions that do not fit their data, and allocates what a declared shape
// asks for before it looks at the file. So it never sees foreign bytes: it gets
// a model that package onnx has read and checked, written again as nodes and
// numbered values alone.
//
// Tests use onnx-go the other way round too: on plain models it must find the
// nodes, edges and tensors that package onnx finds.
package onnxgraph
