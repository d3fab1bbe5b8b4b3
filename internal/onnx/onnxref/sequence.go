package onnxref

import (
	"slices"

	"rnnrep/internal/errs"
)

func init() {
	register(sequenceConstruct, "SequenceConstruct")
	register(sequenceEmpty, "SequenceEmpty")
	register(sequenceInsert, "SequenceInsert")
	register(sequenceErase, "SequenceErase")
	register(sequenceAt, "SequenceAt")
	register(sequenceLength, "SequenceLength")
	register(splitToSequence, "SplitToSequence")
	register(concatFromSequence, "ConcatFromSequence")
}

// valueSize is about what a value takes besides its numbers.
const valueSize = 256

// items returns the tensors of an input that is a sequence.
func (c *call) items(i int) ([]*value, error) {
	if !c.has(i) || !c.in[i].sequence {
		return nil, c.fail(errs.InvalidGraph, "input %d", i).Accepts("a sequence")
	}
	return c.in[i].items, nil
}

// sequenceOf returns a sequence; its length counts as elements, so that one
// that grows in a loop is bounded.
func (c *call) sequenceOf(items []*value) ([]*value, error) {
	if err := c.reserve(8 * int64(len(items))); err != nil {
		return nil, err
	}
	return []*value{{sequence: true, items: items, held: c.own}}, nil
}

func sequenceConstruct(c *call) ([]*value, error) {
	in, err := c.all()
	if err != nil {
		return nil, err
	}
	return c.sequenceOf(slices.Clone(in)) // in is the call's
}

func sequenceEmpty(c *call) ([]*value, error) { return c.sequenceOf(nil) }

// position resolves a position in a sequence; room is 1 where it may be its end.
func (c *call) position(i int, otherwise int64, n, room int) (int, error) {
	p, err := c.integer(i, otherwise)
	if err != nil {
		return 0, err
	}
	if p < 0 {
		p += int64(n)
	}
	if p < 0 || p >= int64(n+room) {
		return 0, c.mismatch("position %d in a sequence of %d", p, n)
	}
	return int(p), nil
}

func sequenceInsert(c *call) ([]*value, error) {
	items, err := c.items(0)
	if err != nil {
		return nil, err
	}
	v, err := c.value(1)
	if err != nil {
		return nil, err
	}
	at, err := c.position(2, int64(len(items)), len(items), 1)
	if err != nil {
		return nil, err
	}
	return c.sequenceOf(slices.Insert(slices.Clone(items), at, v))
}

func sequenceErase(c *call) ([]*value, error) {
	items, err := c.items(0)
	if err != nil {
		return nil, err
	}
	at, err := c.position(1, int64(len(items))-1, len(items), 0)
	if err != nil {
		return nil, err
	}
	return c.sequenceOf(slices.Delete(slices.Clone(items), at, at+1))
}

func sequenceAt(c *call) ([]*value, error) {
	items, err := c.items(0)
	if err != nil {
		return nil, err
	}
	at, err := c.position(1, 0, len(items), 0)
	if err != nil {
		return nil, err
	}
	return []*value{items[at]}, nil
}

func sequenceLength(c *call) ([]*value, error) {
	items, err := c.items(0)
	if err != nil {
		return nil, err
	}
	return []*value{intScalar(int64(len(items)))}, nil
}

// splitToSequence cuts along an axis: into single steps, pieces of one length,
// or pieces of given lengths.
func splitToSequence(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	axis, err := c.axis(c.node.Int("axis", 0), len(v.dims))
	if err != nil {
		return nil, err
	}
	n, chunk := int64(v.dims[axis]), int64(1)
	var sizes []int64
	if c.has(1) {
		lengths, x, err := c.ints(1)
		if err != nil {
			return nil, err
		}
		if sizes = x; len(lengths.dims) == 0 {
			sizes, chunk = nil, x[0]
		}
	}
	single := sizes == nil && chunk == 1
	if sizes == nil {
		if chunk < 1 {
			return nil, c.mismatch("pieces of %d", chunk)
		}
		if err := c.reserve(valueSize * ((n + chunk - 1) / chunk)); err != nil {
			return nil, err
		}
		for rest := n; rest > 0; rest -= chunk {
			sizes = append(sizes, min(chunk, rest))
		}
	}
	parts, err := c.parts(v, axis, sizes)
	if err != nil {
		return nil, err
	}
	// The standard ignores keepdims where lengths are given. ONNX Runtime heeds
	// it with a scalar 1, and files of torch.onnx rely on that.
	if single && c.node.Int("keepdims", 1) == 0 {
		for i, p := range parts {
			parts[i] = p.view(slices.Delete(slices.Clone(p.dims), axis, axis+1))
		}
	}
	return c.sequenceOf(parts)
}

func concatFromSequence(c *call) ([]*value, error) {
	items, err := c.items(0)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, c.mismatch("an empty sequence is joined")
	}
	if c.node.Int("new_axis", 0) != 0 {
		return one(c.stack(items, c.node.Int("axis", 0)))
	}
	return one(c.concatenate(items, c.node.Int("axis", 0)))
}
