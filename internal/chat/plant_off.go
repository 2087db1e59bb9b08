//go:build !plant

package chat

// Faults that the proofs plant, to see that they would be caught: see plant.go.
// In what is shipped there are none.
const (
	plantDrop = false
	plantSwap = false
	plantSkip = false
)
