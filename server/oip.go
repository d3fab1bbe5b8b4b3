package server

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"rnnrep/internal/errs"
)

// The Open Inference Protocol, version 2, as KServe, Triton and MLServer speak
// it, with Triton's binary tensor extension. The models "embed" and "predict"
// take ONNX files as the BYTES tensor "model" [n]; in JSON they are base64.

const (
	inferenceHeader  = "Inference-Header-Content-Length"
	modelInput       = "model"
	bundleParameter  = "bundle"
	binaryParameter  = "binary_data"
	allBinary        = "binary_data_output"
	maxInferenceHead = 1 << 20 // of the JSON where tensors are attached
)

// inferenceModels are the models and how much of an answer they give.
var inferenceModels = map[string]Want{"embed": Embed, "predict": Predict}

func (s *Server) openInference() []route {
	var routes []route
	add := func(method, path, summary string, needs scope, body *content, answer any, handle func(http.ResponseWriter, *http.Request, pathValues) error) {
		routes = append(routes, route{method: method, path: path, summary: summary, scope: needs, body: body, answer: content{value: answer}, handle: handle})
	}
	add("GET", "/v2", "The server, in the Open Inference Protocol", "", nil, inferenceServer{}, s.inferenceServer)
	add("GET", "/v2/health/live", "Whether the process answers at all", "", nil, inferenceHealth{}, s.inferenceLive)
	add("GET", "/v2/health/ready", "Whether requests should be sent here", "", nil, inferenceHealth{}, s.inferenceReady)
	add("POST", "/v2/repository/index", "The models", scopeRead, nil, []inferenceState{}, s.inferenceIndex)
	for _, model := range []string{"/v2/models/{model}", "/v2/models/{model}/versions/{version}"} {
		add("GET", model, "A model's tensors", scopeRead, nil, inferenceModel{}, inferenceMetadata)
		add("GET", model+"/ready", "Whether a model answers", "", nil, inferenceModelReady{}, s.inferenceModelReady)
		add("POST", model+"/infer", "Answers for models given as tensors", scopePredict, &content{value: inferenceRequest{}}, inferenceResponse{}, s.infer)
	}
	return routes
}

type inferenceServer struct {
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Extensions []string `json:"extensions"`
}

type inferenceHealth struct {
	Live  bool `json:"live,omitempty"`
	Ready bool `json:"ready,omitempty"`
}

type inferenceState struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	State   string `json:"state"`
}

type inferenceModelReady struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
}

type inferenceModel struct {
	Name     string            `json:"name"`
	Versions []string          `json:"versions"`
	Platform string            `json:"platform"`
	Inputs   []tensorSignature `json:"inputs"`
	Outputs  []tensorSignature `json:"outputs"`
}

type tensorSignature struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
}

const inferenceVersion = "1"

type inferenceError struct {
	Error string `json:"error"`
}

// writeInferenceError is an error in the protocol's shape.
func writeInferenceError(w http.ResponseWriter, e *errs.Error) {
	_ = writeJSON(w, statusOf(e.Code), inferenceError{string(e.Code) + ": " + e.Error()})
}

func (s *Server) inferenceServer(w http.ResponseWriter, _ *http.Request, _ pathValues) error {
	return writeJSON(w, http.StatusOK, inferenceServer{"rnnrepd", s.config.Version, []string{"binary_tensor_data"}})
}

func (s *Server) inferenceLive(w http.ResponseWriter, _ *http.Request, _ pathValues) error {
	return writeJSON(w, http.StatusOK, inferenceHealth{Live: true})
}

func (s *Server) inferenceReady(w http.ResponseWriter, _ *http.Request, _ pathValues) error {
	if s.leaving.Load() {
		return errDraining
	}
	return writeJSON(w, http.StatusOK, inferenceHealth{Ready: true})
}

func (s *Server) inferenceIndex(w http.ResponseWriter, _ *http.Request, _ pathValues) error {
	return writeJSON(w, http.StatusOK, []inferenceState{{"embed", inferenceVersion, "READY"}, {"predict", inferenceVersion, "READY"}})
}

// inferenceWant looks a path's model up.
func inferenceWant(path pathValues) (Want, error) {
	want, ok := inferenceModels[path("model")]
	if v := path("version"); !ok || v != "" && v != inferenceVersion {
		return 0, errs.New(errs.NotFound, "there is no model %q of version %q", path("model"), v).Accepts("embed and predict, version %s", inferenceVersion)
	}
	return want, nil
}

func (s *Server) inferenceModelReady(w http.ResponseWriter, _ *http.Request, path pathValues) error {
	if _, err := inferenceWant(path); err != nil {
		return err
	}
	if s.leaving.Load() {
		return errDraining
	}
	return writeJSON(w, http.StatusOK, inferenceModelReady{path("model"), true})
}

