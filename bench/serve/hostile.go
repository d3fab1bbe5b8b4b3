package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
)

// upload is the model, or now and then something worse.
func (p *poster) upload(r *rand.Rand) upload {
	if r.Float64() >= p.hostile {
		return upload{body: p.model}
	}
	u := hostile[r.IntN(len(hostile))](p.model, r)
	u.bad = true
	return u
}

// hostile are the ways in which an upload is bad.
var hostile = []func(model []byte, r *rand.Rand) upload{
	truncated, tooLarge, empty, noise, damaged, lyingLength, deep, bomb, forgedZip, brokenForm, wrongType, left,
}

func truncated(model []byte, r *rand.Rand) upload { return upload{body: model[:r.IntN(len(model)-1)]} }

var zeros = sync.OnceValue(func() []byte { return make([]byte, 65<<20) })

func tooLarge([]byte, *rand.Rand) upload { return upload{body: zeros()} }

func empty([]byte, *rand.Rand) upload { return upload{} }

func noise(_ []byte, r *rand.Rand) upload {
	b := make([]byte, r.IntN(1<<18))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return upload{body: b}
}

// damaged has a few bytes that are others.
func damaged(model []byte, r *rand.Rand) upload {
	b := bytes.Clone(model)
	for range 1 + r.IntN(20) {
		b[r.IntN(len(b))] = byte(r.Uint32())
	}
	return upload{body: b}
}

// lyingLength has a length or a dimension, somewhere, that is enormous.
func lyingLength(model []byte, r *rand.Rand) upload {
	b := bytes.Clone(model)
	binary.LittleEndian.PutUint64(b[r.IntN(min(len(b), 4096)-10):], 0x7fffffffffffffff>>r.IntN(40)|0x8080808080808080)
	return upload{body: b}
}

// nested is a graph within a node's attribute, and so on.
var nested = sync.OnceValue(func() []byte {
	var b []byte
	in := func(field protowire.Number) {
		b = protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), b)
	}
	for range 1500 {
		in(6) // AttributeProto.g
		in(5) // NodeProto.attribute
		in(1) // GraphProto.node
	}
	in(7) // ModelProto.graph
	return b
})

func deep([]byte, *rand.Rand) upload { return upload{body: nested()} }

// bombs are archives that unpack to a thousand times their size.
var bombs = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"model.onnx", "weights.bin", "more.bin"} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(zeros())
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
})

func bomb([]byte, *rand.Rand) upload { return upload{body: bombs()} }

// forgedZip begins like an archive, or is one whose directory was damaged.
func forgedZip(_ []byte, r *rand.Rand) upload {
	b := bytes.Clone(bombs())
	for range 8 {
		b[len(b)-1-r.IntN(200)] = byte(r.Uint32())
	}
	return upload{body: b[r.IntN(2)*r.IntN(len(b)/2):]}
}

func brokenForm(model []byte, r *rand.Rand) upload {
	form := "--x\r\nContent-Disposition: form-data; name=\"model\"; filename=\"../../m.onnx\"\r\n\r\n" + string(model[:r.IntN(len(model))])
	return upload{body: []byte(form[:r.IntN(len(form))]), kind: "multipart/form-data; boundary=x"}
}

func wrongType(model []byte, r *rand.Rand) upload {
	kinds := []string{"text/html", "application/json", ";;;", "multipart/form-data", "image/png; x=\xff"}
	return upload{body: model, kind: kinds[r.IntN(len(kinds))]}
}

// left is an upload whose client goes away.
func left(model []byte, r *rand.Rand) upload {
	return upload{body: model, leave: 1 + r.IntN(len(model)-1)}
}
