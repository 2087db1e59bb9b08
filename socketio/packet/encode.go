package packet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

// Errors of encoding: the caller's mistakes, never the peer's.
var (
	ErrReserved           = errors.New("reserved event name")
	ErrTooManyAttachments = fmt.Errorf("more than %d attachments", MaxAttachments)
	errTooDeep            = errors.New("value nested too deeply")
)

// An Encoded is a packet ready to be sent: its text, and then its attachments
// in order, each a message of its own. Neither may be changed.
type Encoded struct {
	Text        []byte
	Attachments [][]byte
}

// EncodeEvent writes an event with the namespace and id of p, whose other
// fields it ignores. The arguments are encoded by the rules of [json.Marshal]
// but for HTML, which is not escaped. A []byte, wherever it stands in the
// arguments, becomes an attachment; it is not copied, and must not be changed.
func EncodeEvent(p Packet, name string, args ...any) (Encoded, error) {
	if Reserved(name) {
		return Encoded{}, fmt.Errorf("event %q: %w", name, ErrReserved)
	}
	p.Type = Event
	return encodeArray(p, name, true, args)
}

// EncodeAck writes the answer to the event with the namespace and id of p,
// whose other fields it ignores. The arguments are encoded as by [EncodeEvent].
func EncodeAck(p Packet, args ...any) (Encoded, error) {
	p.Type, p.HasID = Ack, true
	return encodeArray(p, "", false, args)
}

// Marshal writes any other payload, by the rules of [EncodeEvent], but
// without attachments: what would be one is written in base64.
func Marshal(v any) ([]byte, error) {
	w := writers.Get().(*writer)
	defer w.release()
	if err := w.plain(v); err != nil {
		return nil, err
	}
	return bytes.Clone(w.buf.Bytes()), nil
}

// writers are reused: what they hold is copied into a packet of the right size.
var writers = sync.Pool{New: func() any {
	w := new(writer)
	w.json = json.NewEncoder(&w.buf)
	w.json.SetEscapeHTML(false)
	return w
}}

// keepWriter is the size up to which a writer's buffer is worth keeping.
const keepWriter = 64 << 10

// A writer writes the JSON of one packet and collects its attachments.
type writer struct {
	buf         bytes.Buffer
	json        *json.Encoder
	attachments [][]byte

	// Where the arguments that are passed on came from, and for each of the
	// attachments there 1 + the number that it has here, 0 for none yet.
	from  *[]byte
	known [MaxAttachments]int
}

func encodeArray(p Packet, name string, named bool, args []any) (Encoded, error) {
	w := writers.Get().(*writer)
	defer w.release()
	w.buf.WriteByte('[')
	if named {
		if err := w.plain(name); err != nil {
			return Encoded{}, err
		}
	}
	for i, arg := range args {
		if named || i > 0 {
			w.buf.WriteByte(',')
		}
		if err := w.argument(arg); err != nil {
			return Encoded{}, fmt.Errorf("argument %d: %w", i, err)
		}
	}
	w.buf.WriteByte(']')
	if len(w.attachments) > MaxAttachments {
		return Encoded{}, ErrTooManyAttachments
	}
	p.Attachments = len(w.attachments)
	p.Data = w.buf.Bytes()
	return Encoded{Text: Encode(p), Attachments: w.attachments}, nil
}

func (w *writer) release() {
	w.attachments, w.from = nil, nil
	w.buf.Reset()
	if w.buf.Cap() <= keepWriter {
		writers.Put(w)
	}
}

// plain writes a value that has no attachments.
func (w *writer) plain(v any) error {
	if err := w.json.Encode(v); err != nil {
		return err
	}
	w.buf.Truncate(w.buf.Len() - 1) // the Encoder's newline
	return nil
}
