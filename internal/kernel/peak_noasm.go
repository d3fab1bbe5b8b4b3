//go:build !amd64 || noasm

package kernel

func peakLoop(iterations int) (flops int) {
	return peakLoopGeneric(iterations)
}
