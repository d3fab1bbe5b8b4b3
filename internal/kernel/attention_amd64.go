//go:build !noasm

package kernel

func attentionWeights(p []float32, ldp int, stats []float32, rows, n int, scale float32) {
	switch current {
	case avx512:
		attentionWeightsAVX512(rows, n, &p[0], wide(ldp), &stats[0], scale)
	case avx2:
		attentionWeightsAVX2(rows, n, &p[0], wide(ldp), &stats[0], scale)
	default:
		attentionWeightsGeneric(p, ldp, stats, rows, n, scale)
	}
}

func attentionWeightsBackward(p, dp []float32, ldp int, stats, dots []float32, rows, n int, scale float32) {
	switch current {
	case avx512:
		attentionWeightsBackwardAVX512(rows, n, &p[0], &dp[0], wide(ldp), &stats[0], &dots[0], scale)
	case avx2:
		attentionWeightsBackwardAVX2(rows, n, &p[0], &dp[0], wide(ldp), &stats[0], &dots[0], scale)
	default:
		attentionWeightsBackwardGeneric(p, dp, ldp, stats, dots, rows, n, scale)
	}
}
