package server

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"syscall"

	"rnnrep/internal/errs"
)

const (
	// spoolAbove is how much of an upload is held in memory; a file that goes
	// beyond it waits on disk until a worker is free for it.
	spoolAbove = 256 << 10
	// firstBuffer is allocated before a byte has come; what a client claims in
	// Content-Length counts for nothing.
	firstBuffer = 4 << 10
)

// disk is where large uploads wait.
type disk struct {
	dir  string // "": the system's
	free atomic.Int64
}

// newDisk allows limit bytes in dir.
func newDisk(dir string, limit int64) *disk {
	d := &disk{dir: dir}
	d.free.Store(limit)
	return d
}

// reserve takes n bytes of the disk's space.
func (d *disk) reserve(n int64) error {
	if d.free.Add(-n) >= 0 {
		return nil
	}
	d.free.Add(n)
	return errs.New(errs.Busy, "too many large uploads wait already").Do("try again after the time in Retry-After")
}

// spool holds the bytes of one uploaded file. Its file has no name, so that
// nothing stays behind however the program ends.
type spool struct {
	disk     *disk
	most     int64 // bytes in memory
	memory   []byte
	file     *os.File
	reserved int64
	size     int64
}

// fill reads r into memory until that is full or r ends (io.EOF). Memory grows
// with what has come; what the client claims to send only keeps it from growing
// too far.
func (s *spool) fill(r io.Reader, claimed int64) error {
	for {
		if len(s.memory) == cap(s.memory) {
			next := min(max(firstBuffer, 4*int64(cap(s.memory))), s.most)
			if claimed >= s.size {
				next = min(next, claimed+1) // one for the read that finds the end
			}
			if next <= s.size {
				return nil
			}
			s.memory = append(make([]byte, 0, next), s.memory...)
		}
		n, err := r.Read(s.memory[len(s.memory):cap(s.memory)])
		s.memory = s.memory[:len(s.memory)+n]
		s.size += int64(n)
		if err != nil {
			return readError(err)
		}
	}
}

// spill moves memory to disk and lets the rest of r follow.
func (s *spool) spill(r io.Reader) error {
	f, err := os.CreateTemp(s.disk.dir, "rnnrepd-upload-*")
	if err != nil {
		return err
	}
	s.file = f
	if err := os.Remove(f.Name()); err != nil {
		return err
	}
	held := s.memory
	s.memory, s.size = nil, 0
	if _, err := s.Write(held); err != nil {
		return err
	}
	_, err = io.Copy(s, coded{r})
	return err
}

// coded tells errors of reading a body from those of writing it to disk.
type coded struct{ io.Reader }

func (c coded) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	return n, readError(err)
}

// Write appends p to the file on disk.
func (s *spool) Write(p []byte) (int, error) {
	if err := s.disk.reserve(int64(len(p))); err != nil {
		return 0, err
	}
	s.reserved += int64(len(p))
	n, err := s.file.Write(p)
	s.size += int64(n)
	if errors.Is(err, syscall.ENOSPC) {
		err = errs.New(errs.Busy, "the disk for large uploads is full: %w", err).Do("try again after the time in Retry-After")
	}
	return n, err
}

// bytes returns all that was written.
func (s *spool) bytes() ([]byte, error) {
	if s.file == nil {
		return s.memory, nil
	}
	data := make([]byte, s.size)
	if _, err := s.file.ReadAt(data, 0); err != nil {
		return nil, err
	}
	return data, nil
}

// Close frees the memory and the disk space.
func (s *spool) Close() error {
	s.memory = nil
	s.disk.free.Add(s.reserved)
	s.reserved = 0
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// copyFrom reads r to its end into a new spool that holds at most most bytes in
// memory. claimed is how many bytes the client says to send; -1: it does not say.
func (d *disk) copyFrom(r io.Reader, most, claimed int64) (*spool, error) {
	s := &spool{disk: d, most: most}
	err := s.fill(r, claimed)
	if err == nil {
		err = s.spill(r)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}
