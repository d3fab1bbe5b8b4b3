// Package atomicfile writes files that are there whole or not at all.
package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
)

const pattern = ".partial-*"

// Write writes data beside path, syncs it and renames it to path.
func Write(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), pattern)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
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
