package zoo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"

	"rnnrep/internal/errs"
	"rnnrep/rnn"
)

// Header says what a zoo holds and how it was trained.
type Header struct {
	Family        string            `json:"family"`
	Seed          uint64            `json:"seed"`
	Spec          rnn.Spec          `json:"spec"`
	Steps         []int             `json:"steps"`          // of the snapshots, ascending
	RolloutCount  int               `json:"rollout_count"`  // sequences a snapshot
	RolloutLength int               `json:"rollout_length"` // steps a sequence
	Inputs        int               `json:"inputs"`         // real inputs a step; 0: tokens
	Outputs       int               `json:"outputs"`        // logits a step
	Metrics       []string          `json:"metrics"`
	Recipe        map[string]string `json:"recipe,omitempty"`
}

const (
	headerName = "zoo.json"
	// maxRunBytes bounds the size of a run that a header may claim.
	maxRunBytes = 1 << 30
)

// Metric returns the column of a metric, or -1.
func (h *Header) Metric(name string) int {
	for i, m := range h.Metrics {
		if m == name {
			return i
		}
	}
	return -1
}

func (h *Header) validate(file string) error {
	bad := func(found string, accepted string) error {
		return errs.New(errs.Damaged, "%s: %s", file, found).Accepts("%s", accepted)
	}
	if err := h.Spec.Validate(); err != nil {
		return errs.New(errs.Damaged, "%s: %w", file, err)
	}
	for _, n := range []int{len(h.Steps), h.RolloutCount, h.RolloutLength, h.Outputs} {
		if n < 1 || n > 1<<20 {
			return bad(fmt.Sprintf("a count of %d", n), "1 to 1048576 steps, rollouts, rollout steps and outputs")
		}
	}
	if h.Inputs < 0 || h.Inputs > 1<<20 || len(h.Metrics) > 1<<10 {
		return bad(fmt.Sprintf("%d inputs and %d metrics", h.Inputs, len(h.Metrics)), "0 to 1048576 inputs, at most 1024 metrics")
	}
	if h.Outputs != h.Spec.OutputSize() || h.Inputs > 0 && h.Inputs != h.Spec.Inputs() {
		return bad(fmt.Sprintf("%d inputs and %d outputs of %s", h.Inputs, h.Outputs, h.Spec), "those of the spec")
	}
	last := -1
	for _, s := range h.Steps {
		if s <= last || s > math.MaxUint32 {
			return bad(fmt.Sprintf("step %d after %d", s, last), "ascending snapshot steps from 0 to 2^32-1")
		}
		last = s
	}
	if per := float64(h.RolloutCount) * float64(h.RolloutLength) * float64(h.Outputs+h.Inputs+1); per*float64(len(h.Steps))*4 > maxRunBytes ||
		h.snapshotBytes()*len(h.Steps) > maxRunBytes {
		return bad("runs of more than 1 GiB", "fewer snapshots or rollouts")
	}
	return nil
}

// vocabulary is the number of tokens, each stored as a byte.
func (h *Header) vocabulary() int { return min(h.Spec.Inputs(), 1<<8) }

// snapshotBytes is the size of a snapshot in a run file.
func (h *Header) snapshotBytes() int {
	steps := h.RolloutCount * h.RolloutLength
	n := 4 + 8*len(h.Metrics) + 4*h.Spec.Parameters() + 2*steps*h.Outputs
	if h.Inputs == 0 {
		return n + steps
	}
	return n + 2*steps*h.Inputs
}

func readHeader(dir string) (Header, error) {
	file := filepath.Join(dir, headerName)
	data, err := os.ReadFile(file)
	if err != nil {
		return Header{}, err
	}
	return parseHeader(file, data)
}

// parseHeader reads the text of a header; the file's name is for errors.
func parseHeader(file string, data []byte) (Header, error) {
	var h Header
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		return Header{}, errs.New(errs.Damaged, "%s: %w", file, err).Do("restore the file; the runs beside it are not affected")
	}
	return h, h.validate(file)
}

// difference names the first field in which two headers differ.
func difference(a, b Header) string {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		if x, y := va.Field(i).Interface(), vb.Field(i).Interface(); !reflect.DeepEqual(x, y) {
			return fmt.Sprintf("%s is %v there and %v here", va.Type().Field(i).Tag.Get("json"), x, y)
		}
	}
	return ""
}
