package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// A Network is a set of addresses.
type Network netip.Prefix

// UnmarshalText reads an address or a network.
func (n *Network) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap()
		*n = Network(netip.PrefixFrom(a, a.BitLen()))
		return nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", text)
	}
	*n = Network(p.Masked())
	return nil
}

// Contains reports whether the address is in the network.
func (n Network) Contains(a netip.Addr) bool { return netip.Prefix(n).Contains(a.Unmap().WithZone("")) }
