package server

import (
	"net"
	"os"
	"syscall"
	"time"
)

// backlogTime is how long connections that clients have made already are
// accepted for after a listener should have been closed.
const backlogTime = time.Second

// awaitLast waits, before l is closed, for a moment when no connection waits to be
// accepted, by another goroutine: the kernel would reset those that do. A socket's
// name goes first, so that no client comes after.
func awaitLast(l net.Listener) {
	if u, ok := l.(*net.UnixListener); ok {
		if name := u.Addr().String(); name != "" && name[0] != '@' {
			u.SetUnlinkOnClose(false) // another server may have taken the name by then
			_ = os.Remove(name)
		}
	}
	if c, ok := l.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			for until := time.Now().Add(backlogTime); readable(raw) && time.Now().Before(until); {
				time.Sleep(time.Millisecond)
			}
		}
	}
}
