//go:build !cgo

package ort

import (
	"context"

	"rnnrep/internal/onnx"
)

// Locate returns ErrNoCgo.
func Locate() (string, error) { return "", ErrNoCgo }

// Available returns ErrNoCgo.
func Available() error { return ErrNoCgo }

// Version returns "".
func Version() string { return "" }

// Run returns ErrNoCgo.
func Run(context.Context, []byte, map[string]*onnx.Tensor, []string) (map[string]*onnx.Tensor, error) {
	return nil, ErrNoCgo
}
