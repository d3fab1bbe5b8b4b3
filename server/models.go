package server

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"rnnrep/exporter"
	"rnnrep/internal/safetensors"
	"rnnrep/rnn"
)

// withModel receives a request's body and answers with do, within the limits
// on requests, memory and time.
func (s *Server) withModel(w http.ResponseWriter, r *http.Request, kinds bodyKinds, do func(ctx context.Context, load func() (Upload, error)) error) error {
	if len(s.progress) == cap(s.progress) || !take(s.uploads) {
		return s.busy()
	}
	u, err := s.receiveTimed(w, r, kinds)
	if err != nil {
		return err
	}
	defer u.Close()
	if !take(s.progress) {
		return s.busy()
	}
	defer func() { <-s.progress }()
	ctx, cancel := context.WithTimeout(r.Context(), s.config.Timeout)
	defer cancel()
	size := u.size()
	if err := s.memory.Acquire(ctx, size); err != nil {
		return err
	}
	defer s.memory.Release(size)
	return do(ctx, func() (Upload, error) {
		defer u.Close()
		return u.load()
	})
}

// receiveTimed is receive with a token of uploads, which the caller has taken.
func (s *Server) receiveTimed(w http.ResponseWriter, r *http.Request, kinds bodyKinds) (*received, error) {
	defer func() { <-s.uploads }()
	start := time.Now()
	u, err := s.receive(w, r, kinds)
	s.span(r.Context(), "upload", start, time.Since(start), err)
	if err != nil {
		return nil, err
	}
	callOf(r).upload, callOf(r).received = time.Since(start), u.size()
	return u, nil
}

// take takes a token if there is one.
func take(tokens chan struct{}) bool {
	select {
	case tokens <- struct{}{}:
		return true
	default:
		return false
	}
}

// reading runs do when fewer models are being read than there are cores.
func (s *Server) reading(ctx context.Context, do func() error) error {
	start := time.Now()
	select {
	case s.readers <- struct{}{}:
		defer func() { <-s.readers }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c, started := ctx.Value(callKey{}).(*call), time.Now()
	s.span(ctx, "wait", start, started.Sub(start), nil)
	defer func() { c.queue, c.read = started.Sub(start), time.Since(started) }()
	return do()
}

// answer handles the routes that answer with JSON.
func (s *Server) answer(want Want) func(http.ResponseWriter, *http.Request, pathValues) error {
	return func(w http.ResponseWriter, r *http.Request, _ pathValues) error {
		bundle := r.URL.Query().Get("bundle")
		if bundle != "" {
			if _, err := s.service.find(bundle); err != nil {
				return err
			}
		}
		return s.withModel(w, r, modelKinds, func(ctx context.Context, load func() (Upload, error)) error {
			a, m, err := s.read(ctx, load)
			if err == nil && want != Inspect {
				a.Report = nil
				err = s.service.complete(ctx, &a, m, want, bundle)
			}
			if err != nil {
				return err
			}
			s.setTiming(w, r)
			return writeJSON(w, http.StatusOK, a)
		})
	}
}

// read loads and reads a model.
func (s *Server) read(ctx context.Context, load func() (Upload, error)) (a Answer, m *rnn.Model, err error) {
	err = s.reading(ctx, func() error {
		u, err := load()
		if err != nil {
			return err
		}
		a, m, err = s.describe(ctx, u)
		return err
	})
	return a, m, err
}

// describe is Service.describe, traced.
func (s *Server) describe(ctx context.Context, u Upload) (Answer, *rnn.Model, error) {
	start := time.Now()
	a, m, err := s.service.describe(u)
	took := time.Since(start)
	ctx = s.span(ctx, "import", start, took, err, attribute.String("rnnrepd.sha256", a.SHA256))
	if err == nil {
		s.span(ctx, "verify", start.Add(took-a.Report.Verifying), a.Report.Verifying, nil)
	}
	return a, m, err
}

// setTiming says where the time went, in milliseconds (Server-Timing).
func (s *Server) setTiming(w http.ResponseWriter, r *http.Request) {
	var b strings.Builder
	for i, d := range callOf(r).stages() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(stageNames[i] + ";dur=" + strconv.FormatFloat(milliseconds(d), 'f', 3, 64))
	}
	w.Header().Set("Server-Timing", b.String())
}

// recoverModel sends the exact weights back, as safetensors or ONNX.
func (s *Server) recoverModel(w http.ResponseWriter, r *http.Request, _ pathValues) error {
	format := r.URL.Query().Get("format")
	if format == "" {
		format = "safetensors"
	}
	return s.withModel(w, r, modelKinds, func(ctx context.Context, load func() (Upload, error)) error {
		_, m, err := s.read(ctx, load)
		if err != nil {
			return err
		}
		data, kind, err := encodeRNN(m, format)
		if err != nil {
			return err
		}
		s.setTiming(w, r)
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("Content-Length", strconv.Itoa(len(data)))
		h.Set("Content-Disposition", `attachment; filename="rnn.`+format+`"`)
		_, err = w.Write(data)
		return err
	})
}

// encodeRNN returns a model as a file of a format, with its media type.
func encodeRNN(m *rnn.Model, format string) (data []byte, kind string, err error) {
	var out bytes.Buffer
	if format == "onnx" {
		err = exporter.WriteRNN(&out, m)
		return out.Bytes(), "application/onnx", err
	}
	err = WriteSafetensors(&out, m)
	return out.Bytes(), "application/octet-stream", err
}

// WriteSafetensors writes an RNN's weights under PyTorch's names.
func WriteSafetensors(w *bytes.Buffer, m *rnn.Model) error {
	var tensors []safetensors.Tensor
	for _, slot := range m.Spec.Layout() {
		tensors = append(tensors, safetensors.Tensor{Name: slot.Name, Shape: slot.Shape, Data: m.Tensor(slot)})
	}
	spec, err := json.Marshal(m.Spec)
	if err != nil {
		return err
	}
	return safetensors.Write(w, tensors, map[string]string{"format": "pt", "spec": string(spec)})
}
