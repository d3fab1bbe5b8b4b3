package server

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync/atomic"

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

// Write appends p; beyond what memory may hold it writes to disk.
func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && s.size+int64(len(p)) <= s.most {
		s.memory = append(s.memory, p...)
		s.size += int64(len(p))
		return len(p), nil
	}
	if err := s.toDisk(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, err
}

// toDisk makes sure that there is a file, with space for n more bytes.
func (s *spool) toDisk(n int64) error {
	more := s.size + n - s.reserved
	if err := s.disk.reserve(more); err != nil {
		return err
	}
	s.reserved += more
	if s.file != nil {
		return nil
	}
	f, err := os.CreateTemp(s.disk.dir, "rnnrepd-upload-*")
	if err != nil {
		return err
	}
	s.file = f
	if err := os.Remove(f.Name()); err != nil {
		return err
	}
	_, err = f.Write(s.memory)
	s.memory = nil
	return err
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

// readerAt reads what was written, without holding it in memory.
func (s *spool) readerAt() io.ReaderAt {
	if s.file == nil {
		return bytes.NewReader(s.memory)
	}
	return s.file
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
// memory.
func (d *disk) copyFrom(r io.Reader, most int64) (*spool, error) {
	s := &spool{disk: d, most: most}
	buffer := make([]byte, firstBuffer)
	for {
		n, err := r.Read(buffer)
		if n > 0 {
			if _, err := s.Write(buffer[:n]); err != nil {
				return nil, errors.Join(err, s.Close())
			}
		}
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return nil, errors.Join(readError(err), s.Close())
		}
		if n == len(buffer) && len(buffer) < 64<<10 { // as fast as the client
			buffer = make([]byte, 2*len(buffer))
		}
	}
}
