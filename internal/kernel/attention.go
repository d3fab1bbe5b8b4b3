package kernel

// AttentionWeights turns rows of n attention scores, ldp apart, into weights,
// with scale > 0. stats, [2*rows], keeps of each row what
// AttentionWeightsBackward needs to make the weights from the scores again:
//
//	top := scale * the greatest score of the row
//	inverse := 1 / sum over j of exp(scale*p[i*ldp+j]-top)
//	p[i*ldp+j] = exp(scale*p[i*ldp+j]-top) * inverse
//	stats[2*i], stats[2*i+1] = top, inverse
func AttentionWeights(p []float32, ldp int, stats []float32, rows, n int, scale float32) {
	checkDestination("AttentionWeights: p", p, ldp, rows, n)
	if rows == 0 || n == 0 {
		return
	}
	checkLen("AttentionWeights: stats", stats, 2*rows)
	attentionWeights(p, ldp, stats, rows, n, scale)
}

// AttentionWeightsBackward is the gradient of AttentionWeights. p holds the
// scores on entry and the weights on return; dp, laid out like p, the gradient
// of the weights on entry and that of the scores on return. dots, [rows], is
// the sum of weight times gradient of each row:
//
//	p = exp(scale*p-top) * inverse
//	dp = p * (dp-dots[i]) * scale
func AttentionWeightsBackward(p, dp []float32, ldp int, stats, dots []float32, rows, n int, scale float32) {
	checkDestination("AttentionWeightsBackward: p", p, ldp, rows, n)
	checkDestination("AttentionWeightsBackward: dp", dp, ldp, rows, n)
	if rows == 0 || n == 0 {
		return
	}
	checkLen("AttentionWeightsBackward: stats", stats, 2*rows)
	checkLen("AttentionWeightsBackward: dots", dots, rows)
	attentionWeightsBackward(p, dp, ldp, stats, dots, rows, n, scale)
}
