package registry_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rnnrep/encoders"
	"rnnrep/encoders/enctest"
	"rnnrep/internal/registry"
	"rnnrep/rnn"
)

// save writes a bundle of a kind to the folder.
func save(t *testing.T, dir, kind, options string) {
	t.Helper()
	b := enctest.Bundle(t, encoders.Config{Kind: kind, Dim: 3, Spec: rnn.Uniform("lstm", 3, 4, 1, 2), Options: json.RawMessage(options)})
	if err := b.Save(filepath.Join(dir, b.Name())); err != nil {
		t.Fatal(err)
	}
}

type change struct {
	names string
	err   error
}

// until waits for a change that is as wanted. Others may come before it: a slow
// disk can hold a change up half-way for longer than the interval.
func until(t *testing.T, changes <-chan change, wanted func(change) bool) {
	t.Helper()
	last := change{}
	for deadline := time.After(10 * time.Second); ; {
		select {
		case last = <-changes:
			if wanted(last) {
				return
			}
		case <-deadline:
			t.Fatalf("the change was not told; the last was %+v", last)
		}
	}
}

// TestWatch: new bundles are told once they are whole; damage is told and told
// again when it is mended.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, "layerwise_statistics", `{"hidden":[4]}`)
	f := registry.Folder{Dir: dir}
	ctx, cancel := context.WithCancel(t.Context())
	changes, ended := make(chan change, 100), make(chan struct{})
	go func() {
		defer close(ended)
		f.Watch(ctx, f.Stamp(), 5*time.Millisecond, func(bundles []*encoders.Bundle, err error) {
			var names []string
			for _, b := range bundles {
				names = append(names, b.Name())
			}
			changes <- change{strings.Join(names, " "), err}
		})
	}()
	time.Sleep(30 * time.Millisecond)
	save(t, dir, "interactive_probing", `{"steps":2,"hidden":3,"layers":1}`)
	both := func(c change) bool {
		return c.err == nil && c.names == "test/interactive_probing test/layerwise_statistics"
	}
	until(t, changes, both)
	weights := filepath.Join(dir, "test", "layerwise_statistics", "weights.safetensors")
	whole, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(weights, whole[:50], 0o644); err != nil {
		t.Fatal(err)
	}
	until(t, changes, func(c change) bool { return c.err != nil && strings.Contains(c.err.Error(), "layerwise_statistics") })
	if err := os.WriteFile(weights, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	until(t, changes, both)
	if err := os.Rename(dir, filepath.Join(t.TempDir(), "away")); err != nil {
		t.Fatal(err)
	}
	until(t, changes, func(c change) bool { return c.err != nil && strings.Contains(c.err.Error(), dir) })
	time.Sleep(30 * time.Millisecond)
	cancel()
	<-ended
	if len(changes) > 0 {
		t.Errorf("a change too many: %+v", <-changes)
	}
}

func TestOpenRefusesWhatHoldsNoBundle(t *testing.T) {
	if _, err := (registry.Folder{Dir: t.TempDir()}).Open(); err == nil || !strings.Contains(err.Error(), "no bundle") {
		t.Error(err)
	}
	if _, err := (registry.Folder{Dir: "/nowhere"}).Open(); err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Error(err)
	}
}
