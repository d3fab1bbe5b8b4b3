// Command _asmgen generates the AVX-512 and AVX2 kernels of internal/kernel
// with avo. Run it through go generate in that package.
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

func main() {
	ConstraintExpr("!noasm")
	for _, s := range []isa{avx512, avx2} {
		gemmTiles(s)
		packPanel(s)
		gemv(s)
		lstmForward(s)
		lstmBackward(s)
		gruForward(s)
		gruBackward(s)
		activations(s)
		softmax(s)
		slopes(s)
		layerNorm(s)
		layerNormBackward(s)
		attentionWeights(s)
		attentionWeightsBackward(s)
		vectorOps(s)
		reductions(s)
		rowOps(s)
		indexedRows(s)
		scaledRows(s)
		adamW(s)
		peak(s)
	}
	packTiles(avx512)
	packSixes(avx2)
	transpose8()
	summary8()
	squaredDeviations8()
	bins32()
	Generate()
}
