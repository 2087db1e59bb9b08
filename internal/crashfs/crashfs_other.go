//go:build !linux

// Package crashfs is a disk whose power can be cut. It is for Linux; elsewhere
// it only says so.
package crashfs

import "errors"

// Available reports why the machine cannot mount a disk.
func Available() error { return errors.ErrUnsupported }

// Main does nothing here.
func Main() {}
