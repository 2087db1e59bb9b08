// Package prove holds Snug's promises against the real program: it builds the
// binary, lets a crowd of clients talk to it over Socket.IO, does to it what
// happens to servers (kill -9, power cuts, disks that fail or are full), and has
// package check judge what every client wrote down and what is in the log in
// the end. docs/reliability.md says what is proved, and with which commands.
//
// It is for tests alone.
package prove
