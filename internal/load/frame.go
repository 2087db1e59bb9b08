package load

import (
	"encoding/binary"
	"errors"
)

// The opcodes of RFC 6455, 5.2, that a server may send here.
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPing   = 9
)

var errFrame = errors.New("load: the server sent a frame that is none")

// appendFrame appends a masked text frame. Its masking key is zero, which is
// legal and leaves the bytes as they are: the server has its work all the same.
func appendFrame(dst []byte, op byte, payload []byte) []byte {
	const fin, masked = 0x80, 0x80
	dst = append(dst, fin|op)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, masked|byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, masked|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, masked|127), uint64(n))
	}
	dst = append(dst, 0, 0, 0, 0)
	return append(dst, payload...)
}

// splitFrame takes the first frame off b; ok is false if it is not whole yet.
func splitFrame(b []byte) (op byte, payload, rest []byte, ok bool, err error) {
	if len(b) < 2 {
		return 0, nil, b, false, nil
	}
	if b[0]&0x80 == 0 || b[1]&0x80 != 0 {
		return 0, nil, nil, false, errFrame // fragmented or masked: no server does that here
	}
	n, start := uint64(b[1]), 2
	switch n {
	case 126:
		if len(b) < 4 {
			return 0, nil, b, false, nil
		}
		n, start = uint64(binary.BigEndian.Uint16(b[2:])), 4
	case 127:
		if len(b) < 10 {
			return 0, nil, b, false, nil
		}
		n, start = binary.BigEndian.Uint64(b[2:]), 10
	}
	if n > 16<<20 {
		return 0, nil, nil, false, errFrame
	}
	if uint64(len(b)-start) < n {
		return 0, nil, b, false, nil
	}
	end := start + int(n)
	return b[0] & 0x0f, b[start:end], b[end:], true, nil
}
