package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
)

func supported() error { return nil }

// start runs a command to its end. The child leads a process group of its own
// and dies with this process; the kernel ties that to the thread that starts it.
func start(c *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	return c.Run()
}

// limitMemory bounds this process: memory bytes of address space beyond what it
// has now, as Go reserves more of it than it uses; seconds of processor time;
// no file written, no core dumped.
func limitMemory(memory, seconds int64) error {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return err
	}
	first, _, _ := bytes.Cut(statm, []byte(" "))
	pages, err := strconv.ParseUint(string(first), 10, 64)
	if err != nil {
		return err
	}
	for _, l := range []struct {
		what  int
		limit uint64
	}{
		{syscall.RLIMIT_AS, pages*uint64(os.Getpagesize()) + uint64(memory)},
		{syscall.RLIMIT_CPU, uint64(seconds)},
		{syscall.RLIMIT_FSIZE, 0},
		{syscall.RLIMIT_CORE, 0},
	} {
		if err := limit(l.what, l.limit); err != nil {
			return err
		}
	}
	return nil
}

// limitFiles lets this process open no file any more.
func limitFiles() error { return limit(syscall.RLIMIT_NOFILE, 0) }

func limit(what int, n uint64) error {
	if err := syscall.Setrlimit(what, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
		return fmt.Errorf("limit %d: %w", what, err)
	}
	return nil
}
