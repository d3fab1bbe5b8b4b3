package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"rnnrep/internal/errs"
)

// The embeddings API of OpenAI, so that its SDKs work: input is one ONNX file in
// base64 (or a data: URL), or a list of them; model is a bundle or "auto".

// autoModel leaves the bundle to the server.
const autoModel = "auto"

func (s *Server) openAIRoutes() []route {
	return []route{
		{method: "POST", path: "/v1/embeddings", summary: "Embeddings in OpenAI's shape", scope: scopePredict,
			body: &content{value: embeddingsRequest{}}, answer: content{value: embeddingsResponse{}}, handle: s.embeddings},
		{method: "GET", path: "/v1/models", summary: "The bundles in OpenAI's shape", scope: scopeRead, answer: content{value: modelList{}}, handle: s.listModels},
		{method: "GET", path: "/v1/models/{family}/{encoder}", summary: "One bundle in OpenAI's shape", scope: scopeRead, answer: content{value: modelEntry{}}, handle: s.showModel},
	}
}

type embeddingsRequest struct {
	Input          json.RawMessage `json:"input"`
	Model          string          `json:"model"`
	EncodingFormat string          `json:"encoding_format,omitempty"`
	Dimensions     int             `json:"dimensions,omitempty"`
	User           string          `json:"user,omitempty"`
}

type embeddingsResponse struct {
	Object string           `json:"object"`
	Data   []embeddingEntry `json:"data"`
	Model  string           `json:"model"`
	Usage  embeddingsUsage  `json:"usage"`
}

type embeddingEntry struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"` // []float32, or base64 of little-endian float32
}

// embeddingsUsage counts models: there are no tokens.
type embeddingsUsage struct {
	PromptTokens int `json:"prompt_tokens"`
	TotalTokens  int `json:"total_tokens"`
}

type modelList struct {
	Object string       `json:"object"`
	Data   []modelEntry `json:"data"`
}

type modelEntry struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

type openAIError struct {
	Error openAIErrorBody `json:"error"`
}

type openAIErrorBody struct {
	Message string    `json:"message"`
	Type    string    `json:"type"`
	Param   any       `json:"param"` // always null
	Code    errs.Code `json:"code"`
}

// writeOpenAIError is an error in OpenAI's shape.
func writeOpenAIError(w http.ResponseWriter, e *errs.Error) {
	status := statusOf(e.Code)
	kind := "invalid_request_error"
	if status >= http.StatusInternalServerError {
		kind = "server_error"
	}
	_ = writeJSON(w, status, openAIError{openAIErrorBody{Message: e.Error(), Type: kind, Code: e.Code}})
}

// embeddings answers POST /v1/embeddings.
func (s *Server) embeddings(w http.ResponseWriter, r *http.Request, _ pathValues) error {
	return s.withModel(w, r, jsonKinds, func(ctx context.Context, load func() (Upload, error)) error {
		var q embeddingsRequest
		bundle := ""
		answers, err := s.answerSeveral(ctx, func() ([]Upload, error) {
			u, err := load()
			if err != nil {
				return nil, err
			}
			uploads, err := q.read(u.Data)
			if bundle = q.Model; bundle == autoModel {
				bundle = ""
			}
			return uploads, err
		}, Embed, &bundle)
		if err != nil {
			return err
		}
		out := embeddingsResponse{Object: "list", Model: answers[0].Bundle, Usage: embeddingsUsage{len(answers), len(answers)}}
		for i, a := range answers {
			if q.Dimensions != 0 && q.Dimensions != len(a.Embedding) {
				return errs.New(errs.BadRequest, "dimensions is %d", q.Dimensions).Accepts("%d, or none", len(a.Embedding))
			}
			e := embeddingEntry{Object: "embedding", Index: i, Embedding: a.Embedding}
			if q.EncodingFormat == "base64" {
				e.Embedding = base64.StdEncoding.EncodeToString(binaryTensor([]any{a.Embedding}))
			}
			out.Data = append(out.Data, e)
		}
		s.setTiming(w, r)
		return writeJSON(w, http.StatusOK, out)
	})
}

// read decodes a request and returns the models in it.
func (q *embeddingsRequest) read(body []byte) (uploads []Upload, err error) {
	if err := json.Unmarshal(body, q); err != nil {
		return nil, errs.New(errs.BadRequest, "the request is not that of the embeddings API: %w", err).Accepts(`{"model": "auto", "input": "BASE64"}`)
	}
	if q.EncodingFormat != "" && q.EncodingFormat != "float" && q.EncodingFormat != "base64" {
		return nil, errs.New(errs.BadRequest, "encoding_format is %q", q.EncodingFormat).Accepts("float or base64")
	}
	var inputs []string
	var one string
	if json.Unmarshal(q.Input, &one) == nil {
		inputs = []string{one}
	} else if json.Unmarshal(q.Input, &inputs) != nil || len(inputs) == 0 || len(inputs) > maxSeveral {
		return nil, errs.New(errs.BadRequest, "input is no text and no list of texts").Accepts("one ONNX file in base64, or a list of up to %d", maxSeveral)
	}
	for i, text := range inputs {
		if _, data, ok := strings.Cut(text, ";base64,"); ok && strings.HasPrefix(text, "data:") {
			text = data
		}
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errs.New(errs.BadRequest, "input %d: %w", i, err).Accepts("an ONNX file in base64")
		}
		uploads = append(uploads, Upload{Data: data})
	}
	return uploads, nil
}

func entryOf(name string) modelEntry {
	return modelEntry{ID: name, Object: "model", OwnedBy: "rnnrepd"}
}

func (s *Server) listModels(w http.ResponseWriter, _ *http.Request, _ pathValues) error {
	l := modelList{Object: "list", Data: []modelEntry{entryOf(autoModel)}}
	for _, b := range s.service.Bundles() {
		l.Data = append(l.Data, entryOf(b.Name()))
	}
	return writeJSON(w, http.StatusOK, l)
}

func (s *Server) showModel(w http.ResponseWriter, _ *http.Request, path pathValues) error {
	b, err := s.service.Bundle(path("family") + "/" + path("encoder"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, entryOf(b.Name()))
}
