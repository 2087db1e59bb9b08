package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// A peer is a server that can be measured.
type peer struct {
	name    string
	secure  bool
	command func(port int, dir string) ([]string, error)
}

// A served peer runs. Stop it.
type served struct {
	url  string
	dir  string
	proc *exec.Cmd
	gone chan error
}

// The names under which results are kept.
const (
	nameSnug = "Snug"
	nameTLS  = "Snug, TLS"
	nameNode = "socket.io 4.8.4 (Node)"
)

// snug is the real server: every message decoded, checked and fsynced before
// it is delivered.
func snug(b *bench, secure bool) peer {
	p := peer{name: nameSnug, secure: secure}
	if secure {
		p.name = nameTLS
	}
	p.command = func(port int, dir string) ([]string, error) {
		args := []string{b.Snug, "serve", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--data", filepath.Join(dir, "data"), "--limits", "off"}
		if !secure {
			return args, nil
		}
		cert, key, err := selfSigned(dir)
		return append(args, "--tls-cert", cert, "--tls-key", key), err
	}
	return p
}

func peers(b *bench) []peer {
	all := []peer{snug(b, false), {
		name: nameNode,
		command: func(port int, _ string) ([]string, error) {
			return []string{"node", filepath.Join(b.Dir, "peers/node/server.mjs"), strconv.Itoa(port)}, nil
		},
	}}
	for _, mode := range []string{"gevent", "eventlet"} {
		all = append(all, peer{
			name: "Flask-SocketIO (" + mode + ")",
			command: func(port int, _ string) ([]string, error) {
				return []string{"/usr/bin/python3", "-B", filepath.Join(b.Dir, "peers/flask/server.py"), strconv.Itoa(port), mode}, nil
			},
		})
	}
	return all
}

// start starts the peer on a free port and waits until it listens.
func (p peer) start(ctx context.Context) (*served, error) {
	dir, err := os.MkdirTemp("", "snug-bench-")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	args, err := p.command(port, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s := &served{url: fmt.Sprintf("http://127.0.0.1:%d", port), dir: dir, gone: make(chan error, 1)}
	if p.secure {
		s.url = fmt.Sprintf("https://127.0.0.1:%d", port)
	}
	s.proc = exec.CommandContext(ctx, args[0], args[1:]...)
	s.proc.Env = append(os.Environ(), "NODE_ENV=production", "PYTHONWARNINGS=ignore")
	said, err := os.Create(filepath.Join(dir, "said"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	defer said.Close()
	s.proc.Stdout, s.proc.Stderr = said, said
	if err := s.proc.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() { s.gone <- s.proc.Wait() }()
	return s, s.await(port)
}

func (s *served) await(port int) error {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return conn.Close()
		}
		select {
		case why := <-s.gone:
			s.gone <- why
			said, _ := os.ReadFile(filepath.Join(s.dir, "said")) // only to say more
			return errors.Join(fmt.Errorf("%s ended: %v: %s", s.proc.Args[0], why, said), s.stop())
		default:
		}
		if time.Now().After(end) {
			return errors.Join(fmt.Errorf("%s does not listen: %w", s.proc.Args[0], err), s.stop())
		}
	}
}

// stop ends the server and removes its files.
func (s *served) stop() error {
	s.proc.Process.Signal(syscall.SIGTERM) // fails where it has ended, which is what is wanted
	select {
	case <-s.gone:
	case <-time.After(5 * time.Second):
		s.proc.Process.Kill()
		<-s.gone
	}
	return os.RemoveAll(s.dir)
}

// freePort finds one. Somebody else may take it before its server does, which
// then says so.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// selfSigned writes a certificate for loopback.
func selfSigned(dir string) (cert, key string, err error) {
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &priv.PublicKey, priv)
	if err != nil {
		return "", "", err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return "", "", err
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	return cert, key, errors.Join(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
}
