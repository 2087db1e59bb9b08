//go:build !unix

package engineio

import "errors"

const canTryRead = false

func tryRead(uintptr, []byte) (n int, again bool, err error) {
	return 0, false, errors.ErrUnsupported
}

func tryWrite(uintptr, []byte) (n int, err error) { return 0, errors.ErrUnsupported }
