package onnx_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// The messages below are written field by field, so that they can be wrong.

func field(number protowire.Number, content ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), bytes.Join(content, nil))
}

func text(number protowire.Number, s string) []byte { return field(number, []byte(s)) }

func varint(number protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), uint64(v))
}

// file is a model of the given fields of its graph.
func file(graph ...[]byte) []byte {
	return bytes.Join([][]byte{varint(1, 8), field(7, graph...), field(8, varint(2, 17))}, nil)
}

func nodeOf(op string, inputs, outputs []string, rest ...[]byte) []byte {
	var b []byte
	for _, s := range inputs {
		b = append(b, text(1, s)...)
	}
	for _, s := range outputs {
		b = append(b, text(2, s)...)
	}
	return field(1, b, text(4, op), bytes.Join(rest, nil))
}

func input(name string) []byte  { return field(11, text(1, name)) }
func output(name string) []byte { return field(12, text(1, name)) }

// tensor is an initializer w.
func tensor(kind onnx.DType, dims []int64, data ...[]byte) []byte {
	b := append(text(8, "w"), varint(2, int64(kind))...)
	for _, d := range dims {
		b = append(b, varint(1, d)...)
	}
	return field(5, b, bytes.Join(data, nil))
}

func list(s ...string) []string { return s }

// nested is a graph inside the attribute of a node inside a graph ...
func nested(depth int) []byte {
	var g []byte
	for range depth {
		g = nodeOf("If", nil, nil, field(5, text(1, "then_branch"), varint(20, 5), field(6, g)))
	}
	return g
}

// external is external_data of an initializer of two floats.
func external(pairs ...string) []byte {
	var b []byte
	for i := 0; i < len(pairs); i += 2 {
		b = append(b, field(13, text(1, pairs[i]), text(2, pairs[i+1]))...)
	}
	return file(tensor(onnx.Float32, []int64{2}, b, varint(14, 1)))
}

// nodeAsBody turns a node of a graph, field 1, into one of a function, field 7.
func nodeAsBody(n []byte) []byte {
	_, _, k := protowire.ConsumeTag(n)
	content, _ := protowire.ConsumeBytes(n[k:])
	return field(7, content)
}

// functionOf is a function f.NAME that maps x to y.
func functionOf(name string, nodes ...[]byte) []byte {
	var body [][]byte
	for _, n := range nodes {
		body = append(body, nodeAsBody(n))
	}
	return field(25, text(1, name), text(10, "f"), text(4, "x"), text(5, "y"), bytes.Join(body, nil))
}

func call(name, in, out string) []byte { return nodeOf(name, list(in), list(out), text(7, "f")) }

