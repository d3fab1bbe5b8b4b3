package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rnnrep/encoders"
	"rnnrep/internal/registry"
	"rnnrep/server"
)

// gcPercent lets garbage grow to this share of the live heap, which is small
// beside what requests allocate: a fifth less CPU a request than Go's 100, for
// some 20 MiB.
const gcPercent = 300

// memoryLimit is where garbage is no longer let grow: room for the largest models
// that may be in memory, several times over, and for the program.
func memoryLimit(maxBytes int64) int64 { return 4*maxBytes + 128<<20 }

// version is set by the linker for releases.
var version = "dev"

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print version, Go version and kernels", Args: arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return json.NewEncoder(a.out).Encode(server.VersionInfo(version))
		}}
}

// serveOptions are the settings of `rnnrepd serve`.
type serveOptions struct {
	server    server.Config
	listen    listenOptions
	admin     string
	keys      string
	origins   string
	logFormat string
	poll      time.Duration
}

func (o *serveOptions) flags(f *pflag.FlagSet) {
	c := &o.server
	o.listen.flags(f)
	f.StringVar(&o.admin, "admin-listen", "", "address for metrics, health and profiles, without keys (default: none)")
	f.StringVar(&o.keys, "keys", "", "file of API keys, as 'rnnrepd key' prints them (default: no key is asked for)")
	f.StringVar(&o.origins, "cors-origins", "", "`origins` whose pages may ask, joined by commas, such as https://lab.example, or * (default: none but the server's own)")
	f.Int64Var(&c.MaxBytes, "max-bytes", server.DefaultMaxBytes, "largest request body")
	f.IntVar(&c.MaxConnections, "max-connections", server.DefaultConnections, "open connections; further ones wait to be accepted")
	f.IntVar(&c.MaxQueue, "max-queue", server.DefaultMaxQueue, "requests with a model that are in progress or wait; more get 429")
	f.IntVar(&c.MaxBatch, "max-batch", server.DefaultMaxBatch, "RNNs that go through an encoder together")
	f.DurationVar(&c.BatchDelay, "max-batch-delay", 0, "how long an RNN waits for others to go with")
	f.DurationVar(&c.Timeout, "timeout", server.DefaultTimeout, "longest answer")
	f.DurationVar(&c.UploadTimeout, "upload-timeout", server.DefaultUploadTimeout, "longest upload")
	f.DurationVar(&c.DrainDelay, "drain-delay", 0, "how long to go on after turning not ready, before refusing connections")
	f.DurationVar(&c.DrainTimeout, "drain-timeout", server.DefaultDrainTimeout, "what requests in progress get at shutdown")
	f.StringVar(&c.SpoolDir, "spool-dir", "", "where large uploads wait (default: the system's temporary folder)")
	f.DurationVar(&o.poll, "models-poll", 2*time.Second, "how often to look for changes of --models; 0: never")
	bound(f, "max-bytes", &c.MaxBytes, 1)
	for name, value := range map[string]*int{"max-connections": &c.MaxConnections, "max-queue": &c.MaxQueue, "max-batch": &c.MaxBatch} {
		bound(f, name, value, 1)
	}
	for name, value := range map[string]*time.Duration{"timeout": &c.Timeout, "upload-timeout": &c.UploadTimeout, "drain-timeout": &c.DrainTimeout} {
		bound(f, name, value, time.Millisecond)
	}
	for name, value := range map[string]*time.Duration{"max-batch-delay": &c.BatchDelay, "drain-delay": &c.DrainDelay, "models-poll": &o.poll} {
		bound(f, name, value, 0)
	}
	o.logFormat = "text"
	f.Var(choice{&o.logFormat, []string{"text", "json"}}, "log-format", "format of the log on stderr")
}

func newServe(a *app) *cobra.Command {
	o := &serveOptions{}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Answer over HTTP",
		Args:  arguments(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return a.serve(c.Context(), o) },
	}
	o.flags(c.Flags())
	a.modelFlags(c)
	return c
}

// serve answers until ctx ends.
func (a *app) serve(ctx context.Context, o *serveOptions) (err error) {
	c := o.server
	log := a.logger(o.logFormat)
	c.Version, c.Log = version, log
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit(c.MaxBytes))
	}
	c.Ready, c.Leaving = func() { notify("READY=1") }, func() { notify("STOPPING=1") }
	stamp := registry.Folder{Dir: a.models}.Stamp() // before the bundles are read
	if c.Bundles, err = openBundles(a.models); err != nil {
		return err
	}
	if c.Keys, err = openKeys(o.keys); err != nil {
		return err
	}
	if c.TLS, err = o.listen.tls(); err != nil {
		return err
	}
	if c.Origins, err = parseOrigins(o.origins); err != nil {
		return err
	}
	traces, closeTraces, err := openTraces(ctx, log)
	if err != nil {
		return err
	}
	defer closeTraces()
	c.Traces = traces
	l, err := o.listen.open()
	if err != nil {
		return err
	}
	s := server.New(c)
	background, stop := context.WithCancel(ctx)
	defer stop()
	if err := serveAdmin(background, o.admin, s, log); err != nil {
		return errors.Join(err, l.Close())
	}
	if a.models != "" && o.poll > 0 {
		go registry.Folder{Dir: a.models}.Watch(background, stamp, o.poll, func(bundles []*encoders.Bundle, err error) {
			if err != nil {
				log.Warn("the bundles have changed and cannot be opened; those at hand stay", "error", err)
				return
			}
			s.SetBundles(bundles)
			log.Info("the bundles have changed", "bundles", len(bundles))
		})
	}
	log.Info("listening", "address", o.listen.address(l), "bundles", len(c.Bundles), "version", version)
	return s.Serve(ctx, l)
}

// openKeys reads a keys file; "" means that no key is asked for.
func openKeys(file string) (*server.Keys, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	keys, err := server.ParseKeys(string(text))
	if err != nil {
		return nil, &fs.PathError{Op: "keys", Path: file, Err: err}
	}
	return keys, nil
}

// parseOrigins reads origins as browsers write them; "" is none.
func parseOrigins(list string) ([]string, error) {
	if list == "" {
		return nil, nil
	}
	origins := strings.Split(list, ",")
	for i, o := range origins {
		o = strings.TrimSpace(o)
		u, err := url.Parse(o)
		if o != "*" && (err != nil || u.Host == "" || o != u.Scheme+"://"+u.Host) {
			return nil, usageError{fmt.Errorf("--cors-origins: %q is no origin; one is like https://lab.example:8443, or * for all", o)}
		}
		origins[i] = o
	}
	return origins, nil
}

// serveAdmin serves the operators' routes until ctx ends.
func serveAdmin(ctx context.Context, address string, s *server.Server, log *slog.Logger) error {
	if address == "" {
		return nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	h := &http.Server{Handler: s.Admin(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	context.AfterFunc(ctx, func() { _ = h.Close() })
	go func() {
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the admin address", "error", err)
		}
	}()
	log.Info("listening for operators", "address", "http://"+l.Addr().String())
	return nil
}

// logger writes to stderr.
func (a *app) logger(format string) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelInfo}
	if a.quiet {
		o.Level = slog.LevelWarn
	}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(a.err, o))
	}
	return slog.New(slog.NewTextHandler(a.err, o))
}

// notify tells systemd how far the service is, if it asked to be told
// (sd_notify(3)). Whether it heard is not the service's concern.
func notify(state string) {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return
	}
	if c, err := net.Dial("unixgram", socket); err == nil {
		_, _ = c.Write([]byte(state))
		_ = c.Close()
	}
}
