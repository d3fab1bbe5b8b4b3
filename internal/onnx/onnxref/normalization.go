package onnxref

import (
	"math"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

func init() {
	register(layerNormalization, "LayerNormalization")
	register(rmsNormalization, "RMSNormalization")
	register(batchNormalization, "BatchNormalization")
	register(instanceNormalization, "InstanceNormalization")
}

// rows checks the first input of a normalisation over the dimensions from an
// axis on, and returns its numbers and the length of a row.
func (c *call) rows() (v *value, x []float64, axis, n int, err error) {
	if v, x, err = c.floats(0); err != nil {
		return
	}
	if axis, err = c.axis(c.node.Int("axis", -1), len(v.dims)); err != nil {
		return
	}
	if !v.kind.Float() {
		err = c.fail(errs.InvalidGraph, "an input of data type %d", v.kind).Accepts("a float type")
	}
	return v, x, axis, product(v.dims[axis:]), err
}

// apply combines out in place with an input that broadcasts to it.
func (c *call) apply(out *value, i int, f func(x, y float64) float64) error {
	v, y, err := c.floats(i)
	if err != nil {
		return err
	}
	dims, err := c.broadcast(out.dims, v.dims)
	if err != nil {
		return err
	}
	if !fits(dims, out.dims...) {
		return c.mismatch("input %d of dimensions %v for a value of dimensions %v", i, v.dims, out.dims)
	}
	zip(dims, out.floats, out.floats, out.dims, y, v.dims, f)
	return nil
}

func layerNormalization(c *call) ([]*value, error) {
	v, x, axis, n, err := c.rows()
	if err != nil {
		return nil, err
	}
	out, err := c.make(v.kind, v.dims)
	if err != nil {
		return nil, err
	}
	moments := append([]int{}, v.dims...)
	for i := axis; i < len(moments); i++ {
		moments[i] = 1
	}
	mean, err := c.make(onnx.Float32, moments)
	if err != nil {
		return nil, err
	}
	inverse, err := c.make(onnx.Float32, moments)
	if err != nil {
		return nil, err
	}
	epsilon := float64(c.node.Float("epsilon", 1e-5))
	for i := range mean.floats {
		if n > 0 {
			mean.floats[i], inverse.floats[i] = normalize(out.floats[i*n:(i+1)*n], x[i*n:(i+1)*n], epsilon)
		}
	}
	if err := c.scale(out); err != nil {
		return nil, err
	}
	round(mean.kind, mean.floats)
	round(inverse.kind, inverse.floats)
	round(out.kind, out.floats)
	return []*value{out, mean, inverse}, nil
}

// scale multiplies by input 1 and adds input 2, where there is one.
func (c *call) scale(out *value) error {
	if err := c.apply(out, 1, func(x, y float64) float64 { return x * y }); err != nil || !c.has(2) {
		return err
	}
	return c.apply(out, 2, func(x, y float64) float64 { return x + y })
}

// normalize gives a row mean 0 and variance 1, and returns its mean and the
// inverse of its standard deviation.
func normalize(out, x []float64, epsilon float64) (mean, inverse float64) {
	for _, x := range x {
		mean += x
	}
	mean /= float64(len(x))
	variance := 0.0
	for _, x := range x {
		variance += (x - mean) * (x - mean)
	}
	inverse = 1 / math.Sqrt(variance/float64(len(x))+epsilon)
	for i, x := range x {
		out[i] = (x - mean) * inverse
	}
	return mean, inverse
}

func rmsNormalization(c *call) ([]*value, error) {
	v, x, _, n, err := c.rows()
	if err != nil {
		return nil, err
	}
	out, err := c.make(v.kind, v.dims)
	if err != nil {
		return nil, err
	}
	epsilon := float64(c.node.Float("epsilon", 1e-5))
	for i := 0; n > 0 && i+n <= len(x); i += n {
		square := dot(x[i:i+n], x[i:i+n]) / float64(n)
		axpy(1/math.Sqrt(square+epsilon), x[i:i+n], out.floats[i:])
	}
	if err := c.scale(out); err != nil {
		return nil, err
	}
	return result(out)
}

// channels checks an input [batch, channels, ...] and returns vectors with one
// number a channel, from the given inputs.
func (c *call) channels(v *value, inputs ...int) ([][]float64, block, error) {
	if len(v.dims) < 2 || !v.kind.Float() {
		return nil, block{}, c.mismatch("an input of dimensions %v and data type %d", v.dims, v.kind).Accepts("floats [batch, channels, ...]")
	}
	var vectors [][]float64
	for _, i := range inputs {
		_, x, err := c.floats(i)
		if err != nil {
			return nil, block{}, err
		}
		if len(x) != v.dims[1] {
			return nil, block{}, c.mismatch("input %d has %d numbers for %d channels", i, len(x), v.dims[1])
		}
		vectors = append(vectors, x)
	}
	return vectors, blockOf(v.dims, 1), nil
}

// batchNormalization uses the given mean and variance, as at inference.
func batchNormalization(c *call) ([]*value, error) {
	v, x, err := c.floats(0)
	if err != nil {
		return nil, err
	}
	if c.node.Int("training_mode", 0) != 0 {
		return nil, c.fail(errs.UnsupportedOp, "it is in training mode").Accepts("inference mode")
	}
	p, b, err := c.channels(v, 1, 2, 3, 4)
	if err != nil {
		return nil, err
	}
	out, err := c.make(v.kind, v.dims)
	if err != nil {
		return nil, err
	}
	epsilon := float64(c.node.Float("epsilon", 1e-5))
	for i := range x {
		k := i / b.inner % b.n
		out.floats[i] = (x[i]-p[2][k])/math.Sqrt(p[3][k]+epsilon)*p[0][k] + p[1][k]
	}
	return result(out)
}

func instanceNormalization(c *call) ([]*value, error) {
	v, x, err := c.floats(0)
	if err != nil {
		return nil, err
	}
	p, b, err := c.channels(v, 1, 2)
	if err != nil {
		return nil, err
	}
	out, err := c.make(v.kind, v.dims)
	if err != nil {
		return nil, err
	}
	epsilon := float64(c.node.Float("epsilon", 1e-5))
	for i := 0; b.inner > 0 && i+b.inner <= len(x); i += b.inner {
		row := out.floats[i : i+b.inner]
		normalize(row, x[i:i+b.inner], epsilon)
		k := i / b.inner % b.n
		for j := range row {
			row[j] = row[j]*p[0][k] + p[1][k]
		}
	}
	return result(out)
}
