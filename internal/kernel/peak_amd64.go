//go:build !noasm

package kernel

// peakAccumulators is the number of multiply-adds in a round of the assembly.
const peakAccumulators = 12

func peakLoop(iterations int) (flops int) {
	switch current {
	case avx512:
		peakAVX512(iterations)
		return 2 * 16 * peakAccumulators * iterations
	case avx2:
		peakAVX2(iterations)
		return 2 * 8 * peakAccumulators * iterations
	default:
		return peakLoopGeneric(iterations)
	}
}
