package api

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
)

// A Proxies knows whom to believe about where a request comes from.
type Proxies struct {
	trusted func(netip.Addr) bool
	log     *slog.Logger
	once    sync.Once
}

// NewProxies believes those that trusted names; nil is nobody.
func NewProxies(trusted func(netip.Addr) bool, log *slog.Logger) *Proxies {
	return &Proxies{trusted: trusted, log: log}
}

// Trusts reports whether the address is a proxy's.
func (p *Proxies) Trusts(a netip.Addr) bool { return p.trusted != nil && p.trusted(a) }

// resolve puts the client's address in place of its proxy's, and notes whether
// the client itself came by TLS. What another than a trusted proxy says about it
// is not believed, and logged once, for it may be a proxy that should be trusted.
func (p *Proxies) resolve(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure := r.TLS != nil
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		switch forwarded := r.Header.Values("X-Forwarded-For"); {
		case err == nil && p.Trusts(peer.Addr()):
			if client, ok := p.client(forwarded); ok {
				r.RemoteAddr = net.JoinHostPort(client.String(), "0")
			}
			if proto := r.Header.Get("X-Forwarded-Proto"); proto != "" {
				secure = strings.EqualFold(proto, "https")
			}
		case len(forwarded) > 0:
			p.once.Do(func() {
				p.log.Warn("X-Forwarded-For comes from an address that is no trusted proxy, and is not believed; if it is your proxy, name it with --trusted-proxy")
			})
		}
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), secureKey{}, secure)))
	})
}

// client is the last address of the list that is not a proxy of ours: those
// before it are what the client says, and it may say anything.
func (p *Proxies) client(forwarded []string) (found netip.Addr, ok bool) {
	list := strings.Split(strings.Join(forwarded, ","), ",")
	for i := len(list) - 1; i >= 0; i-- {
		a, err := parseForwarded(strings.TrimSpace(list[i]))
		if err != nil {
			return found, ok
		}
		found, ok = a.Unmap().WithZone(""), true
		if !p.Trusts(found) {
			return found, ok
		}
	}
	return found, ok
}

// parseForwarded reads an address, which some proxies give a port.
func parseForwarded(s string) (netip.Addr, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr(), nil
	}
	return netip.ParseAddr(strings.Trim(s, "[]"))
}

type secureKey struct{}

// isSecure reports whether the client of a request came by TLS, as far as is known.
func isSecure(r *http.Request) bool {
	secure, _ := r.Context().Value(secureKey{}).(bool)
	return secure
}