func TestRefused(t *testing.T) {
	raw8 := text(9, "12345678")
	main := []([]byte){call("A", "a", "b"), input("a"), output("b")}
	withFunctions := func(fns ...[]byte) []byte { return append(file(main...), bytes.Join(fns, nil)...) }
	var doubling [][]byte // 2^40 nodes, if it were let
	for i := range 40 {
		next := fmt.Sprintf("%c%d", 'A', i+1)
		name := fmt.Sprintf("%c%d", 'A', i)
		if i == 0 {
			name = "A"
		}
		doubling = append(doubling, functionOf(name, call(next, "x", "t"), call(next, "t", "y")))
	}
	for name, test := range map[string]struct {
		data []byte
		code errs.Code
	}{
		"empty":                  {nil, errs.EmptyInput},
		"text":                   {[]byte("hello, world\n"), errs.NotONNX},
		"JSON":                   {[]byte(`{"ir_version": 8}`), errs.NotONNX},
		"zip (a .pt file)":       {[]byte("PK\x03\x04\x00\x00\x08\x08\x00\x00archive/data.pkl"), errs.NotONNX},
		"HDF5":                   {[]byte("\x89HDF\r\n\x1a\n\x00\x00\x00\x00"), errs.NotONNX},
		"TensorFlow SavedModel":  {slices.Concat(varint(1, 1), text(2, "\x0a\xff\xfe\x80")), errs.NotONNX},
		"safetensors":            {slices.Concat(binary.LittleEndian.AppendUint64(nil, 2), []byte("{}")), errs.NotONNX},
		"IR version":             {slices.Concat(varint(1, 5000), field(7)), errs.NotONNX},
		"no graph":               {slices.Concat(varint(1, 8), text(2, "pytorch")), errs.Truncated},
		"no opset":               {slices.Concat(varint(1, 8), field(7)), errs.Truncated},
		"group":                  {slices.Concat(varint(1, 8), protowire.AppendTag(nil, 7, protowire.StartGroupType)), errs.NotONNX},
		"broken graph":           {file([]byte{0x0a, 0x7f}), errs.InvalidGraph},
		"broken node":            {file(field(1, []byte{0xff})), errs.InvalidGraph},
		"broken packed ints":     {file(nodeOf("X", nil, nil, field(5, text(1, "a"), field(8, []byte{0x80})))), errs.InvalidGraph},
		"broken packed floats":   {file(nodeOf("X", nil, nil, field(5, text(1, "a"), field(7, []byte{1, 2, 3})))), errs.InvalidGraph},
		"empty tensor attribute": {file(nodeOf("X", nil, nil, field(5, text(1, "a"), varint(20, 4)))), errs.InvalidGraph},
		"long name":              {file(input(strings.Repeat("n", 1<<20))), errs.InvalidGraph},

		"no such input":           {file(nodeOf("Relu", list("a"), list("b"))), errs.InvalidGraph},
		"no such output":          {file(output("b")), errs.InvalidGraph},
		"made twice":              {file(input("a"), nodeOf("Relu", list("a"), list("b")), nodeOf("Abs", list("a"), list("b"))), errs.InvalidGraph},
		"makes an input":          {file(input("a"), nodeOf("Relu", list("a"), list("a"))), errs.InvalidGraph},
		"inputs twice":            {file(input("a"), input("a")), errs.InvalidGraph},
		"initializers twice":      {file(tensor(onnx.Float32, []int64{2}, raw8), tensor(onnx.Float32, []int64{2}, raw8)), errs.InvalidGraph},
		"reads itself":            {file(nodeOf("Relu", list("b"), list("b"))), errs.InvalidGraph},
		"cycle":                   {file(nodeOf("Relu", list("b"), list("a")), nodeOf("Abs", list("a"), list("b"))), errs.InvalidGraph},
		"cycle through a graph":   {file(nodeOf("If", list("a"), list("b"), field(5, text(1, "then_branch"), field(6, nodeOf("Abs", list("c"), list("t"))))), nodeOf("Abs", list("b"), list("c")), input("a")), errs.InvalidGraph},
		"inner name from outside": {file(nodeOf("If", nil, list("b"), field(5, text(1, "then_branch"), field(6, nodeOf("Abs", list("nobody"), list("t")))))), errs.InvalidGraph},
		"sparse initializer":      {file(field(15)), errs.InvalidGraph},

		"too deep":     {file(nested(20)), errs.TooDeep},
		"far too deep": {file(nested(1000)), errs.TooDeep},

		"negative dimension":     {file(tensor(onnx.Float32, []int64{-2}, raw8)), errs.ShapeMismatch},
		"dimensions overflow":    {file(tensor(onnx.Float32, []int64{1 << 20, 1 << 20, 1 << 24}, raw8)), errs.ShapeMismatch},
		"dimensions of 2^63":     {file(tensor(onnx.Float32, []int64{math.MaxInt64, 2}, raw8)), errs.ShapeMismatch},
		"8 GiB of dimensions":    {file(tensor(onnx.Float32, []int64{1 << 31}, raw8)), errs.ShapeMismatch},
		"empty, huge dimensions": {file(tensor(onnx.Float32, []int64{0, 1 << 30, 1 << 30})), errs.ShapeMismatch},
		"17 dimensions":          {file(tensor(onnx.Float32, slices.Repeat([]int64{1}, 17), text(9, "1234"))), errs.InvalidGraph},
		"packed 200 dimensions":  {file(field(5, field(1, bytes.Repeat([]byte{1}, 200)))), errs.InvalidGraph},
		"value of 17 dimensions": {file(field(11, text(1, "a"), field(2, field(1, field(2, bytes.Repeat(field(1, varint(1, 1)), 17)))))), errs.InvalidGraph},
		"short data":             {file(tensor(onnx.Float32, []int64{3}, raw8)), errs.ShapeMismatch},
		"long data":              {file(tensor(onnx.Float32, []int64{1}, raw8)), errs.ShapeMismatch},
		"no data":                {file(tensor(onnx.Float32, []int64{1})), errs.ShapeMismatch},
		"short float_data":       {file(tensor(onnx.Float32, []int64{2}, field(4, []byte("1234")))), errs.ShapeMismatch},
		"long int64_data":        {file(tensor(onnx.Int64, []int64{1}, field(7, []byte{1, 2}))), errs.ShapeMismatch},
		"few int64_data":         {file(tensor(onnx.Int64, []int64{1 << 28}, field(7, []byte{1, 2}))), errs.ShapeMismatch},
		"float_data of int64":    {file(tensor(onnx.Int64, []int64{1}, field(4, []byte("1234")))), errs.InvalidGraph},
		"complex":                {file(tensor(14, []int64{1}, raw8)), errs.UnsupportedOp},

		"external data missing":       {external("location", "w.bin"), errs.ExternalDataMissing},
		"external data of a parent":   {external("location", "../w.bin"), errs.ExternalDataRefused},
		"external data, absolute":     {external("location", "/etc/passwd"), errs.ExternalDataRefused},
		"external data, Windows":      {external("location", `C:\w.bin`), errs.ExternalDataRefused},
		"external data, memory":       {external("location", "*/_ORT_MEM_ADDR_/*", "offset", "1", "length", "8"), errs.ExternalDataRefused},
		"external data, nowhere":      {external(), errs.ExternalDataRefused},
		"external data, NUL":          {external("location", "data\x00.bin"), errs.ExternalDataRefused},
		"external data, past its end": {external("location", "data", "offset", "8", "length", "16"), errs.ExternalDataRefused},
		"external data, offset":       {external("location", "data", "offset", "17"), errs.ExternalDataRefused},
		"external data, overflow":     {external("location", "data", "offset", "9223372036854775807", "length", "9223372036854775807"), errs.ExternalDataRefused},
		"external data, negative":     {external("location", "data", "offset", "-8", "length", "8"), errs.ExternalDataRefused},
		"external data, no number":    {external("location", "data", "length", "eight"), errs.ExternalDataRefused},
		"external data, too long":     {external("location", "data", "offset", "0"), errs.ShapeMismatch},

		"function calls itself":                {withFunctions(functionOf("A", call("A", "x", "y"))), errs.InvalidGraph},
		"functions call each other":            {withFunctions(functionOf("A", call("B", "x", "y")), functionOf("B", call("A", "x", "y"))), errs.InvalidGraph},
		"function calls itself inside a graph": {withFunctions(functionOf("A", nodeOf("If", list("x"), list("y"), field(5, text(1, "then_branch"), field(6, call("A", "x", "t")))))), errs.InvalidGraph},
		"functions that double":                {withFunctions(doubling...), errs.TooLarge},
		"function returns its input":           {append(file(main...), field(25, text(1, "A"), text(10, "f"), text(4, "x"), text(5, "x"))...), errs.InvalidGraph},
		"function makes nothing":               {withFunctions(functionOf("A")), errs.InvalidGraph},
		"attribute of no function":             {file(nodeOf("X", nil, list("b"), field(5, text(1, "a"), text(21, "slope")))), errs.InvalidGraph},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := onnx.Parse(test.data, onnx.External{"data": make([]byte, 16)}, onnx.Limits{})
			if errs.CodeOf(err) != test.code {
				t.Errorf("%v (%s), want %s", err, errs.CodeOf(err), test.code)
			}
		})
	}
}

