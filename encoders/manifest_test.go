package encoders_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"rnnrep/encoders"
	"rnnrep/encoders/enctest"
	"rnnrep/internal/errs"
	"rnnrep/internal/safetensors"
	"rnnrep/rnn"
)

const (
	manifest = "manifest.json"
	weights  = "weights.safetensors"
)

func statisticsConfig() encoders.Config {
	return encoders.Config{Kind: "layerwise_statistics", Dim: 3, Spec: rnn.Uniform("lstm", 3, 4, 2, 5), Options: json.RawMessage(`{"hidden":[4]}`)}
}

func probingConfig() encoders.Config {
	return encoders.Config{Kind: "interactive_probing", Dim: 3, Spec: rnn.Uniform("lstm", 3, 4, 2, 5), Options: json.RawMessage(`{"steps":3,"hidden":5,"layers":1}`)}
}

// saved returns the files of a bundle.
func saved(t testing.TB, c encoders.Config) fstest.MapFS {
	t.Helper()
	dir := t.TempDir()
	if err := enctest.Bundle(t, c).Save(dir); err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, name := range []string{manifest, weights} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	return files
}

// replaced is the manifest with one part of its text changed.
func replaced(old, new string) func(*testing.T, fstest.MapFS) {
	return func(t *testing.T, f fstest.MapFS) {
		changed := strings.Replace(string(f[manifest].Data), old, new, 1)
		if changed == string(f[manifest].Data) {
			t.Fatalf("the manifest does not have %q", old)
		}
		f[manifest] = &fstest.MapFile{Data: []byte(changed)}
	}
}

// edited is the weights with a tensor changed, under a manifest without their
// checksum.
func edited(name string, edit func(*safetensors.Tensor)) func(*testing.T, fstest.MapFS) {
	return func(t *testing.T, f fstest.MapFS) {
		tensors, metadata, err := safetensors.Read(f[weights].Data)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for i := range tensors {
			if tensors[i].Name == name {
				edit(&tensors[i])
				found = true
			}
		}
		var b bytes.Buffer
		if err := safetensors.Write(&b, tensors, metadata); err != nil || !found {
			t.Fatalf("tensor %q found: %v; %v", name, found, err)
		}
		f[weights] = &fstest.MapFile{Data: b.Bytes()}
		withoutChecksum(t, f)
	}
}

// unsigned does without the checksum after the damage.
func unsigned(damage func(*testing.T, fstest.MapFS)) func(*testing.T, fstest.MapFS) {
	return func(t *testing.T, f fstest.MapFS) {
		damage(t, f)
		withoutChecksum(t, f)
	}
}

func withoutChecksum(t testing.TB, f fstest.MapFS) {
	var m encoders.Manifest
	if err := json.Unmarshal(f[manifest].Data, &m); err != nil || m.WeightsSHA256 == "" {
		t.Fatalf("checksum %q, %v", m.WeightsSHA256, err)
	}
	m.WeightsSHA256 = ""
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	f[manifest] = &fstest.MapFile{Data: text}
}

func bytesOf(name string, edit func([]byte) []byte) func(*testing.T, fstest.MapFS) {
	return func(_ *testing.T, f fstest.MapFS) { f[name] = &fstest.MapFile{Data: edit(bytes.Clone(f[name].Data))} }
}

