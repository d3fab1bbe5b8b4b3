package onnxref

import (
	"math"

	"rnnrep/internal/errs"
)

func init() {
	register(conv, "Conv")
	register(pool(maxOf), "MaxPool")
	register(pool(meanOf), "AveragePool")
	register(globalPool(maxOf), "GlobalMaxPool")
	register(globalPool(meanOf), "GlobalAveragePool")
}

// window is how a kernel moves over the spatial dimensions of [N, C, D1, ...].
type window struct {
	in, out, kernel          []int
	strides, dilations, pads []int // pads: before the first element
}

// window reads the attributes that Conv and the pools share.
func (c *call) window(in, kernel []int) (*window, error) {
	if err := c.bounded(kernel); err != nil {
		return nil, err
	}
	n := len(in)
	w := &window{in: in, kernel: kernel, out: make([]int, n)}
	after := make([]int, n)
	for _, list := range []struct {
		name      string
		to        *[]int
		otherwise int64
	}{{"strides", &w.strides, 1}, {"dilations", &w.dilations, 1}} {
		given := c.node.Ints(list.name)
		if given != nil && len(given) != n {
			return nil, c.mismatch("%s %v for %d dimensions", list.name, given, n)
		}
		for i := range n {
			x := list.otherwise
			if given != nil {
				x = given[i]
			}
			if x < 1 || x > math.MaxInt16 {
				return nil, c.mismatch("%s %v", list.name, given)
			}
			*list.to = append(*list.to, int(x))
		}
	}
	w.pads = make([]int, n)
	pads := c.node.Ints("pads")
	if pads != nil && len(pads) != 2*n {
		return nil, c.mismatch("pads %v for %d dimensions", pads, n)
	}
	for i := range pads {
		if pads[i] < 0 || pads[i] > math.MaxInt16 {
			return nil, c.mismatch("pads %v", pads)
		}
	}
	for i := range n {
		if pads != nil {
			w.pads[i], after[i] = int(pads[i]), int(pads[n+i])
		}
		if kernel[i] < 1 || kernel[i] > math.MaxInt16 {
			return nil, c.mismatch("a kernel of %v", kernel)
		}
	}
	return w, c.place(w, after)
}

// place finds the output's dimensions; auto_pad replaces pads.
func (c *call) place(w *window, after []int) error {
	auto := c.node.Text("auto_pad", "NOTSET")
	for i, d := range w.in {
		reach := (w.kernel[i]-1)*w.dilations[i] + 1
		switch auto {
		case "SAME_UPPER", "SAME_LOWER":
			w.out[i] = (d + w.strides[i] - 1) / w.strides[i]
			total := max(0, (w.out[i]-1)*w.strides[i]+reach-d)
			w.pads[i] = total / 2
			if auto == "SAME_LOWER" {
				w.pads[i] = total - total/2
			}
			continue
		case "VALID":
			w.pads[i], after[i] = 0, 0
		case "NOTSET":
		default:
			return c.fail(errs.InvalidGraph, "auto_pad %q", auto)
		}
		span := d + w.pads[i] + after[i] - reach
		if span < 0 {
			return c.mismatch("a kernel of %v over dimensions %v", w.kernel, w.in)
		}
		w.out[i] = span/w.strides[i] + 1
		if c.node.Int("ceil_mode", 0) != 0 && span%w.strides[i] != 0 && w.out[i]*w.strides[i] < d+w.pads[i] {
			w.out[i]++
		}
	}
	return nil
}

// each calls do with every place of the input that the kernel covers for one
// output, and the kernel's place there; -1: in the padding.
func (w *window) each(output int, do func(input, kernel int)) {
	at := make([]int, len(w.in))
	for i := len(w.out) - 1; i >= 0; i-- {
		at[i] = output%w.out[i]*w.strides[i] - w.pads[i]
		output /= w.out[i]
	}
	for k := range product(w.kernel) {
		input, stride, rest := 0, 1, k
		for i := len(w.in) - 1; i >= 0; i-- {
			x := at[i] + rest%w.kernel[i]*w.dilations[i]
			rest /= w.kernel[i]
			if x < 0 || x >= w.in[i] {
				input = -1
				break
			}
			input += x * stride
			stride *= w.in[i]
		}
		do(input, k)
	}
}

// spendProduct accounts for the product of factors, which may overflow.
func (c *call) spendProduct(factors ...int) error {
	work := 1.0
	for _, f := range factors {
		work *= float64(f)
	}
	return c.spend(int64(min(work, 1<<60)))
}

