package kernel

// PeakLoop runs iterations rounds of independent multiply-adds in registers
// and returns how many floating-point operations that was. The time it takes
// gives the peak of which benchmarks quote their share.
func PeakLoop(iterations int) (flops int) {
	if iterations <= 0 {
		return 0
	}
	return peakLoop(iterations)
}
