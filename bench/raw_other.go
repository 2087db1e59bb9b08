//go:build !linux

package main

import (
	"errors"
	"time"
)

func rawLoop(time.Duration) (result, error) {
	return result{}, errors.New("the CPU time of a thread is read on Linux alone")
}
