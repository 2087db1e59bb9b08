package server_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

// An authority is a certificate authority that speaks ACME (RFC 8555), and looks
// for every domain at the addresses that it is told.
type authority struct {
	*httptest.Server
	t     testing.TB
	offer string // the one kind of challenge that it knows
	pool  *x509.CertPool
	key   *ecdsa.PrivateKey
	cert  *x509.Certificate

	secure func() string // where the domains' port 443 is
	plain  func() string // and their port 80

	mu       sync.Mutex
	nonces   map[string]bool             // guarded by mu
	accounts map[string]*ecdsa.PublicKey // by URL; guarded by mu
	contacts []string                    // guarded by mu
	orders   []*order                    // guarded by mu
}

type order struct {
	domain, token string
	valid         bool
	problem       string
	chain         []byte
}

func newAuthority(t testing.TB, offer string) *authority {
	t.Helper()
	a := &authority{t: t, offer: offer, nonces: make(map[string]bool), accounts: make(map[string]*ecdsa.PublicKey), pool: x509.NewCertPool()}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "stand-in"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /directory", a.directory)
	mux.HandleFunc("HEAD /nonce", a.nonce)
	for path, f := range map[string]func(payload []byte, account string, r *http.Request) (status int, location string, body any, err error){
		"/account": a.account, "/order": a.order, "/order/{n}": a.showOrder, "/authorization/{n}": a.authorization,
		"/challenge/{n}": a.challenge, "/finalize/{n}": a.finalize, "/certificate/{n}": a.certificate,
	} {
		mux.HandleFunc("POST "+path, a.signed(f))
	}
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	return a
}

func (a *authority) directory(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(map[string]any{
		"newNonce": a.URL + "/nonce", "newAccount": a.URL + "/account", "newOrder": a.URL + "/order",
		"meta": map[string]string{"termsOfService": a.URL + "/terms"},
	})
}

func (a *authority) nonce(w http.ResponseWriter, _ *http.Request) { a.giveNonce(w) }

func (a *authority) giveNonce(w http.ResponseWriter) {
	nonce := rand.Text()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.nonces[nonce] = true
	w.Header().Set("Replay-Nonce", nonce)
}

// RFC 8555, 6.2: each request is signed by the account's key, with a nonce that is good once.
func (a *authority) signed(f func([]byte, string, *http.Request) (int, string, any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.giveNonce(w)
		status, location, body, err := 0, "", any(nil), error(nil)
		payload, account, err := a.verify(r)
		if err == nil {
			status, location, body, err = f(payload, account, r)
		}
		if err != nil {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]string{"type": "urn:ietf:params:acme:error:malformed", "detail": err.Error()})
			return
		}
		if location != "" {
			w.Header().Set("Location", location)
		}
		if chain, is := body.([]byte); is {
			w.Header().Set("Content-Type", "application/pem-certificate-chain")
			_, _ = w.Write(chain)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
}

func unbase64(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

// verify checks a request's signature and returns what it says and whose it is.
func (a *authority) verify(r *http.Request) (payload []byte, account string, err error) {
	var envelope struct{ Protected, Payload, Signature string }
	if err := json.NewDecoder(r.Body).Decode(&envelope); err != nil {
		return nil, "", err
	}
	var header struct {
		Alg, Nonce, URL, Kid string
		JWK                  *struct{ Kty, Crv, X, Y string }
	}
	if err := json.Unmarshal(unbase64(envelope.Protected), &header); err != nil {
		return nil, "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.nonces[header.Nonce] {
		return nil, "", errors.New("a nonce that was not given, or was used")
	}
	delete(a.nonces, header.Nonce)
	if header.URL != a.URL+r.URL.Path {
		return nil, "", fmt.Errorf("signed for %s", header.URL)
	}
	key, account := a.accounts[header.Kid], header.Kid
	if header.JWK != nil {
		if r.URL.Path != "/account" {
			return nil, "", errors.New("a key in place of an account")
		}
		uncompressed := append(append([]byte{4}, unbase64(header.JWK.X)...), unbase64(header.JWK.Y)...)
		if key, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), uncompressed); err != nil {
			return nil, "", err
		}
		account = a.URL + "/account/" + base64.RawURLEncoding.EncodeToString(uncompressed)
		a.accounts[account] = key
	}
	if key == nil {
		return nil, "", errors.New("no such account")
	}
	sum := sha256.Sum256([]byte(envelope.Protected + "." + envelope.Payload))
	signature := unbase64(envelope.Signature)
	if header.Alg != "ES256" || len(signature) != 64 || !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return nil, "", errors.New("a wrong signature")
	}
	return unbase64(envelope.Payload), account, nil
}

