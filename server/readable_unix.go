//go:build unix

package server

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// readable tells whether a connection waits on a listener.
func readable(l syscall.RawConn) (is bool) {
	_ = l.Control(func(fd uintptr) {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		is = err == nil && n > 0
	})
	return is
}
