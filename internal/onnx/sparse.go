package onnx

import "rnnrep/internal/errs"

// maxSparse bounds the bytes that all sparse initializers of a file together
// become: a few bytes of file can stand for any number of zeros.
const maxSparse = 32 << 20

// sparse decodes a SparseTensorProto to a dense tensor. Its indices are places
// in row-major order, or coordinates.
func (p *parser) sparse(data []byte) (*Tensor, error) {
	var values, indices *Tensor
	var dims []int64
	err := fields(data, func(f field) (err error) {
		switch f.number {
		case 1:
			values, err = p.tensor(f.bytes)
		case 2:
			indices, err = p.tensor(f.bytes)
		case 3:
			dims, err = appendDims(dims, f)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case values == nil || indices == nil || indices.Type != Int64 || len(values.Dims) != 1 || len(indices.Dims) == 0 || indices.Dims[0] != values.Dims[0]:
		return nil, errs.New(errs.InvalidGraph, "a sparse initializer has no values or not as many indices")
	}
	t := &Tensor{Name: values.Name, Type: values.Type}
	if err := t.shape(dims); err != nil {
		return nil, err
	}
	if p.names != nil { // the values may lie elsewhere
		return t, nil
	}
	width := t.Type.Width()
	if width == 0 {
		return nil, errs.New(errs.UnsupportedOp, "sparse initializer %q has data type %d", t.Name, t.Type).At(t.Name).Accepts("numbers")
	}
	if p.dense += int64(t.Len()) * int64(width); p.dense > maxSparse {
		return nil, errs.New(errs.TooLarge, "sparse initializers stand for more than %d bytes", maxSparse).At(t.Name).Accepts("dense initializers")
	}
	t.Raw = make([]byte, t.Len()*width)
	return t, t.scatter(values.Raw, indices, width)
}

// scatter puts values at their places.
func (t *Tensor) scatter(values []byte, indices *Tensor, width int) error {
	places := indices.Int64s()
	rank := 1
	if len(indices.Dims) == 2 {
		rank = indices.Dims[1]
	}
	if len(indices.Dims) > 2 || rank != 1 && rank != len(t.Dims) {
		return errs.New(errs.ShapeMismatch, "the indices of sparse initializer %q have dimensions %v", t.Name, indices.Dims).At(t.Name)
	}
	for i := range len(values) / width {
		at := int64(0)
		for k, x := range places[i*rank : (i+1)*rank] {
			size := int64(t.Len())
			if rank > 1 {
				size = int64(t.Dims[k])
			}
			if x < 0 || x >= size {
				return errs.New(errs.ShapeMismatch, "an index of sparse initializer %q lies outside dimensions %v", t.Name, t.Dims).At(t.Name)
			}
			at = at*size + x
		}
		copy(t.Raw[int(at)*width:], values[i*width:(i+1)*width])
	}
	return nil
}
