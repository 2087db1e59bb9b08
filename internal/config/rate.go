package config

import (
	"fmt"
	"strconv"
	"strings"
)

// A Rate is so many a second in the long run, and so many at once. One of less
// than nothing a second is no limit; the zero Rate stands for a default.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Off is no limit.
var Off = Rate{PerSecond: -1}

// UnmarshalText reads "5/s,20", "10/m,10" or "off".
func (r *Rate) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*r = Off
		return nil
	}
	rate, burst, hasBurst := strings.Cut(string(text), ",")
	number, unit, _ := strings.Cut(rate, "/")
	n, err := strconv.ParseFloat(number, 64)
	switch unit {
	case "s":
	case "m":
		n /= 60
	default:
		err = strconv.ErrSyntax
	}
	b, burstErr := strconv.Atoi(burst)
	if err != nil || burstErr != nil || !hasBurst || !(n > 1e-6 && n <= 1e9) || b < 1 || b > 1e9 {
		return fmt.Errorf(`%q is not a rate such as "5/s,20" (5 a second, 20 at once), "10/m,10" (10 a minute), nor "off"`, text)
	}
	*r = Rate{n, b}
	return nil
}

// flagName is a field's name as a flag: kong's rule for the names that are used here.
func flagName(field string) string {
	var b strings.Builder
	for i, c := range field {
		if c >= 'A' && c <= 'Z' && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(c)
	}
	return strings.ToLower(b.String())
}
