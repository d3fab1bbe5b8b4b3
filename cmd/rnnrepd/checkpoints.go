package main

import (
	"cmp"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rnnrep/importer"
	"rnnrep/server"
)

// checkpoints are the models below a watched folder, by path.
type checkpoints map[string]*checkpoint

// checkpoint is a model file with the external data that it names.
type checkpoint struct {
	path     string
	external []string       // paths of external data, known once the model was read
	state    []fileState    // of the model and its external data, when last looked at
	since    time.Time      // when that was first seen
	answer   *server.Answer // for that, not said yet
	said     bool
	tries    int       // that got no answer
	next     time.Time // when to try again
}

// longestWait is between tries to get an answer.
const longestWait = time.Minute

// later puts off the next try, longer each time.
func (c *checkpoint) later(interval time.Duration) {
	c.next = time.Now().Add(min(interval<<min(c.tries, 6), longestWait))
	c.tries++
}

// fileState is what changes when a file is written; zero if there is none.
type fileState struct {
	size     int64
	modified time.Time
}

func stateOf(path string) fileState {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}
	}
	return fileState{info.Size(), info.ModTime().Round(0)}
}

// scan looks at the files and returns those that are not answered for, the
// oldest first. It forgets files that are gone.
func (f checkpoints) scan(dir string, now time.Time) (open []*checkpoint) {
	found := map[string]bool{}
	_ = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !strings.EqualFold(filepath.Ext(name), ".onnx") {
			return nil // what cannot be read is looked at again the next time
		}
		path := filepath.Join(dir, name)
		found[path] = true
		c := f[path]
		if c == nil {
			c = &checkpoint{path: path}
			f[path] = c
		}
		if c.changed() {
			*c = checkpoint{path: path, external: c.external, state: c.look(), since: now}
		}
		if !c.said {
			open = append(open, c)
		}
		return nil
	})
	maps.DeleteFunc(f, func(path string, _ *checkpoint) bool { return !found[path] })
	slices.SortFunc(open, func(a, b *checkpoint) int {
		return cmp.Or(a.state[0].modified.Compare(b.state[0].modified), strings.Compare(a.path, b.path))
	})
	return open
}

// look returns the state of the files now.
func (c *checkpoint) look() []fileState {
	state := []fileState{stateOf(c.path)}
	for _, path := range c.external {
		state = append(state, stateOf(path))
	}
	return state
}

// changed tells whether a file differs from when it was last looked at.
func (c *checkpoint) changed() bool { return !slices.Equal(c.look(), c.state) }

// needs notes the external data that the model names, whether there or not.
func (c *checkpoint) needs(u server.Upload) {
	c.external = nil
	for _, name := range importer.ExternalNames(u.Data) {
		if filepath.IsLocal(name) {
			c.external = append(c.external, filepath.Join(filepath.Dir(c.path), name))
		}
	}
	c.state = append(c.state[:1:1], c.look()[1:]...)
}
