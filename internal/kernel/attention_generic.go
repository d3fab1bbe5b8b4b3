package kernel

func attentionWeightsGeneric(p []float32, ldp int, stats []float32, rows, n int, scale float32) {
	for i := range rows {
		row := p[i*ldp:][:n]
		top := row[0]
		for _, x := range row {
			top = max(top, x)
		}
		top *= scale
		var sum float32
		for j, x := range row {
			row[j] = exp(difference(scale, x, top))
			sum += row[j]
		}
		stats[2*i], stats[2*i+1] = top, 1/sum
		scaleGeneric(row, 1/sum)
	}
}

func attentionWeightsBackwardGeneric(p, dp []float32, ldp int, stats, dots []float32, rows, n int, scale float32) {
	for i := range rows {
		top, inverse := stats[2*i], stats[2*i+1]
		d := dp[i*ldp:][:n]
		for j, x := range p[i*ldp:][:n] {
			w := exp(difference(scale, x, top)) * inverse
			p[i*ldp+j] = w
			d[j] = w * (d[j] - dots[i]) * scale
		}
	}
}

// difference is scale*x - top, rounded once: great scores lose nothing.
func difference(scale, x, top float32) float32 {
	return float32(float64(scale)*float64(x) - float64(top))
}
