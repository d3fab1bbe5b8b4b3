package exporter_test

import (
	"bytes"
	"fmt"
	"log"
	"os"

	"rnnrep/encoders"
	"rnnrep/exporter"
	"rnnrep/internal/onnx"
	"rnnrep/rnn"
)

// An RNN becomes one node per layer, and a readout.
func ExampleWriteRNN() {
	m := rnn.NewModel(rnn.Spec{Outputs: 2, Layers: []rnn.Layer{
		{Cell: "lstm", Inputs: 6, Hidden: 32, Bidirectional: true},
		{Cell: "gru", Inputs: 64, Hidden: 16},
	}})
	var file bytes.Buffer
	if err := exporter.WriteRNN(&file, m); err != nil {
		log.Fatal(err)
	}
	read, err := onnx.Parse(file.Bytes(), nil, onnx.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range read.Graph.Nodes {
		fmt.Println(n.OpType, n.Name)
	}
	// Output:
	// LSTM lstm_l0
	// Transpose transpose
	// Reshape reshape
	// GRU gru_l1
	// Squeeze squeeze
	// MatMul matmul
	// Add add
}

// A bundle becomes a file that needs nothing but an ONNX runtime.
func ExampleWriteEncoder() {
	b, err := encoders.OpenBundle(os.DirFS("formal_languages/interactive_probing"))
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if err := exporter.WriteEncoder(&file, b, exporter.Options{}); err != nil {
		log.Fatal(err) // the file would not have computed what the bundle does
	}
	checks, err := exporter.VerifyEncoder(file.Bytes(), b)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range checks {
		fmt.Println(c)
	}
	if err := os.WriteFile("encoder.onnx", file.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}
