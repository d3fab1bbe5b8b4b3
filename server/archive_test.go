package server_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"rnnrep/server"
)

// file is one of an archive.
type file struct {
	name string
	data []byte
}

func zipOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		w, err := z.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.data)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// externalFixture is a model whose weights are in a file beside it: what
// onnx.save(onnx.load("examples/models/formal_languages_r1_s20000.onnx"),
// "external.onnx", save_as_external_data=True, location="external.onnx.data")
// of onnx 1.23 writes, as mlflow.onnx.save_model does.
func externalFixture(t testing.TB) (model, weights file) {
	t.Helper()
	read := func(name string) file {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return file{name, data}
	}
	return read("external.onnx"), read("external.onnx.data")
}

// TestMLflowFolders: mlflow.onnx keeps weights outside the model; all ways to
// send them together give one answer, and without them the refusal says what is
// missing.
func TestMLflowFolders(t *testing.T) {
	s := newServer(t, nil)
	model, weights := externalFixture(t)
	folder := func(dir string) []file {
		return []file{{dir + "MLmodel", []byte("flavors:\n  onnx:\n    data: model.onnx\n")}, {dir + "conda.yaml", []byte("x")},
			{dir + model.name, model.data}, {dir + weights.name, weights.data}, {dir + "other/" + weights.name, []byte("not these")}}
	}
	kind, both := form(t, part{"model", model.name, string(model.data)}, part{"data", weights.name, string(weights.data)})
	want := answerOf(t, request(s, "POST", "/v1/predict", kind, bytes.NewReader(both)))
	for name, body := range map[string][]byte{
		"zip":        zipOf(t, folder("")...),
		"zip folder": zipOf(t, folder("mlruns/1/model/")...),
		"tar":        tarOf(t, folder("./model/")...),
		"tar.gz":     gzipOf(t, tarOf(t, folder("model/")...)),
	} {
		got := answerOf(t, post(s, "/v1/predict", body))
		if got.SHA256 != want.SHA256 || fmt.Sprint(got.Embedding) != fmt.Sprint(want.Embedding) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		if w := post(s, "/v1/recover", body); w.Code != 200 {
			t.Errorf("%s: recover: %s", name, w.Body)
		}
	}
	kind, body := form(t, part{"model", "model.zip", string(zipOf(t, folder("")...))})
	if got := answerOf(t, request(s, "POST", "/v1/predict", kind, bytes.NewReader(body))); got.SHA256 != want.SHA256 {
		t.Errorf("zip in a form: %+v", got)
	}
	p := checkProblem(t, post(s, "/v1/predict", model.data), 422, "external_data_missing")
	if !contains(p.Detail, weights.name) {
		t.Errorf("%+v does not name %s", p, weights.name)
	}
}

// TestHostileArchives are refused with their reason, at little cost.
func TestHostileArchives(t *testing.T) {
	const limit = 1 << 20
	s := newServer(t, func(c *server.Config) { c.MaxBytes = limit })
	model := file{"m.onnx", modelFile(t, trainedOn, 0)}
	zeros := make([]byte, 2<<20)
	bomb := zipOf(t, file{"m.onnx", zeros})
	var many []file
	for i := range 10_001 {
		many = append(many, file{fmt.Sprint(i), nil})
	}
	linked := tarLink(t, "m.onnx", "/etc/passwd")
	good := zipOf(t, model)
	for name, c := range map[string]struct {
		body []byte
		code string
	}{
		"empty zip":        {zipOf(t), "no_model"},
		"no model":         {zipOf(t, file{"notes.txt", []byte("x")}), "no_model"},
		"two models":       {zipOf(t, model, file{"n.onnx", model.data}), "bad_request"},
		"same name twice":  {tarOf(t, model, model), "bad_request"},
		"zip bomb":         {bomb, "too_large"},
		"tar.gz bomb":      {gzipOf(t, tarOf(t, file{"m.onnx", zeros})), "too_large"},
		"search bomb":      {gzipOf(t, tarOf(t, file{"notes.txt", make([]byte, 8<<20)}, model)), "too_large"},
		"many files":       {gzipOf(t, tarOf(t, many...)), "too_large"},
		"leads out":        {zipOf(t, file{"../m.onnx", model.data}), "external_data_refused"},
		"absolute":         {tarOf(t, file{"/m.onnx", model.data}), "external_data_refused"},
		"leads out in DOS": {zipOf(t, file{`..\m.onnx`, model.data}), "external_data_refused"},
		"link":             {linked, "no_model"},
		"cut off":          {good[:len(good)-30], "damaged_archive"},
		"gzip of junk":     {gzipOf(t, []byte("junk")), "damaged_archive"},
		"gzip cut off":     {gzipOf(t, tarOf(t, model))[:500], "damaged_archive"},
		"archive in it":    {zipOf(t, file{"m.onnx", good}), "not_onnx"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			w := post(s, "/v1/predict", c.body)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 32*limit {
				t.Errorf("%d bytes were allocated", n)
			}
			status := 422
			switch c.code {
			case "bad_request":
				status = 400
			case "too_large":
				status = 413
			}
			checkProblem(t, w, status, c.code)
		})
	}
}

// tarLink is an archive whose only entry is a symbolic link.
func tarLink(t testing.TB, name, to string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzUnpack: no archive makes it panic or give more than its limit.
func FuzzUnpack(f *testing.F) {
	model := file{"a/m.onnx", modelOf(message(5, message(1, 1, 2, 1, 8, "w", 14, 1, 13, message(1, "location", 2, "w.bin"))))}
	f.Add(zipOf(f, model, file{"a/w.bin", []byte("x")}))
	f.Add(tarOf(f, model))
	f.Add(gzipOf(f, tarOf(f, model)))
	f.Add(tarLink(f, "m.onnx", "../x"))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 16
		u, err := server.Upload{Data: data}.Unpack(limit)
		if err != nil {
			return
		}
		n := len(u.Data)
		for _, e := range u.External {
			n += len(e)
		}
		if n > max(limit, len(data)) {
			t.Errorf("%d bytes were unpacked", n)
		}
	})
}
