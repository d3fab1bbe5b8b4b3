package onnxref

import (
	"slices"
	"strings"

	"rnnrep/internal/errs"
)

func init() { register(einsum, "Einsum") }

// einsum evaluates equations of letters, without ellipses, by a walk over all
// indices.
func einsum(c *call) ([]*value, error) {
	in, err := c.all()
	if err != nil {
		return nil, err
	}
	equation := strings.ReplaceAll(c.node.Text("equation", ""), " ", "")
	terms, output, err := c.equation(equation, len(in))
	if err != nil {
		return nil, err
	}
	letters, dims, err := c.letters(in, terms, output)
	if err != nil {
		return nil, err
	}
	n := len(output)
	out, err := c.make(in[0].kind, dims[:n:n])
	if err != nil {
		return nil, err
	}
	if out.floats == nil {
		return nil, c.fail(errs.UnsupportedOp, "operands of data type %d", in[0].kind).Accepts("a float type")
	}
	if err := c.bounded(dims); err != nil {
		return nil, err
	}
	if err := c.spend(int64(product(dims)) * int64(len(in))); err != nil {
		return nil, err
	}
	steps := [][]int{append(strides(dims[:n]), make([]int, len(dims)-n)...)}
	var x [][]float64
	for i, v := range in {
		f, err := c.floatsOf(v)
		if err != nil {
			return nil, err
		}
		x = append(x, f)
		steps = append(steps, stepsOf(v.dims, terms[i], letters))
	}
	contract(out.floats, x, dims, steps)
	return result(out)
}

// equation splits an equation into the terms of its operands and its output,
// which is by default the letters that occur once, in order.
func (c *call) equation(equation string, operands int) (terms []string, output string, err error) {
	left, right, explicit := strings.Cut(equation, "->")
	terms = strings.Split(left, ",")
	bad := func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != ',' }
	if len(terms) != operands || strings.ContainsFunc(left, bad) || strings.ContainsFunc(right, bad) || strings.Contains(right, ",") {
		return nil, "", c.fail(errs.UnsupportedOp, "the equation %q for %d operands", equation, operands).Accepts("letters, like ij,jk->ik")
	}
	if explicit {
		return terms, right, nil
	}
	once := []byte{}
	for l := byte('A'); l <= 'z'; l++ {
		if strings.Count(left, string(rune(l))) == 1 && l != ',' {
			once = append(once, l)
		}
	}
	return terms, string(once), nil
}

// letters returns the indices of an equation, those of the output first, and
// their dimensions.
func (c *call) letters(in []*value, terms []string, output string) (string, []int, error) {
	size := map[rune]int{}
	letters := output
	for i, term := range terms {
		if len(term) != len(in[i].dims) || in[i].kind != in[0].kind {
			return "", nil, c.mismatch("operand %d has dimensions %v and is %q", i, in[i].dims, term)
		}
		for k, l := range term {
			d, known := size[l]
			if known && d != in[i].dims[k] {
				return "", nil, c.mismatch("index %q is %d and %d", string(l), d, in[i].dims[k])
			}
			size[l] = in[i].dims[k]
			if !strings.ContainsRune(letters, l) {
				letters += string(l)
			}
		}
	}
	var dims []int
	for i, l := range letters {
		d, known := size[l]
		if !known || strings.ContainsRune(letters[:i], l) {
			return "", nil, c.mismatch("the output %q", output)
		}
		dims = append(dims, d)
	}
	return letters, dims, nil
}

// stepsOf returns the strides of an operand along all letters; a letter that it
// has twice walks its diagonal.
func stepsOf(dims []int, term, letters string) []int {
	steps, dense := make([]int, len(letters)), strides(dims)
	for k, l := range term {
		steps[strings.IndexRune(letters, l)] += dense[k]
	}
	return steps
}

// contract adds the product of the operands at every index to the output.
func contract(out []float64, x [][]float64, dims []int, steps [][]int) {
	dims = append(slices.Clone(dims), 1) // rows of one element: every index has its own offsets
	for i := range steps {
		steps[i] = append(steps[i], 0)
	}
	walk(dims, steps, func(_ int, offsets []int) {
		p := 1.0
		for i := range x {
			p *= x[i][offsets[i+1]]
		}
		out[offsets[0]] += p
	})
}
