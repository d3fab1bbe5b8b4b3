package onnx

import (
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Marshal writes a model; equal models give equal bytes. Tensor data become
// raw_data.
func Marshal(m *Model) []byte {
	var b []byte
	b = putInt(b, 1, m.IRVersion)
	b = putText(b, 2, m.Producer)
	b = putText(b, 3, m.ProducerVersion)
	b = putText(b, 4, m.Domain)
	if m.Version != 0 {
		b = putInt(b, 5, m.Version)
	}
	b = putText(b, 6, m.DocString)
	b = putMessage(b, 7, graph(m.Graph))
	for _, domain := range slices.Sorted(maps.Keys(m.Opsets)) {
		b = putMessage(b, 8, putInt(putText(nil, 1, domain), 2, m.Opsets[domain]))
	}
	for _, key := range slices.Sorted(maps.Keys(m.Metadata)) {
		b = putMessage(b, 14, putText(putText(nil, 1, key), 2, m.Metadata[key]))
	}
	return b
}

func putInt(b []byte, number protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), uint64(v))
}

func putMessage(b []byte, number protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), message)
}

func putString(b []byte, number protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), s)
}

// putText leaves an empty string out.
func putText(b []byte, number protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return putString(b, number, s)
}

func graph(g *Graph) []byte {
	var b []byte
	for _, n := range g.Nodes {
		b = putMessage(b, 1, node(n))
	}
	b = putText(b, 2, g.Name)
	for _, t := range g.Initializers {
		b = putMessage(b, 5, tensor(t))
	}
	for _, v := range g.Inputs {
		b = putMessage(b, 11, value(v))
	}
	for _, v := range g.Outputs {
		b = putMessage(b, 12, value(v))
	}
	return b
}

func node(n *Node) []byte {
	var b []byte
	for _, in := range n.Inputs {
		b = putString(b, 1, in)
	}
	for _, out := range n.Outputs {
		b = putString(b, 2, out)
	}
	b = putText(b, 3, n.Name)
	b = putText(b, 4, n.OpType)
	for _, name := range slices.Sorted(maps.Keys(n.Attributes)) {
		b = putMessage(b, 5, attribute(name, n.Attributes[name]))
	}
	return putText(b, 7, n.Domain)
}

func attribute(name string, a *Attribute) []byte {
	b := putString(nil, 1, name)
	switch a.Type {
	case AttributeFloat:
		b = protowire.AppendFixed32(protowire.AppendTag(b, 2, protowire.Fixed32Type), math.Float32bits(a.Float))
	case AttributeInt:
		b = putInt(b, 3, a.Int)
	case AttributeString:
		b = putString(b, 4, a.String)
	case AttributeTensor:
		b = putMessage(b, 5, tensor(a.Tensor))
	case AttributeGraph:
		b = putMessage(b, 6, graph(a.Graph))
	case AttributeFloats:
		for _, f := range a.Floats {
			b = protowire.AppendFixed32(protowire.AppendTag(b, 7, protowire.Fixed32Type), math.Float32bits(f))
		}
	case AttributeInts:
		for _, i := range a.Ints {
			b = putInt(b, 8, i)
		}
	case AttributeStrings:
		for _, s := range a.Strings {
			b = putString(b, 9, s)
		}
	}
	return putInt(b, 20, int64(a.Type))
}

func value(v Value) []byte {
	b := putString(nil, 1, v.Name)
	if v.Type == 0 && v.Dims == nil { // unknown, or not a tensor
		return b
	}
	return putMessage(b, 2, putMessage(nil, 1, tensorType(v)))
}

// tensorType is a TypeProto.Tensor.
func tensorType(v Value) []byte {
	b := putInt(nil, 1, int64(v.Type))
	if v.Dims == nil {
		return b
	}
	var shape []byte
	for i, d := range v.Dims {
		var dim []byte
		switch {
		case d >= 0:
			dim = putInt(nil, 1, d)
		case i < len(v.Params):
			dim = putText(nil, 2, v.Params[i])
		}
		shape = putMessage(shape, 1, dim)
	}
	return putMessage(b, 2, shape)
}

func tensor(t *Tensor) []byte {
	var b []byte
	for _, d := range t.Dims {
		b = putInt(b, 1, int64(d))
	}
	b = putInt(b, 2, int64(t.Type))
	b = putText(b, 8, t.Name)
	if t.Type == String {
		return b
	}
	return putMessage(b, 9, t.Raw)
}
