package encoders

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"rnnrep/internal/atomicfile"
	"rnnrep/internal/errs"
	"rnnrep/internal/safetensors"
)

// Manifest is manifest.json of a bundle: all but the numbers, which are in
// weights.safetensors beside it.
type Manifest struct {
	Version     int                `json:"version"`
	Family      string             `json:"family"`
	Seed        uint64             `json:"seed"`
	Encoder     Config             `json:"encoder"`
	Emulator    EmulatorConfig     `json:"emulator"`
	Predictors  PredictorConfig    `json:"predictors"`
	Calibration Calibration        `json:"calibration"`
	TaskNames   map[string]string  `json:"task_names"` // parameters -> for people
	Scores      map[string]float64 `json:"scores"`     // measured on tasks that training did not see
	Provenance  map[string]string  `json:"provenance"`
	Members     []Member           `json:"reference"`
}

const (
	manifestVersion = 1
	manifestFile    = "manifest.json"
	weightsFile     = "weights.safetensors"
	// maxWeightsFile bounds the weights file of a bundle.
	maxWeightsFile = 1 << 30

	embeddingsTensor = "reference.embeddings"
	distancesTensor  = "reference.distances"
)

// taskKey is the key of TaskNames.
func taskKey(parameters []float32) string { return strings.Trim(fmt.Sprint(parameters), "[]") }

// TaskKey returns the key of a task's parameters in Manifest.TaskNames.
func TaskKey(parameters []float32) string { return taskKey(parameters) }

func (c PredictorConfig) validate() error {
	if c.Dim < 1 || c.Hidden < 1 || c.Hidden > 1<<14 || len(c.Steps) < 1 || len(c.Coordinates) > 1<<10 {
		return fmt.Errorf("predictors: dim %d, hidden %d, %d steps and %d coordinates", c.Dim, c.Hidden, len(c.Steps), len(c.Coordinates))
	}
	for i, values := range c.Coordinates {
		if len(values) == 0 {
			return fmt.Errorf("predictors: coordinate %d has no values", i)
		}
	}
	return nil
}

// validate checks what the parts' own constructors do not.
func (m *Manifest) validate() error {
	c := m.Calibration
	switch {
	case m.Version != manifestVersion:
		return fmt.Errorf("manifest version %d; %d is read", m.Version, manifestVersion)
	case m.Family == "":
		return errors.New("the manifest names no family")
	case m.Encoder.Dim != m.Emulator.Dim || m.Encoder.Dim != m.Predictors.Dim:
		return fmt.Errorf("dimensions %d, %d and %d of encoder, emulator and predictors differ", m.Encoder.Dim, m.Emulator.Dim, m.Predictors.Dim)
	case len(m.Members) == 0:
		return errors.New("the reference population is empty")
	}
	for _, r := range []Residuals{c.Accuracy, c.Gap} {
		if len(r.Widths) != len(r.Edges)+1 || !slices.IsSorted(r.Edges) {
			return fmt.Errorf("calibration of %d edges and %d widths", len(r.Edges), len(r.Widths))
		}
	}
	return nil
}

// Save writes the bundle to dir: first the weights, then the manifest, whose
// presence says that the bundle is whole.
func (b *Bundle) Save(dir string) error {
	var tensors []safetensors.Tensor
	for _, p := range b.Params() {
		tensors = append(tensors, safetensors.Tensor{Name: p.Name, Shape: []int{p.Rows, p.Cols}, Data: p.Value})
	}
	n := len(b.Reference.Members)
	tensors = append(tensors,
		safetensors.Tensor{Name: embeddingsTensor, Shape: []int{n, b.Manifest.Encoder.Dim}, Data: b.Reference.Embeddings},
		safetensors.Tensor{Name: distancesTensor, Shape: []int{n}, Data: b.Reference.Distances})
	var weights bytes.Buffer
	if err := safetensors.Write(&weights, tensors, map[string]string{"bundle": b.Name()}); err != nil {
		return err
	}
	b.Manifest.Version, b.Manifest.Members = manifestVersion, b.Reference.Members
	text, err := json.MarshalIndent(b.Manifest, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(dir, weightsFile), weights.Bytes()); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, manifestFile), append(text, '\n'))
}

// OpenBundle reads the bundle at the root of fsys.
func OpenBundle(fsys fs.FS) (*Bundle, error) {
	text, err := fs.ReadFile(fsys, manifestFile)
	if err != nil {
		return nil, err
	}
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, errs.New(errs.Damaged, "%s: %v", manifestFile, err)
	}
	if err := m.validate(); err != nil {
		return nil, errs.New(errs.Damaged, "%s: %v", manifestFile, err)
	}
	b, err := NewBundle(m)
	if err != nil {
		return nil, errs.New(errs.Damaged, "%s: %v", manifestFile, err)
	}
	if info, err := fs.Stat(fsys, weightsFile); err != nil {
		return nil, err
	} else if info.Size() > maxWeightsFile {
		return nil, errs.New(errs.TooLarge, "%s has %d bytes", weightsFile, info.Size()).Accepts("at most %d", maxWeightsFile)
	}
	data, err := fs.ReadFile(fsys, weightsFile)
	if err != nil {
		return nil, err
	}
	if err := b.setWeights(data); err != nil {
		return nil, fmt.Errorf("%s: %w", weightsFile, err)
	}
	return b, nil
}

func (b *Bundle) setWeights(data []byte) error {
	tensors, _, err := safetensors.Read(data)
	if err != nil {
		return err
	}
	byName := map[string]safetensors.Tensor{}
	for _, t := range tensors {
		byName[t.Name] = t
	}
	for _, p := range b.Params() {
		if t := byName[p.Name]; !slices.Equal(t.Shape, []int{p.Rows, p.Cols}) {
			return errs.New(errs.Damaged, "tensor %q has shape %v", p.Name, t.Shape).Accepts("%v", []int{p.Rows, p.Cols})
		}
		copy(p.Value, byName[p.Name].Data)
	}
	n, dim := len(b.Manifest.Members), b.Manifest.Encoder.Dim
	embeddings, distances := byName[embeddingsTensor], byName[distancesTensor]
	if len(embeddings.Data) != n*dim || len(distances.Data) != n {
		return errs.New(errs.Damaged, "reference of %d and %d values for %d members of dimension %d", len(embeddings.Data), len(distances.Data), n, dim)
	}
	b.Reference = &Reference{Members: b.Manifest.Members, Embeddings: embeddings.Data, Distances: distances.Data}
	return nil
}

// OpenBundles reads every FAMILY/ENCODER folder of fsys that holds a manifest.
func OpenBundles(fsys fs.FS) ([]*Bundle, error) {
	files, err := fs.Glob(fsys, "*/*/"+manifestFile)
	if err != nil {
		return nil, err
	}
	var bundles []*Bundle
	for _, f := range files {
		dir := path.Dir(f)
		sub, err := fs.Sub(fsys, dir)
		if err != nil {
			return nil, err
		}
		b, err := OpenBundle(sub)
		if err != nil {
			return nil, fmt.Errorf("bundle %s: %w", dir, err)
		}
		if b.Name() != dir {
			return nil, errs.New(errs.Damaged, "the folder %s holds the bundle %s", dir, b.Name()).Do("give the folder the bundle's name")
		}
		bundles = append(bundles, b)
	}
	return bundles, nil
}
