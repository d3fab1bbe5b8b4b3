package onnx

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"rnnrep/internal/errs"
)

const (
	maxRank = 16
	// maxElements bounds the product of dimensions of any tensor.
	maxElements = 1 << 31
)

// rawTensor is what a TensorProto says of its data.
type rawTensor struct {
	dims       []int64
	raw        []byte
	hasRaw     bool
	typed      int // fields of float_data, int32_data, int64_data, double_data, uint64_data
	typedBytes int // in them
	outside    bool
	location   externalLocation
}

// externalLocation is external_data, as the file writes it.
type externalLocation struct{ name, offset, length string }

// tensor decodes a TensorProto. The dimensions are compared with the length of
// the data before anything is allocated.
func (p *parser) tensor(data []byte) (*Tensor, error) {
	if err := p.count(itemSize); err != nil {
		return nil, err
	}
	t, r := &Tensor{}, rawTensor{}
	if err := fields(data, func(f field) error { return t.field(&r, f) }); err != nil {
		return nil, err
	}
	if err := t.shape(r.dims); err != nil {
		return nil, err
	}
	switch {
	case p.names != nil:
		if r.outside {
			p.names(r.location.name)
		}
		return t, nil
	case r.outside:
		var err error
		if r.raw, err = p.readExternal(t, r.location); err != nil {
			return nil, err
		}
		r.hasRaw = true
	}
	return t, p.values(t, &r, data)
}

func (t *Tensor) field(r *rawTensor, f field) (err error) {
	switch f.number {
	case 1:
		r.dims, err = appendDims(r.dims, f)
	case 2:
		t.Type = DType(f.value)
	case 4, 5, 7, 10, 11:
		r.typed++
		r.typedBytes += max(1, len(f.bytes))
	case 8:
		t.Name, err = name(f.bytes)
	case 9:
		r.raw, r.hasRaw = f.bytes, true
	case 13:
		return r.location.entry(f.bytes)
	case 14:
		r.outside = f.value == 1
	}
	return err
}

// appendDims reads one field of dimensions.
func appendDims(dims []int64, f field) ([]int64, error) {
	err := eachVarint(f, func(v uint64) {
		if len(dims) <= maxRank {
			dims = append(dims, int64(v))
		}
	})
	if len(dims) > maxRank {
		return nil, errs.New(errs.InvalidGraph, "a tensor has more than %d dimensions", maxRank)
	}
	return dims, err
}

func (e *externalLocation) entry(data []byte) error {
	k, v, err := entry(data)
	switch k {
	case "location":
		e.name = v
	case "offset":
		e.offset = v
	case "length":
		e.length = v
	}
	return err
}

// shape checks the dimensions. Zeros are left out of the product, so that loops
// over the dimensions of an empty tensor are bounded too.
func (t *Tensor) shape(dims []int64) error {
	size := int64(1)
	t.Dims = make([]int, len(dims))
	for i, d := range dims {
		if d < 0 || d > maxElements || size > maxElements/max(d, 1) {
			return errs.New(errs.ShapeMismatch, "tensor %q has dimensions %v", t.Name, dims).At(t.Name).Accepts("dimensions of at least 0 with a product of at most %d", int64(maxElements))
		}
		t.Dims[i] = int(d)
		size *= max(d, 1)
	}
	return nil
}

func (p *parser) readExternal(t *Tensor, e externalLocation) ([]byte, error) {
	if !safeName(e.name) {
		return nil, errs.New(errs.ExternalDataRefused, "tensor %q keeps its data in %q", t.Name, e.name).At(t.Name).
			Accepts("a plain file name beside the model").Do("save the model again, with external data in its own folder or inside the file")
	}
	data, ok := p.external[e.name]
	if !ok {
		return nil, errs.New(errs.ExternalDataMissing, "tensor %q keeps its data in the file %q, which did not come with the model", t.Name, e.name).At(t.Name).
			Accepts("the model together with %q", e.name).
			Do("send both: curl -F model=@model.onnx -F data=@%s; or save with external_data=False", e.name)
	}
	number := func(key, text string, otherwise int64) (int64, error) {
		if text == "" {
			return otherwise, nil
		}
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil || v < 0 || v > int64(len(data)) {
			return 0, errs.New(errs.ExternalDataRefused, "tensor %q: %s %q lies outside the %d bytes of %q", t.Name, key, text, len(data), e.name).At(t.Name)
		}
		return v, nil
	}
	offset, err := number("offset", e.offset, 0)
	if err != nil {
		return nil, err
	}
	length, err := number("length", e.length, int64(len(data))-offset)
	if err != nil {
		return nil, err
	}
	if offset+length > int64(len(data)) {
		return nil, errs.New(errs.ExternalDataRefused, "tensor %q: bytes %d to %d lie outside the %d bytes of %q", t.Name, offset, offset+length, len(data), e.name).At(t.Name)
	}
	return data[offset : offset+length], nil
}

// safeName tells whether an external location is a plain file name.
func safeName(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/\\:\x00")
}

// values gives t its bytes: a view of raw_data where there is one, or else the
// typed fields in the same form.
func (p *parser) values(t *Tensor, r *rawTensor, message []byte) error {
	n, width := t.Len(), t.Type.Width()
	mismatch := func(found int, unit string) error {
		return errs.New(errs.ShapeMismatch, "tensor %q of dimensions %v has %d %s", t.Name, t.Dims, found, unit).At(t.Name).Accepts("%d values", n).Do("export the model again")
	}
	switch {
	case t.Type == String: // labels and the like; never part of an RNN
		t.Dims = []int{0}
		return nil
	case width == 0:
		return errs.New(errs.UnsupportedOp, "tensor %q has data type %d", t.Name, t.Type).At(t.Name).Accepts("float, double, float16, bfloat16, bool and integers of 8 to 64 bits")
	case r.hasRaw || r.typed == 0:
		if len(r.raw) != n*width {
			return mismatch(len(r.raw), "bytes")
		}
		t.Raw = r.raw
		return nil
	case n > r.typedBytes: // every value takes a byte at least
		return mismatch(r.typedBytes, "bytes at most")
	}
	if err := p.spend(n * width); err != nil {
		return err
	}
	found, err := t.typed(message, n, width)
	if err == nil && found != n {
		return mismatch(found, "values")
	}
	return err
}

// typed decodes float_data (float32), double_data, or integers, which also hold
// the bits of 16-bit floats. It returns the number of values found.
func (t *Tensor) typed(message []byte, n, width int) (int, error) {
	t.Raw = make([]byte, n*width)
	found := 0
	put := func(bits uint64) {
		if found < n {
			if t.Type == Bool && bits != 0 {
				bits = 1
			}
			putBits(t.Raw[found*width:], width, bits)
		}
		found++
	}
	err := fields(message, func(f field) error {
		switch {
		case f.number == 4 && t.Type == Float32:
			return eachFixed(f, protowire.Fixed32Type, put)
		case f.number == 10 && t.Type == Float64:
			return eachFixed(f, protowire.Fixed64Type, put)
		case f.number == 5 && width <= 4 && t.Type != Float32 && t.Type != Uint32,
			f.number == 7 && t.Type == Int64,
			f.number == 11 && (t.Type == Uint64 || t.Type == Uint32):
			return eachVarint(f, put)
		case f.number == 4 || f.number == 5 || f.number == 7 || f.number == 10 || f.number == 11:
			return errs.New(errs.InvalidGraph, "tensor %q of data type %d keeps its data in field %d", t.Name, t.Type, f.number).At(t.Name)
		}
		return nil
	})
	return found, err
}