// conv multiplies X [N, C, D1, ...] by W [M, C/group, k1, ...] and adds B [M].
func conv(c *call) ([]*value, error) {
	x, xs, err := c.floats(0)
	if err != nil {
		return nil, err
	}
	k, ks, err := c.floats(1)
	if err != nil {
		return nil, err
	}
	group := int(c.node.Int("group", 1))
	if len(x.dims) < 3 || len(k.dims) != len(x.dims) || x.kind != k.kind || group < 1 || k.dims[1]*group != x.dims[1] || k.dims[0]%group != 0 {
		return nil, c.mismatch("X of dimensions %v, W of %v, %d groups", x.dims, k.dims, group)
	}
	var bias []float64
	if c.has(2) {
		if _, bias, err = c.floats(2); err != nil {
			return nil, err
		}
		if len(bias) != k.dims[0] {
			return nil, c.mismatch("%d biases for %d channels", len(bias), k.dims[0])
		}
	}
	w, err := c.window(x.dims[2:], k.dims[2:])
	if err != nil {
		return nil, err
	}
	y, err := c.make(x.kind, append([]int{x.dims[0], k.dims[0]}, w.out...))
	if err != nil {
		return nil, err
	}
	within, size, positions := k.dims[1], product(w.kernel), product(w.out)
	if err := c.spendProduct(len(y.floats), within, size); err != nil {
		return nil, err
	}
	inputs := product(w.in)
	for i := range y.floats {
		n, m, p := i/(k.dims[0]*positions), i/positions%k.dims[0], i%positions
		first := n*x.dims[1] + m/(k.dims[0]/group)*within // channel
		sum := 0.0
		w.each(p, func(input, kernel int) {
			if input < 0 {
				return
			}
			for ch := range within {
				sum += xs[(first+ch)*inputs+input] * ks[(m*within+ch)*size+kernel]
			}
		})
		if bias != nil {
			sum += bias[m]
		}
		y.floats[i] = sum
	}
	return result(y)
}

// maxOf and meanOf reduce what a window covers.
func maxOf(values []float64) float64 {
	m := math.Inf(-1)
	for _, x := range values {
		m = max(m, x)
	}
	return m
}

func meanOf(values []float64) float64 {
	sum := 0.0
	for _, x := range values {
		sum += x
	}
	return sum / float64(len(values))
}

// pool reduces windows of X [N, C, D1, ...]. Padding counts as zeros for means
// where count_include_pad says so, else not at all.
func pool(reduce func([]float64) float64) operator {
	return func(c *call) ([]*value, error) {
		x, xs, err := c.floats(0)
		if err != nil {
			return nil, err
		}
		kernel := toInts(c.node.Ints("kernel_shape"))
		if len(x.dims) < 3 || len(kernel) != len(x.dims)-2 {
			return nil, c.mismatch("a kernel of %v over dimensions %v", kernel, x.dims)
		}
		w, err := c.window(x.dims[2:], kernel)
		if err != nil {
			return nil, err
		}
		y, err := c.make(x.kind, append([]int{x.dims[0], x.dims[1]}, w.out...))
		if err != nil {
			return nil, err
		}
		if err := c.spendProduct(len(y.floats), product(kernel)); err != nil {
			return nil, err
		}
		positions, inputs := product(w.out), product(w.in)
		padded := c.node.Int("count_include_pad", 0) != 0
		var values []float64
		for i := range y.floats {
			values = values[:0]
			w.each(i%positions, func(input, _ int) {
				if input >= 0 {
					values = append(values, xs[i/positions*inputs+input])
				} else if padded {
					values = append(values, 0)
				}
			})
			y.floats[i] = reduce(values)
		}
		return result(y)
	}
}

// globalPool reduces all spatial dimensions to one element.
func globalPool(reduce func([]float64) float64) operator {
	return func(c *call) ([]*value, error) {
		x, xs, err := c.floats(0)
		if err != nil {
			return nil, err
		}
		if len(x.dims) < 3 || len(xs) == 0 {
			return nil, c.mismatch("dimensions %v", x.dims)
		}
		dims := []int{x.dims[0], x.dims[1]}
		for range x.dims[2:] {
			dims = append(dims, 1)
		}
		y, err := c.make(x.kind, dims)
		if err != nil {
			return nil, err
		}
		n := len(xs) / len(y.floats)
		if err := c.spend(int64(len(xs))); err != nil {
			return nil, err
		}
		for i := range y.floats {
			y.floats[i] = reduce(xs[i*n : (i+1)*n])
		}
		return result(y)
	}
}
