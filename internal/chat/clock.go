package chat

import "time"

// A Clock tells the time that entries and members carry. Durations (graces,
// ticks) are measured by package time, which tests run in fake time.
type Clock interface{ Now() time.Time }

// SystemClock is the machine's clock.
type SystemClock struct{}

// Now returns the present time in UTC.
func (SystemClock) Now() time.Time { return time.Now().UTC() }
