//go:build !linux

package load

import "errors"

func newEpoll(string, func() []byte) (loop, error) {
	return nil, errors.ErrUnsupported
}
