package encoders

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"rnnrep/internal/atomicfile"
	"rnnrep/internal/errs"
	"rnnrep/internal/half"
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
	// Half: the matrices of encoder and emulator are stored in half precision, to
	// which they were rounded (see Halve).
	Half bool `json:"half,omitempty"`
	// WeightsSHA256 is the checksum of the weights file, in hexadecimal. Early
	// bundles have none.
	WeightsSHA256 string `json:"weights_sha256,omitempty"`
}

const (
	manifestVersion = 1
	manifestFile    = "manifest.json"
	weightsFile     = "weights.safetensors"
	// Bounds of the files of a bundle, in bytes.
	maxManifestFile = 64 << 20
	maxWeightsFile  = 1 << 30

	embeddingsTensor = "reference.embeddings"
	distancesTensor  = "reference.distances"
)

// taskKey is the key of TaskNames.
func taskKey(parameters []float32) string { return strings.Trim(fmt.Sprint(parameters), "[]") }

// TaskKey returns the key of a task's parameters in Manifest.TaskNames.
func TaskKey(parameters []float32) string { return taskKey(parameters) }

func (c PredictorConfig) validate() error {
	if len(c.Steps) < 1 {
		return errors.New("predictors: no training stages")
	}
	if c.GapCurve < 0 {
		return fmt.Errorf("predictors: a gap curve of %v", c.GapCurve)
	}
	outputs := 2 + len(c.Steps) + c.taskOutputs()
	return cmp.Or(c.validateTask(), checkSizes("predictors", c.Dim, c.Hidden, outputs), checkWeights("predictors", 4*mlpWeights(c.Dim, c.Hidden, c.Hidden, outputs)))
}

// validate checks what the parts' own constructors do not.
func (m *Manifest) validate() error {
	switch {
	case m.Version != manifestVersion:
		return fmt.Errorf("manifest version %d; %d is read", m.Version, manifestVersion)
	case m.Family == "":
		return errors.New("the manifest names no family")
	case m.Encoder.Dim != m.Emulator.Dim || m.Encoder.Dim != m.Predictors.Dim:
		return fmt.Errorf("dimensions %d, %d and %d of encoder, emulator and predictors differ", m.Encoder.Dim, m.Emulator.Dim, m.Predictors.Dim)
	case m.Emulator.Real != (m.Encoder.InputRange != nil):
		return errors.New("one of encoder and emulator reads tokens, the other real inputs")
	case len(m.Members) == 0:
		return errors.New("the reference population is empty")
	}
	return m.Calibration.validate(len(m.Predictors.Ranges))
}

// Save writes the bundle to dir: first the weights, then the manifest, whose
// presence says that the bundle is whole.
func (b *Bundle) Save(dir string) error {
	var tensors []safetensors.Tensor
	for _, p := range b.Params() {
		tensors = append(tensors, safetensors.Tensor{Name: p.Name, Shape: []int{p.Rows, p.Cols}, Data: p.Value,
			Half: b.Manifest.Half && !slices.ContainsFunc(p.Value, notHalf)})
	}
	n := len(b.Reference.Members)
	tensors = append(tensors,
		safetensors.Tensor{Name: embeddingsTensor, Shape: []int{n, b.Manifest.Encoder.Dim}, Data: b.Reference.Embeddings},
		safetensors.Tensor{Name: distancesTensor, Shape: []int{n}, Data: b.Reference.Distances})
	var weights bytes.Buffer
	if err := safetensors.Write(&weights, tensors, map[string]string{"bundle": b.Name()}); err != nil {
		return err
	}
	b.Manifest.Version, b.Manifest.Members, b.Manifest.WeightsSHA256 = manifestVersion, b.Reference.Members, checksum(weights.Bytes())
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

// Halve rounds the matrices of encoder and emulator to half precision, so that
// Save writes files of half the size without a loss. Matrices with numbers beyond
// its range stay as they are. What rests on embeddings has to be computed after it.
func (b *Bundle) Halve() {
	b.Manifest.Half = true
	for _, p := range append(b.Encoder.Params(), b.Emulator.Params()...) {
		if p.Rows == 1 || p.Cols == 1 || slices.ContainsFunc(p.Value, func(v float32) bool { return notFinite(halved(v)) }) {
			continue
		}
		for i, v := range p.Value {
			p.Value[i] = halved(v)
		}
	}
}

func halved(v float32) float32 { return half.To(half.From(v)) }

func notHalf(v float32) bool { return halved(v) != v }

// OpenBundle reads the bundle at the root of fsys. Without a manifest there is
// none, and the error is an fs.ErrNotExist too.
func OpenBundle(fsys fs.FS) (*Bundle, error) {
	text, err := readFile(fsys, manifestFile, maxManifestFile)
	if err != nil {
		return nil, err
	}
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, errs.New(errs.Damaged, "%s: %v", manifestFile, err)
	}
	if err := m.validate(); err != nil {
		return nil, errs.New(errs.Damaged, "%s: %v", manifestFile, err)
	}
	data, err := readFile(fsys, weightsFile, maxWeightsFile)
	if err != nil {
		return nil, errs.New(errs.Damaged, "%v, though there is a %s", err, manifestFile)
	}
	if sum := checksum(data); m.WeightsSHA256 != "" && m.WeightsSHA256 != sum {
		return nil, errs.New(errs.Damaged, "%s has the SHA-256 %s, the manifest says %s", weightsFile, sum, m.WeightsSHA256).
			Do("restore both files from one copy of the bundle")
	}
	b, err := NewBundle(m)
	if err != nil {
		return nil, errs.New(errs.Damaged, "%s: %v", manifestFile, err)
	}
	if err := b.setWeights(data); err != nil {
		return nil, fmt.Errorf("%s: %w", weightsFile, err)
	}
	return b, nil
}

func checksum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// readFile refuses a file that is too large before reading it.
func readFile(fsys fs.FS, name string, limit int64) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, errs.New(errs.FileNotFound, "%w", err)
	}
	if info.Size() > limit {
		return nil, errs.New(errs.TooLarge, "%s has %d bytes", name, info.Size()).Accepts("at most %d", limit)
	}
	return fs.ReadFile(fsys, name)
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
	take := func(name string, shape ...int) ([]float32, error) {
		t, ok := byName[name]
		switch {
		case !ok:
			return nil, errs.New(errs.Damaged, "tensor %q is missing", name)
		case !slices.Equal(t.Shape, shape):
			return nil, errs.New(errs.Damaged, "tensor %q has shape %v", name, t.Shape).Accepts("%v", shape)
		case slices.ContainsFunc(t.Data, notFinite):
			return nil, errs.New(errs.Damaged, "tensor %q has values that are not finite", name)
		}
		return t.Data, nil
	}
	for _, p := range b.Params() {
		values, err := take(p.Name, p.Rows, p.Cols)
		if err != nil {
			return err
		}
		copy(p.Value, values)
	}
	n := len(b.Manifest.Members)
	embeddings, err := take(embeddingsTensor, n, b.Manifest.Encoder.Dim)
	if err != nil {
		return err
	}
	distances, err := take(distancesTensor, n)
	if err != nil {
		return err
	}
	if !slices.IsSorted(distances) {
		return errs.New(errs.Damaged, "tensor %q is not in ascending order", distancesTensor)
	}
	b.Reference = &Reference{Members: b.Manifest.Members, Embeddings: embeddings, Distances: distances}
	return nil
}

func notFinite(x float32) bool { return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) }

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
