package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/internal/ort"
)

// children are what the test program does instead of its tests when it is
// started with the name.
var children = map[string]func(){
	"child": func() {
		if err := Child(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	},
	"crash": func() { _ = syscall.Kill(os.Getpid(), syscall.SIGSEGV); select {} },
	"hang":  func() { _, _ = io.Copy(io.Discard, os.Stdin); time.Sleep(time.Hour) },
	"mute":  func() {},
	"chatter": func() {
		for {
			if _, err := os.Stdout.Write(make([]byte, 1<<20)); err != nil {
				os.Exit(1)
			}
		}
	},
	"babble": func() { fmt.Print("no answer") },
	"spin": func() {
		must(limitMemory(1<<30, 1))
		for time.Now().Year() > 0 {
			continue
		}
	},
	"look": func() { // what the child finds around it
		must(limitMemory(1<<30, 10))
		entries, err := os.ReadDir(".")
		_, write := os.Create("file")
		must(limitFiles())
		_, open := os.Open("/etc/passwd")
		fmt.Fprintf(os.Stderr, "entries %d %v, created %v, opened %v, environment %d", len(entries), err, write == nil && os.WriteFile("file", []byte{1}, 0o600) == nil, open == nil, len(os.Environ()))
		os.Exit(1)
	},
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && children[os.Args[1]] != nil {
		children[os.Args[1]]()
		return
	}
	os.Exit(m.Run())
}

// runner starts a child by its name.
func runner(t *testing.T, child string) *Runner {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Runner{Program: []string{program, child}, Limits: Limits{Timeout: time.Minute}}
}

func needLibrary(t *testing.T) {
	t.Helper()
	if err := (&Runner{}).Available(); err != nil {
		t.Skipf("no models can be run: %v", err)
	}
}

// model has one input x [n, 2] and what the nodes make of it.
func model(outputs []string, nodes ...*onnx.Node) []byte {
	g := &onnx.Graph{Name: "test", Inputs: []onnx.Value{{Name: "x", Type: onnx.Float32, Dims: []int64{-1, 2}, Params: []string{"n", ""}}}, Nodes: nodes,
		Initializers: []*onnx.Tensor{onnx.NewInts("huge", []int64{1 << 12, 1 << 12, 1 << 12}), onnx.NewInts("forever", []int64{1 << 62}, []int{}...), onnx.NewBools("true", []bool{true}, []int{}...)}}
	for _, name := range outputs {
		g.Outputs = append(g.Outputs, onnx.Value{Name: name, Type: onnx.Float32})
	}
	return onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g})
}

func node(op string, in, out []string) *onnx.Node {
	return &onnx.Node{OpType: op, Inputs: in, Outputs: out, Attributes: map[string]*onnx.Attribute{}}
}

var x = map[string]*onnx.Tensor{"x": onnx.NewFloats("x", []float32{1, -2, 3, -4}, 2, 2)}

func TestRun(t *testing.T) {
	needLibrary(t)
	m := model([]string{"y", "z"}, node("Relu", []string{"x"}, []string{"y"}), node("Neg", []string{"x"}, []string{"z"}))
	got, err := runner(t, "child").Run(t.Context(), m, x, []string{"z", "y"})
	if err != nil {
		t.Fatal(err)
	}
	if y, z := got["y"], got["z"]; !slices.Equal(y.Float32s(), []float32{1, 0, 3, 0}) || !slices.Equal(y.Dims, []int{2, 2}) || !slices.Equal(z.Float32s(), []float32{-1, 2, -3, 4}) {
		t.Errorf("y %v %v, z %v", y.Dims, y.Float32s(), z.Float32s())
	}
}

