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

// exportBundle sends the encoder as ONNX; it understands Range and
// If-None-Match.
func (s *Server) exportBundle(w http.ResponseWriter, r *http.Request, path pathValues) error {
	e, err := s.service.find(path("family") + "/" + path("encoder"))
	if err != nil {
		return err
	}
	var data []byte
	if err := s.reading(r.Context(), func() (err error) { data, err = e.export(); return err }); err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	h := w.Header()
	h.Set("Content-Type", "application/onnx")
	h.Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	return nil
}
