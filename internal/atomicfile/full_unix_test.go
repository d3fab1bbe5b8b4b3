//go:build unix

package atomicfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"rnnrep/internal/atomicfile"
)

// fullEnv names the file that a child process tries to write under a limit.
const fullEnv = "ATOMICFILE_TEST_FULL"

// TestFullDisk writes in a child process whose files may not grow beyond 1000
// bytes: the write fails as on a full disk, the old content stays.
func TestFullDisk(t *testing.T) {
	if file := os.Getenv(fullEnv); file != "" {
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 1000, Max: 1000}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		err := atomicfile.Write(file, make([]byte, 5000))
		fmt.Println("too large:", errors.Is(err, syscall.EFBIG))
		return
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "a")
	if err := atomicfile.Write(file, []byte("old")); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestFullDisk$")
	child.Env = append(os.Environ(), fullEnv+"="+file)
	out, err := child.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("too large: true\n")) {
		t.Fatalf("the child: %v\n%s", err, out)
	}
	if got := read(t, file); got != "old" {
		t.Errorf("content %q", got)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"a"}) {
		t.Errorf("left %q", got)
	}
}
