package onnxref

import (
	"maps"
	"slices"
	"testing"

	"rnnrep/internal/onnx"
)

func TestActivationFunctionsAreThoseOfTheTable(t *testing.T) {
	if a, b := slices.Sorted(maps.Keys(activationFunctions)), slices.Sorted(maps.Keys(onnx.ActivationFunctions)); !slices.Equal(a, b) {
		t.Errorf("%v, the table has %v", a, b)
	}
}
