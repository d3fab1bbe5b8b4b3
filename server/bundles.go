package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"
)

func (s *Server) listBundles(w http.ResponseWriter, _ *http.Request, _ pathValues) error {
	return writeJSON(w, http.StatusOK, s.service.List())
}

func (s *Server) showBundle(w http.ResponseWriter, _ *http.Request, path pathValues) error {
	b, err := s.service.Bundle(path("family") + "/" + path("encoder"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, b.Info())
}

// exportBundle sends the encoder as ONNX.
func (s *Server) exportBundle(w http.ResponseWriter, r *http.Request, path pathValues) error {
	e, err := s.service.find(path("family") + "/" + path("encoder"))
	if err != nil {
		return err
	}
	return s.sendMade(w, r, "application/onnx", e.export)
}

// showMap sends a bundle's web.Map.
func (s *Server) showMap(w http.ResponseWriter, r *http.Request, path pathValues) error {
	e, err := s.service.find(path("family") + "/" + path("encoder"))
	if err != nil {
		return err
	}
	return s.sendMade(w, r, "application/json", e.plan)
}

// sendMade sends what takes a while to make; it understands Range and
// If-None-Match.
func (s *Server) sendMade(w http.ResponseWriter, r *http.Request, kind string, data func() ([]byte, error)) error {
	var made []byte
	if err := s.reading(r.Context(), func() (err error) { made, err = data(); return err }); err != nil {
		return err
	}
	send(w, r, kind, made)
	return nil
}

// send sends what stays the same until the bundles do not; clients ask each time
// whether it has changed.
func send(w http.ResponseWriter, r *http.Request, kind string, data []byte) {
	sum := sha256.Sum256(data)
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}
