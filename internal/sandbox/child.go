package sandbox

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"rnnrep/internal/onnx"
	"rnnrep/internal/ort"
)

const (
	memoryVariable  = "RNNREPD_SANDBOX_MEMORY"
	secondsVariable = "RNNREPD_SANDBOX_SECONDS"
	errorKey        = "error" // in the metadata of an answer
)

// request is what the child reads: the length of the model, the model, and a
// second model whose initializers are the inputs and whose doc_string lists the
// outputs in JSON.
func request(model []byte, inputs map[string]*onnx.Tensor, outputs []string) []byte {
	names, err := json.Marshal(outputs)
	if err != nil {
		panic(err) // strings are always written
	}
	values := onnx.Marshal(carrier(inputs, string(names), nil))
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(model)+len(values)), uint64(len(model)))
	return append(append(b, model...), values...)
}

// carrier is a model that carries values.
func carrier(values map[string]*onnx.Tensor, doc string, metadata map[string]string) *onnx.Model {
	m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, DocString: doc, Metadata: metadata, Graph: &onnx.Graph{Name: "values"}}
	for name, t := range values {
		named := *t
		named.Name = name
		m.Graph.Initializers = append(m.Graph.Initializers, &named)
	}
	return m
}

// Child is the child's whole work: it takes its limits from the environment,
// reads a request from r and writes the answer to w.
func Child(r io.Reader, w io.Writer) error {
	memory, err := strconv.ParseInt(os.Getenv(memoryVariable), 10, 64)
	if err != nil {
		return fmt.Errorf("this command is started by rnnrepd itself, which sets %s", memoryVariable)
	}
	seconds, err := strconv.ParseInt(os.Getenv(secondsVariable), 10, 64)
	if err != nil {
		return err
	}
	if err := limitMemory(memory, seconds); err != nil {
		return err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	outputs, err := answer(data)
	metadata := map[string]string{}
	if err != nil {
		metadata[errorKey] = err.Error()
	}
	_, err = w.Write(onnx.Marshal(carrier(outputs, "", metadata)))
	return err
}

// answer runs a request.
func answer(data []byte) (map[string]*onnx.Tensor, error) {
	if len(data) < 8 || binary.BigEndian.Uint64(data) > uint64(len(data)-8) {
		return nil, errors.New("the request is cut off")
	}
	end := 8 + int(binary.BigEndian.Uint64(data))
	values, err := onnx.Parse(data[end:], nil, onnx.Limits{})
	if err != nil {
		return nil, err
	}
	var outputs []string
	if err := json.Unmarshal([]byte(values.DocString), &outputs); err != nil {
		return nil, err
	}
	inputs := map[string]*onnx.Tensor{}
	for _, t := range values.Graph.Initializers {
		inputs[t.Name] = t
	}
	if err := ort.Available(); err != nil { // loads the library
		return nil, err
	}
	if err := limitFiles(); err != nil {
		return nil, err
	}
	return ort.Run(context.Background(), data[8:end], inputs, outputs)
}
