package onnx

import (
	"errors"
	"io"
	"unicode/utf8"

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
	budget         int64 // of decoded
	decoded, dense int64 // bytes, beyond those of the file: of what is decoded, of sparse initializers
	functions      map[functionKey]*function
	names          func(location string) // told of external data instead of reading it, if set
}

// Parse decodes a model and checks that it is well-formed: unique names, every
// input known, no cycle. Its errors carry the codes not_onnx, truncated,
// too_large, too_deep, invalid_graph, shape_mismatch, external_data_missing and
// external_data_refused.
func Parse(data []byte, external External, l Limits) (*Model, error) {
	p := &parser{limits: l.withDefaults(), external: external, functions: map[functionKey]*function{}}
	total := len(data)
	for _, e := range external {
		total += len(e)
	}
	p.budget = budget(total)
	switch {
	case len(data) == 0:
		return nil, errs.New(errs.EmptyInput, "the model is empty").Accepts("the bytes of an ONNX file").Do("check that the file was sent: curl --data-binary @model.onnx")
	case int64(total) > p.limits.Bytes:
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
	p := &parser{limits: Limits{}.withDefaults(), budget: budget(len(data)), functions: map[functionKey]*function{}, names: func(location string) {
		if !seen[location] {
			seen[location] = true
			names = append(names, location)
		}
	}}
	_, _ = p.model(data) // names found before an error still count
	return names
}

// errForeign is the verdict on a message that is not a ModelProto.
var errForeign = errors.New("not a field of a model")

// malformed turns an error of the wire format inside a graph into a refusal;
// refusals pass.
func malformed(what string, err error) error {
	var e *errs.Error
	if err == nil || err == errForeign || errors.As(err, &e) {
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
				return errForeign
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
	case len(m.Opsets) == 0 && m.IRVersion >= 3:
		return nil, errs.New(errs.Truncated, "the model does not say its opset, which follows the graph").Do("copy or export the file again")
	}
	return m, nil
}

// text reads the fields of a model other than its graph.
func (p *parser) text(m *Model, f field) error {
	switch f.number {
	case 2:
		if m.Producer = string(f.bytes); !utf8.ValidString(m.Producer) {
			return errForeign // a TensorFlow SavedModel looks like this
		}
	case 3:
		m.ProducerVersion = string(f.bytes)
	case 4:
		m.Domain = string(f.bytes)
	case 6:
		m.DocString = string(f.bytes)
	case 8:
		return p.opset(m.Opsets, f.bytes)
	case 14:
		if err := p.count(itemSize); err != nil {
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
	if err := p.count(itemSize); err != nil {
		return err
	}
	var domain string
	var version int64
	err := fields(data, func(f field) (err error) {
		if f.number == 1 {
			domain, err = domainName(f.bytes)
		}
		if f.number == 2 {
			version = int64(f.value)
		}
		return err
	})
	opsets[domain] = version
	return err
}

// domainName gives the default domain its short name.
func domainName(b []byte) (string, error) {
	if string(b) == "ai.onnx" {
		return "", nil
	}
	return name(b)
}

// budget is how many bytes of memory a model of so many bytes may take beside
// them; real models take a fraction.
func budget(size int) int64 { return 2*int64(size) + 32<<20 }

// spend bounds the bytes that a model takes in memory beside those of the file.
func (p *parser) spend(n int) error {
	if p.decoded += int64(n); p.decoded > p.budget {
		return errs.New(errs.TooLarge, "the model takes more than %d bytes in memory, besides those of the file", p.budget).Accepts("up to %d", p.budget)
	}
	return nil
}

// name reads a name. Names are printed, so they have a bound of their own.
func name(b []byte) (string, error) {
	if len(b) > maxName {
		return "", errs.New(errs.InvalidGraph, "a name has %d bytes", len(b)).Accepts("up to %d", maxName)
	}
	return string(b), nil
}

const maxName = 1 << 12

// countNode bounds the number of nodes.
func (p *parser) countNode() error {
	if p.nodes++; p.nodes > p.limits.Nodes {
		return errs.New(errs.TooLarge, "the model has more than %d nodes", p.limits.Nodes).Accepts("up to %d nodes", p.limits.Nodes)
	}
	return p.spend(nodeSize)
}

// count bounds the number of tensors, attributes, value infos and names, and what
// each takes: size bytes.
func (p *parser) count(size int) error {
	if err := p.countMany(1); err != nil {
		return err
	}
	return p.spend(size)
}

// Sizes of what is counted, with the pointers to it.
const (
	nameSize = 32
	itemSize = 128  // of a Tensor
	nodeSize = 1024 // of a Node, with what is noted of every node and value by whoever looks at a graph
	wideSize = 384  // of an Attribute with its place in a map, or a Value, which moves as its list grows
)

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
