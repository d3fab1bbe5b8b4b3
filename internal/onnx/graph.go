package onnx

import (
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"rnnrep/internal/errs"
)

// graph reads a GraphProto; depth counts the graphs around it.
func (p *parser) graph(data []byte, depth int) (*Graph, error) {
	if err := p.deeper(depth); err != nil {
		return nil, err
	}
	g := &Graph{}
	err := fields(data, func(f field) (err error) {
		if f.kind != protowire.BytesType {
			return nil
		}
		switch f.number {
		case 1:
			var n *Node
			n, err = p.node(f.bytes, depth)
			g.Nodes = append(g.Nodes, n)
		case 2:
			g.Name, err = name(f.bytes)
		case 5:
			var t *Tensor
			t, err = p.tensor(f.bytes)
			g.Initializers = append(g.Initializers, t)
		case 11, 12:
			var v Value
			v, err = p.value(f.bytes)
			if f.number == 11 {
				g.Inputs = append(g.Inputs, v)
			} else {
				g.Outputs = append(g.Outputs, v)
			}
		case 15:
			var t *Tensor
			t, err = p.sparse(f.bytes)
			g.Initializers = append(g.Initializers, t)
		}
		return err
	})
	return g, err
}

func (p *parser) node(data []byte, depth int) (*Node, error) {
	if err := p.countNode(); err != nil {
		return nil, err
	}
	n := &Node{}
	err := fields(data, func(f field) (err error) {
		if f.kind != protowire.BytesType {
			return nil
		}
		switch f.number {
		case 1:
			n.Inputs, err = p.appendName(n.Inputs, f.bytes)
		case 2:
			n.Outputs, err = p.appendName(n.Outputs, f.bytes)
		case 3:
			n.Name, err = name(f.bytes)
		case 4:
			n.OpType, err = name(f.bytes)
		case 5:
			if n.Attributes == nil {
				n.Attributes = map[string]*Attribute{}
			}
			var key string
			var a *Attribute
			key, a, err = p.attribute(f.bytes, depth)
			n.Attributes[key] = a
		case 7:
			n.Domain, err = domainName(f.bytes)
		case 8:
			n.overload, err = name(f.bytes)
		}
		return err
	})
	return n, err
}

// appendName counts a name and appends it.
func (p *parser) appendName(list []string, b []byte) ([]string, error) {
	if err := p.count(nameSize + len(b)); err != nil {
		return nil, err
	}
	s, err := name(b)
	return append(list, s), err
}

func (p *parser) attribute(data []byte, depth int) (string, *Attribute, error) {
	if err := p.count(wideSize); err != nil {
		return "", nil, err
	}
	a := &Attribute{}
	var key string
	err := fields(data, func(f field) (err error) {
		switch f.number {
		case 1:
			key, err = name(f.bytes)
		case 2:
			a.Float = math.Float32frombits(uint32(f.value))
		case 3:
			a.Int = int64(f.value)
		case 4:
			a.String = string(f.bytes)
		case 5:
			a.Tensor, err = p.tensor(f.bytes)
		case 6:
			a.Graph, err = p.graph(f.bytes, depth+1)
		case 7:
			a.Floats = slices.Grow(a.Floats, max(1, len(f.bytes)/4))
			err = eachFixed(f, protowire.Fixed32Type, func(v uint64) { a.Floats = append(a.Floats, math.Float32frombits(uint32(v))) })
		case 8:
			n := varints(f)
			if err = p.spend(8 * n); err == nil {
				a.Ints = slices.Grow(a.Ints, n)
				err = eachVarint(f, func(v uint64) { a.Ints = append(a.Ints, int64(v)) })
			}
		case 9:
			if err = p.count(nameSize + len(f.bytes)); err == nil {
				a.Strings = append(a.Strings, string(f.bytes))
			}
		case 20:
			a.Type = AttributeType(f.value)
		case 21:
			a.reference, err = name(f.bytes)
		case 22:
			a.Tensor, err = p.sparse(f.bytes)
		}
		return err
	})
	if a.Type == attributeSparseTensor { // dense from here on
		a.Type, key = AttributeTensor, strings.TrimPrefix(key, "sparse_")
	}
	if a.Type == 0 { // IR 1 did not require it
		a.Type = a.guess()
	}
	a.only()
	if err == nil && a.reference == "" && (a.Type == AttributeTensor && a.Tensor == nil || a.Type == AttributeGraph && a.Graph == nil) {
		err = errs.New(errs.InvalidGraph, "the attribute %q is empty", key)
	}
	return key, a, err
}

// only drops the fields that the type does not name.
func (a *Attribute) only() {
	was := *a
	*a = Attribute{Type: was.Type, reference: was.reference}
	switch a.Type {
	case AttributeFloat:
		a.Float = was.Float
	case AttributeInt:
		a.Int = was.Int
	case AttributeString:
		a.String = was.String
	case AttributeTensor:
		a.Tensor = was.Tensor
	case AttributeGraph:
		a.Graph = was.Graph
	case AttributeFloats:
		a.Floats = was.Floats
	case AttributeInts:
		a.Ints = was.Ints
	case AttributeStrings:
		a.Strings = was.Strings
	}
}

func (a *Attribute) guess() AttributeType {
	switch {
	case a.Tensor != nil:
		return AttributeTensor
	case a.Graph != nil:
		return AttributeGraph
	case a.Ints != nil:
		return AttributeInts
	case a.Floats != nil:
		return AttributeFloats
	case a.Strings != nil:
		return AttributeStrings
	case a.String != "":
		return AttributeString
	case a.Float != 0:
		return AttributeFloat
	}
	return AttributeInt
}

// value reads a ValueInfoProto. What is not a tensor has type 0.
func (p *parser) value(data []byte) (Value, error) {
	var v Value
	if err := p.count(wideSize); err != nil {
		return v, err
	}
	tensorType := func(f field) error {
		switch f.number {
		case 1:
			v.Type = DType(f.value)
		case 2:
			return v.shape(f.bytes)
		}
		return nil
	}
	err := fields(data, func(f field) (err error) {
		switch f.number {
		case 1:
			v.Name, err = name(f.bytes)
		case 2:
			err = fields(f.bytes, func(f field) error {
				if f.number == 1 {
					return fields(f.bytes, tensorType)
				}
				return nil
			})
		}
		return err
	})
	return v, err
}

// shape reads a TensorShapeProto.
func (v *Value) shape(data []byte) error {
	v.Dims = []int64{}
	return fields(data, func(f field) error {
		if f.number != 1 || f.kind != protowire.BytesType {
			return nil
		}
		if len(v.Dims) >= maxRank {
			return errs.New(errs.InvalidGraph, "value %q has more than %d dimensions", v.Name, maxRank)
		}
		dim, param := int64(-1), ""
		err := fields(f.bytes, func(f field) (err error) {
			switch {
			case f.number == 1 && f.kind == protowire.VarintType:
				dim = max(-1, int64(f.value))
			case f.number == 2:
				param, err = name(f.bytes)
			}
			return err
		})
		if dim >= 0 {
			param = ""
		}
		v.Dims, v.Params = append(v.Dims, dim), append(v.Params, param)
		return err
	})
}
