// Package dialects replays how Socket.IO clients that cannot be installed from
// a package registry (Java, C++, Swift) speak on the wire: their handshakes,
// headers, order of the upgrade and of binary. Each file of testdata is one
// client's half of a conversation, written from its documented behaviour, and
// what it needs to hear back.
package dialects
