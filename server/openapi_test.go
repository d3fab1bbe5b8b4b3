package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rnnrep/server"
)

// document is GET /openapi.json.
type document map[string]any

func openAPIOf(t *testing.T, s *server.Server) document {
	t.Helper()
	w := request(s, "GET", "/openapi.json", "", nil)
	var d document
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil || w.Code != 200 || d["openapi"] != "3.1.0" {
		t.Fatalf("%v: %d %s", err, w.Code, w.Body)
	}
	return d
}

// at follows keys into the document.
func (d document) at(keys ...string) any {
	var v any = map[string]any(d)
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

// check validates a value against a schema of the document.
func (d document) check(t *testing.T, at string, schema map[string]any, v any) {
	t.Helper()
	if ref, ok := schema["$ref"].(string); ok {
		d.check(t, at, d.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...).(map[string]any), v)
		return
	}
	if !hasType(schema["type"], v) {
		t.Errorf("%s is %v, not of type %v", at, v, schema["type"])
		return
	}
	switch v := v.(type) {
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		required, _ := schema["required"].([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				t.Errorf("%s.%s is missing", at, name)
			}
		}
		for name, x := range v {
			if p, ok := properties[name].(map[string]any); ok {
				d.check(t, at+"."+name, p, x)
			} else if more, ok := schema["additionalProperties"].(map[string]any); ok {
				d.check(t, at+"."+name, more, x)
			} else if schema["additionalProperties"] == false {
				t.Errorf("%s.%s is not in the schema", at, name)
			}
		}
	case []any:
		items, _ := schema["items"].(map[string]any)
		for i, x := range v {
			d.check(t, fmt.Sprintf("%s[%d]", at, i), items, x)
		}
	}
}

func hasType(want, v any) bool {
	is := map[bool]string{true: "integer"}[func() bool { f, ok := v.(float64); return ok && f == float64(int64(f)) }()]
	names := map[string]string{"map[string]interface {}": "object", "[]interface {}": "array", "string": "string", "float64": "number", "bool": "boolean", "<nil>": "null"}
	kinds := []string{names[fmt.Sprintf("%T", v)], is}
	switch want := want.(type) {
	case nil:
		return true
	case string:
		return slices.Contains(kinds, want)
	case []any:
		return slices.ContainsFunc(want, func(w any) bool { return slices.Contains(kinds, w.(string)) })
	}
	return false
}

// TestOpenAPIAgrees: what the routes answer is what the document says.
func TestOpenAPIAgrees(t *testing.T) {
	s := newServer(t, nil)
	d := openAPIOf(t, s)
	data := modelFile(t, trainedOn, 0)
	for _, c := range []struct {
		method, path, route, status string
		body                        []byte
	}{
		{"POST", "/v1/predict", "/v1/predict", "200", data},
		{"POST", "/v1/embed", "/v1/embed", "200", data},
		{"POST", "/v1/inspect", "/v1/inspect", "200", data},
		{"POST", "/v1/inspect", "/v1/inspect", "default", []byte("no model")},
		{"POST", "/v1/recover?format=x", "/v1/recover", "default", data},
		{"GET", "/v1/bundles", "/v1/bundles", "200", nil},
		{"GET", "/v1/bundles/" + statistics, "/v1/bundles/{family}/{encoder}", "200", nil},
		{"GET", "/v1/bundles/" + statistics + "/map", "/v1/bundles/{family}/{encoder}/map", "200", nil},
		{"GET", "/v1/bundles/a/b", "/v1/bundles/{family}/{encoder}", "default", nil},
		{"GET", "/readyz", "/readyz", "200", nil},
		{"GET", "/version", "/version", "200", nil},
		{"GET", "/openapi.json", "/openapi.json", "200", nil},
	} {
		w := request(s, c.method, c.path, "", bytes.NewReader(c.body))
		kind := w.Header().Get("Content-Type")
		schema, ok := d.at("paths", c.route, strings.ToLower(c.method), "responses", c.status, "content", kind, "schema").(map[string]any)
		if !ok {
			t.Errorf("%s %s answers with %s, which the document does not have", c.method, c.route, kind)
			continue
		}
		var v any
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		d.check(t, c.method+" "+c.path, schema, v)
	}
}

// TestOpenAPIIsComplete: every route has a summary, an id of its own and its
// parameters, and answers something other than 404 or 405.
func TestOpenAPIIsComplete(t *testing.T) {
	s := newServer(t, nil)
	d := openAPIOf(t, s)
	ids := map[string]bool{}
	for path, methods := range d["paths"].(map[string]any) {
		for method, o := range methods.(map[string]any) {
			operation := o.(map[string]any)
			id, _ := operation["operationId"].(string)
			if operation["summary"] == "" || id == "" || ids[id] {
				t.Errorf("%s %s: %v", method, path, operation)
			}
			ids[id] = true
			at := strings.NewReplacer("{family}", "test", "{encoder}", "layerwise_statistics", "{model}", "embed", "{version}", "1").Replace(path)
			if w := request(s, strings.ToUpper(method), at, "", nil); w.Code == 404 || w.Code == 405 || w.Code >= 500 {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
			if n, _ := operation["parameters"].([]any); strings.Count(path, "{") > len(n) {
				t.Errorf("%s %s: parameters %v", method, path, n)
			}
		}
	}
	if len(ids) < 12 {
		t.Errorf("%d operations", len(ids))
	}
}
