package onnxref

import (
	"context"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// Fold returns the values of a model that do not depend on its inputs: its
// initializers, and what nodes make of them. An initializer that is an input too
// counts as constant, since exporters list weights so. Shape and Size of an
// input whose dimensions are declared as numbers are constant.
//
// What cannot be evaluated, or not within the limits, is left out: the caller
// sees it as not constant. The only error is the end of ctx.
//
// Values share the bytes of the model where moving data around suffices.
func Fold(ctx context.Context, m *onnx.Model, l Limits) (map[string]*onnx.Tensor, error) {
	r := newRunner(ctx, m, l)
	s := &scope{values: map[string]*value{}}
	for name, v := range r.initializers(m.Graph) {
		s.values[name] = v
	}
	declared := map[string]onnx.Value{}
	for _, v := range m.Graph.Inputs {
		declared[v.Name] = v
	}
	made := map[string]bool{}
	for _, n := range m.Graph.Nodes {
		err := r.fold(n, s, declared)
		if errs.CodeOf(err) == errs.Timeout {
			return nil, err
		}
		for _, name := range n.Outputs {
			made[name] = err == nil && name != ""
		}
	}
	folded := make(map[string]*onnx.Tensor, len(s.values))
	for _, t := range m.Graph.Initializers {
		folded[t.Name] = t
	}
	for name := range made {
		if v := s.values[name]; v != nil && !v.sequence {
			folded[name] = v.tensor(name)
		}
	}
	return folded, nil
}

var errNotConstant = errs.New(errs.WeightsNotConstant, "it depends on the inputs")

// fold evaluates a node if everything that it reads is known.
func (r *runner) fold(n *onnx.Node, s *scope, declared map[string]onnx.Value) error {
	if v, ok := declared[n.Input(0)]; ok && s.values[v.Name] == nil && n.Domain == "" {
		return foldShape(n, s, v)
	}
	for _, name := range n.Reads() {
		if s.get(name) == nil {
			return errNotConstant
		}
	}
	return r.exec(n, s)
}

// foldShape evaluates Shape and Size of an input of fixed dimensions.
func foldShape(n *onnx.Node, s *scope, v onnx.Value) error {
	if v.Dims == nil || len(n.Outputs) != 1 {
		return errNotConstant
	}
	from, to := 0, len(v.Dims)
	if n.OpType == "Shape" {
		from, to = shapeRange(n, len(v.Dims))
	}
	size := int64(1)
	for _, d := range v.Dims[from:to] {
		if d < 0 || d > 1 && size > (1<<62)/d {
			return errNotConstant
		}
		size *= d
	}
	switch n.OpType {
	case "Shape":
		s.values[n.Outputs[0]] = intVector(toInts(v.Dims[from:to]))
	case "Size":
		s.values[n.Outputs[0]] = intScalar(size)
	default:
		return errNotConstant
	}
	return nil
}
