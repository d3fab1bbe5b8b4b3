package server

import (
	"net/http"
	"slices"
	"strings"
)

// What a page of another origin may send and see.
const (
	crossMethods = "GET, HEAD, POST"
	crossHeaders = "Authorization, Content-Type, Inference-Header-Content-Length, Traceparent, Tracestate, X-Api-Key, " + requestIDHeader
	crossExposed = "ETag, Retry-After, Server-Timing, " + requestIDHeader
	crossSeconds = "3600" // that a browser may keep the answer to OPTIONS
)

// crossOrigin lets pages of the origins in Config.Origins ask the API (CORS). No
// cookie or other credential of the browser is involved: keys are sent in
// headers, by pages that have them.
func (s *Server) crossOrigin(next http.Handler) http.Handler {
	origins := s.config.Origins
	if len(origins) == 0 {
		return next
	}
	all := slices.Contains(origins, "*")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, origin := w.Header(), r.Header.Get("Origin")
		if !all {
			h.Add("Vary", "Origin")
		}
		if origin != "" && (all || slices.ContainsFunc(origins, func(o string) bool { return strings.EqualFold(o, origin) })) {
			if all {
				origin = "*"
			}
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", crossExposed)
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				h.Set("Access-Control-Allow-Methods", crossMethods)
				h.Set("Access-Control-Allow-Headers", crossHeaders)
				h.Set("Access-Control-Max-Age", crossSeconds)
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
