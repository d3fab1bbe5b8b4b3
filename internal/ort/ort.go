// Package ort runs ONNX models in ONNX Runtime, an implementation that shares
// no code with this program, to compare our numbers with. The library is loaded
// while the program runs, where one is found; Available says so, and why not.
//
// A graph runs with the rights of this process: only files that this program
// wrote itself belong here, and in a process of package sandbox all others.
//
// The package must not import anything of this module but internal/onnx.
package ort

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// LibraryVariable is the environment variable that names the library: the file,
// or a folder that holds it, such as onnxruntime/capi of a Python installation.
const LibraryVariable = "RNNREPD_ORT_LIB"

// ErrNoCgo is why ONNX Runtime cannot be called from this program.
var ErrNoCgo = errors.New("this program was built without cgo, which calling ONNX Runtime needs; build it with CGO_ENABLED=1 and a C compiler")

// libraryPattern matches the library's file names on an operating system.
func libraryPattern(system string) string {
	switch system {
	case "windows":
		return "onnxruntime.dll"
	case "darwin":
		return "libonnxruntime*.dylib"
	}
	return "libonnxruntime.so*"
}

// folders are where the library usually lies.
func folders() []string {
	var dirs []string
	if program, err := os.Executable(); err == nil {
		dirs = append(dirs, filepath.Dir(program))
	}
	dirs = append(dirs, filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))...)
	return append(dirs, "/usr/local/lib", "/usr/local/lib64", "/usr/lib", "/usr/lib64",
		"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/opt/homebrew/lib")
}

// locate returns the library's path: what named says (the value of
// LibraryVariable), or else the first found in dirs.
func locate(named string, dirs []string) (string, error) {
	pattern := libraryPattern(runtime.GOOS)
	if named != "" {
		info, err := os.Stat(named)
		switch {
		case err != nil:
			return "", fmt.Errorf("%s: %w", LibraryVariable, err)
		case !info.IsDir():
			return named, nil
		}
		dirs = []string{named}
	}
	for _, dir := range dirs {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err == nil && len(found) > 0 {
			return slices.Max(found), nil // a versioned name where there is one
		}
	}
	return "", fmt.Errorf("no %s in %s; set %s to the library of ONNX Runtime 1.24 or newer, or to its folder (pip install onnxruntime puts it into onnxruntime/capi)",
		pattern, strings.Join(dirs, ", "), LibraryVariable)
}
