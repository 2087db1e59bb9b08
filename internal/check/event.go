package check

import (
	"bufio"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"strconv"
	"time"
)

// An Op says what an Event records.
type Op string

// The operations of a history.
const (
	Send   Op = "send"   // the client hands a message to its connection, at every try
	Ack    Op = "ack"    // it was acknowledged with Seq
	Refuse Op = "refuse" // it was refused for good: it must not be in the log unless an earlier try was stored
	Join   Op = "join"   // the observer has everything up to Seq, and hears from Seq+1 on
	Reset  Op = "reset"  // the server said so, and the observer begins anew after Seq
	See    Op = "see"    // the observer was shown the entry Seq
	Healed Op = "healed" // faults are over; from here C9 counts. Room and Client are empty
)

// An Event is one line of a history. Client names who wrote it: one writer,
// whatever connections it had.
type Event struct {
	T      int64  `json:"t"` // nanoseconds on a clock that all writers share
	Client string `json:"client"`
	Node   string `json:"node,omitempty"`
	Op     Op     `json:"op"`
	Room   string `json:"room,omitempty"`
	ID     string `json:"id,omitempty"`
	Seq    uint32 `json:"seq,omitempty"`
	Hash   string `json:"hash,omitempty"` // Hash of the text; absent where the text is not what was sent: edited, deleted
}

// Hash is the short form in which histories carry a text.
func Hash(text string) string {
	h := fnv.New64a()
	h.Write([]byte(text)) // a hash.Hash never fails
	return strconv.FormatUint(h.Sum64(), 36)
}

// A Writer writes one client's history. It may not be shared by goroutines
// without a lock, so that the lines' order is the order of time.
type Writer struct {
	client, node string
	out          *bufio.Writer
	enc          *json.Encoder
	start        time.Time
}

// NewWriter writes to w; start is the moment that all writers of a run count
// from. The caller flushes, and closes w.
func NewWriter(w io.Writer, client, node string, start time.Time) *Writer {
	out := bufio.NewWriter(w)
	return &Writer{client: client, node: node, out: out, enc: json.NewEncoder(out), start: start}
}

// Write adds an event, with the present time and the writer's name.
func (w *Writer) Write(e Event) error { return w.WriteAt(time.Since(w.start), e) }

// WriteAt is Write at a time since the start that the caller knows.
func (w *Writer) WriteAt(t time.Duration, e Event) error {
	e.T, e.Client, e.Node = int64(t), w.client, w.node
	if err := w.enc.Encode(e); err != nil {
		return fmt.Errorf("check: write history: %w", err)
	}
	return nil
}

// Flush writes out what is buffered.
func (w *Writer) Flush() error {
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("check: write history: %w", err)
	}
	return nil
}
