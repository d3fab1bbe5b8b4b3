//go:build !amd64 || noasm

package kernel

func summary(a []float32) (sum float64, low, high float32) { return summaryGeneric(a) }

func squaredDeviations(a []float32, mean float64) float64 { return squaredDeviationsGeneric(a, mean) }

func bins(dst []uint8, a []float32, low, scale float32) { binsGeneric(dst, a, low, scale) }