// TestHostileModels: whatever a model does, the program gets an error that says
// what was wrong, and soon.
func TestHostileModels(t *testing.T) {
	needLibrary(t)
	loop := node("Loop", []string{"forever", "true", "x"}, []string{"y"})
	loop.Attributes["body"] = &onnx.Attribute{Type: onnx.AttributeGraph, Graph: &onnx.Graph{Name: "body",
		Inputs:  []onnx.Value{{Name: "i", Type: onnx.Int64, Dims: []int64{}}, {Name: "go", Type: onnx.Bool, Dims: []int64{}}, {Name: "v", Type: onnx.Float32}},
		Nodes:   []*onnx.Node{node("Identity", []string{"go"}, []string{"again"}), node("Neg", []string{"v"}, []string{"w"})},
		Outputs: []onnx.Value{{Name: "again", Type: onnx.Bool, Dims: []int64{}}, {Name: "w", Type: onnx.Float32}},
	}}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, make([]byte, 16), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		model []byte
		says  string
	}{
		"256 GiB":       {model([]string{"y"}, node("ConstantOfShape", []string{"huge"}, []string{"y"})), "ONNX Runtime"},
		"endless loop":  {model([]string{"y"}, loop), "did not finish"},
		"no model":      {[]byte("no model"), "does not run the model"},
		"unknown op":    {model([]string{"y"}, node("Nothing", []string{"x"}, []string{"y"})), "does not run the model"},
		"external data": {external(filepath.Base(secret)), "does not run the model"},
		"absolute":      {external(secret), "does not run the model"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := runner(t, "child")
			if name == "endless loop" {
				r.Limits.Timeout = time.Second
			}
			_, err := r.Run(t.Context(), c.model, x, []string{"y"})
			code := errs.VerificationIncomplete
			if name == "endless loop" {
				code = errs.VerificationAborted
			}
			if errs.CodeOf(err) != code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, should say %q", err, c.says)
			}
		})
	}
}

// external is a model whose tensor w lies in another file. What follows its
// graph is merged with it, as protobuf says.
func external(location string) []byte {
	text := func(b []byte, number protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), s)
	}
	number := func(b []byte, number protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), v)
	}
	w := text(number(number(number(nil, 1, 2), 1, 2), 2, uint64(onnx.Float32)), 8, "w")
	w = number(text(w, 13, string(text(text(nil, 1, "location"), 2, location))), 14, 1)
	m := model([]string{"y"}, node("MatMul", []string{"x", "w"}, []string{"y"}))
	return text(m, 7, string(text(nil, 5, string(w))))
}

// TestChildren: whatever the child does. It needs no library, only that one is
// found.
func TestChildren(t *testing.T) {
	if errors.Is((&Runner{}).Available(), ort.ErrNoCgo) {
		t.Skip(ort.ErrNoCgo)
	}
	library := filepath.Join(t.TempDir(), "library")
	if err := os.WriteFile(library, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(ort.LibraryVariable, library)
	m := model([]string{"y"}, node("Relu", []string{"x"}, []string{"y"}))
	for child, says := range map[string]string{
		"crash": "ended: ", "mute": "without an answer", "babble": "no answer", "hang": "did not finish within 1s", "chatter": "more than 1048576 bytes", "spin": "ended: signal: ",
		"look": "entries 0 <nil>, created false, opened false, environment 5",
	} {
		t.Run(child, func(t *testing.T) {
			r := runner(t, child)
			if child == "hang" {
				r.Limits.Timeout = time.Second
			}
			r.Limits.Output = 1 << 20
			_, err := r.Run(t.Context(), m, x, []string{"y"})
			if errs.CodeOf(err) != errs.VerificationAborted || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v, should say %q", err, says)
			}
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		if _, err := runner(t, "hang").Run(ctx, m, x, []string{"y"}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestMemory(t *testing.T) {
	needLibrary(t)
	r := runner(t, "child")
	r.Limits.Memory = 1 << 20 // not enough for the library
	if _, err := r.Run(t.Context(), model([]string{"y"}, node("Relu", []string{"x"}, []string{"y"})), x, []string{"y"}); err == nil {
		t.Error("1 MiB was enough")
	}
}

// TestNoLibrary: without ONNX Runtime nothing is started.
func TestNoLibrary(t *testing.T) {
	t.Setenv(ort.LibraryVariable, t.TempDir())
	r := runner(t, "child")
	if err := r.Available(); err == nil {
		t.Error("an empty folder has a library")
	}
	if _, err := r.Run(t.Context(), model([]string{"y"}, node("Relu", []string{"x"}, []string{"y"})), x, []string{"y"}); err == nil {
		t.Error("a model ran without a library")
	}
}

func TestRequestsAreChecked(t *testing.T) {
	for _, data := range [][]byte{nil, []byte("1234567"), {0xff, 0, 0, 0, 0, 0, 0, 0, 1}, make([]byte, 8), append(make([]byte, 8), "junk"...)} {
		if _, err := answer(data); err == nil {
			t.Errorf("%v is taken for a request", data)
		}
	}
	t.Setenv(memoryVariable, "")
	if err := Child(strings.NewReader(""), io.Discard); err == nil {
		t.Error("a child without limits works")
	}
}
