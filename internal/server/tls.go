package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"snug/internal/api"
)

// secure sets up TLS, where that is asked for, and the redirect to it.
func (s *Server) secure(cfg Config) (err error) {
	if s.certificates, err = newCertificates(cfg.Config, s.dir.file(acmeDirectory), cfg.Version, s.log); err != nil {
		return err
	}
	if s.certificates != nil {
		s.tls = s.certificates.tls()
	} else if s.tls, err = newTLS(cfg.TLSCert, cfg.TLSKey); err != nil {
		return err
	}
	if cfg.RedirectHTTP == "" {
		return nil
	}
	if s.tls == nil {
		return errors.New("--redirect-http needs --acme, or --tls-cert and --tls-key")
	}
	if s.redirectListener, err = listen(cfg.RedirectHTTP); err != nil {
		return fmt.Errorf("--redirect-http: %w", err)
	}
	return nil
}

// newTLS is the configuration of TLS by the operator's own certificate, nil
// where there is none.
func newTLS(cert, key string) (*tls.Config, error) {
	switch {
	case cert == "" && key == "":
		return nil, nil
	case cert == "" || key == "":
		return nil, errors.New("--tls-cert and --tls-key go together")
	}
	k := &keypair{cert: cert, key: key}
	if _, err := k.get(nil); err != nil {
		return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: k.get,
		// A WebSocket needs HTTP/1.1, and so does a poll whose connection is watched.
		NextProtos: []string{"http/1.1"},
	}, nil
}

// A keypair is a certificate in files, which are read again when they have
// changed: certificates are renewed while the server runs.
type keypair struct {
	cert, key string // static

	mu      sync.Mutex // tier 3; held over reading the files, which only handshakes wait for
	checked time.Time  // guarded by mu
	changed time.Time  // of the certificate's file; guarded by mu
	have    *tls.Certificate
}

// recheck is how often the files are looked at.
const recheck = 10 * time.Second

// get is the certificate. One that cannot be read leaves the former in place.
func (k *keypair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.have != nil && time.Since(k.checked) < recheck {
		return k.have, nil
	}
	k.checked = time.Now()
	info, err := os.Stat(k.cert)
	if err == nil && (k.have == nil || info.ModTime() != k.changed) {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(k.cert, k.key); err == nil {
			k.have, k.changed = &pair, info.ModTime()
		}
	}
	if k.have == nil {
		return nil, err
	}
	return k.have, nil
}

// serveRedirect sends those who come by plain HTTP to HTTPS, until ctx is done.
func (s *Server) serveRedirect(ctx context.Context) error {
	if s.redirectListener == nil {
		<-ctx.Done()
		return nil
	}
	_, port, _ := net.SplitHostPort(s.listener.Addr().String())
	handler := api.Redirect(port)
	if s.certificates != nil {
		handler = s.certificates.handler(handler)
	}
	site := api.NewServer(handler, api.ServerConfig{HeaderTimeout: 5 * time.Second, IdleTimeout: 10 * time.Second, HeaderBytes: 8 << 10}, s.log)
	site.ReadTimeout, site.WriteTimeout = 5*time.Second, 5*time.Second
	return serveUntil(ctx, site, s.redirectListener)
}

// serveUntil serves until ctx is done.
func serveUntil(ctx context.Context, site *http.Server, l net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- site.Serve(api.Guarded(l)) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		err := site.Close()
		<-ended
		return err
	}
}
