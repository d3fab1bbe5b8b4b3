package onnx

import (
	"encoding/binary"
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a message.
type field struct {
	number protowire.Number
	kind   protowire.Type
	bytes  []byte // of a BytesType
	value  uint64 // of the others
}

// fields calls do for every field of a message.
func fields(data []byte, do func(f field) error) error {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		f := field{number: number, kind: kind}
		switch kind {
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(data)
		case protowire.VarintType:
			f.value, n = protowire.ConsumeVarint(data)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(data)
			f.value = uint64(v)
		case protowire.Fixed64Type:
			f.value, n = protowire.ConsumeFixed64(data)
		default:
			return errors.New("a group, which ONNX does not use")
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

// entry reads a StringStringEntryProto.
func entry(data []byte) (k, v string, err error) {
	err = fields(data, func(f field) error {
		if f.number == 1 {
			k = string(f.bytes)
		}
		if f.number == 2 {
			v = string(f.bytes)
		}
		return nil
	})
	return k, v, err
}

// eachVarint calls do for a repeated integer, packed or not.
func eachVarint(f field, do func(v uint64)) error {
	if f.kind == protowire.VarintType {
		do(f.value)
		return nil
	}
	for b := f.bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		do(v)
		b = b[n:]
	}
	return nil
}

// varints is the number of integers in a field, packed or not.
func varints(f field) int {
	if f.kind == protowire.VarintType {
		return 1
	}
	n := 0
	for _, b := range f.bytes {
		if b < 0x80 { // the last byte of each
			n++
		}
	}
	return n
}

// eachFixed calls do for a repeated float or double, packed or not.
func eachFixed(f field, kind protowire.Type, do func(bits uint64)) error {
	if f.kind == kind {
		do(f.value)
		return nil
	}
	width := 4
	if kind == protowire.Fixed64Type {
		width = 8
	}
	b := f.bytes
	for ; len(b) >= width; b = b[width:] {
		if width == 4 {
			do(uint64(binary.LittleEndian.Uint32(b)))
		} else {
			do(binary.LittleEndian.Uint64(b))
		}
	}
	if len(b) > 0 {
		return protowire.ParseError(-1)
	}
	return nil
}