// TestLimits: what is over a limit is refused without the memory it asks for.
func TestLimits(t *testing.T) {
	const mib = 1 << 20
	many := func(n int, message []byte) []byte { return bytes.Repeat(message, n/len(message)) }
	attribute := field(5, text(1, "a"))
	few := onnx.Limits{Values: 100_000}
	for name, test := range map[string]struct {
		data  []byte
		l     onnx.Limits
		bytes uint64 // allocated at most
	}{
		"bytes":            {file(many(mib, input("a"))), onnx.Limits{Bytes: 1000}, mib},
		"empty nodes":      {file(many(8*mib, field(1))), onnx.Limits{}, 64 * mib},
		"empty inputs":     {file(many(8*mib, field(11))), onnx.Limits{}, 512 * mib},
		"ints":             {file(field(1, field(5, text(1, "a"), field(8, make([]byte, 8*mib))))), onnx.Limits{Bytes: 16 * mib}, mib},
		"int64_data":       {file(tensor(onnx.Int64, []int64{8 * mib}, field(7, make([]byte, 8*mib)))), onnx.Limits{Bytes: 16 * mib}, mib},
		"nodes":            {file(many(1000, field(1))), onnx.Limits{Nodes: 10}, mib},
		"values":           {file(many(1000, field(11))), onnx.Limits{Values: 10}, mib},
		"tensors":          {file(many(mib, field(5, varint(1, 0), varint(2, 1)))), few, 32 * mib},
		"empty attributes": {file(field(1, many(mib, attribute))), few, 64 * mib},
		"empty names":      {file(field(1, many(mib, field(1)))), few, 16 * mib},
		"empty functions":  {append(file(), many(mib, field(25))...), few, 64 * mib},
		"empty metadata":   {append(file(), many(mib, field(14))...), few, 16 * mib},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := onnx.Parse(test.data, nil, test.l)
			runtime.ReadMemStats(&after)
			if errs.CodeOf(err) != errs.TooLarge {
				t.Errorf("%v, want %s", err, errs.TooLarge)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > test.bytes {
				t.Errorf("%d MiB allocated", n/mib)
			}
		})
	}
	if _, err := onnx.Parse(file(nested(3)), nil, onnx.Limits{Depth: 2}); errs.CodeOf(err) != errs.TooDeep {
		t.Error(err)
	}
}