func (a *authority) account(payload []byte, account string, _ *http.Request) (int, string, any, error) {
	var ask struct {
		TermsOfServiceAgreed bool
		Contact              []string
	}
	if err := json.Unmarshal(payload, &ask); err != nil || !ask.TermsOfServiceAgreed {
		return 0, "", nil, fmt.Errorf("the terms are not agreed to: %v", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.contacts = append(a.contacts, ask.Contact...)
	return http.StatusCreated, account, map[string]string{"status": "valid"}, nil
}

func (a *authority) order(payload []byte, _ string, _ *http.Request) (int, string, any, error) {
	var ask struct {
		Identifiers []struct{ Type, Value string }
	}
	if err := json.Unmarshal(payload, &ask); err != nil || len(ask.Identifiers) != 1 || ask.Identifiers[0].Type != "dns" {
		return 0, "", nil, fmt.Errorf("an order of %s", payload)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.orders = append(a.orders, &order{domain: ask.Identifiers[0].Value, token: rand.Text()})
	n := len(a.orders) - 1
	return http.StatusCreated, fmt.Sprint(a.URL, "/order/", n), a.shown(n), nil
}

// shown must be called with mu locked.
func (a *authority) shown(n int) map[string]any {
	o := a.orders[n]
	m := map[string]any{
		"status": "pending", "identifiers": []map[string]string{{"type": "dns", "value": o.domain}},
		"authorizations": []string{fmt.Sprint(a.URL, "/authorization/", n)}, "finalize": fmt.Sprint(a.URL, "/finalize/", n),
	}
	switch {
	case o.chain != nil:
		m["status"], m["certificate"] = "valid", fmt.Sprint(a.URL, "/certificate/", n)
	case o.valid:
		m["status"] = "ready"
	case o.problem != "":
		m["status"] = "invalid"
	}
	return m
}

// of is the order that a request is about. It must be called with mu locked.
func (a *authority) of(r *http.Request) (n int, o *order, err error) {
	if _, err := fmt.Sscan(r.PathValue("n"), &n); err != nil || n < 0 || n >= len(a.orders) {
		return 0, nil, errors.New("no such order")
	}
	return n, a.orders[n], nil
}

func (a *authority) showOrder(_ []byte, _ string, r *http.Request) (int, string, any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, _, err := a.of(r)
	if err != nil {
		return 0, "", nil, err
	}
	return http.StatusOK, "", a.shown(n), nil
}

func (a *authority) authorization(_ []byte, _ string, r *http.Request) (int, string, any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, o, err := a.of(r)
	if err != nil {
		return 0, "", nil, err
	}
	status := "pending"
	if o.valid {
		status = "valid"
	} else if o.problem != "" {
		status = "invalid"
	}
	return http.StatusOK, "", map[string]any{
		"status": status, "identifier": map[string]string{"type": "dns", "value": o.domain},
		"challenges": []map[string]any{{"type": a.offer, "url": fmt.Sprint(a.URL, "/challenge/", n), "token": o.token, "status": status}},
	}, nil
}

// RFC 8555, 8.1: what is to be shown is the token and the thumbprint of the account's key.
func thumbprint(key *ecdsa.PublicKey) (string, error) {
	b, err := key.Bytes()
	if err != nil {
		return "", err
	}
	x, y := base64.RawURLEncoding.EncodeToString(b[1:33]), base64.RawURLEncoding.EncodeToString(b[33:])
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, x, y))
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

func (a *authority) challenge(_ []byte, account string, r *http.Request) (int, string, any, error) {
	a.mu.Lock()
	n, o, err := a.of(r)
	key := a.accounts[account]
	a.mu.Unlock()
	if err != nil {
		return 0, "", nil, err
	}
	print, err := thumbprint(key)
	if err != nil {
		return 0, "", nil, err
	}
	ask := map[string]func(domain, token, want string) error{"tls-alpn-01": a.askTLS, "http-01": a.askHTTP}[a.offer]
	err = ask(o.domain, o.token, o.token+"."+print)
	a.mu.Lock()
	defer a.mu.Unlock()
	if o.valid = err == nil; err != nil {
		o.problem = err.Error()
	}
	return http.StatusOK, "", map[string]any{"type": a.offer, "url": fmt.Sprint(a.URL, "/challenge/", n), "token": o.token, "status": "processing"}, nil
}

// RFC 8737, 3: a self-signed certificate for the domain, with the hash of what is to be shown.
func (a *authority) askTLS(domain, _, want string) error {
	c, err := tls.Dial("tcp", a.secure(), &tls.Config{ServerName: domain, NextProtos: []string{acme.ALPNProto}, InsecureSkipVerify: true})
	if err != nil {
		return err
	}
	defer c.Close()
	state := c.ConnectionState()
	if state.NegotiatedProtocol != acme.ALPNProto {
		return fmt.Errorf("it speaks %q", state.NegotiatedProtocol)
	}
	leaf, sum := state.PeerCertificates[0], sha256.Sum256([]byte(want))
	value, err := asn1.Marshal(sum[:])
	if err != nil {
		return err
	}
	for _, e := range leaf.Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) && e.Critical && bytes.Equal(e.Value, value) && slices.Equal(leaf.DNSNames, []string{domain}) {
			return nil
		}
	}
	return errors.New("the certificate does not show it")
}

