// Package load puts load on a Snug server, any server that speaks its chat
// protocol, and measures what comes of it. One goroutine drives every
// connection, so that the generator costs far less than the server: frames are
// counted where they lie, and only a sample of connections is looked into.
//
// Latencies are free of coordinated omission: at a given rate a message counts
// from the moment it was due, not from when the generator got round to it.
package load
