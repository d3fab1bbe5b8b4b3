package onnxref

import "math"

func init() { register(clip, "Clip") }

// clip has its bounds in attributes before opset 11 and in inputs since.
func clip(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	if !v.kind.Float() {
		lo, err := c.integer(1, math.MinInt64)
		if err != nil {
			return nil, err
		}
		hi, err := c.integer(2, math.MaxInt64)
		if err != nil {
			return nil, err
		}
		return signed(nil, func(x int64) int64 { return min(max(x, lo), hi) })(c)
	}
	lo, hi := math.Inf(-1), math.Inf(1)
	if c.version < 11 {
		lo = float64(c.node.Float("min", -math.MaxFloat32))
		hi = float64(c.node.Float("max", math.MaxFloat32))
	} else {
		if lo, err = c.scalar(1, lo); err != nil {
			return nil, err
		}
		if hi, err = c.scalar(2, hi); err != nil {
			return nil, err
		}
	}
	return c.mapFloats(func(x float64) float64 { return min(max(x, lo), hi) })
}