// good is a small model with one of most things.
func good() []byte {
	return slices.Concat(varint(1, 8), text(2, "pytorch"), text(3, "2.9"), file(
		nodeOf("Relu", list("a"), list("b")), nodeOf("Add", list("b", "w"), list("c"), field(5, text(1, "axis"), varint(3, 1), varint(20, 2))),
		tensor(onnx.Float32, []int64{2}, text(9, "12345678")), input("a"), output("c"),
	)[2:], field(14, text(1, "k"), text(2, "v")))
}

// TestTruncated: a model cut off anywhere is refused as such.
func TestTruncated(t *testing.T) {
	data := good()
	if _, err := onnx.Parse(data, nil, onnx.Limits{}); err != nil {
		t.Fatal(err)
	}
	complete := len(data) - len(field(14, text(1, "k"), text(2, "v")))
	for n := range data {
		_, err := onnx.Parse(data[:n:n], nil, onnx.Limits{})
		want := errs.Truncated
		switch {
		case n == 0:
			want = errs.EmptyInput
		case n == 1: // the tag of ir_version
			want = errs.NotONNX
		case n == complete: // all but the metadata
			if err != nil {
				t.Errorf("%d bytes: %v", n, err)
			}
			continue
		}
		if errs.CodeOf(err) != want {
			t.Errorf("%d bytes: %v (%s), want %s", n, err, errs.CodeOf(err), want)
		}
	}
}

