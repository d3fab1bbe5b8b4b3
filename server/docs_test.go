package server_test

import (
	"regexp"
	"strings"
	"testing"
)

// TestDocs: the page shows every operation of the document, its links lead
// somewhere, and it takes nothing from elsewhere.
func TestDocs(t *testing.T) {
	s := newServer(t, nil)
	w := request(s, "GET", "/docs", "", nil)
	page := w.Body.String()
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || !contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for path, methods := range openAPIOf(t, s)["paths"].(map[string]any) {
		for _, o := range methods.(map[string]any) {
			if !contains(page, `id="`+o.(map[string]any)["operationId"].(string)+`"`, "<code>"+path+"</code>") {
				t.Errorf("%s is not on the page", path)
			}
		}
	}
	for _, m := range regexp.MustCompile(`(href|src)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if id, ok := strings.CutPrefix(m[2], "#"); ok && contains(page, `id="`+id+`"`) || m[2] == "openapi.json" {
			continue
		}
		t.Errorf("%s leads nowhere", m[0])
	}
	if contains(page, "<no value>") || contains(page, "ZgotmplZ") || contains(page, "<script") {
		t.Error("the template is wrong")
	}
}