func inferenceMetadata(w http.ResponseWriter, _ *http.Request, path pathValues) error {
	want, err := inferenceWant(path)
	if err != nil {
		return err
	}
	m := inferenceModel{Name: path("model"), Versions: []string{inferenceVersion}, Platform: "rnnrep",
		Inputs: []tensorSignature{{modelInput, "BYTES", []int{-1}}}}
	for _, o := range inferenceOutputs {
		if want >= o.from {
			m.Outputs = append(m.Outputs, tensorSignature{o.name, o.datatype, o.shape})
		}
	}
	return writeJSON(w, http.StatusOK, m)
}

// inferenceOutputs are the outputs of the models, and from how much of an
// answer on there is each.
var inferenceOutputs = []struct {
	name, datatype string
	shape          []int
	from           Want
	values         func(a Answer) any // []float32, or string
}{
	{"embedding", "FP32", []int{-1, -1}, Embed, func(a Answer) any { return a.Embedding }},
	{"bundle", "BYTES", []int{-1}, Embed, func(a Answer) any { return a.Bundle }},
	{"accuracy", "FP32", []int{-1}, Predict, func(a Answer) any { return []float32{float32(a.Predictions.Accuracy.Value)} }},
	{"generalization_gap", "FP32", []int{-1}, Predict, func(a Answer) any { return []float32{float32(a.Predictions.GeneralizationGap.Value)} }},
	{"training_stage", "FP32", []int{-1}, Predict, func(a Answer) any { return []float32{float32(a.Predictions.TrainingStage.Value)} }},
	{"task", "BYTES", []int{-1}, Predict, func(a Answer) any { return a.Predictions.Task.Value }},
	{"answer", "BYTES", []int{-1}, Embed, func(a Answer) any { text, _ := json.Marshal(a); return string(text) }},
}

type inferenceRequest struct {
	ID         string            `json:"id,omitempty"`
	Parameters map[string]any    `json:"parameters,omitempty"`
	Inputs     []inferenceTensor `json:"inputs"`
	Outputs    []inferenceTensor `json:"outputs,omitempty"`
}

