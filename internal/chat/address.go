package chat

import "net/netip"

// An Address is what rates count as one place that connections come from: an
// IPv4 address, or the 64 bits of an IPv6 one that a network is given as a
// whole. The zero Address is that of connections of which no other is known.
type Address netip.Prefix

// AddressOf is the Address of an IP address. An IPv4 address in the form of an
// IPv6 one is itself.
func AddressOf(a netip.Addr) Address {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	if err != nil { // the zero Addr
		return Address{}
	}
	return Address(p)
}

// ParseAddress reads the Address of a "host:port" as net/http has it; the
// zero Address where it is none.
func ParseAddress(hostport string) Address {
	a, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return Address{}
	}
	return AddressOf(a.Addr())
}

// String is for operators alone: addresses are never logged.
func (a Address) String() string { return netip.Prefix(a).String() }
