package onnx

import (
	"fmt"

	"rnnrep/internal/errs"
)

// function is a FunctionProto. Parse puts its body in place of every call, so
// nothing later needs to know of functions.
type function struct {
	domain, name, overload string
	inputs, outputs        []string
	defaults               map[string]*Attribute
	nodes                  []*Node
	opsets                 map[string]int64
	active                 bool // being expanded; a call to it is a cycle
}

type functionKey struct{ domain, name, overload string }

// function reads a FunctionProto; depth-limited like a graph.
func (p *parser) function(data []byte) error {
	if err := p.count(itemSize); err != nil {
		return err
	}
	fn := &function{defaults: map[string]*Attribute{}, opsets: map[string]int64{}}
	err := fields(data, func(f field) (err error) {
		switch f.number {
		case 1:
			fn.name, err = name(f.bytes)
		case 4:
			fn.inputs, err = p.appendName(fn.inputs, f.bytes)
		case 5:
			fn.outputs, err = p.appendName(fn.outputs, f.bytes)
		case 7:
			var n *Node
			n, err = p.node(f.bytes, 0)
			fn.nodes = append(fn.nodes, n)
		case 9:
			err = p.opset(fn.opsets, f.bytes)
		case 10:
			fn.domain, err = domainName(f.bytes)
		case 11:
			var key string
			var a *Attribute
			key, a, err = p.attribute(f.bytes, 0)
			fn.defaults[key] = a
		case 13:
			fn.overload, err = name(f.bytes)
		}
		return err
	})
	p.functions[functionKey{fn.domain, fn.name, fn.overload}] = fn
	return err
}

// inline replaces the calls of functions in a model by their bodies.
func (p *parser) inline(m *Model) error {
	if len(p.functions) == 0 {
		return nil
	}
	for _, fn := range p.functions {
		for domain, version := range fn.opsets {
			m.Opsets[domain] = max(m.Opsets[domain], version)
		}
	}
	x := &inliner{parser: p}
	return x.graph(m.Graph, 0, 0)
}

// inliner counts calls, to make the names of every expansion its own.
type inliner struct {
	*parser
	calls int
}

func (x *inliner) graph(g *Graph, depth, calls int) (err error) {
	if err := x.deeper(depth); err != nil {
		return err
	}
	g.Nodes, err = x.expand(g.Nodes, depth, calls)
	return err
}

// expand returns nodes without calls, here and in their graphs. depth counts
// the graphs around them and calls the functions that are being expanded.
func (x *inliner) expand(nodes []*Node, depth, calls int) ([]*Node, error) {
	out := make([]*Node, 0, len(nodes))
	for _, n := range nodes {
		fn := x.functions[functionKey{n.Domain, n.OpType, n.overload}]
		switch {
		case fn == nil:
			for _, a := range n.Attributes {
				if a.Graph == nil {
					continue
				}
				if err := x.graph(a.Graph, depth+1, calls); err != nil {
					return nil, err
				}
			}
			out = append(out, n)
			continue
		case fn.active:
			return nil, errs.New(errs.InvalidGraph, "the function %q calls itself", fn.name).At(n.Label())
		case calls >= maxCalls:
			return nil, errs.New(errs.TooDeep, "functions call functions more than %d deep", maxCalls).At(n.Label())
		}
		body, err := x.call(fn, n)
		if err != nil {
			return nil, err
		}
		fn.active = true
		body, err = x.expand(body, depth, calls+1)
		fn.active = false
		if err != nil {
			return nil, err
		}
		out = append(out, body...)
	}
	return out, nil
}

// maxCalls bounds how deep functions call functions.
const maxCalls = 64