type inferenceTensor struct {
	Name       string          `json:"name"`
	Shape      []int           `json:"shape,omitempty"`
	Datatype   string          `json:"datatype,omitempty"`
	Parameters map[string]any  `json:"parameters,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
}

type inferenceResponse struct {
	ModelName    string            `json:"model_name"`
	ModelVersion string            `json:"model_version"`
	ID           string            `json:"id,omitempty"`
	Outputs      []inferenceTensor `json:"outputs"`
}

// infer answers POST .../infer.
func (s *Server) infer(w http.ResponseWriter, r *http.Request, path pathValues) error {
	want, err := inferenceWant(path)
	if err != nil {
		return err
	}
	return s.withModel(w, r, jsonKinds, func(ctx context.Context, load func() (Upload, error)) error {
		var request inferenceRequest
		bundle := ""
		answers, err := s.answerSeveral(ctx, func() ([]Upload, error) {
			u, err := load()
			if err != nil {
				return nil, err
			}
			uploads, err := request.read(u.Data, r.Header.Get(inferenceHeader))
			bundle, _ = request.Parameters[bundleParameter].(string)
			return uploads, err
		}, want, &bundle)
		if err != nil {
			return err
		}
		out := inferenceResponse{ModelName: path("model"), ModelVersion: inferenceVersion, ID: request.ID}
		attached, err := out.fill(request, answers, want)
		if err != nil {
			return err
		}
		s.setTiming(w, r)
		return writeInference(w, out, attached)
	})
}

// read decodes a request, whose JSON is the whole body or its first head bytes,
// and returns the models in it.
func (q *inferenceRequest) read(body []byte, head string) ([]Upload, error) {
	attached := []byte(nil)
	if head != "" {
		n, err := strconv.Atoi(head)
		if err != nil || n < 0 || n > len(body) || n > maxInferenceHead {
			return nil, errs.New(errs.BadRequest, "%s is %q, the body has %d bytes", inferenceHeader, head, len(body)).Accepts("the length of the JSON before the tensors, up to %d", maxInferenceHead)
		}
		body, attached = body[:n], body[n:]
	}
	if err := json.Unmarshal(body, q); err != nil {
		return nil, errs.New(errs.BadRequest, "the request is not that of the protocol: %w", err).Accepts("JSON with inputs; where tensors are attached, %s", inferenceHeader)
	}
	if len(q.Inputs) != 1 || q.Inputs[0].Name != modelInput || q.Inputs[0].Datatype != "BYTES" {
		return nil, errs.New(errs.BadRequest, "the request has %d inputs", len(q.Inputs)).Accepts("one, %q of datatype BYTES", modelInput)
	}
	models, err := q.Inputs[0].files(attached)
	if err != nil {
		return nil, err
	}
	if n := product(q.Inputs[0].Shape); n != len(models) || n == 0 || n > maxSeveral {
		return nil, errs.New(errs.BadRequest, "input %q has shape %v and %d elements", modelInput, q.Inputs[0].Shape, len(models)).Accepts("1 to %d models", maxSeveral)
	}
	return models, nil
}

// files are a BYTES tensor's elements.
func (t *inferenceTensor) files(attached []byte) (files []Upload, err error) {
	size, isAttached := t.Parameters["binary_data_size"].(float64)
	if !isAttached {
		var texts []string
		if err := json.Unmarshal(t.Data, &texts); err != nil {
			return nil, errs.New(errs.BadRequest, "the data of input %q is no list of strings", t.Name).Accepts("ONNX files in base64")
		}
		for _, text := range texts {
			data, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return nil, errs.New(errs.BadRequest, "the data of input %q: %w", t.Name, err).Accepts("ONNX files in base64, or as attached tensors")
			}
			files = append(files, Upload{Data: data})
		}
		return files, nil
	}
	if int(size) != len(attached) {
		return nil, errs.New(errs.BadRequest, "input %q has binary_data_size %v, but %d bytes are attached", t.Name, size, len(attached))
	}
	for len(attached) > 0 {
		if len(attached) < 4 || uint64(binary.LittleEndian.Uint32(attached)) > uint64(len(attached)-4) {
			return nil, errs.New(errs.BadRequest, "the bytes of input %q end within an element", t.Name).Accepts("elements of four bytes of length, little-endian, and as many bytes")
		}
		n := int(binary.LittleEndian.Uint32(attached))
		files, attached = append(files, Upload{Data: attached[4 : 4+n]}), attached[4+n:]
	}
	return files, nil
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		if d < 0 || d > math.MaxInt32 {
			return -1
		}
		n *= d
		if n > math.MaxInt32 {
			return -1
		}
	}
	return n
}

// fill adds the outputs that the request asks for, all if it names none, and
// returns the tensors that go behind the JSON.
func (o *inferenceResponse) fill(q inferenceRequest, answers []Answer, want Want) (attached []byte, err error) {
	everything, _ := q.Parameters[allBinary].(bool)
	asked := map[string]inferenceTensor{}
	for _, t := range q.Outputs {
		asked[t.Name] = t
	}
	for _, def := range inferenceOutputs {
		t, named := asked[def.name]
		if want < def.from || len(q.Outputs) > 0 && !named {
			continue
		}
		delete(asked, def.name)
		values := make([]any, len(answers))
		for i, a := range answers {
			values[i] = def.values(a)
		}
		out := inferenceTensor{Name: def.name, Datatype: def.datatype, Shape: []int{len(answers)}}
		if len(def.shape) > 1 {
			out.Shape = append(out.Shape, len(answers[0].Embedding))
		}
		inBinary, says := t.Parameters[binaryParameter].(bool)
		if inBinary || !says && everything {
			raw := binaryTensor(values)
			out.Parameters = map[string]any{"binary_data_size": len(raw)}
			attached = append(attached, raw...)
		} else if out.Data, err = json.Marshal(flat(values)); err != nil {
			return nil, err
		}
		o.Outputs = append(o.Outputs, out)
	}
	for name := range asked {
		return nil, errs.New(errs.BadRequest, "model %q has no output %q", o.ModelName, name)
	}
	return attached, sameDimension(answers)
}

// sameDimension refuses models whose embeddings make no tensor together.
func sameDimension(answers []Answer) error {
	for _, a := range answers {
		if len(a.Embedding) != len(answers[0].Embedding) {
			return errs.New(errs.BadRequest, "bundles %s and %s embed in %d and %d dimensions", answers[0].Bundle, a.Bundle, len(answers[0].Embedding), len(a.Embedding)).
				Do("name one bundle in the parameter %q, or send the models apart", bundleParameter)
		}
	}
	return nil
}

// flat is a tensor's data in row-major order.
func flat(values []any) (data []any) {
	for _, v := range values {
		if numbers, ok := v.([]float32); ok {
			for _, x := range numbers {
				data = append(data, x)
			}
			continue
		}
		data = append(data, v)
	}
	return data
}

// binaryTensor is a tensor in the binary extension: FP32 little-endian, BYTES
// with their lengths.
func binaryTensor(values []any) (raw []byte) {
	for _, v := range values {
		switch v := v.(type) {
		case []float32:
			for _, x := range v {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
			}
		case string:
			raw = binary.LittleEndian.AppendUint32(raw, uint32(len(v)))
			raw = append(raw, v...)
		}
	}
	return raw
}

func writeInference(w http.ResponseWriter, out inferenceResponse, attached []byte) error {
	if attached == nil {
		return writeJSON(w, http.StatusOK, out)
	}
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set(inferenceHeader, fmt.Sprint(len(text)))
	h.Set("Content-Length", fmt.Sprint(len(text)+len(attached)))
	_, err = w.Write(append(text, attached...))
	return err
}
