package deps

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rules lists, for every package, what it may import of this module; "*" is
// everything. They state the design: do not relax one to fix a build. Siblings
// (importer, exporter, training) never import each other, and serving needs
// neither training nor zoo nor tasks.
const rules = `
internal/atomicfile:
internal/batch:
internal/deps:
internal/errs:
internal/half:
internal/mnist: internal/errs
internal/kernel:
internal/rng:
internal/npy: internal/errs internal/half
internal/safetensors: internal/errs internal/half
internal/ort: internal/onnx internal/errs
internal/sandbox: internal/errs internal/onnx internal/ort
internal/tensor: internal/kernel
internal/grad: internal/tensor internal/kernel
internal/nn: internal/grad
internal/optim: internal/grad internal/kernel
internal/onnx: internal/errs internal/half
internal/onnx/onnxref: internal/onnx internal/errs internal/half
internal/onnx/onnxgraph: internal/onnx internal/errs
rnn: internal/grad internal/errs internal/kernel
rnn/tasks: internal/errs internal/half internal/mnist internal/rng
rnn/zoo: rnn internal/atomicfile internal/errs internal/half internal/npy
encoders: rnn internal/grad internal/half internal/nn internal/rng internal/errs internal/atomicfile internal/safetensors
encoders/enctest: encoders rnn internal/grad internal/nn internal/rng internal/errs
importer: rnn internal/onnx internal/onnx/onnxref internal/onnx/onnxgraph internal/errs internal/rng
exporter: encoders rnn internal/grad internal/onnx internal/onnx/onnxref internal/ort internal/rng internal/errs
training: encoders rnn rnn/tasks rnn/zoo internal/grad internal/half internal/kernel internal/nn internal/optim internal/rng internal/errs internal/atomicfile internal/safetensors
training/results: training rnn/zoo internal/atomicfile
theory: encoders rnn internal/grad internal/nn internal/optim internal/rng
models:
examples:
server: encoders importer exporter rnn server/web internal/batch internal/errs internal/safetensors
server/web: encoders examples
internal/registry: encoders internal/errs
cmd/rnnrepd: *
bench/serve:
`

// allowed parses rules.
func allowed() map[string][]string {
	r := map[string][]string{}
	for line := range strings.Lines(strings.TrimSpace(rules)) {
		pkg, imports, _ := strings.Cut(line, ":")
		r[pkg] = strings.Fields(imports)
	}
	return r
}

// TestLayers parses the imports itself: Go's test cache sees the files that a
// test opens, not those that a subprocess reads.
func TestLayers(t *testing.T) {
	root := os.DirFS("../..")
	may := allowed()
	seen := map[string]bool{}
	err := fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != "." && strings.ContainsAny(d.Name()[:1], "._"), d.IsDir() && d.Name() == "testdata":
			return fs.SkipDir
		case !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		pkg := path.Dir(file)
		seen[pkg] = true
		imports, ok := may[pkg]
		if !ok {
			t.Errorf("%s: package %s has no rule", file, pkg)
		}
		for _, found := range importsOf(t, root, file) {
			if !slices.Contains(imports, found) && !slices.Contains(imports, "*") {
				t.Errorf("%s: %s may not import %s", file, pkg, found)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range may {
		if !seen[pkg] {
			t.Errorf("there is a rule for %s but no such package", pkg)
		}
	}
}

// importsOf lists a file's imports of this module, without its name.
func importsOf(t *testing.T, root fs.FS, file string) (found []string) {
	t.Helper()
	data, err := fs.ReadFile(root, file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, data, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range f.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if own, ok := strings.CutPrefix(name, "rnnrep/"); ok {
			found = append(found, own)
		}
	}
	return found
}
