package registry

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"rnnrep/encoders"
	"rnnrep/internal/errs"
)

// Folder is a folder of bundles FAMILY/ENCODER.
type Folder struct{ Dir string }

// Open opens all bundles; that there are none is an error.
func (f Folder) Open() ([]*encoders.Bundle, error) {
	if _, err := os.Stat(f.Dir); err != nil {
		return nil, err
	}
	bundles, err := encoders.OpenBundles(os.DirFS(f.Dir))
	if err == nil && len(bundles) == 0 {
		err = errs.New(errs.FileNotFound, "%s holds no bundle", f.Dir).Accepts("a folder with FAMILY/ENCODER/manifest.json in it").Do("make one with `rnnrepd train`")
	}
	return bundles, err
}

// Watch looks at the folder at every interval until ctx ends. Once a change has
// come to rest, for one interval, it opens the bundles and calls changed with
// them, or with the error that kept them from being opened; the next call is
// after the next change. before is the folder's Stamp when it was last opened.
func (f Folder) Watch(ctx context.Context, before string, interval time.Duration, changed func([]*encoders.Bundle, error)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for last := before; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := f.Stamp()
		if now != before && now == last {
			bundles, err := f.Open()
			before = now
			changed(bundles, err)
		}
		last = now
	}
}

// Stamp changes when a file of a bundle does.
func (f Folder) Stamp() string {
	var b strings.Builder
	dir := os.DirFS(f.Dir)
	files, _ := fs.Glob(dir, "*/*/*") // the pattern is valid
	for _, name := range files {
		if info, err := fs.Stat(dir, name); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}
