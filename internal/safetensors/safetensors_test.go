package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rnnrep/internal/errs"
	"rnnrep/internal/safetensors"
)

func write(t testing.TB, tensors []safetensors.Tensor, metadata map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, metadata); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func example() ([]safetensors.Tensor, map[string]string) {
	return []safetensors.Tensor{
		{Name: "b", Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}},
		{Name: "a", Shape: []int{}, Data: []float32{5}},
		{Name: "empty", Shape: []int{0, 3}, Data: []float32{}},
	}, map[string]string{"format": "pt", "spec": `{"x": "y"}`}
}

// TestRoundTrip: tensors come back sorted by name, whatever order they were
// written in, and the bytes do not depend on it.
func TestRoundTrip(t *testing.T) {
	tensors, metadata := example()
	data := write(t, tensors, metadata)
	got, meta, err := safetensors.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	want := []safetensors.Tensor{tensors[1], tensors[0], tensors[2]}
	if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(meta, metadata) {
		t.Errorf("%v %v", got, meta)
	}
	slices.Reverse(tensors)
	if !bytes.Equal(write(t, tensors, metadata), data) {
		t.Error("the order of the tensors changes the file")
	}
	if n := binary.LittleEndian.Uint64(data); n%8 != 0 {
		t.Errorf("a header of %d bytes leaves the tensors unaligned", n)
	}
}

// TestHalf: a tensor of half precision takes two bytes a number, and comes back
// rounded.
func TestHalf(t *testing.T) {
	tensors := []safetensors.Tensor{{Name: "h", Shape: []int{2, 2}, Data: []float32{1, -0.5, 0.1, 65504}, Half: true}, {Name: "i", Shape: []int{1}, Data: []float32{0.1}}}
	data := write(t, tensors, nil)
	if n := binary.LittleEndian.Uint64(data); len(data) != 8+int(n)+2*4+4 {
		t.Errorf("%d bytes with a header of %d", len(data), n)
	}
	got, _, err := safetensors.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{1, -0.5, 0.099975586, 65504}; !slices.Equal(got[0].Data, want) || got[1].Data[0] != 0.1 {
		t.Errorf("%v, want %v and 0.1", got, want)
	}
}

func TestNothing(t *testing.T) {
	got, meta, err := safetensors.Read(write(t, nil, nil))
	if err != nil || len(got) != 0 || len(meta) != 0 {
		t.Errorf("%v %v %v", got, meta, err)
	}
}

