// Package mnist holds the training images of the MNIST database of handwritten
// digits; data/LICENSE.md names their authors and licence.
//
// It imports nothing of this project.
package mnist

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the files
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// Sizes of the training set.
const (
	Count  = 60000
	Side   = 28 // pixels
	Pixels = Side * Side
	Digits = 10
)

//go:embed data/train-images-idx3-ubyte.gz
var imageFile []byte

//go:embed data/train-labels-idx1-ubyte.gz
var labelFile []byte

// Images returns the images, Count*Pixels grey levels from 0, row by row. The
// slice is shared: do not change it.
var Images = sync.OnceValue(func() []byte { return mustRead(imageFile, Count, Side, Side) })

// Labels returns the digits of the images. The slice is shared: do not change it.
var Labels = sync.OnceValue(func() []byte { return mustRead(labelFile, Count) })

// mustRead unpacks an embedded file, which a test checks.
func mustRead(file []byte, shape ...int) []byte {
	values, err := read(file, shape...)
	if err != nil {
		panic(fmt.Sprintf("mnist: %v", err))
	}
	return values
}

// read unpacks a gzipped IDX file of bytes: a magic number whose last byte is
// the number of axes, their lengths as big-endian uint32, the values.
func read(file []byte, shape ...int) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	want := binary.BigEndian.AppendUint32(nil, 0x0800|uint32(len(shape)))
	size := 1
	for _, n := range shape {
		want = binary.BigEndian.AppendUint32(want, uint32(n))
		size *= n
	}
	header := make([]byte, len(want))
	if _, err := io.ReadFull(z, header); err != nil {
		return nil, err
	}
	if !bytes.Equal(header, want) {
		return nil, fmt.Errorf("header % x, want % x", header, want)
	}
	values := make([]byte, size)
	if _, err := io.ReadFull(z, values); err != nil {
		return nil, err
	}
	if n, err := z.Read(make([]byte, 1)); n != 0 || err != io.EOF { // also compares the checksum
		return nil, fmt.Errorf("%d bytes behind the end, error %v", n, err)
	}
	return values, nil
}
