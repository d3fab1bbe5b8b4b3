package importer

import "time"

// Report says what was found in a file and how far it was verified.
type Report struct {
	Found     string       `json:"found"`              // in words: "2 LSTM nodes, Gemm readout"
	Producer  string       `json:"producer,omitempty"` // producer_name and version, as the file says
	IRVersion int64        `json:"ir_version"`
	Opset     int64        `json:"opset"`
	Nodes     int          `json:"nodes"`
	Recurrent []string     `json:"recurrent"`        // names of the recurrent nodes, in order
	Around    []string     `json:"around,omitempty"` // what is in the file and not part of the RNN, in words
	Others    []string     `json:"others,omitempty"` // further RNNs found, not read
	Notes     []string     `json:"notes,omitempty"`  // what a user should know: trainable initial states ignored, ...
	Verified  Verification `json:"verified"`

	Verifying time.Duration `json:"-"` // time that it took
}

// Verification is the comparison of the recovered RNN with the graph.
type Verification struct {
	Method      string  `json:"method"` // "reference_evaluator", "onnxruntime" or "none"
	MaxAbsError float64 `json:"max_abs_error"`
	Note        string  `json:"note,omitempty"`
}
