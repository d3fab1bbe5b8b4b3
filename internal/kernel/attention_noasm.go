//go:build !amd64 || noasm

package kernel

func attentionWeights(p []float32, ldp int, stats []float32, rows, n int, scale float32) {
	attentionWeightsGeneric(p, ldp, stats, rows, n, scale)
}

func attentionWeightsBackward(p, dp []float32, ldp int, stats, dots []float32, rows, n int, scale float32) {
	attentionWeightsBackwardGeneric(p, dp, ldp, stats, dots, rows, n, scale)
}