// call returns a copy of a function's body that reads and makes what n does.
func (x *inliner) call(fn *function, n *Node) ([]*Node, error) {
	x.calls++
	if err := x.countMany(len(fn.inputs) + len(fn.outputs)); err != nil {
		return nil, err
	}
	c := &expansion{inliner: x, prefix: fmt.Sprintf("%s#%d/", fn.name, x.calls), rename: map[string]string{"": ""}, call: n, defaults: fn.defaults}
	for i, name := range fn.inputs {
		c.rename[name] = n.Input(i)
	}
	for i, name := range fn.outputs {
		if i < len(n.Outputs) && n.Outputs[i] != "" {
			if _, passed := c.rename[name]; passed { // an input that is an output
				return nil, errs.New(errs.InvalidGraph, "the function %q returns its input %q", fn.name, name).At(n.Label())
			}
			c.rename[name] = n.Outputs[i]
		}
	}
	return c.nodes(fn.nodes)
}

// expansion is one copy of a body.
type expansion struct {
	*inliner
	prefix   string
	rename   map[string]string // of the body's names
	call     *Node
	defaults map[string]*Attribute
}

// name returns what a name of the body is called in the copy.
func (c *expansion) name(s string) string {
	if to, ok := c.rename[s]; ok {
		return to
	}
	to := c.prefix + s
	c.rename[s] = to
	return to
}

func (c *expansion) names(list []string) ([]string, error) {
	out := make([]string, len(list))
	for i, s := range list {
		if err := c.count(nameSize); err != nil {
			return nil, err
		}
		out[i] = c.name(s)
		if err := c.spend(len(out[i])); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *expansion) nodes(body []*Node) ([]*Node, error) {
	out := make([]*Node, 0, len(body))
	for _, n := range body {
		if err := c.countNode(); err != nil {
			return nil, err
		}
		copied := &Node{Name: n.Name, OpType: n.OpType, Domain: n.Domain, overload: n.overload}
		if n.Name != "" {
			copied.Name = c.prefix + n.Name
		}
		err := c.spend(len(copied.Name))
		if err != nil {
			return nil, err
		}
		if copied.Inputs, err = c.names(n.Inputs); err != nil {
			return nil, err
		}
		if copied.Outputs, err = c.names(n.Outputs); err != nil {
			return nil, err
		}
		if copied.Attributes, err = c.attributes(n.Attributes); err != nil {
			return nil, err
		}
		out = append(out, copied)
	}
	return out, nil
}

// attributes resolves references to the attributes of the call. One that the
// call leaves out and that has no default is absent.
func (c *expansion) attributes(body map[string]*Attribute) (map[string]*Attribute, error) {
	if body == nil {
		return nil, nil
	}
	out := make(map[string]*Attribute, len(body))
	for name, a := range body {
		if err := c.count(itemSize); err != nil {
			return nil, err
		}
		if from := a.reference; from != "" {
			if a = c.call.Attributes[from]; a == nil {
				a = c.defaults[from]
			}
			if a == nil {
				continue
			}
			if a.Graph != nil {
				return nil, errs.New(errs.UnsupportedOp, "the attribute %q of a function is a graph", from).At(c.call.Label())
			}
			out[name] = a
			continue
		}
		if a.Graph != nil {
			g, err := c.graph(a.Graph)
			if err != nil {
				return nil, err
			}
			copied := *a
			copied.Graph = g
			a = &copied
		}
		out[name] = a
	}
	return out, nil
}

// graph copies a graph inside the body; its names are the body's.
func (c *expansion) graph(g *Graph) (*Graph, error) {
	out := &Graph{Name: g.Name, Inputs: make([]Value, len(g.Inputs)), Outputs: make([]Value, len(g.Outputs))}
	for _, t := range g.Initializers {
		if err := c.count(itemSize); err != nil {
			return nil, err
		}
		copied := *t
		copied.Name = c.name(t.Name)
		out.Initializers = append(out.Initializers, &copied)
	}
	for i, list := range [][]Value{g.Inputs, g.Outputs} {
		for k, v := range list {
			if err := c.count(itemSize); err != nil {
				return nil, err
			}
			v.Name = c.name(v.Name)
			[][]Value{out.Inputs, out.Outputs}[i][k] = v
		}
	}
	var err error
	out.Nodes, err = c.nodes(g.Nodes)
	return out, err
}
