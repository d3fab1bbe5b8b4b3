package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// listenOptions say where the server is reached.
type listenOptions struct {
	at              string
	socketMode      string
	cert, key       string
	clientAuthority string
}

func (o *listenOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.at, "listen", "127.0.0.1:8080", "address, or unix:///path/of/socket")
	f.StringVar(&o.socketMode, "socket-mode", "0660", "permissions of the socket")
	f.StringVar(&o.cert, "tls-cert", "", "certificate (PEM); with --tls-key the server speaks HTTPS")
	f.StringVar(&o.key, "tls-key", "", "key of the certificate (PEM)")
	f.StringVar(&o.clientAuthority, "tls-client-ca", "", "certificates (PEM) of which one must have signed a client's")
}

// tls returns the settings for HTTPS, nil for HTTP.
func (o *listenOptions) tls() (*tls.Config, error) {
	if o.cert == "" && o.key == "" && o.clientAuthority == "" {
		return nil, nil
	}
	if o.cert == "" || o.key == "" {
		return nil, usageError{errors.New("--tls-cert and --tls-key go together")}
	}
	certificate, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
	if o.clientAuthority != "" {
		text, err := os.ReadFile(o.clientAuthority)
		if err != nil {
			return nil, err
		}
		c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		if !c.ClientCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate", o.clientAuthority)
		}
	}
	return c, nil
}

// open starts listening. A socket that a killed server left is taken over.
func (o *listenOptions) open() (net.Listener, error) {
	path, unix := strings.CutPrefix(o.at, "unix://")
	if !unix {
		return net.Listen("tcp", o.at)
	}
	mode, err := strconv.ParseUint(o.socketMode, 8, 9)
	if err != nil {
		return nil, usageError{fmt.Errorf("--socket-mode %s: permissions such as 0660 are wanted", o.socketMode)}
	}
	if info, err := os.Stat(path); err == nil && info.Mode()&fs.ModeSocket != 0 {
		if c, err := net.Dial("unix", path); err == nil {
			return nil, errors.Join(fmt.Errorf("%s is in use by another server", path), c.Close())
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, fs.FileMode(mode)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// address is what a client writes to reach l.
func (o *listenOptions) address(l net.Listener) string {
	switch {
	case l.Addr().Network() == "unix":
		return "unix://" + l.Addr().String()
	case o.cert != "":
		return "https://" + l.Addr().String()
	}
	return "http://" + l.Addr().String()
}
