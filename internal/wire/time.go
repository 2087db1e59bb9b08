package wire

import "time"

// Time is RFC 3339 in UTC with milliseconds; empty for none. An alias, so that
// programs that read it see a plain string.
type Time = string

// At writes t for the wire: exactly three decimals, and "" for the zero time.
func At(t time.Time) Time {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