// RFC 8555, 8.3.
func (a *authority) askHTTP(domain, token, want string) error {
	r, err := http.NewRequest("GET", "http://"+a.plain()+"/.well-known/acme-challenge/"+token, nil)
	if err != nil {
		return err
	}
	r.Host, r.Close = domain, true
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode != 200 || strings.TrimSpace(string(b)) != want {
		return fmt.Errorf("it shows %s %q, %v", got.Status, b, err)
	}
	return nil
}

func (a *authority) finalize(payload []byte, _ string, r *http.Request) (int, string, any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, o, err := a.of(r)
	if err != nil {
		return 0, "", nil, err
	}
	var ask struct{ CSR string }
	if err := json.Unmarshal(payload, &ask); err != nil || !o.valid {
		return 0, "", nil, fmt.Errorf("not ready: %v", err)
	}
	csr, err := x509.ParseCertificateRequest(unbase64(ask.CSR))
	if err != nil || csr.CheckSignature() != nil || !slices.Equal(csr.DNSNames, []string{o.domain}) {
		return 0, "", nil, fmt.Errorf("a request for %v: %v", csr, err)
	}
	if o.chain, err = a.issue(o.domain, csr.PublicKey); err != nil {
		return 0, "", nil, err
	}
	return http.StatusOK, fmt.Sprint(a.URL, "/order/", n), a.shown(n), nil
}

func (a *authority) issue(domain string, key crypto.PublicKey) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{domain}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.cert, key, a.key)
	if err != nil {
		return nil, err
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})...), nil
}

func (a *authority) certificate(_ []byte, _ string, r *http.Request) (int, string, any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, o, err := a.of(r)
	if err != nil || o.chain == nil {
		return 0, "", nil, fmt.Errorf("no certificate: %v", err)
	}
	return http.StatusOK, "", o.chain, nil
}

// ordered counts the orders so far.
func (a *authority) ordered() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.orders)
}