// TestSorted: nodes in any order come out so that each follows what it reads,
// otherwise as in the file.
func TestSorted(t *testing.T) {
	inner := field(5, text(1, "then_branch"), field(6, nodeOf("Neg", list("late"), list("t"))))
	m, err := onnx.Parse(file(
		nodeOf("If", list("a"), list("if"), inner), nodeOf("Third", list("second"), list("c")), nodeOf("First", list("a"), list("first")),
		nodeOf("Second", list("first"), list("second")), nodeOf("Late", list("second"), list("late")), nodeOf("Free", nil, list("free")), input("a"),
	), nil, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, n := range m.Graph.Nodes {
		order = append(order, n.OpType)
	}
	if want := list("First", "Second", "Third", "Late", "If", "Free"); !slices.Equal(order, want) {
		t.Errorf("%v, want %v", order, want)
	}
}

// TestTypedData: float_data and the like become the bytes of raw_data.
func TestTypedData(t *testing.T) {
	le := binary.LittleEndian
	float := le.AppendUint32(le.AppendUint32(nil, math.Float32bits(1.5)), math.Float32bits(-2))
	double := le.AppendUint64(le.AppendUint64(nil, math.Float64bits(1.5)), math.Float64bits(-2))
	ints := protowire.AppendVarint(protowire.AppendVarint(nil, 3), math.MaxUint64) // 3, -1
	halves := protowire.AppendVarint(protowire.AppendVarint(nil, 0x3e00), 0xc000)
	brains := protowire.AppendVarint(protowire.AppendVarint(nil, 0x3fc0), 0xc000)
	single := protowire.AppendFixed32(protowire.AppendTag(nil, 4, protowire.Fixed32Type), math.Float32bits(1.5))
	single = protowire.AppendFixed32(protowire.AppendTag(single, 4, protowire.Fixed32Type), math.Float32bits(-2))
	for name, test := range map[string]struct {
		kind onnx.DType
		data []byte
		want []float64
	}{
		"float":         {onnx.Float32, field(4, float), []float64{1.5, -2}},
		"float, single": {onnx.Float32, single, []float64{1.5, -2}},
		"double":        {onnx.Float64, field(10, double), []float64{1.5, -2}},
		"half":          {onnx.Float16, field(5, halves), []float64{1.5, -2}},
		"bfloat16":      {onnx.BFloat16, field(5, brains), []float64{1.5, -2}},
		"int32":         {onnx.Int32, field(5, ints), []float64{3, -1}},
		"int8":          {onnx.Int8, field(5, ints), []float64{3, -1}},
		"uint8":         {onnx.Uint8, field(5, ints), []float64{3, 255}},
		"int16":         {onnx.Int16, field(5, ints), []float64{3, -1}},
		"uint16":        {onnx.Uint16, field(5, ints), []float64{3, 65535}},
		"bool":          {onnx.Bool, field(5, ints), []float64{1, 1}},
		"int64":         {onnx.Int64, field(7, ints), []float64{3, -1}},
		"int64, single": {onnx.Int64, slices.Concat(varint(7, 3), varint(7, -1)), []float64{3, -1}},
		"uint32":        {onnx.Uint32, field(11, ints), []float64{3, math.MaxUint32}},
		"uint64":        {onnx.Uint64, field(11, protowire.AppendVarint(protowire.AppendVarint(nil, 3), 1<<40)), []float64{3, 1 << 40}},
		"raw":           {onnx.Float32, field(9, float), []float64{1.5, -2}},
		"external":      {onnx.Float32, slices.Concat(field(13, text(1, "location"), text(2, "data")), field(13, text(1, "offset"), text(2, "8")), field(13, text(1, "length"), text(2, "8")), varint(14, 1)), []float64{0.5, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			data := le.AppendUint32(le.AppendUint32(make([]byte, 8), math.Float32bits(0.5)), math.Float32bits(4))
			m, err := onnx.Parse(file(tensor(test.kind, []int64{2}, test.data)), onnx.External{"data": data}, onnx.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			w := m.Graph.Initializers[0]
			if got := w.Float64s(); !slices.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
			if got := w.Float32s(); float64(got[0]) != test.want[0] || float64(got[1]) != float64(float32(test.want[1])) {
				t.Errorf("%v, want %v", got, test.want)
			}
			if got := w.Int64s(); got[0] != int64(test.want[0]) || got[1] != int64(test.want[1]) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

// TestViews: parsing copies no tensor data.
func TestViews(t *testing.T) {
	const n = 1 << 22
	data := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: &onnx.Graph{Initializers: []*onnx.Tensor{onnx.NewFloats("w", make([]float32, n))}}})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := onnx.Parse(data, nil, onnx.Limits{})
	runtime.ReadMemStats(&after)
	if err != nil || m.Graph.Initializers[0].Len() != n {
		t.Fatal(err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<16 {
		t.Errorf("%d bytes allocated to parse %d", used, len(data))
	}
}

func TestExternalNames(t *testing.T) {
	w := func(location string) []byte {
		return tensor(onnx.Float32, []int64{2}, field(13, text(1, "location"), text(2, location)), varint(14, 1))
	}
	got := onnx.ExternalNames(file(w("a.bin"), w("../b"), w("a.bin"), tensor(onnx.Float32, []int64{2}, text(9, "12345678"))))
	if !slices.Equal(got, list("a.bin", "../b")) {
		t.Errorf("%q", got)
	}
	if got := onnx.ExternalNames([]byte("no model")); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// TestDimensions: numbers, names, and what is neither.
func TestDimensions(t *testing.T) {
	dims := slices.Concat(field(1, varint(1, 3)), field(1, text(2, "batch")), field(1), field(1, varint(1, -5)))
	m, err := onnx.Parse(file(field(11, text(1, "a"), field(2, field(1, varint(1, 1), field(2, dims))))), nil, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	v := m.Graph.Inputs[0]
	if v.Type != onnx.Float32 || !slices.Equal(v.Dims, []int64{3, -1, -1, -1}) || !slices.Equal(v.Params, list("", "batch", "", "")) {
		t.Errorf("%+v", v)
	}
}

// TestFunctions: bodies take the place of calls, under names of their own.
func TestFunctions(t *testing.T) {
	reference := field(5, text(1, "alpha"), text(21, "slope"), varint(20, 1))
	scope := field(5, text(1, "then_branch"), field(6, nodeOf("Add", list("x", "t"), list("u")), output("u")))
	fn := field(25, text(1, "A"), text(10, "f"), text(4, "x"), text(5, "y"), text(6, "slope"),
		nodeAsBody(nodeOf("Leaky", list("x"), list("t"), reference)), nodeAsBody(nodeOf("If", list("x"), list("y"), scope)))
	slope := field(5, text(1, "slope"), protowire.AppendFixed32(protowire.AppendTag(nil, 2, protowire.Fixed32Type), math.Float32bits(0.5)), varint(20, 1))
	m, err := onnx.Parse(append(file(
		nodeOf("A", list("a"), list("b"), text(7, "f"), slope), call("A", "b", "c"), input("a"), output("c"),
	), fn...), nil, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range m.Graph.Nodes {
		got = append(got, fmt.Sprint(n.OpType, n.Inputs, n.Outputs, n.Float("alpha", -1)))
		if a := n.Attributes["then_branch"]; a != nil {
			inner := a.Graph.Nodes[0]
			got = append(got, fmt.Sprint(inner.OpType, inner.Inputs, inner.Outputs))
		}
	}
	want := list("Leaky[a] [A#1/t] 0.5", "If[a] [b] -1", "Add[a A#1/t] [A#1/u]", "Leaky[b] [A#2/t] -1", "If[b] [c] -1", "Add[b A#2/t] [A#2/u]")
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}
