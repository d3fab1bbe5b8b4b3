package server

import (
	"runtime"
	"runtime/debug"

	"rnnrep/rnn"
)

// Version describes the program.
type Version struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	Commit  string `json:"commit,omitempty"`
	Kernels string `json:"kernels"`
}

// VersionInfo fills in what the build knows.
func VersionInfo(version string) Version {
	v := Version{Version: version, Go: runtime.Version(), Kernels: rnn.Kernels()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Commit = s.Value
			}
		}
	}
	return v
}
