package server

import (
	"rnnrep/encoders"
	"rnnrep/importer"
	"rnnrep/internal/errs"
	"rnnrep/rnn"
)

// Answer is what is said about one model: the JSON of the command line and of
// the POST routes.
type Answer struct {
	File     string                 `json:"file,omitempty"`
	SHA256   string                 `json:"sha256,omitempty"` // of the ONNX file, also where that came in an archive
	OK       bool                   `json:"ok"`
	RNN      *Description           `json:"rnn,omitempty"`
	Verified *importer.Verification `json:"verified,omitempty"`
	Report   *importer.Report       `json:"report,omitempty"` // inspect only

	Bundle      string                `json:"bundle,omitempty"`
	Embedding   []float32             `json:"embedding,omitempty"`
	Predictions *encoders.Predictions `json:"predictions,omitempty"`
	Trust       *encoders.Trust       `json:"trust,omitempty"`
	Neighbours  []encoders.Neighbour  `json:"neighbours,omitempty"`

	Error *errs.Error `json:"error,omitempty"`
}

// Description is the structure of an RNN.
type Description struct {
	Cell          string     `json:"cell"` // "mixed" if the layers differ
	Inputs        int        `json:"inputs"`
	Hidden        []int      `json:"hidden"`
	Layers        int        `json:"layers"`
	Bidirectional bool       `json:"bidirectional"`
	Outputs       int        `json:"outputs"` // 0: no readout
	Parameters    int        `json:"parameters"`
	Found         string     `json:"found"`
	Variants      []variants `json:"variants,omitempty"`
}

// variants names a layer whose cell departs from PyTorch's.
type variants struct {
	Layer   int         `json:"layer"`
	Reverse bool        `json:"reverse,omitempty"`
	Variant rnn.Variant `json:"variant,omitzero"`
}

func describe(s rnn.Spec, found string) *Description {
	d := &Description{Cell: s.Layers[0].Cell, Inputs: s.Inputs(), Layers: len(s.Layers), Outputs: s.Outputs, Parameters: s.Parameters(), Found: found}
	for i, l := range s.Layers {
		d.Hidden = append(d.Hidden, l.Hidden)
		d.Bidirectional = d.Bidirectional || l.Bidirectional
		if l.Cell != d.Cell {
			d.Cell = "mixed"
		}
		if l.Reverse || l.Variant != (rnn.Variant{}) {
			d.Variants = append(d.Variants, variants{i, l.Reverse, l.Variant})
		}
	}
	return d
}

// Refused is the answer for a model that could not be answered for.
func Refused(file, sha256 string, err error) Answer {
	return Answer{File: file, SHA256: sha256, Error: errs.As(err)}
}
