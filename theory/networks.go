package theory

import (
	"fmt"

	"rnnrep/rnn"
)

// RNNs that compute the functions of a class. A query is a token; the output after
// it is above 0 for the answer 1. What was asked before does not matter: gates
// forget it. Function and query are in the weights of a unit whose input is steep
// around half a step below the threshold.

const (
	// Steepness makes a unit's tanh, half a step from its threshold, ±1 to within
	// float32.
	Steepness = 20
	// shut closes a gate, and open opens it, to within float32.
	shut, open = -30, 30
)

// Cells lists the cells of which Network makes RNNs.
func Cells() []string { return []string{"rnn_tanh", "gru", "lstm"} }

// Weights are what is free in the weights of an RNN that computes a function.
type Weights struct {
	Steepness float32
	// Shift moves the thresholds between the numbers: less than half a step.
	Shift float32
}

// Network returns an RNN of one layer that computes a function of Thresholds(n),
// or, with point, of Points(n).
func Network(cell string, n, function int, point bool, w Weights) (*rnn.Model, error) {
	thresholds, readout, bias := []int{function}, []float32{1}, float32(0)
	if point { // above its own threshold, but not above the next
		thresholds, readout, bias = []int{function, function + 1}, []float32{1, -1}, -1
	}
	m := rnn.NewModel(rnn.Uniform(cell, n, len(thresholds), 1, 1))
	first, err := candidate(cell, len(thresholds), m)
	if err != nil {
		return nil, err
	}
	for unit, threshold := range thresholds {
		row := first + unit
		for query := range n {
			m.Named("weight_ih_l0")[row*n+query] = w.Steepness * float32(query)
		}
		m.Named("bias_ih_l0")[row] = w.Steepness * (0.5 + w.Shift - float32(threshold))
	}
	copy(m.Named("linear.weight"), readout)
	m.Named("linear.bias")[0] = bias
	return m, nil
}

// candidate sets the gates so that the state is the tanh of the candidate's input
// alone, and returns the candidate's first row.
func candidate(cell string, units int, m *rnn.Model) (int, error) {
	set := func(gate int, bias float32) {
		for u := range units {
			m.Named("bias_hh_l0")[gate*units+u] = bias
		}
	}
	switch cell {
	case "rnn_tanh": // weight_hh is 0
		return 0, nil
	case "gru": // r, z, n: the old state counts z
		set(1, shut)
		return 2 * units, nil
	case "lstm": // i, f, g, o
		set(0, open)
		set(1, shut)
		set(3, open)
		return 2 * units, nil
	}
	return 0, fmt.Errorf("no network of cells %q; known: %v", cell, Cells())
}

// Ask makes an RNN an oracle: one sequence of queries, each after the others.
func Ask(m *rnn.Model) Oracle {
	var asked []float32
	return func(query int) (int, error) {
		token := make([]float32, m.Spec.Inputs())
		token[query] = 1
		asked = append(asked, token...)
		steps := len(asked) / len(token)
		outputs, err := m.Run(asked, steps, 1)
		if err != nil {
			return 0, err
		}
		if outputs[steps-1] > 0 {
			return 1, nil
		}
		return 0, nil
	}
}
