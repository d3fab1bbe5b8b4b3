// Package sandbox runs ONNX models that came from outside in ONNX Runtime: in a
// child process, which a crash ends instead of the program. The main type is
// Runner.
//
// The child is the program itself, started with one argument that leads it to
// Child. It has an empty working folder, no environment but what the library
// needs, one thread, limits on memory, processor time and files, and a deadline
// after which it is killed. Once the library is loaded it can open no file. The
// model and its inputs come through a pipe, and the outputs go back through
// another; they pass the same gate as any file, as the child may be under
// the model's control.
//
// It holds back accidents and the known attacks; it takes no rights from the
// child that the program's user has, other than by these limits.
//
// The package must not import anything of this module but internal/errs,
// internal/onnx and internal/ort.
package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/internal/ort"
)

// Limits of one run; a zero field takes its default.
type Limits struct {
	Memory  int64         // bytes of address space beyond what the child starts with; 1 GiB and 8 times the model
	Output  int64         // bytes that the child may answer with; 256 MiB
	Timeout time.Duration // 30 s, of the clock and of the processor
}

func (l Limits) withDefaults(model int) Limits {
	if l.Memory <= 0 {
		l.Memory = 1<<30 + 8*int64(model)
	}
	if l.Output <= 0 {
		l.Output = 256 << 20
	}
	if l.Timeout <= 0 {
		l.Timeout = 30 * time.Second
	}
	return l
}

// Runner runs models in child processes, one for each run.
type Runner struct {
	Program []string // of the child, with the arguments that lead it to Child
	Limits  Limits
}

// Available says why models cannot run: there is no ONNX Runtime, or the
// operating system cannot hold a process to limits. It does not load the library.
func (r *Runner) Available() error {
	if err := supported(); err != nil {
		return err
	}
	_, err := ort.Locate()
	return err
}

// Name is what runs the models.
func (r *Runner) Name() string { return "onnxruntime" }

// Run runs a self-contained model once and returns the outputs asked for. Inputs
// and outputs are float32 or int64. Errors are *errs.Error of the codes
// verification_incomplete if ONNX Runtime does not run the model, and
// verification_aborted if the child comes to no good end within its limits.
func (r *Runner) Run(ctx context.Context, model []byte, inputs map[string]*onnx.Tensor, outputs []string) (map[string]*onnx.Tensor, error) {
	library, err := ort.Locate()
	if err != nil {
		return nil, err
	}
	limits := r.Limits.withDefaults(len(model))
	folder, err := os.MkdirTemp("", "rnnrep-sandbox-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	if err := os.Chmod(folder, 0o500); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, limits.Timeout)
	defer cancel()
	c := exec.CommandContext(bounded, r.Program[0], r.Program[1:]...)
	c.Dir = folder
	c.Env = append(limits.environment(), ort.LibraryVariable+"="+library)
	c.Stdin = bytes.NewReader(request(model, inputs, outputs))
	c.WaitDelay = time.Second
	answer, said := &bounds{limit: limits.Output, stop: cancel}, &bounds{limit: 4 << 10}
	c.Stdout, c.Stderr = answer, said
	err = start(c)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case answer.over:
		return nil, aborted("ONNX Runtime's process answered with more than %d bytes", limits.Output)
	case bounded.Err() != nil:
		return nil, aborted("ONNX Runtime did not finish within %s", limits.Timeout)
	case err != nil:
		return nil, aborted("ONNX Runtime's process ended: %w%s", err, firstLine(string(said.data)))
	}
	return readAnswer(answer.data, outputs, limits)
}

// aborted is the refusal of a model that no answer came for.
func aborted(format string, args ...any) *errs.Error {
	return refusal(errs.VerificationAborted, format, args...)
}

func refusal(code errs.Code, format string, args ...any) *errs.Error {
	return errs.New(code, format, args...).Do("verify with the built-in evaluator, which is the default")
}

// firstLine is what a process said first, for a message.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if line == "" {
		return ""
	}
	return ": " + line
}

// bounds keeps what is written to it, limit bytes at most. Beyond it calls stop
// and fails, or, without stop, drops the rest.
type bounds struct {
	data  []byte
	limit int64
	over  bool
	stop  func()
}

func (b *bounds) Write(p []byte) (int, error) {
	room := b.limit - int64(len(b.data))
	b.data = append(b.data, p[:min(int64(len(p)), room)]...)
	if int64(len(p)) > room {
		b.over = true
		if b.stop != nil {
			b.stop()
			return 0, errors.New("too many bytes")
		}
	}
	return len(p), nil
}

// readAnswer decodes what the child wrote, and checks it.
func readAnswer(data []byte, outputs []string, l Limits) (map[string]*onnx.Tensor, error) {
	if len(data) == 0 {
		return nil, aborted("ONNX Runtime's process ended without an answer")
	}
	m, err := onnx.Parse(data, nil, onnx.Limits{Bytes: l.Output})
	if err != nil {
		return nil, aborted("ONNX Runtime's process answered with what is no answer: %w", err)
	}
	if text, failed := m.Metadata[errorKey]; failed {
		return nil, refusal(errs.VerificationIncomplete, "ONNX Runtime does not run the model: %s", text)
	}
	got := map[string]*onnx.Tensor{}
	for _, name := range outputs {
		if got[name] = m.Graph.Initializer(name); got[name] == nil {
			return nil, aborted("ONNX Runtime's process did not answer with %q", name)
		}
	}
	return got, nil
}

// environment holds what the child's limits need of it.
func (l Limits) environment() []string {
	return []string{
		fmt.Sprintf("%s=%d", memoryVariable, l.Memory),
		fmt.Sprintf("%s=%d", secondsVariable, int(l.Timeout/time.Second)+1),
		"GOMAXPROCS=1", "MALLOC_ARENA_MAX=1", // address space is what is limited
	}
}
