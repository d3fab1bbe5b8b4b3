package atomicfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"rnnrep/internal/atomicfile"
)

// names lists a folder.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a")
	for _, content := range []string{"first", "", strings.Repeat("longer than before", 1000)} {
		if err := atomicfile.Write(file, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, file); got != content {
			t.Errorf("read %d bytes, wrote %d", len(got), len(content))
		}
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if m := info.Mode().Perm(); m != 0o644 {
		t.Errorf("mode %v", m)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"a"}) {
		t.Errorf("left %q", got)
	}
}

// TestPieces: a file written in pieces is not there before Commit, and never
// after Discard.
func TestPieces(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a")
	if err := atomicfile.Write(file, []byte("old")); err != nil {
		t.Fatal(err)
	}
	for _, commit := range []bool{false, true} {
		f, err := atomicfile.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, piece := range []string{"n", "ew"} {
			if _, err := f.WriteString(piece); err != nil {
				t.Fatal(err)
			}
		}
		if got := read(t, file); got != "old" {
			t.Errorf("content before the end: %q", got)
		}
		want, end := "old", f.Discard
		if commit {
			want, end = "new", f.Commit
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if got := read(t, file); got != want {
			t.Errorf("content %q, want %q", got, want)
		}
		if got := names(t, dir); !slices.Equal(got, []string{"a"}) {
			t.Errorf("left %q", got)
		}
	}
}

// TestFailedRename: the target keeps what it was, and nothing is left beside it.
func TestFailedRename(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	if err := os.MkdirAll(filepath.Join(target, "inside"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(target, []byte("data")); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if got := names(t, dir); !slices.Equal(got, []string{"target"}) {
		t.Errorf("left %q", got)
	}
	if got := names(t, target); !slices.Equal(got, []string{"inside"}) {
		t.Errorf("the target holds %q", got)
	}
}

func TestNoFolder(t *testing.T) {
	if err := atomicfile.Write(filepath.Join(t.TempDir(), "absent", "a"), nil); !os.IsNotExist(err) {
		t.Errorf("error %v", err)
	}
}

// TestReadersSeeWholeFiles: whoever reads while others write gets one of the
// contents, whole.
func TestReadersSeeWholeFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a")
	content := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i)}, 10_000+i) }
	if err := atomicfile.Write(file, content(0)); err != nil {
		t.Fatal(err)
	}
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for i := range 4 {
		writers.Go(func() {
			for range 10 {
				if err := atomicfile.Write(file, content(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	readers.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			data, err := os.ReadFile(file)
			if err != nil || len(data) < 10_000 || !bytes.Equal(data, content(int(data[0]-'a'))) {
				t.Errorf("read %d bytes, error %v", len(data), err)
				return
			}
		}
	})
	writers.Wait()
	close(done)
	readers.Wait()
}

func TestClean(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".partial-1", ".partial-abc", "keep", ".hidden", "a.partial-1"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := atomicfile.Clean(dir); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{".hidden", "a.partial-1", "keep"}) {
		t.Errorf("left %q", got)
	}
	if err := os.MkdirAll(filepath.Join(dir, ".partial-folder", "inside"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Clean(dir); err == nil {
		t.Error("a partial file that cannot be removed is not reported")
	}
}
