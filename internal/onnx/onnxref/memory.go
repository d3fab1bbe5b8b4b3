package onnxref

import (
	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// holding is the memory that one execution of a node took, for as long as a value
// that it made is known by a name. Views share the block of what they view.
type holding struct {
	bytes int64
	names int // that hold it
}

// reserve accounts for bytes about to be allocated by the node.
func (c *call) reserve(bytes int64) error {
	if bytes > c.limits.Memory-c.held {
		return errs.New(errs.TooLarge, "the graph holds more than %d bytes of values at a time", c.limits.Memory)
	}
	if c.own == nil {
		c.own = &holding{}
	}
	c.held += bytes
	c.own.bytes += bytes
	return c.spend(bytes / 8)
}

// reserveFor is reserve for another form of v, which stays as long as v.
func (c *call) reserveFor(v *value, bytes int64) error {
	if err := c.reserve(bytes); err != nil {
		return err
	}
	c.own.bytes -= bytes
	if v.held != nil {
		v.held.bytes += bytes
	}
	return nil
}

// hold notes that a name or a node holds v, with the parts of a sequence; drop
// that it does no more.
func (r *runner) hold(v *value) {
	if v.held != nil {
		v.held.names++
	}
	for _, part := range v.items {
		r.hold(part)
	}
}

func (r *runner) drop(v *value) {
	if v.held != nil {
		if v.held.names--; v.held.names == 0 {
			r.held -= v.held.bytes
			v.held.bytes = 0
		}
	}
	for _, part := range v.items {
		r.drop(part)
	}
}

// aside is the call with memory of its own, for what it needs on the way: whoever
// asks for it settles it.
func (c *call) aside() *call {
	aside := *c
	aside.own = nil
	return &aside
}

// settle gives up the memory of a node that nothing holds.
func (c *call) settle() {
	if c.own != nil && c.own.names == 0 {
		c.held -= c.own.bytes
		c.own.bytes = 0
	}
}

// keepAll is how many bytes may be held before values are dropped when nothing
// reads them any more: finding out takes time.
const keepAll = 1 << 20

// dropDead drops the values of a scope that no node after the i-th reads.
func (r *runner) dropDead(g *onnx.Graph, s *scope, i int) {
	if r.held < keepAll {
		return
	}
	dead := r.lastReads(g)
	for ; s.dropped <= i; s.dropped++ {
		for _, name := range dead[s.dropped] {
			if v := s.values[name]; v != nil {
				delete(s.values, name)
				delete(r.constants[g], name) // here if the graph is the model's, which runs once
				r.drop(v)
			}
		}
	}
}

// lastReads lists for every node the graph's own values that it is the last to
// read, or makes for nobody.
func (r *runner) lastReads(g *onnx.Graph) [][]string {
	if dead, ok := r.dead[g]; ok {
		return dead
	}
	last := map[string]int{}
	for _, v := range g.Inputs {
		last[v.Name] = 0
	}
	for _, t := range g.Initializers {
		last[t.Name] = 0
	}
	for i, n := range g.Nodes {
		for _, name := range n.Outputs {
			last[name] = i
		}
		for _, name := range n.Reads() {
			if _, own := last[name]; own {
				last[name] = i
			}
		}
	}
	for _, o := range g.Outputs {
		delete(last, o.Name)
	}
	dead := make([][]string, len(g.Nodes))
	for name, i := range last {
		if i < len(dead) {
			dead[i] = append(dead[i], name)
		}
	}
	r.dead[g] = dead
	return dead
}
