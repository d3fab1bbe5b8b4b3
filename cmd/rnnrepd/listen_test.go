package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate writes a certificate and its key as PEM files. Without a parent it
// signs itself and may sign others.
func certificate(t *testing.T, dir, name string, parent *tls.Certificate) (certFile, keyFile string, pair tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	signer, signerKey := template, any(key)
	if parent == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		signer, signerKey = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, key.Public(), signerKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err = tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	return certFile, keyFile, pair
}

// TestTLSWithClientCertificates: only clients with a certificate of the
// authority get in, over HTTP/2 where they speak it.
func TestTLSWithClientCertificates(t *testing.T) {
	dir := t.TempDir()
	authorityFile, _, authority := certificate(t, dir, "authority", nil)
	certFile, keyFile, _ := certificate(t, dir, "server", &authority)
	_, _, ours := certificate(t, dir, "client", &authority)
	_, _, stranger := certificate(t, dir, "stranger", nil)
	address := serveInBackground(t, []string{"serve", "--models", smallBundles(t), "--tls-cert", certFile, "--tls-key", keyFile, "--tls-client-ca", authorityFile})
	if !strings.HasPrefix(address, "https://") {
		t.Errorf("address %s", address)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Leaf)
	get := func(certificates ...tls.Certificate) (*http.Response, error) {
		transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: certificates}}
		defer transport.CloseIdleConnections()
		return (&http.Client{Transport: transport}).Get(address + "/readyz")
	}
	resp, err := get(ours)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
		t.Errorf("%s %s", resp.Proto, resp.Status)
	}
	for who, certificates := range map[string][]tls.Certificate{"nobody": nil, "a stranger": {stranger}} {
		if resp, err := get(certificates...); err == nil {
			resp.Body.Close()
			t.Errorf("%s got in: %s", who, resp.Status)
		}
	}
}

// TestSystemdIsNotified when the service is ready and when it stops.
func TestSystemdIsNotified(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenPacket("unixgram", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	next := func() string {
		if err := l.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		n, _, err := l.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	ctx, stop := context.WithCancel(t.Context())
	code := make(chan int)
	go func() {
		code <- run(ctx, []string{"serve", "--quiet", "--models", smallBundles(t), "--listen", "127.0.0.1:0"}, nil, io.Discard, io.Discard)
	}()
	if s := next(); s != "READY=1" {
		t.Errorf("told %q", s)
	}
	stop()
	if s := next(); s != "STOPPING=1" {
		t.Errorf("told %q", s)
	}
	if c := <-code; c != exitDone {
		t.Errorf("exit code %d", c)
	}
}

func TestSocketHasItsMode(t *testing.T) {
	o := listenOptions{at: "unix://" + filepath.Join(t.TempDir(), "s"), socketMode: "0600"}
	l, err := o.open()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := os.Stat(l.Addr().String())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}
