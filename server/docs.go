package server

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

//go:embed docs.html
var docsText string

var docsTemplate = template.Must(template.New("docs").Parse(docsText))

// docsPage is what the page at /docs shows: the OpenAPI document, for people.
type docsPage struct {
	Version string
	Groups  []docsGroup
	Schemas []docsSchema
}

type docsGroup struct {
	Title  string
	Routes []docsRoute
}

type docsRoute struct {
	ID, Method, Path, Summary string
	Scope                     scope
	Queries                   []docsField
	Body, Answer, Error       docsContent
	Example                   string
}

// docsContent is a body: its media types, and the schema of JSON.
type docsContent struct {
	Media  string
	Schema string // name, "" for other than JSON objects
}

type docsSchema struct {
	Name   string
	Fields []docsField
}

type docsField struct {
	Name, Type, Meaning string
	Schema              string // that the type refers to
	Optional            bool
}

// docs writes the page for the routes.
func docs(routes []route, version string) ([]byte, error) {
	schemas := schemaSet{byName: object{}, types: map[string]reflect.Type{}}
	page := docsPage{Version: version}
	byTitle := map[string]*docsGroup{}
	for _, title := range groupTitles {
		byTitle[title] = &docsGroup{Title: title}
	}
	for _, r := range routes {
		if r.hidden {
			continue
		}
		g := byTitle[groupOf(r.path)]
		g.Routes = append(g.Routes, schemas.describe(r))
	}
	for _, title := range groupTitles {
		page.Groups = append(page.Groups, *byTitle[title])
	}
	for _, name := range slices.Sorted(maps.Keys(schemas.byName)) {
		page.Schemas = append(page.Schemas, schemaForPeople(name, schemas.byName[name].(object)))
	}
	var out bytes.Buffer
	err := docsTemplate.Execute(&out, page)
	return out.Bytes(), err
}

var groupTitles = []string{"Models and bundles", "OpenAI's embeddings", "Open Inference Protocol", "The server"}

func groupOf(path string) string {
	switch errorShapeOf(path).name {
	case inferenceShape.name:
		return groupTitles[2]
	case openAIShape.name:
		return groupTitles[1]
	}
	if strings.HasPrefix(path, "/v1/") {
		return groupTitles[0]
	}
	return groupTitles[3]
}

func (s schemaSet) describe(r route) docsRoute {
	d := docsRoute{ID: operationID(r), Method: r.method, Path: r.path, Summary: r.summary, Scope: r.scope,
		Answer: s.contentForPeople(r.answer), Error: s.contentForPeople(errorShapeOf(r.path).content), Example: example(r)}
	if r.body != nil {
		d.Body = s.contentForPeople(*r.body)
	}
	for _, q := range r.queries {
		kind := "text"
		if q.values != nil {
			kind = strings.Join(q.values, " or ")
		}
		d.Queries = append(d.Queries, docsField{Name: q.name, Type: kind, Meaning: q.meaning, Optional: true})
	}
	return d
}

func (s schemaSet) contentForPeople(c content) docsContent {
	d := docsContent{Media: strings.Join(slices.Sorted(maps.Keys(s.content(c))), ", ")}
	if c.value != nil {
		_, d.Schema = typeForPeople(s.of(reflect.TypeOf(c.value)))
	}
	return d
}

// example is a command that asks the route.
func example(r route) string {
	command := "curl "
	switch {
	case r.body != nil && r.body.value == nil:
		command += "--data-binary @model.onnx "
	case r.body != nil:
		command += "-H 'Content-Type: application/json' --data @request.json "
	case r.method != http.MethodGet:
		command += "-X " + r.method + " "
	}
	if r.answer.value == nil && !strings.HasPrefix(r.answer.media[0], "text/") {
		command += "-o answer "
	}
	return command + "http://127.0.0.1:8080" + r.path
}

func schemaForPeople(name string, schema object) docsSchema {
	d := docsSchema{Name: name}
	properties := schema["properties"].(object)
	required, _ := schema["required"].([]string)
	for _, field := range slices.Sorted(maps.Keys(properties)) {
		f := docsField{Name: field, Optional: !slices.Contains(required, field)}
		f.Type, f.Schema = typeForPeople(properties[field].(object))
		d.Fields = append(d.Fields, f)
	}
	return d
}

// typeForPeople names a schema's type, and the named schema that it refers to.
func typeForPeople(schema object) (kind, refersTo string) {
	if ref, ok := schema["$ref"].(string); ok {
		name := ref[strings.LastIndexByte(ref, '/')+1:]
		return name, name
	}
	if items, ok := schema["items"].(object); ok {
		kind, refersTo = typeForPeople(items)
		return "list of " + kind, refersTo
	}
	if more, ok := schema["additionalProperties"].(object); ok {
		kind, refersTo = typeForPeople(more)
		return kind + " by name", refersTo
	}
	if t, ok := schema["type"]; ok {
		return fmt.Sprint(t), ""
	}
	return "any", ""
}

// showDocs answers GET /docs.
func (s *Server) showDocs(w http.ResponseWriter, r *http.Request, _ pathValues) error {
	data, err := s.docs()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	send(w, r, "text/html; charset=utf-8", data)
	return nil
}
