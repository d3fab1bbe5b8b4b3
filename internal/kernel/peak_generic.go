package kernel

// peakSink keeps the compiler from removing the loop.
var peakSink float32

func peakLoopGeneric(iterations int) (flops int) {
	var a, b, c, d float32
	x, y := float32(0.5), peakSink*0+1
	for range iterations {
		a, b, c, d = a*x+y, b*x+y, c*x+y, d*x+y
	}
	peakSink = a + b + c + d
	return 8 * iterations
}
