package server

import (
	"io"
	"net/http"
)

// live tells that the process answers at all.
func (s *Server) live(w http.ResponseWriter, _ *http.Request, _ pathValues) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := io.WriteString(w, "ok\n")
	return err
}

// readiness is the answer of GET /readyz.
type readiness struct {
	Ready   bool `json:"ready"`
	Bundles int  `json:"bundles"`
}

// ready tells whether requests should be sent here.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request, _ pathValues) error {
	if s.leaving.Load() {
		return errDraining
	}
	return writeJSON(w, http.StatusOK, readiness{true, len(s.service.Bundles())})
}

func (s *Server) showVersion(w http.ResponseWriter, _ *http.Request, _ pathValues) error {
	return writeJSON(w, http.StatusOK, VersionInfo(s.config.Version))
}
