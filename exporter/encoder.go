package exporter

import (
	"context"
	"fmt"
	"io"

	"rnnrep/encoders"
	"rnnrep/internal/grad"
	"rnnrep/internal/onnx"
)

// Options of WriteEncoder.
type Options struct {
	// Models is how many RNNs of each size and scale the file is compared on
	// with the bundle before it is written; 0: 2.
	Models int
}

// WriteEncoder writes a bundle's encoder and predictors as one ONNX file; see
// the package comment for its inputs and outputs. It refuses, with the code
// verification_failed, to write a file that the reference evaluator does not
// find equal to the bundle.
func WriteEncoder(w io.Writer, b *encoders.Bundle, o Options) error {
	m, err := encoderModel(b)
	if err != nil {
		return fmt.Errorf("exporting %s: %w", b.Name(), err)
	}
	data := onnx.Marshal(m)
	if o.Models == 0 {
		o.Models = defaultModels
	}
	if _, err := verifyReference(context.Background(), data, b, o.Models); err != nil {
		return fmt.Errorf("exporting %s: %w", b.Name(), err)
	}
	_, err = w.Write(data)
	return err
}

// encoderModel makes the file's content.
func encoderModel(b *encoders.Bundle) (*onnx.Model, error) {
	p, err := newProgram(b)
	if err != nil {
		return nil, err
	}
	l := newLowerer(p, paramNames(b))
	if probe := p.traces[0].probe; probe != nil {
		l.lower(0, probe.begin)
		l.loop(probe, b.Encoder.(encoders.Prober).Steps())
		l.lower(probe.end, len(p.records))
	} else {
		l.lower(0, len(p.records))
	}
	l.predict(p.traces[0].heads, b)
	if *l.err != nil {
		return nil, *l.err
	}
	prune(l.Graph, map[string]bool{})
	metadata, err := encoderMetadata(b)
	if err != nil {
		return nil, err
	}
	return l.model(fmt.Sprintf("The RNN weight encoder %s with its predictors: weights of RNNs under PyTorch's names in, embeddings and predictions out", b.Name()), metadata), nil
}

// paramNames tells encoder and predictors apart from the RNN's own tensors.
func paramNames(b *encoders.Bundle) map[*grad.Param]string {
	names := map[*grad.Param]string{}
	for _, p := range b.Encoder.Params() {
		names[p] = "encoder." + p.Name
	}
	for _, p := range b.Predictors.Params() {
		names[p] = p.Name
	}
	return names
}

// loop writes a prober's step as the body of a Scan over its script, or over
// the numbers of the steps, which then only say how many there are.
func (l *lowerer) loop(probe *probeTrace, steps int) {
	if *l.err != nil {
		return
	}
	records := l.program.records
	var states []carried
	for i, k := range probe.before {
		r := records[k]
		states = append(states, carried{probe.names[i], l.values[k], []dim{r.rows, r.cols}, onnx.Float32})
	}
	xs := []carried{l.stepNumbers(steps)}
	if probe.script >= 0 {
		xs = []carried{{"given", l.values[probe.script], []dim{records[probe.script].cols}, onnx.Float32}}
	}
	last, _ := l.scan("probing", states, xs, func(b *lowerer, states, xs []string) (next, _ []carried) {
		if probe.given >= 0 { // one row for every RNN
			r := records[probe.given]
			b.values[probe.given] = b.op("Expand", []string{xs[0], b.shape(r.rows, r.cols)})
		}
		for i, k := range probe.before {
			b.values[k] = states[i]
		}
		b.lower(probe.begin, probe.end)
		for i, k := range probe.after {
			r := records[k]
			next = append(next, carried{"next_" + probe.names[i], b.values[k], []dim{r.rows, r.cols}, onnx.Float32})
		}
		return next, nil
	})
	for i, name := range l.values[:probe.end] { // what the step computed is not known outside
		if !l.known[name] {
			l.values[i] = ""
		}
	}
	for i, k := range probe.after {
		l.values[k] = last[i]
	}
}

func (l *lowerer) stepNumbers(steps int) carried {
	numbers := make([]int64, steps)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	return carried{"step", l.initializer(onnx.NewInts("steps", numbers)), nil, onnx.Int64}
}
