//go:build plant

package chat

import "os"

// Faults that the proofs plant, to see that they would be caught. The
// environment of the process chooses one.
var (
	planted = os.Getenv("SNUG_PLANT")

	plantDrop = planted == "drop"
	plantSwap = planted == "swap"
	plantSkip = planted == "backlog skipped"
)
