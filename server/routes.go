package server

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"rnnrep/encoders"
	"rnnrep/internal/errs"
	"rnnrep/server/web"
)

// route is one of the server's routes: what handles it and what the OpenAPI
// document says of it.
type route struct {
	method, path string // path parameters in braces
	summary      string
	scope        scope   // that an API key must have; "": none is needed
	queries      []query // parameters accepted
	body         *content
	answer       content
	hidden       bool // from the OpenAPI document
	handle       func(w http.ResponseWriter, r *http.Request, path pathValues) error
}

// query is a query parameter.
type query struct {
	name, meaning string
	values        []string // nil: any
}

// content is the body of a request or an answer: JSON of a Go type, or bytes, of
// a media type; for JSON that may be left out.
type content struct {
	value any
	media []string
}

// pathValues returns a path's parameter by name.
type pathValues func(name string) string

var (
	modelBody   = &content{media: modelKinds.media}
	bundleQuery = query{"bundle", "bundle to ask; without it the best that accepts the RNN", nil}
)

// routes lists all of them.
func (s *Server) routes() []route {
	text := content{media: []string{"text/plain"}}
	onnx := content{media: []string{"application/onnx"}}
	return slices.Concat([]route{
		{method: "POST", path: "/v1/predict", scope: scopePredict, queries: []query{bundleQuery}, body: modelBody,
			summary: "Embedding and predictions of a model", answer: content{value: Answer{}}, handle: s.answer(Predict)},
		{method: "POST", path: "/v1/embed", scope: scopePredict, queries: []query{bundleQuery}, body: modelBody,
			summary: "Embedding of a model", answer: content{value: Answer{}}, handle: s.answer(Embed)},
		{method: "POST", path: "/v1/inspect", scope: scopePredict, body: modelBody,
			summary: "The recurrent structure of a model, how it was found and how far verified", answer: content{value: Answer{}}, handle: s.answer(Inspect)},
		{method: "POST", path: "/v1/recover", scope: scopePredict, queries: []query{{"format", "format of the answer", []string{"safetensors", "onnx"}}}, body: modelBody,
			summary: "The exact weights of a model, under PyTorch's names", answer: content{media: []string{"application/octet-stream", "application/onnx"}}, handle: s.recoverModel},
		{method: "GET", path: "/v1/bundles", scope: scopeRead,
			summary: "The trained bundles at hand", answer: content{value: BundleList{}}, handle: s.listBundles},
		{method: "GET", path: "/v1/bundles/{family}/{encoder}", scope: scopeRead,
			summary: "One bundle", answer: content{value: encoders.BundleInfo{}}, handle: s.showBundle},
		{method: "GET", path: "/v1/bundles/{family}/{encoder}/encoder.onnx", scope: scopeRead,
			summary: "A bundle's encoder and predictors as ONNX", answer: onnx, handle: s.exportBundle},
		{method: "GET", path: "/v1/bundles/{family}/{encoder}/map", scope: scopeRead,
			summary: "A bundle's reference population on a plane, and how to place an embedding there", answer: content{value: web.Map{}}, handle: s.showMap},
		{method: "GET", path: "/openapi.json", summary: "This document", answer: content{value: json.RawMessage{}}, handle: s.showOpenAPI},
		{method: "GET", path: "/docs", summary: "The same for people", answer: content{media: []string{"text/html"}}, handle: s.showDocs},
	}, s.health(text), s.openInference(), s.openAIRoutes(), page())
}

// health lists the routes about the server itself.
func (s *Server) health(text content) []route {
	return []route{
		{method: "GET", path: "/livez", summary: "Whether the process answers at all", answer: text, handle: s.live},
		{method: "GET", path: "/readyz", summary: "Whether requests should be sent here", answer: content{value: readiness{}}, handle: s.ready},
		{method: "GET", path: "/version", summary: "The program", answer: content{value: Version{}}, handle: s.showVersion},
		{method: "GET", path: "/metrics", summary: "Metrics in Prometheus' text format", answer: text, handle: s.showMetrics},
	}
}

// pathsOf lists the routes of the API, for those who are lost.
func pathsOf(routes []route) string {
	var paths []string
	for _, r := range routes {
		if strings.HasPrefix(r.path, "/v1/") {
			paths = append(paths, r.method+" "+r.path)
		}
	}
	return strings.Join(paths, ", ")
}

// colons writes a path as echo wants it.
var colons = strings.NewReplacer("{", ":", "}", "")

// router sends requests to the routes, by way of the checks that all share.
func (s *Server) router(routes []route) http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) { s.fail(c.Response(), c.Request(), err) }
	for _, r := range routes {
		handle := func(c echo.Context) error {
			callOf(c.Request()).route = r.path
			if err := s.keys.allow(c.Response(), c.Request(), r.scope); err != nil {
				return err
			}
			if err := checkQuery(c.QueryParams(), r.queries); err != nil {
				return err
			}
			return r.handle(c.Response(), c.Request(), c.Param)
		}
		e.Add(r.method, colons.Replace(r.path), handle)
		if r.method == http.MethodGet {
			e.Add(http.MethodHead, colons.Replace(r.path), handle)
		}
	}
	return e
}

// checkQuery refuses parameters that the route does not have: a misspelt one
// would be ignored.
func checkQuery(given url.Values, accepted []query) error {
	for name, values := range given {
		i := slices.IndexFunc(accepted, func(q query) bool { return q.name == name })
		if i < 0 {
			e := errs.New(errs.BadRequest, "there is no query parameter %q here", name)
			for _, q := range accepted {
				e.Accepted += q.name + " "
			}
			e.Accepted = strings.TrimSpace(e.Accepted)
			return e
		}
		if q := accepted[i]; len(values) > 1 || q.values != nil && !slices.Contains(q.values, values[0]) {
			e := errs.New(errs.BadRequest, "query parameter %s=%s", name, strings.Join(values, ","))
			if q.values != nil {
				e = e.Accepts("one of %s", strings.Join(q.values, ", "))
			}
			return e
		}
	}
	return nil
}
