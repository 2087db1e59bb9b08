//go:build plant

package sqlite

import "os"

// Faults that the proofs plant, to see that they would be caught. The
// environment of the process chooses one.
var (
	planted = os.Getenv("SNUG_PLANT")

	synchronous = map[bool]string{false: "FULL", true: "NORMAL"}[planted == "ack before fsync"]

	plantEarlyAck = planted == "ack before commit"
	plantDouble   = planted == "double on retry"
	plantForget   = planted == "dedupe lost at restart"
	plantReuse    = planted == "seq used again after restart"
	plantOffByOne = planted == "history off by one"
)
