// Package safetensors reads and writes the safetensors format: the length of a
// JSON header (8 bytes, little-endian), the header, the tensors.
package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/half"
)

// Tensor is a named float32 array in row-major order.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
	Half  bool // Write stores half-precision numbers, to which it rounds; Read leaves it false
}

// maxHeader is the format's own bound.
const maxHeader = 100_000_000

const metadataKey = "__metadata__"

type entry struct {
	DType   string    `json:"dtype"`
	Shape   []int64   `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// Write writes tensors, sorted by name, and metadata.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	tensors = slices.Clone(tensors)
	slices.SortFunc(tensors, func(a, b Tensor) int { return cmp.Compare(a.Name, b.Name) })
	header := map[string]any{}
	if len(metadata) > 0 {
		header[metadataKey] = metadata
	}
	var offset uint64
	for _, t := range tensors {
		if _, dup := header[t.Name]; dup || t.Name == metadataKey {
			return fmt.Errorf("safetensors: two tensors named %q", t.Name)
		}
		e := entry{DType: "F32", Shape: make([]int64, len(t.Shape))}
		if t.Half {
			e.DType = "F16"
		}
		e.Offsets = [2]uint64{offset, offset + uint64(widths[e.DType]*len(t.Data))}
		size := 1
		for i, d := range t.Shape {
			e.Shape[i] = int64(d)
			size *= d
		}
		if size != len(t.Data) {
			return fmt.Errorf("safetensors: tensor %q of shape %v has %d values", t.Name, t.Shape, len(t.Data))
		}
		header[t.Name] = e
		offset = e.Offsets[1]
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	text = append(text, bytes.Repeat([]byte{' '}, (8-len(text)%8)%8)...)
	if err := binary.Write(w, binary.LittleEndian, uint64(len(text))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	for _, t := range tensors {
		if err := binary.Write(w, binary.LittleEndian, t.stored()); err != nil {
			return err
		}
	}
	return nil
}

// Read returns the tensors, sorted by name, and the metadata. F32, F16, BF16
// and F64 are read; sizes are checked before anything is allocated. Its errors
// have the code damaged.
func Read(data []byte) ([]Tensor, map[string]string, error) {
	bad := func(format string, a ...any) error {
		return errs.New(errs.Damaged, "safetensors: "+format, a...).Accepts("a header, then tensors inside the file")
	}
	if len(data) < 8 {
		return nil, nil, bad("%d bytes", len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > maxHeader || n > uint64(len(data)-8) {
		return nil, nil, bad("a header of %d bytes in a file of %d", n, len(data))
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data[8:8+n], &raw); err != nil {
		return nil, nil, bad("header: %v", err)
	}
	body := data[8+n:]
	var metadata map[string]string
	entries := make(map[string]entry, len(raw))
	for name, text := range raw {
		if name == metadataKey {
			if err := json.Unmarshal(text, &metadata); err != nil {
				return nil, nil, bad("metadata: %v", err)
			}
			continue
		}
		var e entry
		if err := json.Unmarshal(text, &e); err != nil {
			return nil, nil, bad("tensor %q: %v", name, err)
		}
		entries[name] = e
	}
	if err := cover(entries, len(body)); err != nil {
		return nil, nil, bad("%v", err)
	}
	tensors := make([]Tensor, 0, len(entries))
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		t, err := entries[name].tensor(name, body)
		if err != nil {
			return nil, nil, bad("tensor %q: %v", name, err)
		}
		tensors = append(tensors, t)
	}
	return tensors, metadata, nil
}

// cover checks that the tensors follow each other without gaps or overlaps and
// fill the body, as the format demands: a small file cannot name the same bytes
// a thousand times.
func cover(entries map[string]entry, body int) error {
	list := slices.SortedFunc(maps.Values(entries), func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.Offsets[0], b.Offsets[0]), cmp.Compare(a.Offsets[1], b.Offsets[1]))
	})
	var end uint64
	for _, e := range list {
		if e.Offsets[0] != end || e.Offsets[1] < end {
			return fmt.Errorf("a tensor at offsets %v, after one that ends at %d", e.Offsets, end)
		}
		end = e.Offsets[1]
	}
	if end != uint64(body) {
		return fmt.Errorf("the tensors take %d bytes of %d", end, body)
	}
	return nil
}

// stored is the data as Write stores it.
func (t *Tensor) stored() any {
	if !t.Half {
		return t.Data
	}
	halves := make([]uint16, len(t.Data))
	for i, v := range t.Data {
		halves[i] = half.From(v)
	}
	return halves
}

var widths = map[string]int{"F32": 4, "F64": 8, "F16": 2, "BF16": 2}

func (e entry) tensor(name string, body []byte) (Tensor, error) {
	width := widths[e.DType]
	if width == 0 {
		return Tensor{}, fmt.Errorf("dtype %q; F32, F64, F16 and BF16 are read", e.DType)
	}
	if len(e.Shape) > 32 {
		return Tensor{}, fmt.Errorf("%d dimensions", len(e.Shape))
	}
	size := int64(1)
	t := Tensor{Name: name, Shape: make([]int, len(e.Shape))}
	for i, d := range e.Shape {
		if d < 0 || d > math.MaxInt32 || d > 0 && size > int64(len(body))/d {
			return Tensor{}, fmt.Errorf("shape %v is larger than the file", e.Shape)
		}
		size *= d
		t.Shape[i] = int(d)
	}
	from, to := e.Offsets[0], e.Offsets[1]
	if from > to || to > uint64(len(body)) || to-from != uint64(size)*uint64(width) {
		return Tensor{}, fmt.Errorf("offsets %v do not fit shape %v and %d bytes", e.Offsets, e.Shape, len(body))
	}
	t.Data = make([]float32, size)
	for i, b := 0, body[from:to]; i < len(t.Data); i++ {
		t.Data[i] = decode(e.DType, b[i*width:])
	}
	return t, nil
}

func decode(dtype string, b []byte) float32 {
	switch dtype {
	case "F64":
		return float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
	case "F16":
		return half.To(binary.LittleEndian.Uint16(b))
	case "BF16":
		return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(b))
}
