// Package errs classifies errors that cross an edge: the command line, the
// HTTP server and batch output all print the same fields.
package errs

import (
	"errors"
	"fmt"
)

// Code is the class of a refusal. Clients branch on it, so a code never has
// two causes and is never renamed.
type Code string

// The codes of refused models (interface.md, "A result").
const (
	NotONNX             Code = "not_onnx"
	Truncated           Code = "truncated"
	TooLarge            Code = "too_large"
	TooDeep             Code = "too_deep"
	InvalidGraph        Code = "invalid_graph"
	ShapeMismatch       Code = "shape_mismatch"
	NoRecurrence        Code = "no_recurrence"
	UnsupportedCell     Code = "unsupported_cell"
	UnsupportedOp       Code = "unsupported_op"
	WeightsNotConstant  Code = "weights_not_constant"
	ExternalDataMissing Code = "external_data_missing"
	ExternalDataRefused Code = "external_data_refused"
	NonFiniteWeights    Code = "non_finite_weights"
	NonFiniteOutputs    Code = "non_finite_outputs" // finite weights that overflow
	VerificationFailed  Code = "verification_failed"
	// The implementation to compare with does not run the graph.
	VerificationIncomplete Code = "verification_incomplete"
	// It crashed or went beyond its limits.
	VerificationAborted Code = "verification_aborted"
	EmptyInput          Code = "empty_input"
)

// Codes of requests and files other than models.
const (
	BadRequest       Code = "bad_request"
	Unauthorized     Code = "unauthorized"
	Forbidden        Code = "forbidden"
	NotFound         Code = "not_found"
	MethodNotAllowed Code = "method_not_allowed"
	UnsupportedMedia Code = "unsupported_media_type"
	UnknownBundle    Code = "unknown_bundle"
	SpecNotAccepted  Code = "spec_not_accepted"
	NoModel          Code = "no_model"        // an archive or folder without an .onnx file
	DamagedArchive   Code = "damaged_archive" // a zip or tar that cannot be read
	SlowUpload       Code = "slow_upload"
	Abandoned        Code = "abandoned"
	Busy             Code = "busy"
	Draining         Code = "draining"
	Timeout          Code = "timeout"
	Internal         Code = "internal"
	FileNotFound     Code = "file_not_found"
	Damaged          Code = "damaged"
)

// Error is a refusal with everything a user needs to act on it.
type Error struct {
	Code     Code   `json:"code"`
	Detail   string `json:"detail"`             // what was found, and where
	Node     string `json:"node,omitempty"`     // the ONNX node or tensor concerned
	Accepted string `json:"accepted,omitempty"` // what would have been accepted
	Hint     string `json:"hint,omitempty"`     // what to do
	cause    error
}

// New returns an error of the given code; format and args make its detail.
func New(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Detail: err.Error(), cause: errors.Unwrap(err)}
}

// Error returns the detail, with the hint where there is one.
func (e *Error) Error() string {
	s := e.Detail
	if e.Accepted != "" {
		s += "; accepted: " + e.Accepted
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap returns the cause given to New by %w.
func (e *Error) Unwrap() error { return e.cause }

// At names the node or tensor concerned and returns e.
func (e *Error) At(node string) *Error { e.Node = node; return e }

// Accepts says what would have been accepted and returns e.
func (e *Error) Accepts(format string, args ...any) *Error {
	e.Accepted = fmt.Sprintf(format, args...)
	return e
}

// Do says what the user should do and returns e.
func (e *Error) Do(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// CodeOf returns the code of err, or Internal if it has none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// As returns err as an *Error; an error without a code becomes Internal.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: Internal, Detail: err.Error(), cause: err}
}
