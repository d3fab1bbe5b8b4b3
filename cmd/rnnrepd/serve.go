package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rnnrep/server"
)

// version is set by the linker for releases.
var version = "dev"

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print version, Go version and kernels", Args: arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return json.NewEncoder(a.out).Encode(server.VersionInfo(version))
		}}
}

func newServe(a *app) *cobra.Command {
	config := server.Config{Version: version}
	var listen string
	logFormat := "text"
	c := &cobra.Command{
		Use:   "serve",
		Short: "Answer over HTTP",
		Args:  arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if config.Bundles, err = openBundles(a.models); err != nil {
				return err
			}
			config.Log = a.logger(logFormat)
			l, err := openListener(listen)
			if err != nil {
				return err
			}
			config.Log.Info("listening", "address", listenAddress(l), "bundles", len(config.Bundles), "version", version)
			return server.New(config).Serve(c.Context(), l)
		},
	}
	f := c.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:8080", "address, or unix:///path/of/socket")
	f.Int64Var(&config.MaxBytes, "max-bytes", server.DefaultMaxBytes, "largest request body")
	f.IntVar(&config.MaxQueue, "max-queue", server.DefaultMaxQueue, "requests with a model that are in progress or wait; more get 429")
	f.IntVar(&config.MaxBatch, "max-batch", server.DefaultMaxBatch, "RNNs that go through an encoder together")
	f.DurationVar(&config.BatchDelay, "max-batch-delay", 0, "how long an RNN waits for others to go with")
	f.DurationVar(&config.Timeout, "timeout", server.DefaultTimeout, "longest answer")
	f.DurationVar(&config.UploadTimeout, "upload-timeout", server.DefaultUploadTimeout, "longest upload")
	f.DurationVar(&config.DrainDelay, "drain-delay", 0, "how long to go on after turning not ready, before refusing connections")
	f.DurationVar(&config.DrainTimeout, "drain-timeout", server.DefaultDrainTimeout, "what requests in progress get at shutdown")
	f.StringVar(&config.SpoolDir, "spool-dir", "", "where large uploads wait (default: the system's temporary folder)")
	f.Var(choice{&logFormat, []string{"text", "json"}}, "log-format", "format of the log on stderr")
	a.modelFlags(c)
	return c
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

func openListener(listen string) (net.Listener, error) {
	path, unix := strings.CutPrefix(listen, "unix://")
	if !unix {
		return net.Listen("tcp", listen)
	}
	if info, err := os.Stat(path); err == nil && info.Mode()&fs.ModeSocket != 0 {
		if c, err := net.Dial("unix", path); err == nil {
			return nil, errors.Join(fmt.Errorf("%s is in use by another server", path), c.Close())
		}
		if err := os.Remove(path); err != nil { // left by a server that was killed
			return nil, err
		}
	}
	return net.Listen("unix", path)
}

func listenAddress(l net.Listener) string {
	if l.Addr().Network() == "unix" {
		return "unix://" + l.Addr().String()
	}
	return "http://" + l.Addr().String()
}
