//go:build !amd64 || noasm

package kernel

func detect() []implementation { return []implementation{generic} }
