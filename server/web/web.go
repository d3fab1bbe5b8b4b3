// Package web is the page that people see at /: its files, and the map of a
// bundle's reference population that it draws. The page talks to the server by
// its public routes alone. The package must not import server, importer or
// exporter.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"time"

	"rnnrep/examples"
)

//go:embed assets
var assets embed.FS

// File is one file of the page.
type File struct {
	Path string // at which it is served: / or /app/NAME
	Type string // media type
	data []byte
	tag  string
}

// policy lets the page use what the server itself sends and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

const index = "index.html"

// types are the media types of the files' extensions.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8", ".onnx": "application/onnx",
}

// Files returns the files of the page, the example models among them.
func Files() []File {
	root, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err)
	}
	files := filesOf(root, "/app/")
	return append(files, filesOf(examples.Models, "/app/examples/")...)
}

// filesOf returns the files of an embedded folder.
func filesOf(folder fs.FS, at string) (files []File) {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		data, err := fs.ReadFile(folder, e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(data)
		f := File{Path: at + e.Name(), Type: types[path.Ext(e.Name())], data: data, tag: `"` + hex.EncodeToString(sum[:16]) + `"`}
		if e.Name() == index {
			f.Path = "/"
		}
		files = append(files, f)
	}
	return files
}

// ServeHTTP sends the file; browsers ask each time whether it has changed.
func (f File) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.Type)
	h.Set("ETag", f.tag)
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
}
