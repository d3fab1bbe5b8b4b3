package grad

import (
	"fmt"
	"math"

	"rnnrep/internal/kernel"
)

func init() {
	for _, op := range []Op{OpCrossEntropy, OpMeanSquare, OpBinaryCrossEntropy, OpTotalVariation, OpKL, OpReverseKL} {
		gradients[op] = func(t *Tape, r *record) { kernel.Axpy(t.input(r, 0).grad, r.grad[0], r.aux[0]) }
	}
}

// loss adds a scalar record whose gradient with respect to x is kept in aux[0].
func loss(op Op, x Var) (*record, Var) {
	r, v := x.t.compute(op, 1, 1, x)
	r.aux[0] = x.t.arena.Zeros(len(x.Value()))
	return r, v
}

// CrossEntropy is the mean over rows of -log softmax(logits)[target]. A
// negative target leaves its row out of the mean.
func CrossEntropy(logits Var, targets []int32) Var {
	if len(targets) != logits.Rows() {
		panic(fmt.Sprintf("grad: %d targets for %d rows", len(targets), logits.Rows()))
	}
	r, v := loss(OpCrossEntropy, logits)
	rows, cols := logits.Rows(), logits.Cols()
	p := r.aux[0]
	kernel.Softmax(p, logits.Value(), rows, cols)
	counted := 0
	for _, y := range targets {
		if y >= 0 {
			counted++
		}
	}
	inverse := 1 / float32(max(counted, 1))
	var sum float64
	product := 1.0 // of several probabilities, so that one logarithm serves them
	for i, y := range targets {
		if y < 0 {
			clear(p[i*cols : (i+1)*cols])
			continue
		}
		product *= math.Max(float64(p[i*cols+int(y)]), 1e-38)
		if product < 1e-200 {
			sum -= math.Log(product)
			product = 1
		}
		p[i*cols+int(y)]--
	}
	kernel.Scale(p, inverse)
	r.value[0] = float32((sum - math.Log(product)) * float64(inverse))
	return v
}

// MeanSquare is the mean of (x - target)² over all elements.
func MeanSquare(x Var, target []float32) Var {
	r, v := loss(OpMeanSquare, x)
	var sum float64
	n := float32(len(target))
	for i, s := range x.Value() {
		d := s - target[i]
		sum += float64(d) * float64(d)
		r.aux[0][i] = 2 * d / n
	}
	r.value[0] = float32(sum / float64(n))
	return v
}

// BinaryCrossEntropy is the mean of -t log s(x) - (1-t) log(1-s(x)) over all
// elements, where s is the sigmoid and targets lie in [0, 1].
func BinaryCrossEntropy(x Var, target []float32) Var {
	r, v := loss(OpBinaryCrossEntropy, x)
	var sum float64
	n := float64(len(target))
	for i, s := range x.Value() {
		z, y := float64(s), float64(target[i])
		sum += math.Max(z, 0) - z*y + math.Log1p(math.Exp(-math.Abs(z)))
		r.aux[0][i] = float32((1/(1+math.Exp(-z)) - y) / n)
	}
	r.value[0] = float32(sum / n)
	return v
}

// A distribution loss compares softmax(logits) with target probabilities, as a
// mean over rows (paper, section 4: the emulation loss).

// TotalVariation is half the sum of |p - q|.
func TotalVariation(logits Var, target []float32) Var {
	return distribution(OpTotalVariation, logits, target, func(p, q float32) (float64, float32) {
		switch d := p - q; {
		case d > 0:
			return 0.5 * float64(d), 0.5
		case d < 0:
			return -0.5 * float64(d), -0.5
		default:
			return 0, 0
		}
	})
}

// probabilityFloor keeps logarithms of probabilities finite.
const probabilityFloor = 1e-9

// KL is the divergence of the logits' distribution p from the target q: the sum
// of q log(q/p).
func KL(logits Var, target []float32) Var {
	return distribution(OpKL, logits, target, func(p, q float32) (float64, float32) {
		p, q = max(p, probabilityFloor), max(q, probabilityFloor)
		return float64(q) * math.Log(float64(q)/float64(p)), -q / p
	})
}

// ReverseKL is the sum of p log(p/q).
func ReverseKL(logits Var, target []float32) Var {
	return distribution(OpReverseKL, logits, target, func(p, q float32) (float64, float32) {
		p, q = max(p, probabilityFloor), max(q, probabilityFloor)
		l := math.Log(float64(p) / float64(q))
		return float64(p) * l, float32(l) + 1
	})
}

// distribution adds a loss over softmax(logits) whose term gives, for one pair
// of probabilities, its value and its derivative by p.
func distribution(op Op, logits Var, target []float32, term func(p, q float32) (float64, float32)) Var {
	rows, cols := logits.Rows(), logits.Cols()
	if len(target) != rows*cols {
		panic(fmt.Sprintf("grad: %d target probabilities for %dx%d", len(target), rows, cols))
	}
	r, v := loss(op, logits)
	t := logits.t
	p, dp := t.arena.Take(rows*cols), t.arena.Take(rows*cols)
	kernel.Softmax(p, logits.Value(), rows, cols)
	var sum float64
	inverse := 1 / float32(rows)
	for i, q := range target {
		l, d := term(p[i], q)
		sum += l
		dp[i] = d * inverse
	}
	if r.needs {
		softmaxChain(r.aux[0], p, dp, rows, cols)
	}
	r.value[0] = float32(sum / float64(rows))
	return v
}
