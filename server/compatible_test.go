package server_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http/httptest"
	"strconv"
	"testing"

	"rnnrep/rnn"
	"rnnrep/server"
)

type tensor struct {
	Name       string         `json:"name"`
	Shape      []int          `json:"shape"`
	Datatype   string         `json:"datatype"`
	Parameters map[string]any `json:"parameters,omitempty"`
	Data       []any          `json:"data,omitempty"`
}

type inference struct {
	ID         string         `json:"id,omitempty"`
	Parameters map[string]any `json:"parameters,omitempty"`
	Inputs     []tensor       `json:"inputs"`
	Outputs    []tensor       `json:"outputs,omitempty"`
}

// inferred is the answer to an inference, its outputs by name.
type inferred struct {
	ModelName    string   `json:"model_name"`
	ModelVersion string   `json:"model_version"`
	ID           string   `json:"id"`
	Outputs      []tensor `json:"outputs"`
}

func (i inferred) output(t *testing.T, name string) tensor {
	t.Helper()
	for _, o := range i.Outputs {
		if o.Name == name {
			return o
		}
	}
	t.Fatalf("no output %s in %+v", name, i)
	return tensor{}
}

func inJSON(models ...[]byte) tensor {
	in := tensor{Name: "model", Shape: []int{len(models)}, Datatype: "BYTES"}
	for _, m := range models {
		in.Data = append(in.Data, base64.StdEncoding.EncodeToString(m))
	}
	return in
}

func postJSON(t *testing.T, s *server.Server, path string, v any) *httptest.ResponseRecorder {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return request(s, "POST", path, "application/json", bytes.NewReader(body))
}

func decodeAs[T any](t *testing.T, data []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return v
}

// TestInference: models as tensors get what /v1/predict says of each.
func TestInference(t *testing.T) {
	s := newServer(t, nil)
	a, b := modelFile(t, trainedOn, 0), modelFile(t, trainedOn, 1)
	w := postJSON(t, s, "/v2/models/predict/versions/1/infer", inference{ID: "x7", Parameters: map[string]any{"bundle": probing}, Inputs: []tensor{inJSON(a, b)}})
	got := decodeAs[inferred](t, w.Body.Bytes())
	if w.Code != 200 || got.ModelName != "predict" || got.ModelVersion != "1" || got.ID != "x7" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	embedding := got.output(t, "embedding")
	if fmt.Sprint(embedding.Shape) != "[2 4]" || embedding.Datatype != "FP32" || len(embedding.Data) != 8 {
		t.Errorf("%+v", embedding)
	}
	for i, m := range [][]byte{a, b} {
		want := answerOf(t, post(s, "/v1/predict?bundle="+probing, m))
		for j, x := range want.Embedding {
			if d := embedding.Data[i*4+j].(float64) - float64(x); math.Abs(d) > 1e-5 {
				t.Errorf("model %d: embedding %v, want %v", i, embedding.Data, want.Embedding)
			}
		}
		if x := got.output(t, "accuracy").Data[i].(float64); math.Abs(x-want.Predictions.Accuracy.Value) > 1e-5 {
			t.Errorf("model %d: accuracy %v", i, x)
		}
		if x := got.output(t, "task").Data[i]; x != want.Predictions.Task.Value {
			t.Errorf("model %d: task %v", i, x)
		}
		whole := decodeAs[server.Answer](t, []byte(got.output(t, "answer").Data[i].(string)))
		if whole.SHA256 != want.SHA256 || whole.Bundle != probing {
			t.Errorf("model %d: %+v", i, whole)
		}
	}
	embed := decodeAs[inferred](t, postJSON(t, s, "/v2/models/embed/infer", inference{Inputs: []tensor{inJSON(a)}, Outputs: []tensor{{Name: "embedding"}}}).Body.Bytes())
	if len(embed.Outputs) != 1 {
		t.Errorf("outputs that nobody asked for: %+v", embed)
	}
}

