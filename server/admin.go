package server

import (
	"net/http"
	"net/http/pprof"
)

// Admin returns what operators see and clients should not: metrics, health and
// Go's profiles. It asks for no key; serve it where only operators are.
func (s *Server) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.Handle("/", s.observe(s.recoverPanics(s.router(s.health(content{})))))
	return mux
}
