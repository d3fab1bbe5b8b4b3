package onnx

import (
	"errors"
	"io"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"rnnrep/internal/errs"
)

// Limits bound what Parse accepts; a zero field takes its default.
type Limits struct {
	Bytes  int64 // of the file and of its external data together; 1 GiB
	Nodes  int   // of all graphs together; 100,000
	Values int   // tensors, attributes and value infos; 1,000,000
	Depth  int   // of graphs inside attributes; 8
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 1 << 30
	}
	if l.Nodes <= 0 {
		l.Nodes = 100_000
	}
	if l.Values <= 0 {
		l.Values = 1_000_000
	}
	if l.Depth <= 0 {
		l.Depth = 8
	}
	return l
}

// External maps the base name of an external-data file to its bytes.
type External map[string][]byte

// parser carries the counts over all messages of a file.
type parser struct {
	limits         Limits
	external       External
	nodes, counted int
	decoded        int64 // bytes, beyond those of the file
	functions      map[functionKey]*function
	names          func(location string) // told of external data instead of reading it, if set
}

// Parse decodes a model and checks that it is well-formed: unique names, every
// input known, no cycle. Its errors carry the codes not_onnx, truncated,
// too_large, too_deep, invalid_graph, shape_mismatch, external_data_missing and
// external_data_refused.
func Parse(data []byte, external External, l Limits) (*Model, error) {
	p := &parser{limits: l.withDefaults(), external: external, functions: map[functionKey]*function{}}
	total := int64(len(data))
	for _, e := range external {
		total += int64(len(e))
	}
	switch {
	case len(data) == 0:
		return nil, errs.New(errs.EmptyInput, "the model is empty").Accepts("the bytes of an ONNX file").Do("check that the file was sent: curl --data-binary @model.onnx")
	case total > p.limits.Bytes:
		return nil, errs.New(errs.TooLarge, "the model has %d bytes", total).Accepts("up to %d", p.limits.Bytes)
	}
	m, err := p.model(data)
	if err != nil {
		return nil, err
	}
	if err := p.inline(m); err != nil {
		return nil, err
	}
	return m, m.Graph.check(nil)
}

// ExternalNames lists the external-data files that a model names, as it names
// them. It is empty for what is not a model.
func ExternalNames(data []byte) []string {
	var names []string
	seen := map[string]bool{}
	p := &parser{limits: Limits{}.withDefaults(), functions: map[functionKey]*function{}, names: func(location string) {
		if !seen[location] {
			seen[location] = true
			names = append(names, location)
		}
	}}
	_, _ = p.model(data) // names found before an error still count
	return names
}

// field is one field of a message.
type field struct {
	number protowire.Number
	kind   protowire.Type
	bytes  []byte // of a BytesType
	value  uint64 // of the others
}

