package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"

	"rnnrep/encoders"
	"rnnrep/rnn"
)

// Bounds on connections. A request's own times are in Config.
const (
	headerTime  = 10 * time.Second
	headerBytes = 32 << 10
	idleTime    = 2 * time.Minute
	sendTime    = time.Minute // of an answer
	// goodbye is what connections get, once no more are taken, for a last request
	// whose answer tells the client to go elsewhere.
	goodbye = time.Second
	// lastWords is what requests that outlast the drain get to be told so.
	lastWords = time.Second
)

// Serve answers on l until ctx ends, then drains: it turns not ready, goes on
// for DrainDelay, closes l and gives requests in progress DrainTimeout. Those
// that take longer are told that the server shuts down.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	requests, end := context.WithCancelCause(context.Background())
	defer end(nil)
	var open atomic.Int64
	h := &http.Server{Handler: s, ReadHeaderTimeout: headerTime, MaxHeaderBytes: headerBytes, IdleTimeout: idleTime,
		WriteTimeout: s.config.UploadTimeout + s.config.Timeout + sendTime,
		BaseContext:  func(net.Listener) context.Context { return requests },
		ConnState:    countOpen(&open),
		TLSConfig:    s.config.TLS,
		ErrorLog:     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	limited := netutil.LimitListener(l, s.config.MaxConnections)
	s.warm(s.service.Bundles())
	failed := make(chan error, 1)
	go func() {
		if s.config.TLS != nil {
			failed <- h.ServeTLS(limited, "", "")
		} else {
			failed <- h.Serve(limited)
		}
	}()
	s.config.Ready()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.log.Info("draining", "delay", s.config.DrainDelay, "timeout", s.config.DrainTimeout)
	s.leaving.Store(true)
	s.config.Leaving()
	select {
	case err := <-failed:
		return err
	case <-time.After(s.config.DrainDelay):
	}
	awaitLast(l)
	err := limited.Close()
	<-failed
	s.closing.Store(true) // not before: who is sent away comes back, on a connection that nobody accepts
	for until := time.Now().Add(goodbye); open.Load() > 0 && time.Now().Before(until); {
		time.Sleep(goodbye / 100)
	}
	return errors.Join(err, s.shutdown(h, end))
}

// SetBundles replaces the bundles while requests go on; those in progress keep
// theirs.
func (s *Server) SetBundles(bundles []*encoders.Bundle) {
	s.warm(bundles)
	s.service.SetBundles(bundles)
}

// warm lets every bundle embed once, so that no request is the first, and gives
// back the memory that reading them took.
func (s *Server) warm(bundles []*encoders.Bundle) {
	for _, b := range bundles {
		m := rnn.NewModel(b.Manifest.Encoder.Spec)
		if _, err := b.Embed(context.Background(), []*rnn.Model{m}); err != nil {
			s.log.Debug("warming up", "bundle", b.Name(), "error", err)
		}
	}
	debug.FreeOSMemory()
}

// countOpen counts the connections that are open.
func countOpen(open *atomic.Int64) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
}

// shutdown waits for requests in progress, then tells those left that they end.
func (s *Server) shutdown(h *http.Server, end context.CancelCauseFunc) error {
	wait, cancel := context.WithTimeout(context.Background(), s.config.DrainTimeout)
	defer cancel()
	if h.Shutdown(wait) == nil {
		return nil
	}
	end(errDraining)
	last, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	if err := h.Shutdown(last); err != nil {
		return errors.Join(errors.New("requests in progress outlasted the drain timeout"), h.Close())
	}
	s.log.Warn("requests in progress were refused at the end of the drain timeout")
	return nil
}
