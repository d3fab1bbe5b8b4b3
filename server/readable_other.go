//go:build !unix

package server

import "syscall"

// readable cannot be told here.
func readable(syscall.RawConn) bool { return false }
