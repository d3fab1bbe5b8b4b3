package ort

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestLocate(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("file names of Linux")
	}
	empty, full := t.TempDir(), t.TempDir()
	for _, name := range []string{"libonnxruntime.so", "libonnxruntime.so.1.32.0", "libonnxruntime_providers_shared.so"} {
		if err := os.WriteFile(filepath.Join(full, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	newest := filepath.Join(full, "libonnxruntime.so.1.32.0")
	file := filepath.Join(full, "libonnxruntime.so")
	cases := []struct {
		name, named string
		dirs        []string
		want, fails string
	}{
		{name: "usual folder", dirs: []string{empty, full}, want: newest},
		{name: "named folder", named: full, dirs: []string{empty}, want: newest},
		{name: "named file", named: file, dirs: []string{empty}, want: file},
		{name: "named folder has none", named: empty, dirs: []string{full}, fails: empty},
		{name: "named nothing", named: filepath.Join(empty, "gone"), dirs: []string{full}, fails: LibraryVariable},
		{name: "nowhere", dirs: []string{empty}, fails: "pip install onnxruntime"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := locate(c.named, c.dirs)
			if got != c.want {
				t.Errorf("found %q, not %q", got, c.want)
			}
			if c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("error %v does not name %q", err, c.fails)
			}
		})
	}
}
