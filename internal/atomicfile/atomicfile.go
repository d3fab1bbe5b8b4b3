// Package atomicfile writes files that are there whole or not at all.
package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
)

const pattern = ".partial-*"

// File is a file being written beside its final place. It ends by Commit or
// Discard.
type File struct {
	*os.File
	path string
}

// Create begins to write path. What is there stays until Commit.
func Create(path string) (*File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), pattern)
	if err != nil {
		return nil, err
	}
	return &File{f, path}, nil
}

// Commit syncs the file and renames it to its path. After an error the path is
// as it was.
func (f *File) Commit() error {
	err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(f.path))
}

// Discard leaves the path as it was.
func (f *File) Discard() error { return errors.Join(f.Close(), os.Remove(f.Name())) }

// Write writes data to path as a whole.
func Write(path string, data []byte) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Discard())
	}
	return f.Commit()
}

// syncDir makes the rename itself durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Clean removes what interrupted writes left in dir.
func Clean(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, pattern))
	for _, f := range left {
		err = errors.Join(err, os.Remove(f))
	}
	return err
}
