package rnn

import "rnnrep/internal/kernel"

// Kernels names the kernels in use: "avx512", "avx2" or "generic".
func Kernels() string { return kernel.Name() }
