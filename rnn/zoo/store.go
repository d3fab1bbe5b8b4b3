package zoo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rnnrep/internal/atomicfile"
	"rnnrep/internal/errs"
)

// Writer commits runs to a zoo. Commits of different runs may be concurrent.
type Writer struct {
	dir    string
	header Header
}

// Create makes a zoo in dir, or continues the one that is there if its header
// is equal.
func Create(dir string, h Header) (*Writer, error) {
	file := filepath.Join(dir, headerName)
	if err := h.validate(file); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return nil, err
	}
	there, err := readHeader(dir)
	switch {
	case err == nil:
		var written Header // as it will be read
		if err := json.Unmarshal(data, &written); err != nil {
			return nil, err
		}
		if d := difference(there, written); d != "" {
			return nil, errs.New(errs.Damaged, "%s holds another zoo: %s", dir, d).Do("use the settings it was begun with, or another folder")
		}
	case os.IsNotExist(err):
		if err := atomicfile.Write(file, append(data, '\n')); err != nil {
			return nil, err
		}
	default:
		return nil, err
	}
	return &Writer{dir, h}, atomicfile.Clean(dir)
}

func runFile(dir string, index int) string {
	return filepath.Join(dir, fmt.Sprintf("run-%05d.rrz", index))
}

// Done tells whether a run is committed.
func (w *Writer) Done(index int) bool {
	_, err := os.Stat(runFile(w.dir, index))
	return err == nil
}

// Commit writes a run; after an error or a crash there is none of it.
func (w *Writer) Commit(r *Run) error {
	data, err := encode(&w.header, r)
	if err != nil {
		return err
	}
	return atomicfile.Write(runFile(w.dir, r.Index), data)
}

// Zoo reads a zoo.
type Zoo struct {
	Header Header
	Runs   []int // indices of the committed runs, ascending
	dir    string
}

// In reports whether dir holds a zoo.
func In(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, headerName))
	return err == nil
}

// Open reads the header and lists the runs.
func Open(dir string) (*Zoo, error) {
	h, err := readHeader(dir)
	if err != nil {
		if os.IsNotExist(err) {
			return nil, errs.New(errs.Damaged, "%s holds no %s", dir, headerName).Do("name the folder that `rnnrepd zoo train --out` made")
		}
		return nil, err
	}
	z := &Zoo{Header: h, dir: dir}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		var i int
		if _, err := fmt.Sscanf(e.Name(), "run-%d.rrz", &i); err == nil && e.Name() == filepath.Base(runFile(dir, i)) {
			z.Runs = append(z.Runs, i)
		}
	}
	slices.Sort(z.Runs)
	return z, nil
}

// Load reads a run. Damage is an error that names the file.
func (z *Zoo) Load(index int) (*Run, error) {
	file := runFile(z.dir, index)
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > 2*maxRunBytes {
		return nil, errs.New(errs.Damaged, "%s: %d bytes", file, info.Size()).Accepts("the size the header says")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r, err := decode(&z.Header, file, data)
	if err != nil {
		return nil, err
	}
	if r.Index != index {
		return nil, errs.New(errs.Damaged, "%s: holds run %d", file, r.Index).Do("give the file its own name back")
	}
	return r, nil
}

// Checksum is a digest of the header and every run file, for provenance.
func (z *Zoo) Checksum() (string, error) {
	sum := sha256.New()
	files := []string{filepath.Join(z.dir, headerName)}
	for _, i := range z.Runs {
		files = append(files, runFile(z.dir, i))
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		one := sha256.Sum256(data)
		fmt.Fprintf(sum, "%s %x\n", strings.TrimPrefix(f, z.dir), one)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}
