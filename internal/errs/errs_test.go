package errs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"rnnrep/internal/errs"
)

func refusal() *errs.Error {
	return errs.New(errs.UnsupportedCell, "node %d", 3).At("lstm_0").Accepts("%v", []string{"gru"}).Do("use %s", "gru")
}

// TestCodeSurvivesWrapping: the code and fields reach the edge however often an
// error is wrapped on the way.
func TestCodeSurvivesWrapping(t *testing.T) {
	for name, err := range map[string]error{
		"bare":    refusal(),
		"wrapped": fmt.Errorf("read model.onnx: %w", refusal()),
		"twice":   fmt.Errorf("a: %w", fmt.Errorf("b: %w", refusal())),
		"joined":  errors.Join(io.EOF, refusal()),
	} {
		if c := errs.CodeOf(err); c != errs.UnsupportedCell {
			t.Errorf("%s: code %s", name, c)
		}
		if e := errs.As(err); e.Node != "lstm_0" || e.Accepted != "[gru]" || e.Hint != "use gru" {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestErrorsWithoutCodeAreInternal(t *testing.T) {
	err := fmt.Errorf("disk: %w", io.ErrUnexpectedEOF)
	e := errs.As(err)
	if errs.CodeOf(err) != errs.Internal || e.Code != errs.Internal || e.Detail != err.Error() {
		t.Errorf("%+v", e)
	}
	if !errors.Is(e, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
}

func TestCauseIsKept(t *testing.T) {
	err := errs.New(errs.Truncated, "model.onnx: %w", io.ErrUnexpectedEOF)
	if !errors.Is(err, io.ErrUnexpectedEOF) || err.Detail != "model.onnx: unexpected EOF" {
		t.Errorf("%+v", err)
	}
	if errors.Unwrap(errs.New(errs.Truncated, "short")) != nil {
		t.Error("a cause out of nowhere")
	}
}

// TestOutermostCodeWins: a refusal that wraps a refusal is of its own class.
func TestOutermostCodeWins(t *testing.T) {
	err := errs.New(errs.Damaged, "bundle: %w", refusal())
	if errs.CodeOf(err) != errs.Damaged {
		t.Errorf("code %s", errs.CodeOf(err))
	}
}

func TestMessage(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errs.New(errs.NotFound, "no model %q", "a"), `no model "a"`},
		{errs.New(errs.TooLarge, "9 layers").Accepts("at most 8"), "9 layers; accepted: at most 8"},
		{errs.New(errs.TooLarge, "9 layers").Do("use fewer"), "9 layers; use fewer"},
		{refusal(), "node 3; accepted: [gru]; use gru"},
	} {
		if c.err.Error() != c.want {
			t.Errorf("%q, want %q", c.err, c.want)
		}
	}
}

func TestJSON(t *testing.T) {
	b, err := json.Marshal(refusal())
	if want := `{"code":"unsupported_cell","detail":"node 3","node":"lstm_0","accepted":"[gru]","hint":"use gru"}`; err != nil || string(b) != want {
		t.Errorf("%s %v, want %s", b, err, want)
	}
	b, _ = json.Marshal(errs.New(errs.Busy, "queue is full"))
	if want := `{"code":"busy","detail":"queue is full"}`; string(b) != want {
		t.Errorf("%s, want %s", b, want)
	}
}
