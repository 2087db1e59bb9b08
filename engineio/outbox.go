package engineio

import (
	"slices"

	"snug/engineio/packet"
)

// frameCost is what one queued frame counts beside its bytes, so that many tiny
// frames cannot hold more memory than the limit says.
const frameCost = 32

// An outbox is the queue of what one session still has to send. It is guarded
// by its Conn's mu.
type outbox struct {
	queue    []*frame
	queued   int // bytes in queue
	inflight int // bytes that a writer has taken and not yet written
}

// push queues frames, or none of them if they do not all fit in limit bytes.
func (o *outbox) push(limit int, frames ...Frame) bool {
	n := 0
	for _, f := range frames {
		if f.f != nil {
			n += len(f.f.wire) + frameCost
		}
	}
	if o.queued+o.inflight+n > limit {
		return false
	}
	o.queued += n
	for _, f := range frames {
		if f.f != nil {
			o.queue = append(o.queue, f.f)
		}
	}
	return true
}

// pushControl queues one of the protocol's own small packets, whatever the limit.
func (o *outbox) pushControl(f *frame) {
	o.queue = append(o.queue, f)
	o.queued += len(f.wire) + frameCost
}

func (o *outbox) empty() bool { return len(o.queue) == 0 }

// take moves everything queued into the hands of a writer, which calls written
// when it is done and gives back the slice's memory as spare at the next take.
func (o *outbox) take(spare []*frame) []*frame {
	frames := o.queue
	clear(spare)
	o.queue = spare[:0]
	o.inflight += o.queued
	o.queued = 0
	return frames
}

// takeSome is as take for at most most packets, of which there is one at least.
func (o *outbox) takeSome(most int) []*frame {
	bytes := 0
	for i, f := range o.queue {
		if f.count <= most {
			most -= f.count
			bytes += len(f.wire) + frameCost
			continue
		}
		frames := append([]*frame(nil), o.queue[:i]...)
		if most > 0 {
			head, tail := f.split(most)
			bytes += len(head.wire)
			frames, o.queue[i] = append(frames, head), tail
		}
		o.queue = slices.Delete(o.queue, 0, i)
		o.queued -= bytes
		o.inflight += bytes
		return frames
	}
	return o.take(nil)
}

// clear forgets what is queued, which is being written, and keeps its memory
// for the next time if it is not much.
func (o *outbox) clear() {
	clear(o.queue)
	o.queue, o.queued = o.queue[:0], 0
	o.shrink()
}

// written tells that everything taken is out.
func (o *outbox) written() { o.inflight = 0 }

// shrink lets go of the memory of a burst that is over; the queue is empty.
func (o *outbox) shrink() {
	if cap(o.queue) > 4 {
		o.queue = nil
	}
}

// drop frees what is queued.
func (o *outbox) drop() {
	o.queue = nil
	o.queued = 0
}

// appendPayload writes frames as one polling payload.
func appendPayload(dst []byte, frames []*frame) []byte {
	for _, f := range frames {
		if len(dst) > 0 {
			dst = append(dst, packet.Separator)
		}
		dst = append(dst, f.asPayload()...)
	}
	return dst
}
