package server

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strings"
)

// openAPI describes the routes as an OpenAPI 3.1 document. Schemas come from the
// Go types that are sent, so that they cannot differ.
func openAPI(routes []route, version string) ([]byte, error) {
	schemas := schemaSet{byName: object{}, types: map[string]reflect.Type{}}
	paths := map[string]map[string]any{}
	for _, r := range routes {
		if r.hidden {
			continue
		}
		if paths[r.path] == nil {
			paths[r.path] = map[string]any{}
		}
		paths[r.path][strings.ToLower(r.method)] = schemas.operation(r)
	}
	return json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{"title": "rnnrepd", "version": version,
			"description": "Reads recurrent networks from ONNX files and tells what they are. Every error is an RFC 9457 problem detail."},
		"paths": paths,
		"components": object{"schemas": schemas.byName, "securitySchemes": object{
			"bearer": object{"type": "http", "scheme": "bearer"}, "header": object{"type": "apiKey", "in": "header", "name": "X-Api-Key"}}},
	})
}

type object = map[string]any

// pathParameters finds the names in braces.
var pathParameters = regexp.MustCompile(`\{(\w+)\}`)

func (s schemaSet) operation(r route) object {
	o := object{"summary": r.summary, "operationId": operationID(r), "responses": object{
		"200":     object{"description": "The answer.", "content": s.content(r.answer)},
		"default": object{"description": "An error.", "content": s.content(errorShapeOf(r.path).content)}}}
	parameters := []object{}
	for _, m := range pathParameters.FindAllStringSubmatch(r.path, -1) {
		parameters = append(parameters, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, q := range r.queries {
		schema := object{"type": "string"}
		if q.values != nil {
			schema["enum"] = q.values
		}
		parameters = append(parameters, object{"name": q.name, "in": "query", "description": q.meaning, "schema": schema})
	}
	if len(parameters) > 0 {
		o["parameters"] = parameters
	}
	if r.body != nil {
		o["requestBody"] = object{"required": true, "content": s.content(*r.body)}
	}
	if r.scope != "" {
		o["security"] = []object{{}, {"bearer": []string{}}, {"header": []string{}}}
		o["description"] = "Where API keys are in use, the key needs the scope " + string(r.scope) + "."
	}
	return o
}

// operationID is a name such as post_v1_predict.
func operationID(r route) string {
	id := strings.NewReplacer("/", "_", "{", "", "}", "", ".", "_").Replace(r.path)
	return strings.ToLower(r.method) + id
}

func (s schemaSet) content(c content) object {
	if c.value != nil {
		media := "application/json"
		if c.media != nil {
			media = c.media[0]
		}
		return object{media: object{"schema": s.of(reflect.TypeOf(c.value))}}
	}
	o := object{}
	for _, m := range c.media {
		schema := object{}
		switch {
		case m == "multipart/form-data":
			file := object{"type": "string", "contentMediaType": "application/octet-stream"}
			schema = object{"type": "object", "required": []string{"model"}, "properties": object{"model": file}, "additionalProperties": file}
		case strings.HasPrefix(m, "text/"):
			schema = object{"type": "string"}
		}
		o[m] = object{"schema": schema}
	}
	return o
}

// nullable is a type of values that may be missing.
type nullable [1]string

// MarshalJSON writes the two types.
func (n nullable) MarshalJSON() ([]byte, error) { return json.Marshal([]string{n[0], "null"}) }

// schemaSet holds the schemas of structs by name.
type schemaSet struct {
	byName object
	types  map[string]reflect.Type
}

// of returns the schema of a type as encoding/json writes it; structs become
// references.
func (s schemaSet) of(t reflect.Type) object {
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Uint64:
		return object{"type": "integer"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice, reflect.Array:
		if t == reflect.TypeFor[json.RawMessage]() {
			return object{}
		}
		o := object{"type": "array", "items": s.of(t.Elem())}
		if t.Kind() == reflect.Array {
			o["minItems"], o["maxItems"] = t.Len(), t.Len()
		} else {
			o["type"] = nullable{"array"}
		}
		return o
	case reflect.Map:
		return object{"type": nullable{"object"}, "additionalProperties": s.of(t.Elem())}
	case reflect.Struct:
		return s.reference(t)
	}
	return object{}
}

func (s schemaSet) reference(t reflect.Type) object {
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	if known := s.types[name]; known == nil {
		o := object{"type": "object"}
		s.types[name], s.byName[name] = t, o // before its fields, which may refer to it
		properties, required := object{}, []string{}
		s.fields(t, properties, &required)
		o["properties"] = properties
		if len(required) > 0 {
			o["required"] = required
		}
		o["additionalProperties"] = false
	} else if known != t {
		panic("server: two types are called " + name)
	}
	return object{"$ref": "#/components/schemas/" + name}
}

// fields adds a struct's fields, those of embedded structs included.
func (s schemaSet) fields(t reflect.Type, properties object, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			s.fields(f.Type, properties, required)
			continue
		case !f.IsExported() || name == "-":
			continue
		case name == "":
			name = f.Name
		}
		properties[name] = s.of(f.Type)
		if !strings.Contains(options, "omit") {
			*required = append(*required, name)
		}
	}
}

// showOpenAPI answers GET /openapi.json.
func (s *Server) showOpenAPI(w http.ResponseWriter, r *http.Request, _ pathValues) error {
	data, err := s.openAPI()
	if err != nil {
		return err
	}
	send(w, r, "application/json", data)
	return nil
}
