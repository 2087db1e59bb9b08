package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"snug/internal/config"
)

// acmeDirectory is where the account's key and the certificates are kept, in
// the data directory. autocert makes it with mode 0700, and files of 0600.
const acmeDirectory = "acme"

// acmePatience bounds one request to the certificate authority.
const acmePatience = 30 * time.Second

// certificates are those that an ACME authority gives out, and renews a month
// before they end.
type certificates struct {
	// Static.
	domains []string
	manager *autocert.Manager
	client  *http.Transport
	log     *slog.Logger

	mu     sync.Mutex // tier 3
	warned time.Time  // when it was last logged that there is none; guarded by mu
}

// warnEvery is how often it is logged at most that there is no certificate:
// each visitor asks for one.
const warnEvery = time.Minute

// newCertificates makes those of --acme, nil where there are none, or says what
// does not go together.
func newCertificates(cfg config.Config, dir, version string, log *slog.Logger) (*certificates, error) {
	if len(cfg.ACME) == 0 {
		if cfg.ACMEDirectory != "" || cfg.ACMEEmail != "" {
			return nil, errors.New("--acme-directory and --acme-email go with --acme, which names the domains")
		}
		return nil, nil
	}
	if cfg.TLSCert != "" || cfg.TLSKey != "" {
		return nil, errors.New("--acme gets certificates by itself, --tls-cert and --tls-key name one of your own: give one or the other")
	}
	for _, d := range cfg.ACME {
		if err := checkDomain(d); err != nil {
			return nil, err
		}
	}
	authority := cfg.ACMEDirectory
	if authority == "" {
		authority = autocert.DefaultACMEDirectory
	}
	if err := checkAuthority(authority); err != nil {
		return nil, err
	}
	if at := strings.Index(cfg.ACMEEmail, "@"); cfg.ACMEEmail != "" && (at < 1 || at == len(cfg.ACMEEmail)-1 || strings.ContainsAny(cfg.ACMEEmail, " ,<>")) {
		return nil, fmt.Errorf("--acme-email %q is no e-mail address such as you@example.org", cfg.ACMEEmail)
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: acmePatience, ResponseHeaderTimeout: acmePatience, IdleConnTimeout: time.Second,
	}
	return &certificates{
		domains: cfg.ACME, client: transport, log: log,
		manager: &autocert.Manager{
			Prompt:     autocert.AcceptTOS, // as the help of --acme says
			Cache:      autocert.DirCache(dir),
			HostPolicy: autocert.HostWhitelist(cfg.ACME...),
			Email:      cfg.ACMEEmail,
			Client: &acme.Client{
				DirectoryURL: authority, UserAgent: "snug/" + version,
				HTTPClient: &http.Client{Transport: transport, Timeout: acmePatience},
			},
		},
	}, nil
}

// checkDomain refuses what no authority gives a certificate for.
func checkDomain(d string) error {
	switch _, err := netip.ParseAddr(d); {
	case err == nil:
		return fmt.Errorf("--acme takes domains, and %s is an address: authorities give no certificates for those this way", d)
	case strings.Contains(d, "*"):
		return fmt.Errorf("--acme %s: a wildcard's certificate cannot be had this way: name each domain", d)
	case strings.ContainsAny(d, "/:@ ") || !strings.Contains(strings.Trim(d, "."), "."):
		return fmt.Errorf("--acme %q is no domain such as chat.example.org: no scheme, no port, no path", d)
	}
	return nil
}

// checkAuthority refuses a directory that others could answer for.
func checkAuthority(directory string) error {
	u, err := url.Parse(directory)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("--acme-directory %q is no URL such as https://acme.example.org/directory", directory)
	}
	if a, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (err != nil || !a.IsLoopback()) {
		return fmt.Errorf("--acme-directory %s: by plain HTTP only an authority on this machine is asked", directory)
	}
	return nil
}

// tls is the configuration by which they are served. "acme-tls/1" is for the
// authority: by a handshake that asks for it alone it sees whose domain this is (RFC 8737).
func (c *certificates) tls() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: c.get,
		NextProtos:     []string{"http/1.1", acme.ALPNProto}, // see newTLS
	}
}

// get is the certificate for a handshake. A first one is asked for while the visitor
// waits. That there is none is logged, but not for domains that nobody said are ours.
func (c *certificates) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	cert, err := c.manager.GetCertificate(hello)
	if err != nil && c.manager.HostPolicy(context.Background(), hello.ServerName) == nil {
		c.warn(hello.ServerName, err)
	}
	return cert, err
}

func (c *certificates) warn(domain string, err error) {
	c.mu.Lock()
	again := time.Since(c.warned) < warnEvery
	if !again {
		c.warned = time.Now()
	}
	c.mu.Unlock()
	if !again {
		c.log.Warn("no certificate could be had: does the domain lead here, and can the authority reach port 443 of it, or port 80 with --redirect-http?", "domain", domain, "err", err)
	}
}

// handler answers what the authority asks by plain HTTP (RFC 8555, 8.3), and leaves the rest to h.
func (c *certificates) handler(h http.Handler) http.Handler { return c.manager.HTTPHandler(h) }

// obtain gets the certificates before the first visitor waits for them. They are
// read from the data directory where it has them.
func (c *certificates) obtain(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	for _, domain := range c.domains {
		// Handshakes take over where it does not end in time.
		group.Go(func() {
			done := make(chan struct{})
			go func() { // ends when the authority has answered, or been silent for acmePatience
				defer close(done)
				if _, err := c.get(&tls.ClientHelloInfo{ServerName: domain, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}); err == nil {
					c.log.Info("the certificate is there", "domain", domain)
				}
			}()
			select {
			case <-done:
			case <-ctx.Done():
			}
		})
	}
}

// obtainCertificates gets them, and is there until ctx is done.
func (s *Server) obtainCertificates(ctx context.Context) error {
	if s.certificates != nil {
		s.certificates.obtain(ctx)
	}
	<-ctx.Done()
	if s.certificates != nil {
		s.certificates.client.CloseIdleConnections()
	}
	return nil
}