// TestBinaryInference: tensors attached to the JSON, both ways.
func TestBinaryInference(t *testing.T) {
	s := newServer(t, nil)
	model := modelFile(t, trainedOn, 0)
	attached := append(binary.LittleEndian.AppendUint32(nil, uint32(len(model))), model...)
	q := inference{Inputs: []tensor{{Name: "model", Shape: []int{1}, Datatype: "BYTES", Parameters: map[string]any{"binary_data_size": len(attached)}}},
		Outputs: []tensor{{Name: "embedding", Parameters: map[string]any{"binary_data": true}}, {Name: "accuracy"}, {Name: "bundle", Parameters: map[string]any{"binary_data": true}}}}
	head, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	send := func(head, attached []byte, length string) *httptest.ResponseRecorder {
		r := newRequest("POST", "/v2/models/predict/infer", append(bytes.Clone(head), attached...))
		r.Header.Set("Inference-Header-Content-Length", length)
		return serve(s, r)
	}
	w := send(head, attached, strconv.Itoa(len(head)))
	n, err := strconv.Atoi(w.Header().Get("Inference-Header-Content-Length"))
	if w.Code != 200 || err != nil {
		t.Fatalf("%d %v %s", w.Code, err, w.Body)
	}
	got, raw := decodeAs[inferred](t, w.Body.Bytes()[:n]), w.Body.Bytes()[n:]
	want := answerOf(t, post(s, "/v1/embed", model))
	for _, x := range want.Embedding {
		if math.Float32frombits(binary.LittleEndian.Uint32(raw)) != x {
			t.Fatalf("embedding differs from %v", want.Embedding)
		}
		raw = raw[4:]
	}
	if k := binary.LittleEndian.Uint32(raw); string(raw[4:]) != want.Bundle || int(k) != len(want.Bundle) {
		t.Errorf("bundle %q", raw)
	}
	if got.output(t, "embedding").Parameters["binary_data_size"] != 16.0 || got.output(t, "accuracy").Data == nil {
		t.Errorf("%+v", got)
	}
	for name, c := range map[string]struct {
		head, attached []byte
		length         string
	}{
		"length of nothing":  {head, attached, "x"},
		"negative length":    {head, attached, "-1"},
		"beyond the body":    {head, attached, strconv.Itoa(len(head) + len(attached) + 1)},
		"into the tensors":   {head, attached, strconv.Itoa(len(head) + 10)},
		"short tensor":       {head, attached[:len(attached)-1], strconv.Itoa(len(head))},
		"element too long":   {bytes.Replace(head, []byte(strconv.Itoa(len(attached))), []byte("8"), 1), []byte{255, 255, 255, 255, 0, 0, 0, 0}, strconv.Itoa(len(head) - len(strconv.Itoa(len(attached))) + 1)},
		"no elements at all": {bytes.Replace(head, []byte(strconv.Itoa(len(attached))), []byte("0"), 1), nil, strconv.Itoa(len(head) - len(strconv.Itoa(len(attached))) + 1)},
	} {
		if w := send(c.head, c.attached, c.length); w.Code != 400 || decodeAs[map[string]string](t, w.Body.Bytes())["error"] == "" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// TestInferenceErrors are in the protocol's shape, routes that do not exist
// included.
func TestInferenceErrors(t *testing.T) {
	s := newServer(t, nil)
	good := modelFile(t, trainedOn, 0)
	other := modelFile(t, rnn.Uniform("gru", 3, 4, 1, 2), 0)
	for name, c := range map[string]struct {
		method, path string
		body         any
		status       int
		says         string
	}{
		"no model":          {"GET", "/v2/models/none", nil, 404, "embed and predict"},
		"no version":        {"POST", "/v2/models/embed/versions/2/infer", inference{Inputs: []tensor{inJSON(good)}}, 404, "version"},
		"no route":          {"GET", "/v2/nowhere", nil, 404, "nowhere"},
		"wrong method":      {"GET", "/v2/models/embed/infer", nil, 405, ""},
		"no inputs":         {"POST", "/v2/models/embed/infer", inference{}, 400, "0 inputs"},
		"not JSON":          {"POST", "/v2/models/embed/infer", json.RawMessage(`"x"`), 400, "protocol"},
		"wrong input":       {"POST", "/v2/models/embed/infer", inference{Inputs: []tensor{{Name: "x", Datatype: "FP32", Shape: []int{1}}}}, 400, "BYTES"},
		"wrong shape":       {"POST", "/v2/models/embed/infer", inference{Inputs: []tensor{{Name: "model", Datatype: "BYTES", Shape: []int{1 << 40, 1 << 40}, Data: []any{"eA=="}}}}, 400, "shape"},
		"not base64":        {"POST", "/v2/models/embed/infer", inference{Inputs: []tensor{{Name: "model", Datatype: "BYTES", Shape: []int{1}, Data: []any{"!"}}}}, 400, "base64"},
		"not ONNX":          {"POST", "/v2/models/embed/infer", inference{Inputs: []tensor{inJSON([]byte("text"))}}, 422, "not_onnx"},
		"one of two":        {"POST", "/v2/models/embed/infer", inference{Inputs: []tensor{inJSON(good, []byte("text"))}}, 422, "model 1: "},
		"unknown output":    {"POST", "/v2/models/embed/infer", inference{Inputs: []tensor{inJSON(good)}, Outputs: []tensor{{Name: "accuracy"}}}, 400, "accuracy"},
		"unknown bundle":    {"POST", "/v2/models/embed/infer", inference{Parameters: map[string]any{"bundle": "x/y"}, Inputs: []tensor{inJSON(good)}}, 404, "unknown_bundle"},
		"refused by bundle": {"POST", "/v2/models/embed/infer", inference{Parameters: map[string]any{"bundle": probing}, Inputs: []tensor{inJSON(other)}}, 422, "spec_not_accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := json.Marshal(c.body)
			if err != nil {
				t.Fatal(err)
			}
			w := request(s, c.method, c.path, "application/json", bytes.NewReader(body))
			e := decodeAs[map[string]string](t, w.Body.Bytes())
			if w.Code != c.status || len(e) != 1 || !contains(e["error"], c.says) || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestInferenceMetadata(t *testing.T) {
	s := newServer(t, nil)
	for path, want := range map[string]string{
		"/v2":                    `{"name":"rnnrepd","version":"test","extensions":["binary_tensor_data"]}`,
		"/v2/health/live":        `{"live":true}`,
		"/v2/health/ready":       `{"ready":true}`,
		"/v2/models/embed/ready": `{"name":"embed","ready":true}`,
		"/v2/models/embed":       `{"name":"embed","versions":["1"],"platform":"rnnrep","inputs":[{"name":"model","datatype":"BYTES","shape":[-1]}],"outputs":[{"name":"embedding","datatype":"FP32","shape":[-1,-1]},{"name":"bundle","datatype":"BYTES","shape":[-1]},{"name":"answer","datatype":"BYTES","shape":[-1]}]}`,
		"/v1/models/" + probing:  `{"id":"test/interactive_probing","object":"model","created":0,"owned_by":"rnnrepd"}`,
		"/v1/models":             `{"object":"list","data":[{"id":"auto","object":"model","created":0,"owned_by":"rnnrepd"},{"id":"test/layerwise_statistics","object":"model","created":0,"owned_by":"rnnrepd"},{"id":"test/interactive_probing","object":"model","created":0,"owned_by":"rnnrepd"}]}`,
	} {
		if w := request(s, "GET", path, "", nil); w.Code != 200 || w.Body.String() != want+"\n" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// TestOpenAIEmbeddings: one or several models, as numbers or base64.
func TestOpenAIEmbeddings(t *testing.T) {
	s := newServer(t, nil)
	model := modelFile(t, trainedOn, 0)
	text := base64.StdEncoding.EncodeToString(model)
	want := answerOf(t, post(s, "/v1/embed?bundle="+statistics, model))
	type response struct {
		Object, Model string
		Data          []struct {
			Object    string
			Index     int
			Embedding json.RawMessage
		}
	}
	for name, input := range map[string]any{"one": text, "list": []string{text, text}, "data URL": "data:application/onnx;base64," + text} {
		for _, format := range []string{"", "float", "base64"} {
			w := postJSON(t, s, "/v1/embeddings", map[string]any{"model": statistics, "input": input, "encoding_format": format, "dimensions": 4})
			got := decodeAs[response](t, w.Body.Bytes())
			if w.Code != 200 || got.Object != "list" || got.Model != statistics || len(got.Data) == 0 {
				t.Fatalf("%s %s: %d %s", name, format, w.Code, w.Body)
			}
			for i, d := range got.Data {
				embedding := decodeEmbedding(t, d.Embedding, format)
				for j, x := range want.Embedding {
					if math.Abs(float64(embedding[j]-x)) > 1e-5 || d.Index != i || d.Object != "embedding" {
						t.Errorf("%s %s: %v, want %v", name, format, embedding, want.Embedding)
					}
				}
			}
		}
	}
	for name, c := range map[string]struct {
		body   any
		status int
		says   string
	}{
		"no input":       {map[string]any{"model": "auto"}, 400, "input"},
		"empty list":     {map[string]any{"model": "auto", "input": []string{}}, 400, "input"},
		"tokens":         {map[string]any{"model": "auto", "input": []int{1, 2}}, 400, "base64"},
		"not base64":     {map[string]any{"model": "auto", "input": "hello world"}, 400, "base64"},
		"unknown model":  {map[string]any{"model": "gpt", "input": text}, 404, statistics},
		"wrong format":   {map[string]any{"input": text, "encoding_format": "int8"}, 400, "base64"},
		"wrong dims":     {map[string]any{"input": text, "dimensions": 7}, 400, "4"},
		"no ONNX inside": {map[string]any{"input": "eHl6"}, 422, "not an ONNX"},
	} {
		w := postJSON(t, s, "/v1/embeddings", c.body)
		var e struct {
			Error struct{ Message, Type, Code string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code != c.status || !contains(e.Error.Message, c.says) || e.Error.Type != "invalid_request_error" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func decodeEmbedding(t *testing.T, text json.RawMessage, format string) (v []float32) {
	t.Helper()
	if format != "base64" {
		return decodeAs[[]float32](t, text)
	}
	raw, err := base64.StdEncoding.DecodeString(decodeAs[string](t, text))
	if err != nil {
		t.Fatal(err)
	}
	for ; len(raw) > 0; raw = raw[4:] {
		v = append(v, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
	}
	return v
}