// TestPython reads what the format's own library wrote; testdata/make.py.
func TestPython(t *testing.T) {
	data, err := os.ReadFile("testdata/python.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	got, meta, err := safetensors.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	x := []float32{0.5, -1.25, 3, 0.1, -65504, 0}
	half := slices.Clone(x)
	half[3] = 0.0999755859375
	brain := slices.Clone(x)
	brain[3], brain[4] = 0.10009765625, -65536
	dims := []int{2, 3}
	want := []safetensors.Tensor{
		{Name: "bf16", Shape: dims, Data: brain}, {Name: "empty", Shape: []int{0, 4}, Data: []float32{}}, {Name: "f16", Shape: dims, Data: half},
		{Name: "f32", Shape: dims, Data: x}, {Name: "f64", Shape: dims, Data: x}, {Name: "scalar", Shape: []int{}, Data: []float32{7}},
		{Name: "ünïcode/name.0", Shape: []int{3}, Data: []float32{0, 1, 2}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
	if meta["format"] != "pt" || meta["note"] != `a "quoted" value` {
		t.Errorf("%v", meta)
	}
}

func TestWriteRefuses(t *testing.T) {
	one := safetensors.Tensor{Name: "a", Shape: []int{1}, Data: []float32{1}}
	for name, tensors := range map[string][]safetensors.Tensor{
		"two of a name": {one, one},
		"metadata":      {{Name: "__metadata__", Shape: []int{1}, Data: []float32{1}}},
		"shape":         {{Name: "a", Shape: []int{2}, Data: []float32{1}}},
	} {
		if err := safetensors.Write(&bytes.Buffer{}, tensors, nil); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

// file is a header and a body of n bytes.
func file(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

func TestDamaged(t *testing.T) {
	entry := func(shape string, from, to int) string {
		return fmt.Sprintf(`{"dtype":"F32","shape":%s,"data_offsets":[%d,%d]}`, shape, from, to)
	}
	var same []string // a thousand names for the same megabyte
	for i := range 1000 {
		same = append(same, fmt.Sprintf(`"%d":%s`, i, entry("[262144]", 0, 1<<20)))
	}
	for name, data := range map[string][]byte{
		"empty":            nil,
		"seven bytes":      make([]byte, 7),
		"header too long":  binary.LittleEndian.AppendUint64(nil, 1),
		"header of 2^63":   binary.LittleEndian.AppendUint64(nil, 1<<63),
		"no JSON":          file("hello", 0),
		"JSON, no object":  file("[]", 0),
		"metadata":         file(`{"__metadata__":{"a":1}}`, 0),
		"no entry":         file(`{"a":3}`, 0),
		"dtype":            file(`{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}`, 8),
		"no dtype":         file(`{"a":{"shape":[1],"data_offsets":[0,4]}}`, 4),
		"negative shape":   file(`{"a":`+entry("[-1]", 0, 4)+`}`, 4),
		"negative twice":   file(`{"a":`+entry("[-1,-1]", 0, 4)+`}`, 4),
		"huge shape":       file(`{"a":`+entry("[4611686018427387904,4]", 0, 4)+`}`, 4),
		"huge empty shape": file(`{"a":`+entry("[0,4611686018427387904]", 0, 0)+`}`, 0),
		"many dimensions":  file(`{"a":`+entry("["+strings.Repeat("1,", 40)+"1]", 0, 4)+`}`, 4),
		"shape too small":  file(`{"a":`+entry("[1]", 0, 8)+`}`, 8),
		"past the end":     file(`{"a":`+entry("[2]", 0, 8)+`}`, 4),
		"backwards":        file(`{"a":`+entry("[1]", 4, 0)+`}`, 4),
		"negative offset":  file(`{"a":`+entry("[1]", -4, 0)+`}`, 4),
		"gap":              file(`{"a":`+entry("[1]", 4, 8)+`}`, 8),
		"rest":             file(`{"a":`+entry("[1]", 0, 4)+`}`, 8),
		"overlap":          file(`{"a":`+entry("[2]", 0, 8)+`,"b":`+entry("[1]", 4, 8)+`}`, 8),
		"the same bytes":   file("{"+strings.Join(same, ",")+"}", 1<<20),
		"nested far":       file(strings.Repeat(`{"a":`, 100000), 0),
	} {
		if _, _, err := safetensors.Read(data); errs.CodeOf(err) != errs.Damaged {
			t.Errorf("%s: %v", name, err)
		}
	}
	tensors, metadata := example()
	data := write(t, tensors, metadata)
	for n := range data {
		if _, _, err := safetensors.Read(data[:n]); errs.CodeOf(err) != errs.Damaged {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
}

// FuzzRead: no bytes make Read panic, take more memory than they hold, or give
// tensors that cannot be written and read again.
func FuzzRead(f *testing.F) {
	tensors, metadata := example()
	f.Add(write(f, tensors, metadata))
	f.Add(write(f, nil, nil))
	f.Add(file(`{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"BF16","shape":[],"data_offsets":[4,6]},"c":{"dtype":"F64","shape":[1,1],"data_offsets":[6,14]}}`, 14))
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, metadata, err := safetensors.Read(data)
		if err != nil {
			if errs.CodeOf(err) != errs.Damaged {
				t.Fatal(err)
			}
			return
		}
		values := 0
		for _, s := range tensors {
			values += len(s.Data)
		}
		if 2*values > len(data) {
			t.Fatalf("%d values from %d bytes", values, len(data))
		}
		written := write(t, tensors, metadata)
		again, _, err := safetensors.Read(written)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(write(t, again, metadata), written) {
			t.Fatal("written differently the second time")
		}
	})
}
