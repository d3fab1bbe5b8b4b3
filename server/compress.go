package server

import (
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// compressFrom is the length from which text is compressed. Answers about one
// model are shorter: they leave at once.
const compressFrom = 8 << 10

// compress sends long JSON and text as gzip to those who take it. Weights, which
// gzip hardly shortens, and parts of files are sent as they are.
func compress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead || r.Header.Get("Range") != "" || !takesGzip(r.Header.Get("Accept-Encoding")) {
			next.ServeHTTP(w, r)
			return
		}
		c := &compressor{ResponseWriter: w}
		next.ServeHTTP(c, r)
		c.close()
	})
}

// takesGzip reads Accept-Encoding. Only a client that refuses gzip by name or
// does not name it goes without.
func takesGzip(accept string) bool {
	for coding := range strings.SplitSeq(accept, ",") {
		name, parameters, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		q, isQ := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !isQ || err == nil && weight > 0
	}
	return false
}

// compressor turns to gzip when the head of an answer says that it is worth it.
type compressor struct {
	http.ResponseWriter
	begun bool
	gzip  *gzip.Writer // nil: not compressed
}

var gzips = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is valid
	}
	return w
}}

// Unwrap lets http.ResponseController reach the connection.
func (c *compressor) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *compressor) WriteHeader(status int) {
	if !c.begun && status >= http.StatusOK {
		c.begun = true
		c.decide(status)
	}
	c.ResponseWriter.WriteHeader(status)
}

// decide sets the headers of a compressed answer if this is to be one.
func (c *compressor) decide(status int) {
	h := c.Header()
	length, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if status != http.StatusOK || err != nil || length < compressFrom || !isText(h.Get("Content-Type")) || h.Get("Content-Encoding") != "" {
		return
	}
	h.Del("Content-Length")
	h.Del("Accept-Ranges")
	h.Set("Content-Encoding", "gzip")
	h.Add("Vary", "Accept-Encoding")
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		h.Set("ETag", "W/"+tag) // the same content, not the same bytes
	}
	c.gzip = gzips.Get().(*gzip.Writer)
	c.gzip.Reset(c.ResponseWriter)
}

// isText tells media types that gzip shortens.
func isText(kind string) bool {
	kind, _, _ = strings.Cut(kind, ";")
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "json") || kind == "image/svg+xml"
}

func (c *compressor) Write(p []byte) (int, error) {
	if !c.begun {
		c.WriteHeader(http.StatusOK)
	}
	if c.gzip != nil {
		return c.gzip.Write(p)
	}
	return c.ResponseWriter.Write(p)
}

// close sends what is left. An answer that broke off is not made whole: the
// server panics past this.
func (c *compressor) close() {
	if c.gzip == nil {
		return
	}
	_ = c.gzip.Close() // the client has gone
	c.gzip.Reset(nil)
	gzips.Put(c.gzip)
}
