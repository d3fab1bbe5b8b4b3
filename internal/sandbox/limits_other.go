//go:build !linux

package sandbox

import (
	"fmt"
	"os/exec"
	"runtime"
)

func supported() error {
	return fmt.Errorf("models run in ONNX Runtime only where a process can be held to limits: on Linux, not on %s", runtime.GOOS)
}

func start(*exec.Cmd) error { return supported() }

func limitMemory(int64, int64) error { return supported() }

func limitFiles() error { return supported() }
