// Package examples holds the example models, for the web page.
package examples

import (
	"embed"
	"io/fs"
)

//go:embed models/*.onnx
var files embed.FS

// Models is the folder of example models.
var Models = must(fs.Sub(files, "models"))

func must(f fs.FS, err error) fs.FS {
	if err != nil {
		panic(err)
	}
	return f
}
