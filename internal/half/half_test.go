package half_test

import (
	"math"
	"testing"

	"rnnrep/internal/half"
)

// exact is the value of a binary16 by its definition.
func exact(h uint16) float64 {
	sign, exponent, fraction := 1.0, int(h>>10&31), float64(h&0x3ff)
	if h&0x8000 != 0 {
		sign = -1
	}
	switch {
	case exponent == 31 && fraction != 0:
		return math.NaN()
	case exponent == 31:
		return sign * math.Inf(1)
	case exponent == 0:
		return sign * math.Ldexp(fraction, -24)
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

// TestAll: every binary16 has its value, and comes back from it.
func TestAll(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f, want := half.To(h), exact(h)
		if want != want {
			if f == f || half.To(half.From(f)) == half.To(half.From(f)) {
				t.Fatalf("%04x is %v, want NaN", h, f)
			}
			continue
		}
		if float64(f) != want || math.Signbit(float64(f)) != (h&0x8000 != 0) {
			t.Fatalf("%04x is %v, want %v", h, f, want)
		}
		if back := half.From(f); back != h {
			t.Fatalf("%v is %04x, want %04x", f, back, h)
		}
	}
}

// TestNearest: a float32 between two neighbours goes to the nearer one, from the
// middle to the even one.
func TestNearest(t *testing.T) {
	for i := range 0x7c00 {
		lower, upper := uint16(i), uint16(i+1)
		top := exact(upper)
		if upper == 0x7c00 { // the number that would follow 65504
			top = 65536
		}
		middle := float32((exact(lower) + top) / 2)
		even := lower + lower&1
		for f, want := range map[float32]uint16{
			middle:                      even,
			math.Nextafter32(middle, 0): lower,
			math.Nextafter32(middle, float32(math.Inf(1))): upper,
		} {
			if got := half.From(f); got != want {
				t.Fatalf("%v is %04x, want %04x", f, got, want)
			}
			if got := half.From(-f); got != want|0x8000 {
				t.Fatalf("%v is %04x, want %04x", -f, got, want|0x8000)
			}
		}
	}
}

// TestNumPy compares with numpy 2.4:
//
//	for x in [0.1, 1/3, 3.14159265, -2.7182818, 1e-5, 6e-8, 2.9e-8, 65504, 65519, 65520, 1e30]:
//	    print(x, hex(np.float32(x).astype(np.float16).view(np.uint16)))
func TestNumPy(t *testing.T) {
	for f, want := range map[float32]uint16{
		0.1: 0x2e66, 1.0 / 3: 0x3555, 3.14159265: 0x4248, -2.7182818: 0xc170, 1e-5: 0x00a8, 6e-8: 0x0001,
		2.9e-8: 0x0000, 65504: 0x7bff, 65519: 0x7bff, 65520: 0x7c00, 1e30: 0x7c00,
	} {
		if got := half.From(f); got != want {
			t.Errorf("%v is %04x, want %04x", f, got, want)
		}
	}
}
