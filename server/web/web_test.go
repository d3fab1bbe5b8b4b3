package web

import (
	"math"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func fileAt(t *testing.T, path string) File {
	t.Helper()
	for _, f := range Files() {
		if f.Path == path {
			return f
		}
	}
	t.Fatalf("there is no file at %s", path)
	return File{}
}

// TestFilesAreWhole: what a file refers to is there, everything is referred to,
// and nothing outside this server is.
func TestFilesAreWhole(t *testing.T) {
	reference := regexp.MustCompile(`(?:href="|src="|url\(|from "|data-example=")(\.?/?[\w./-]+)`)
	used := map[string]bool{"/": true, "/docs": true}
	for _, f := range Files() {
		if f.Type == "" {
			t.Errorf("%s has no media type", f.Path)
		}
		if !strings.HasPrefix(f.Type, "text/") && f.Type != "image/svg+xml" || strings.HasSuffix(f.Path, ".txt") {
			continue
		}
		text := strings.ReplaceAll(string(f.data), "http://www.w3.org/2000/svg", "")
		if strings.Contains(text, "://") || strings.Contains(text, `"//`) {
			t.Errorf("%s refers to something outside", f.Path)
		}
		for _, m := range reference.FindAllStringSubmatch(text, -1) {
			switch at := m[1]; {
			case strings.HasPrefix(at, "./"):
				used["/app/"+at[2:]] = true
			case strings.HasSuffix(at, ".onnx"):
				used["/app/examples/"+at] = true
			default:
				used[at] = true
			}
		}
	}
	for _, f := range Files() {
		if !used[f.Path] && f.Type != types[".txt"] {
			t.Errorf("nothing refers to %s", f.Path)
		}
		delete(used, f.Path)
	}
	delete(used, "/docs")
	for path := range used {
		t.Errorf("%s is referred to and not there", path)
	}
}

// TestNothingInline: the policy would keep it from working.
func TestNothingInline(t *testing.T) {
	page := string(fileAt(t, "/").data)
	if m := regexp.MustCompile(`(?i)<style|\sstyle=|\son\w+=|<script(?:[^>]*)>[^<]|javascript:`).FindString(page); m != "" {
		t.Errorf("index.html has %q", m)
	}
}

func TestServing(t *testing.T) {
	f := fileAt(t, "/app/main.js")
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest("GET", f.Path, nil))
	h := w.Header()
	if w.Code != 200 || w.Body.String() != string(f.data) || h.Get("Content-Type") != "text/javascript; charset=utf-8" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v", w.Code, h)
	}
	if p := h.Get("Content-Security-Policy"); !strings.Contains(p, "default-src 'none'") || strings.Contains(p, "unsafe") {
		t.Errorf("policy %q", p)
	}
	r := httptest.NewRequest("GET", f.Path, nil)
	r.Header.Set("If-None-Match", h.Get("ETag"))
	w = httptest.NewRecorder()
	if f.ServeHTTP(w, r); w.Code != 304 || w.Body.Len() != 0 {
		t.Errorf("%d for what the browser has", w.Code)
	}
}

// TestPageIsLight: what a first visit loads, the example models not counted.
func TestPageIsLight(t *testing.T) {
	size := 0
	for _, f := range Files() {
		if !strings.HasPrefix(f.Path, "/app/examples/") && f.Type != types[".txt"] {
			size += len(f.data)
		}
	}
	if size > 200_000 {
		t.Errorf("%d bytes", size)
	}
}

// TestContrast: WCAG 2.2 asks for 4.5 of text and 3 of controls and graphics.
func TestContrast(t *testing.T) {
	css := string(fileAt(t, "/app/style.css").data)
	block := regexp.MustCompile(`(?s):root(\[data-theme="dark"\])? \{(.*?)\}`)
	colour := regexp.MustCompile(`--([\w-]+): (#[0-9a-f]{6});`)
	themes := block.FindAllStringSubmatch(css, -1)
	if len(themes) != 2 {
		t.Fatalf("%d themes", len(themes))
	}
	for _, theme := range themes {
		is := map[string]string{}
		for _, m := range colour.FindAllStringSubmatch(theme[2], -1) {
			is[m[1]] = m[2]
		}
		for _, c := range []struct {
			front, back string
			least       float64
		}{
			{"ink", "paper", 7}, {"ink", "card", 7}, {"soft", "paper", 4.5}, {"soft", "card", 4.5}, {"soft", "line", 4.5}, {"ink", "wash", 4.5},
			{"on-accent", "accent", 4.5}, {"accent", "card", 4.5}, {"accent", "paper", 4.5}, {"field", "card", 3}, {"field", "paper", 3},
		} {
			if got := contrast(t, is[c.front], is[c.back]); got < c.least {
				t.Errorf("theme %q: %s on %s has contrast %.2f, want %.1f", theme[1], c.front, c.back, got, c.least)
			}
		}
	}
}

// contrast is WCAG's contrast ratio of two colours #rrggbb.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(c string) (l float64) {
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			n, err := strconv.ParseUint(c[1+2*i:3+2*i], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			x := float64(n) / 255
			if x <= 0.04045 {
				x /= 12.92
			} else {
				x = math.Pow((x+0.055)/1.055, 2.4)
			}
			l += weight * x
		}
		return l
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}
