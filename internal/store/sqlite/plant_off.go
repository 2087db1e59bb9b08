//go:build !plant

package sqlite

// Faults that the proofs plant, to see that they would be caught: see plant.go.
// In what is shipped there are none.
const (
	synchronous = "FULL"

	plantEarlyAck = false
	plantDouble   = false
	plantForget   = false
	plantReuse    = false
	plantOffByOne = false
)
