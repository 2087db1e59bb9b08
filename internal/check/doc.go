// Package check decides whether a chat kept its promises. Clients under load
// write down what they did and saw, one Event a line; a Checker reads these
// histories in the order of time, then the log as it is on disk, and lists
// every violation of the nine rules:
//
//	C1  every acknowledged id is in the log once, with the acknowledged seq
//	C2  nothing is in the log, or was seen, that nobody sent; texts are unchanged
//	C3  each observer sees seq rise by one, across all its connections
//	C4  a seq is the same entry for every observer and in the log
//	C5  what was acknowledged before another was sent has the lower seq
//	C6  one sender's messages keep the order in which they were sent
//	C7  what was never acknowledged is in the log once or not at all
//	C8  the log is dense
//	C9  every observer reaches the head within a bound after healing
//
// It knows nothing of how the chat works, and shares no code with it.
package check
