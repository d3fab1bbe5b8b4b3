package training

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rnnrep/internal/atomicfile"
	"rnnrep/internal/errs"
	"rnnrep/internal/grad"
	"rnnrep/internal/safetensors"
)

// checkpointFile lies in the bundle's folder until the bundle is whole.
const checkpointFile = "checkpoint.safetensors"

func (t *encoderTrainer) checkpoint() string { return filepath.Join(t.config.Dir, checkpointFile) }

// identity is what must be equal for a checkpoint to be continued.
func (t *encoderTrainer) identity() (string, error) {
	c := t.config
	settings := map[string]any{"encoder": c.Kind, "options": c.Options, "dim": c.Dim, "seed": c.Seed, "steps": c.Steps, "rate": c.Rate, "emulator_hidden": c.Hidden,
		"supervision": c.Supervision, "task_supervision": c.TaskSupervision, "every_step": c.EveryStep, "sequences": c.Sequences, "loss": c.Loss,
		"divergence": c.Divergence, "left_out": c.LeaveOut, "zoo": t.data.checksum}
	id, err := json.Marshal(settings)
	return string(id), err
}

// state lists every tensor that changes in training.
func (t *encoderTrainer) state() (tensors []safetensors.Tensor) {
	add := func(prefix string, p *grad.Param, data []float32) {
		tensors = append(tensors, safetensors.Tensor{Name: prefix + p.Name, Shape: []int{len(data)}, Data: data})
	}
	for i, params := range t.groups {
		_, m, v := t.adam[i].State()
		for j, p := range params {
			add("", p, p.Value)
			add("m.", p, m[j])
			add("v.", p, v[j])
		}
	}
	return append(tensors, t.best.tensors(t.bundle.Params())...)
}

// save writes a checkpoint.
func (t *encoderTrainer) save() error {
	id, err := t.identity()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	smooth, err := json.Marshal(t.smooth)
	if err != nil {
		return err
	}
	kept, err := json.Marshal(t.best)
	if err != nil {
		return err
	}
	state, metadata := t.state(), map[string]string{"identity": id, "step": fmt.Sprint(t.step), "loss": string(smooth), "best": string(kept)}
	if metadata[digestKey], err = digest(state, metadata); err != nil {
		return err
	}
	if err := safetensors.Write(&b, state, metadata); err != nil {
		return err
	}
	if err := os.MkdirAll(t.config.Dir, 0o755); err != nil {
		return err
	}
	return atomicfile.Write(t.checkpoint(), b.Bytes())
}

// digestKey is the metadata's name for the digest of all else.
const digestKey = "sha256"

// digest is a checkpoint's, by which a damaged one is known.
func digest(tensors []safetensors.Tensor, metadata map[string]string) (string, error) {
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if key != digestKey {
			fmt.Fprintf(h, "%q %q\n", key, metadata[key])
		}
	}
	byName := func(a, b safetensors.Tensor) int { return strings.Compare(a.Name, b.Name) }
	for _, s := range slices.SortedFunc(slices.Values(tensors), byName) {
		fmt.Fprintf(h, "%q %v\n", s.Name, s.Shape)
		if err := binary.Write(h, binary.LittleEndian, s.Data); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// resume continues from the checkpoint, if there is one.
func (t *encoderTrainer) resume() error {
	data, err := os.ReadFile(t.checkpoint())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	tensors, metadata, err := safetensors.Read(data)
	if err != nil {
		return fmt.Errorf("%s: %w", t.checkpoint(), err)
	}
	id, err := t.identity()
	if err != nil {
		return err
	}
	if metadata["identity"] != id {
		return errs.New(errs.Damaged, "%s belongs to another training: %s, not %s", t.checkpoint(), metadata["identity"], id).
			Do("use the settings it was begun with, or another folder")
	}
	sum, err := digest(tensors, metadata)
	if err != nil {
		return err
	}
	if metadata[digestKey] != sum {
		return errs.New(errs.Damaged, "%s is damaged: its digest is %s, not %q", t.checkpoint(), sum, metadata[digestKey]).Do("delete the file and train again")
	}
	saved := map[string][]float32{}
	for _, s := range tensors {
		saved[s.Name] = s.Data
	}
	for _, s := range t.state() {
		if len(saved[s.Name]) != len(s.Data) {
			return errs.New(errs.Damaged, "%s: tensor %q has %d values, not %d", t.checkpoint(), s.Name, len(saved[s.Name]), len(s.Data)).Do("delete the file and train again")
		}
		copy(s.Data, saved[s.Name])
	}
	if _, err := fmt.Sscan(metadata["step"], &t.step); err != nil || json.Unmarshal([]byte(metadata["loss"]), &t.smooth) != nil ||
		json.Unmarshal([]byte(metadata["best"]), &t.best) != nil {
		return errs.New(errs.Damaged, "%s: step %q, loss %q, best %q", t.checkpoint(), metadata["step"], metadata["loss"], metadata["best"]).Do("delete the file and train again")
	}
	for i := range t.adam {
		_, m, v := t.adam[i].State()
		if err := t.adam[i].Restore(t.step, slices.Clone(m), slices.Clone(v)); err != nil {
			return err
		}
	}
	return nil
}

func (t *encoderTrainer) removeCheckpoint() error {
	if err := os.Remove(t.checkpoint()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