// TestDamagedBundles: every damage is an error that names the file, with a code.
func TestDamagedBundles(t *testing.T) {
	const embeddings, distances = "reference.embeddings", "reference.distances"
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:min(n, len(b))] } }
	for name, c := range map[string]struct {
		damage func(*testing.T, fstest.MapFS)
		code   errs.Code
		says   string
	}{
		"no manifest":        {func(_ *testing.T, f fstest.MapFS) { delete(f, manifest) }, errs.FileNotFound, manifest},
		"no weights":         {func(_ *testing.T, f fstest.MapFS) { delete(f, weights) }, errs.Damaged, weights},
		"empty manifest":     {bytesOf(manifest, cut(0)), errs.Damaged, manifest},
		"truncated manifest": {bytesOf(manifest, cut(300)), errs.Damaged, manifest},
		"manifest of junk":   {bytesOf(manifest, func([]byte) []byte { return []byte("\x00\xff{]") }), errs.Damaged, manifest},
		"manifest an array":  {bytesOf(manifest, func([]byte) []byte { return []byte("[1, 2]") }), errs.Damaged, manifest},
		"huge manifest":      {bytesOf(manifest, func(b []byte) []byte { return append(b, make([]byte, 65<<20)...) }), errs.TooLarge, manifest},
		"unknown field":      {replaced(`"version"`, `"surprise": 1, "version"`), errs.Damaged, "surprise"},
		"wrong type":         {replaced(`"seed": 5`, `"seed": "five"`), errs.Damaged, "seed"},
		"later version":      {replaced(`"version": 1`, `"version": 2`), errs.Damaged, "version 2"},
		"no family":          {replaced(`"family": "test"`, `"family": ""`), errs.Damaged, "family"},
		"unknown encoder":    {replaced(`"kind": "layerwise_statistics"`, `"kind": "crystal_ball"`), errs.Damaged, "crystal_ball"},
		"unknown option":     {replaced(`"hidden": [`, `"depth": 3, "hidden": [`), errs.Damaged, "depth"},
		"unknown cell":       {replaced(`"cell": "lstm"`, `"cell": "quasi"`), errs.Damaged, "quasi"},
		"other dimension":    {replaced(`"dim": 3`, `"dim": 4`), errs.Damaged, "dimensions"},
		"one reads real": {replaced(`"inputs": 3,
  "outputs"`, `"inputs": 3, "real": true, "outputs"`), errs.Damaged, "real"},
		"bad input range":     {replaced(`"kind"`, `"input_range": [1, 1], "kind"`), errs.Damaged, manifest},
		"huge hidden layer":   {replaced("\"hidden\": [\n    4", "\"hidden\": [\n    4000000000"), errs.Damaged, "4000000000"},
		"many big layers":     {replaced("\"hidden\": [\n    4", "\"hidden\": [\n    16384, 16384"), errs.Damaged, "weights"},
		"negative layer":      {replaced("\"hidden\": [\n    4", "\"hidden\": [\n    -4"), errs.Damaged, "-4"},
		"huge emulator":       {replaced("\"hidden\": 4,\n  \"layers\": 1", `"hidden": 16384, "layers": 1`), errs.Damaged, "emulator"},
		"huge predictors":     {replaced(`"hidden": 5`, `"hidden": 16384`), errs.Damaged, "predictors"},
		"no hidden units":     {replaced(`"hidden": 5`, `"hidden": 0`), errs.Damaged, "predictors"},
		"huge RNN":            {replaced(`"inputs": 3`, `"inputs": 1000000000`), errs.Damaged, "inputs"},
		"no stages":           {replaced("\"steps\": [\n   0,\n   10,\n   100\n  ]", `"steps": []`), errs.Damaged, "stages"},
		"empty coordinate":    {replaced("[\n    0\n   ]", "[]"), errs.Damaged, "coordinate 0"},
		"missing width":       {replaced(`"widths": [`, `"edges": [0.5], "widths": [`), errs.Damaged, "calibration"},
		"negative width":      {replaced(`"widths": [`, `"edges": [0.5], "widths": [ -1,`), errs.Damaged, "calibration"},
		"edges out of order":  {replaced(`"widths": [`, `"edges": [0.5, 0.4], "widths": [ 1, 2, `), errs.Damaged, "calibration"},
		"no members":          {bytesOf(manifest, func(b []byte) []byte { return withMembers(b, 0) }), errs.Damaged, "reference"},
		"a member less":       {bytesOf(manifest, func(b []byte) []byte { return withMembers(b, 11) }), errs.Damaged, embeddings},
		"empty weights":       {unsigned(bytesOf(weights, cut(0))), errs.Damaged, weights},
		"truncated header":    {unsigned(bytesOf(weights, cut(40))), errs.Damaged, weights},
		"flipped bit":         {bytesOf(weights, func(b []byte) []byte { b[len(b)-99] ^= 1; return b }), errs.Damaged, "SHA-256"},
		"other weights":       {bytesOf(weights, func([]byte) []byte { return saved(t, probingConfig())[weights].Data }), errs.Damaged, "SHA-256"},
		"truncated tensors":   {unsigned(bytesOf(weights, func(b []byte) []byte { return b[:len(b)-4] })), errs.Damaged, weights},
		"huge header":         {unsigned(bytesOf(weights, func(b []byte) []byte { b[7] = 0x7f; return b })), errs.Damaged, weights},
		"tensor missing":      {edited("mlp.0.bias", func(s *safetensors.Tensor) { s.Name = "other" }), errs.Damaged, "mlp.0.bias"},
		"other shape":         {edited("mlp.0.bias", func(s *safetensors.Tensor) { s.Shape = []int{4, 1} }), errs.Damaged, "mlp.0.bias"},
		"other size":          {edited("mlp.0.bias", func(s *safetensors.Tensor) { s.Shape, s.Data = []int{1, 3}, s.Data[:3] }), errs.Damaged, "mlp.0.bias"},
		"NaN":                 {edited("mlp.0.bias", func(s *safetensors.Tensor) { s.Data[1] = float32(math.NaN()) }), errs.Damaged, "mlp.0.bias"},
		"infinite embedding":  {edited(embeddings, func(s *safetensors.Tensor) { s.Data[1] = float32(math.Inf(1)) }), errs.Damaged, embeddings},
		"an embedding less":   {edited(embeddings, func(s *safetensors.Tensor) { s.Shape, s.Data = []int{11, 3}, s.Data[:33] }), errs.Damaged, embeddings},
		"a distance less":     {edited(distances, func(s *safetensors.Tensor) { s.Shape, s.Data = []int{11}, s.Data[:11] }), errs.Damaged, distances},
		"distances unordered": {edited(distances, func(s *safetensors.Tensor) { s.Data[0] = 9 }), errs.Damaged, distances},
	} {
		t.Run(name, func(t *testing.T) {
			files := saved(t, statisticsConfig())
			c.damage(t, files)
			b, err := encoders.OpenBundle(files)
			if err == nil {
				t.Fatalf("the bundle opens: %+v", b.Info())
			}
			if code := errs.CodeOf(err); code != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("code %s, message %q; want %s and a word of %q", code, err, c.code, c.says)
			}
			if errors.Is(err, fs.ErrNotExist) != (name == "no manifest") {
				t.Errorf("%v counts as no bundle at all", err)
			}
		})
	}
}

