package npy_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rnnrep/internal/errs"
	"rnnrep/internal/npy"
)

// want is what NumPy says of a file: testdata/make_fixtures.py.
type want struct {
	DType    npy.DType
	Shape    []int
	Elements []float64
}

func fixtures(t *testing.T) map[string]want {
	t.Helper()
	data, err := os.ReadFile("testdata/values.json")
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	delete(raw, "numpy")
	all := map[string]want{}
	for name, text := range raw {
		var w want
		if err := json.Unmarshal(text, &w); err != nil {
			t.Fatal(err)
		}
		all[name] = w
	}
	if len(all) < 10 {
		t.Fatalf("%d fixtures", len(all))
	}
	return all
}

func file(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// read returns the whole array in data as T.
func read[T npy.Number](data []byte) (*npy.Reader, []T, error) {
	a, err := npy.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, nil, err
	}
	elements := make([]T, a.Len())
	return a, elements, npy.Read(a, elements)
}

func TestReadsWhatNumPyWrote(t *testing.T) {
	for name, w := range fixtures(t) {
		a, got, err := read[float64](file(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a.DType != w.DType || !slices.Equal(a.Shape, w.Shape) || !slices.Equal(got, w.Elements) {
			t.Errorf("%s: %s %v %v, want %+v", name, a.DType, a.Shape, got, w)
		}
	}
}

func TestWritesNumPysBytes(t *testing.T) {
	for name, w := range fixtures(t) {
		if strings.HasPrefix(name, "version") {
			continue // version 1 is what is written
		}
		var b bytes.Buffer
		a, err := npy.NewWriter(&b, w.DType, w.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		if w.DType[0] == 'i' {
			whole := make([]int64, len(w.Elements))
			for i, e := range w.Elements {
				whole[i] = int64(e)
			}
			err = npy.Write(a, whole)
		} else {
			err = npy.Write(a, w.Elements)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := a.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(b.Bytes(), file(t, name)) {
			t.Errorf("%s: bytes differ from NumPy's:\n%q\n%q", name, b.Bytes(), file(t, name))
		}
	}
}

// TestPieces reads and writes an array larger than a chunk in uneven pieces.
func TestPieces(t *testing.T) {
	values := make([]float32, 100_003)
	for i := range values {
		values[i] = float32(i) / 7
	}
	var b bytes.Buffer
	w, err := npy.NewWriter(&b, npy.Float32, len(values))
	if err != nil {
		t.Fatal(err)
	}
	for piece := range slices.Chunk(values, 33_333) {
		if err := npy.Write(w, piece); err != nil {
			t.Fatal(err)
		}
	}
	r, err := npy.NewReader(&b, int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, len(values))
	for piece := range slices.Chunk(got, 12_345) {
		if err := npy.Read(r, piece); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, values) || r.Len() != 0 {
		t.Errorf("other elements came back; %d are left", r.Len())
	}
	if err := npy.Read(r, got[:1]); err == nil {
		t.Error("read behind the end")
	}
}

func TestConversions(t *testing.T) {
	if _, got, err := read[int32](file(t, "i8.npy")); err != nil || got[0] != -6 || got[11] != 5 {
		t.Errorf("int64 as int32: %v, %v", got, err)
	}
	if _, _, err := read[int32](file(t, "f4.npy")); err == nil {
		t.Error("floats were read as integers")
	}
	write := func(d npy.DType, do func(*npy.Writer) error) error {
		w, err := npy.NewWriter(io.Discard, d, 1)
		if err != nil {
			t.Fatal(err)
		}
		return do(w)
	}
	for name, err := range map[string]error{
		"a float for int16":  write(npy.Int16, func(w *npy.Writer) error { return npy.Write(w, []float32{1}) }),
		"40000 for int16":    write(npy.Int16, func(w *npy.Writer) error { return npy.Write(w, []int32{40000}) }),
		"2^40 for int32":     write(npy.Int32, func(w *npy.Writer) error { return npy.Write(w, []int64{1 << 40}) }),
		"too many elements":  write(npy.Int32, func(w *npy.Writer) error { return npy.Write(w, []int32{1, 2}) }),
		"an array not whole": write(npy.Int32, (*npy.Writer).Close),
	} {
		if err == nil {
			t.Errorf("%s was written", name)
		}
	}
	var b bytes.Buffer
	w, _ := npy.NewWriter(&b, npy.Int64, 1)
	if err := npy.Write(w, []int64{math.MaxInt64}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := read[int32](b.Bytes()); err == nil {
		t.Error("2^63-1 was read as int32")
	}
}

func TestRefusals(t *testing.T) {
	good := file(t, "f4.npy")
	edit := func(old, new string) []byte { return bytes.Replace(good, []byte(old), []byte(new), 1) }
	for name, data := range map[string][]byte{
		"empty":               {},
		"another magic":       edit("NUMPY", "NUMPX"),
		"version 9":           edit("NUMPY\x01", "NUMPY\x09"),
		"header cut off":      good[:40],
		"an element too few":  good[:len(good)-4],
		"a byte too few":      good[:len(good)-1],
		"a byte too many":     append(slices.Clone(good), 0),
		"big-endian":          edit("<f4", ">f4"),
		"objects":             edit("'<f4'", "'|O'  "),
		"Fortran order":       edit("False", "True "),
		"negative axis":       edit("(2, 3, 2)", "(-2, 3, 2)"),
		"axis of 2^64":        edit("(2, 3, 2), }    ", "(18446744073709551616,), }"),
		"overflowing product": edit("(2, 3, 2), }                            ", "(4294967296, 4294967296, 4294967296), }"),
		"no shape":            edit("'shape'", "'shapx'"),
		"huge header":         append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\x7f"), good[10:]...),
	} {
		_, _, err := read[float32](data)
		if errs.CodeOf(err) != errs.Damaged {
			t.Errorf("%s: error %v, want a damaged file", name, err)
		}
	}
	short, err := npy.NewReader(bytes.NewReader(good[:len(good)-4]), int64(len(good)))
	if err != nil {
		t.Fatal(err)
	}
	if err := npy.Read(short, make([]float32, 12)); errs.CodeOf(err) != errs.Damaged {
		t.Errorf("a file that ends early: %v", err)
	}
}

// FuzzReader: no bytes make the reader panic or allocate more than they hold,
// and what it reads it writes back to an array of the same elements.
func FuzzReader(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.npy")
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, elements, err := read[float64](data)
		if err != nil {
			return
		}
		if len(elements) > len(data) {
			t.Fatalf("%d elements from %d bytes", len(elements), len(data))
		}
		var b bytes.Buffer
		w, err := npy.NewWriter(&b, npy.Float64, a.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		if err := npy.Write(w, elements); err != nil {
			t.Fatal(err)
		}
		_, again, err := read[float64](b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range elements {
			if math.Float64bits(e) != math.Float64bits(again[i]) && !(math.IsNaN(e) && math.IsNaN(again[i])) {
				t.Fatalf("element %d is %v, then %v", i, e, again[i])
			}
		}
	})
}