// fields calls do for every field of a message.
func fields(data []byte, do func(f field) error) error {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		f := field{number: number, kind: kind}
		switch kind {
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(data)
		case protowire.VarintType:
			f.value, n = protowire.ConsumeVarint(data)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(data)
			f.value = uint64(v)
		case protowire.Fixed64Type:
			f.value, n = protowire.ConsumeFixed64(data)
		default:
			return errors.New("a group, which ONNX does not use")
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

// malformed turns an error of the wire format inside a graph into a refusal;
// refusals pass.
func malformed(what string, err error) error {
	var e *errs.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return errs.New(errs.InvalidGraph, "%s: %w", what, err).Do("export the model again")
}

func (p *parser) model(data []byte) (*Model, error) {
	m := &Model{Opsets: map[string]int64{}, Metadata: map[string]string{}}
	known := 0
	err := fields(data, func(f field) error {
		known++
		switch {
		case f.number == 1 && f.kind == protowire.VarintType:
			m.IRVersion = int64(f.value)
		case f.number == 7 && f.kind == protowire.BytesType:
			g, err := p.graph(f.bytes, 0)
			if err != nil {
				return malformed("graph", err)
			}
			m.Graph = g
		case f.kind == protowire.BytesType && (f.number >= 2 && f.number <= 8 || f.number == 14 || f.number == 20 || f.number == 25):
			return malformed("model", p.text(m, f))
		case f.number == 5 && f.kind == protowire.VarintType:
			m.Version = int64(f.value)
		default:
			known--
			if known < 3 {
				return errors.New("an unknown field")
			}
		}
		return nil
	})
	var refused *errs.Error
	switch {
	case errors.As(err, &refused):
		return nil, refused
	case errors.Is(err, io.ErrUnexpectedEOF) && known > 0 && m.IRVersion > 0:
		return nil, errs.New(errs.Truncated, "the file ends inside the model, after %d bytes", len(data)).Do("copy or export the file again")
	case err != nil || m.IRVersion <= 0 || m.IRVersion > 1000:
		return nil, errs.New(errs.NotONNX, "the bytes are not an ONNX model").Accepts("a serialised onnx.ModelProto (a .onnx file)").
			Do("in PyTorch: torch.onnx.export(model, args, \"model.onnx\")")
	case m.Graph == nil:
		return nil, errs.New(errs.Truncated, "the model has no graph").Do("copy or export the file again")
	}
	return m, nil
}

// text reads the fields of a model other than its graph.
func (p *parser) text(m *Model, f field) error {
	switch f.number {
	case 2:
		m.Producer = string(f.bytes)
	case 3:
		m.ProducerVersion = string(f.bytes)
	case 4:
		m.Domain = string(f.bytes)
	case 6:
		m.DocString = string(f.bytes)
	case 8:
		return p.opset(m.Opsets, f.bytes)
	case 14:
		if err := p.count(); err != nil {
			return err
		}
		k, v, err := entry(f.bytes)
		m.Metadata[k] = v
		return err
	case 25:
		return p.function(f.bytes)
	}
	return nil
}

// opset reads an OperatorSetIdProto.
func (p *parser) opset(opsets map[string]int64, data []byte) error {
	if err := p.count(); err != nil {
		return err
	}
	var domain string
	var version int64
	err := fields(data, func(f field) error {
		if f.number == 1 {
			domain = string(f.bytes)
		}
		if f.number == 2 {
			version = int64(f.value)
		}
		return nil
	})
	opsets[plainDomain(domain)] = version
	return err
}

// plainDomain gives the default domain its short name.
func plainDomain(s string) string {
	if s == "ai.onnx" {
		return ""
	}
	return s
}

// entry reads a StringStringEntryProto.
func entry(data []byte) (k, v string, err error) {
	err = fields(data, func(f field) error {
		if f.number == 1 {
			k = string(f.bytes)
		}
		if f.number == 2 {
			v = string(f.bytes)
		}
		return nil
	})
	return k, v, err
}

// spend bounds the bytes that packed numbers decode to.
func (p *parser) spend(n int) error {
	if p.decoded += int64(n); p.decoded > p.limits.Bytes {
		return errs.New(errs.TooLarge, "the model's numbers take more than %d bytes", p.limits.Bytes).Accepts("up to %d", p.limits.Bytes)
	}
	return nil
}

// countNode bounds the number of nodes.
func (p *parser) countNode() error {
	if p.nodes++; p.nodes > p.limits.Nodes {
		return errs.New(errs.TooLarge, "the model has more than %d nodes", p.limits.Nodes).Accepts("up to %d nodes", p.limits.Nodes)
	}
	return nil
}

// count bounds the number of tensors, attributes, value infos and names.
func (p *parser) count() error { return p.countMany(1) }

func (p *parser) countMany(n int) error {
	if p.counted += n; p.counted > p.limits.Values {
		return errs.New(errs.TooLarge, "the model has more than %d tensors, attributes and value infos", p.limits.Values)
	}
	return nil
}

// deeper bounds the nesting of graphs.
func (p *parser) deeper(depth int) error {
	if depth > p.limits.Depth {
		return errs.New(errs.TooDeep, "graphs are nested more than %d deep", p.limits.Depth).Accepts("up to %d", p.limits.Depth)
	}
	return nil
}

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
			g.Name = string(f.bytes)
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
			return errs.New(errs.UnsupportedOp, "the graph has sparse initializers").Accepts("dense initializers")
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
	err := fields(data, func(f field) error {
		if f.kind != protowire.BytesType {
			return nil
		}
		switch f.number {
		case 1, 2:
			if err := p.count(); err != nil {
				return err
			}
			if f.number == 1 {
				n.Inputs = append(n.Inputs, string(f.bytes))
			} else {
				n.Outputs = append(n.Outputs, string(f.bytes))
			}
		case 3:
			n.Name = string(f.bytes)
		case 4:
			n.OpType = string(f.bytes)
		case 5:
			name, a, err := p.attribute(f.bytes, depth)
			if err != nil {
				return err
			}
			if n.Attributes == nil {
				n.Attributes = map[string]*Attribute{}
			}
			n.Attributes[name] = a
		case 7:
			n.Domain = plainDomain(string(f.bytes))
		case 8:
			n.overload = string(f.bytes)
		}
		return nil
	})
	return n, err
}

func (p *parser) attribute(data []byte, depth int) (string, *Attribute, error) {
	if err := p.count(); err != nil {
		return "", nil, err
	}
	a := &Attribute{}
	var name string
	err := fields(data, func(f field) (err error) {
		switch f.number {
		case 1:
			name = string(f.bytes)
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
			if err = p.spend(8 * max(1, len(f.bytes))); err == nil {
				err = eachVarint(f, func(v uint64) { a.Ints = append(a.Ints, int64(v)) })
			}
		case 9:
			a.Strings = append(a.Strings, string(f.bytes))
		case 20:
			a.Type = AttributeType(f.value)
		case 21:
			a.reference = string(f.bytes)
		}
		return err
	})
	if a.Type == 0 { // IR 1 did not require it
		a.Type = a.guess()
	}
	return name, a, err
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

func (p *parser) value(data []byte) (Value, error) {
	var v Value
	if err := p.count(); err != nil {
		return v, err
	}
	shape := func(data []byte) error {
		v.Dims = []int64{}
		return fields(data, func(f field) error {
			if f.number != 1 || f.kind != protowire.BytesType {
				return nil
			}
			if len(v.Dims) >= maxRank {
				return errs.New(errs.InvalidGraph, "value %q has more than %d dimensions", v.Name, maxRank)
			}
			dim, param := int64(-1), ""
			err := fields(f.bytes, func(f field) error {
				if f.number == 1 && f.kind == protowire.VarintType {
					dim = int64(f.value)
				}
				if f.number == 2 {
					param = string(f.bytes)
				}
				return nil
			})
			v.Dims, v.Params = append(v.Dims, dim), append(v.Params, param)
			return err
		})
	}
	tensorType := func(f field) error {
		if f.number == 1 {
			v.Type = DType(f.value)
		}
		if f.number == 2 {
			return shape(f.bytes)
		}
		return nil
	}
	err := fields(data, func(f field) error {
		switch f.number {
		case 1:
			v.Name = string(f.bytes)
		case 2:
			return fields(f.bytes, func(f field) error {
				if f.number == 1 {
					return fields(f.bytes, tensorType)
				}
				return nil
			})
		}
		return nil
	})
	return v, err
}

// eachVarint calls do for a repeated integer, packed or not.
func eachVarint(f field, do func(v uint64)) error {
	if f.kind == protowire.VarintType {
		do(f.value)
		return nil
	}
	for b := f.bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		do(v)
		b = b[n:]
	}
	return nil
}

// safeName tells whether an external location is a plain file name.
func safeName(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/\\:\x00")
}