// withMembers cuts the reference population.
func withMembers(text []byte, n int) []byte {
	var m encoders.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		panic(err)
	}
	m.Members = m.Members[:n]
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return text
}

// TestSaveNeedsFiniteNumbers: JSON has no infinity, so a bundle that was not
// calibrated on anything is refused, not written with a hole.
func TestSaveNeedsFiniteNumbers(t *testing.T) {
	b, dir := enctest.Bundle(t, statisticsConfig()), t.TempDir()
	b.Calibrate(nil, nil)
	if err := b.Save(dir); err == nil {
		t.Error("a bundle with infinite intervals is saved")
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("%v is left behind", files)
	}
}

// TestTokenManifest: a bundle for tokens does not mention real inputs or task
// parameters, so that bundles from before there were any still open.
func TestTokenManifest(t *testing.T) {
	text := saved(t, statisticsConfig())[manifest].Data
	for _, field := range []string{`"real"`, "input_range", `"ranges"`, "gap_unit"} {
		if bytes.Contains(text, []byte(field)) {
			t.Errorf("the manifest of a token bundle has %s", field)
		}
	}
	c := probingConfig()
	c.InputRange = &[2]float32{-.5, 3}
	b, err := encoders.OpenBundle(saved(t, c))
	if err != nil {
		t.Fatal(err)
	}
	if !b.Emulator.Config.Real || !reflect.DeepEqual(b.Manifest.Encoder.InputRange, c.InputRange) {
		t.Errorf("opened, the bundle has emulator %+v and range %v", b.Emulator.Config, b.Manifest.Encoder.InputRange)
	}
}

func TestOpenBundles(t *testing.T) {
	files := fstest.MapFS{"README": {}, "other/folder/file": {}}
	add := func(dir string, c encoders.Config) {
		for name, f := range saved(t, c) {
			files[dir+"/"+name] = f
		}
	}
	add("test/layerwise_statistics", statisticsConfig())
	add("test/interactive_probing", probingConfig())
	bundles, err := encoders.OpenBundles(files)
	if err != nil || len(bundles) != 2 || bundles[0].Name() != "test/interactive_probing" || bundles[1].Name() != "test/layerwise_statistics" {
		t.Fatalf("%d bundles, %v", len(bundles), err)
	}
	add("test/misnamed", statisticsConfig())
	if _, err := encoders.OpenBundles(files); errs.CodeOf(err) != errs.Damaged || !strings.Contains(err.Error(), "misnamed") {
		t.Errorf("a bundle in another's folder: %v", err)
	}
	delete(files, "test/misnamed/"+manifest)
	delete(files, "test/interactive_probing/"+weights)
	if _, err := encoders.OpenBundles(files); errs.CodeOf(err) != errs.Damaged || !strings.Contains(err.Error(), "test/interactive_probing") {
		t.Errorf("a damaged bundle: %v", err)
	}
}

// TestBundleWithoutChecksum: bundles from before there were any still open.
func TestBundleWithoutChecksum(t *testing.T) {
	files := saved(t, statisticsConfig())
	withoutChecksum(t, files)
	if _, err := encoders.OpenBundle(files); err != nil {
		t.Error(err)
	}
}

// FuzzOpenBundle: whatever the manifest says, OpenBundle gives a bundle that
// answers or an error with a code.
func FuzzOpenBundle(f *testing.F) {
	files := map[string]fstest.MapFS{}
	for _, c := range []encoders.Config{statisticsConfig(), probingConfig()} {
		files[c.Kind] = saved(f, c)
		f.Add(files[c.Kind][manifest].Data, c.Kind == "interactive_probing")
	}
	f.Fuzz(func(t *testing.T, text []byte, probing bool) {
		kind := "layerwise_statistics"
		if probing {
			kind = "interactive_probing"
		}
		b, err := encoders.OpenBundle(fstest.MapFS{manifest: {Data: text}, weights: files[kind][weights]})
		if err != nil {
			if errs.CodeOf(err) == errs.Internal {
				t.Fatalf("an error without code: %v", err)
			}
			return
		}
		b.Info()
		if s := b.Manifest.Encoder.Spec; s.Parameters() < 1<<12 {
			if _, err := b.Embed(t.Context(), enctest.Models(s, 2)); err != nil && errs.CodeOf(err) == errs.Internal {
				t.Fatalf("an answer without code: %v", err)
			}
		}
	})
}
