package gateway

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"snug/internal/chat"
	"snug/internal/wire"
	"snug/socketio"
)

// handle sets the handler of each request of the protocol.
func (g *gateway) handle(ns *socketio.Namespace) {
	serveRetried(g, ns, wire.EventCreate, g.create)
	serve(g, ns, wire.EventJoin, g.join)
	serve(g, ns, wire.EventLeave, g.leave)
	serveRetried(g, ns, wire.EventSend, g.send)
	serveRetried(g, ns, wire.EventEdit, g.edit)
	serveRetried(g, ns, wire.EventDelete, g.delete)
	serveRetried(g, ns, wire.EventReact, g.react)
	serve(g, ns, wire.EventHistory, g.history)
	serve(g, ns, wire.EventSearch, g.search)
	serve(g, ns, wire.EventRead, g.read)
	serve(g, ns, wire.EventTyping, g.typing)
	serve(g, ns, wire.EventRename, g.rename)
	serve(g, ns, wire.EventMembers, g.members)
	serve(g, ns, wire.EventSet, g.set)
	serve(g, ns, wire.EventDestroy, g.destroy)
	serve(g, ns, wire.EventKick, g.sanction((*chat.Service).Kick))
	serve(g, ns, wire.EventBan, g.sanction((*chat.Service).Ban))
	serve(g, ns, wire.EventMute, g.sanction((*chat.Service).Mute))
	serve(g, ns, wire.EventClear, g.clear)
	serve(g, ns, wire.EventRole, g.role)
	serveConn(g, ns, wire.EventMove, g.move)
}

// serve sets the handler of one event: it decodes the request, and f must see
// to it that answer is called once, with a reply or an error.
//
// ctx does not end with the socket: what a client has asked for is done, also
// if it hangs up without waiting for the answer.
func serve[T any](g *gateway, ns *socketio.Namespace, event wire.ClientEvent,
	f func(ctx context.Context, c *chat.Session, r T, answer func(wire.Reply, error))) {
	serveRetried(g, ns, event, func(ctx context.Context, c *chat.Session, r T, bad *chat.Error, answer func(wire.Reply, error)) {
		if bad != nil {
			answer(nil, bad)
			return
		}
		f(ctx, c, r, answer)
	})
}

// serveRetried is serve for requests with an id: f gets malformed ones too, as
// far as they could be read, with what is wrong. A retry is answered with the
// first result "before any other check, whatever else it carries".
func serveRetried[T any](g *gateway, ns *socketio.Namespace, event wire.ClientEvent,
	f func(ctx context.Context, c *chat.Session, r T, bad *chat.Error, answer func(wire.Reply, error))) {
	serveConn(g, ns, event, func(ctx context.Context, c *conn, r T, bad *chat.Error, answer func(wire.Reply, error)) {
		f(ctx, c.session, r, bad, answer)
	})
}

// serveConn is serveRetried for what concerns the connection itself.
func serveConn[T any](g *gateway, ns *socketio.Namespace, event wire.ClientEvent,
	f func(ctx context.Context, c *conn, r T, bad *chat.Error, answer func(wire.Reply, error))) {
	ns.Handle(string(event), func(ctx context.Context, s *socketio.Socket, args socketio.Args, ack *socketio.Ack) error {
		a := g.answer(event, ack)
		var r T
		var bad *chat.Error
		a.ignored, bad = wire.Decode(args.Raw(0), &r)
		c := socketio.Value[*conn](s)
		if err := g.Service.Pace(ctx, c.session); err != nil && bad == nil {
			bad, _ = errors.AsType[*chat.Error](err)
		}
		f(context.WithoutCancel(ctx), c, r, bad, a.give)
		return nil
	})
}

// first is the error of a request that was malformed, and was only handed on
// in case that it was a retry: in a form that package chat refuses, too.
func first(bad *chat.Error, err error) error {
	if bad != nil && chat.CodeOf(err) == chat.BadRequest {
		return bad
	}
	return err
}

func (g *gateway) create(ctx context.Context, c *chat.Session, r wire.CreateRequest, bad *chat.Error, answer func(wire.Reply, error)) {
	request, odd := r.Chat()
	if bad == nil {
		bad = odd
	}
	if bad != nil {
		if r.ID == "" {
			answer(nil, bad)
			return
		}
		none := chat.Keep(math.MaxInt)
		request = chat.CreateRequest{ID: r.ID, Keep: &none}
	}
	created, err := g.Service.Create(ctx, c, request)
	if err != nil {
		answer(nil, first(bad, err))
		return
	}
	answer(wire.NewCreateReply(created), nil)
}

// join answers on the room's lane, so that the answer is queued before anything
// of the room is ("Order").
func (g *gateway) join(ctx context.Context, c *chat.Session, r wire.JoinRequest, answer func(wire.Reply, error)) {
	g.Service.Join(ctx, c, r.Chat(), func(j chat.Joined, err error) {
		if err != nil {
			answer(nil, err)
			return
		}
		answer(wire.NewJoinReply(j), nil)
	})
}

func (g *gateway) leave(ctx context.Context, c *chat.Session, r wire.LeaveRequest, answer func(wire.Reply, error)) {
	g.Service.Leave(ctx, c, r.Room, r.All, func(err error) { answer(new(wire.OKReply), err) })
}

// send returns at once and answers at the commit, so that what one client has
// under way shares commits.
func (g *gateway) send(ctx context.Context, c *chat.Session, r wire.SendRequest, bad *chat.Error, answer func(wire.Reply, error)) {
	request := r.Chat()
	if bad != nil {
		if r.ID == "" || r.Room == "" {
			answer(nil, bad)
			return
		}
		request = chat.SendRequest{Room: r.Room, ID: r.ID} // no message: it has no text
	}
	g.Service.Send(ctx, c, request, func(a chat.Appended, err error) { answer(wire.NewSendReply(a), first(bad, err)) })
}

func (g *gateway) edit(ctx context.Context, c *chat.Session, r wire.EditRequest, bad *chat.Error, answer func(wire.Reply, error)) {
	request := r.Chat()
	if bad != nil {
		if r.ID == "" || r.Room == "" {
			answer(nil, bad)
			return
		}
		request = chat.EditRequest{Room: r.Room, ID: r.ID} // of no message
	}
	g.Service.Edit(ctx, c, request, func(a chat.Appended, err error) { answer(wire.NewSendReply(a), first(bad, err)) })
}

func (g *gateway) delete(ctx context.Context, c *chat.Session, r wire.DeleteRequest, bad *chat.Error, answer func(wire.Reply, error)) {
	request := r.Chat()
	if bad != nil {
		if r.ID == "" || r.Room == "" {
			answer(nil, bad)
			return
		}
		request = chat.DeleteRequest{Room: r.Room, ID: r.ID} // of no message
	}
	g.Service.Delete(ctx, c, request, func(a chat.Appended, err error) { answer(wire.NewSendReply(a), first(bad, err)) })
}

func (g *gateway) react(ctx context.Context, c *chat.Session, r wire.ReactRequest, bad *chat.Error, answer func(wire.Reply, error)) {
	request := r.Chat()
	if bad != nil {
		if r.ID == "" || r.Room == "" {
			answer(nil, bad)
			return
		}
		request = chat.ReactRequest{Room: r.Room, ID: r.ID} // of no message
	}
	g.Service.React(ctx, c, request, func(a chat.Appended, err error) { answer(wire.NewSendReply(a), first(bad, err)) })
}

func (g *gateway) history(ctx context.Context, c *chat.Session, r wire.HistoryRequest, answer func(wire.Reply, error)) {
	page, err := g.Service.History(ctx, c, r.Chat())
	if err != nil {
		answer(nil, err)
		return
	}
	answer(wire.NewHistoryReply(page), nil)
}

func (g *gateway) search(ctx context.Context, c *chat.Session, r wire.SearchRequest, answer func(wire.Reply, error)) {
	found, err := g.Service.Search(ctx, c, r.Chat())
	if err != nil {
		answer(nil, err)
		return
	}
	answer(wire.NewSearchReply(found), nil)
}

func (g *gateway) read(ctx context.Context, c *chat.Session, r wire.ReadRequest, answer func(wire.Reply, error)) {
	answer(new(wire.OKReply), g.Service.Read(ctx, c, r.Room, chat.Seq(r.Seq), r.Epoch))
}

func (g *gateway) typing(ctx context.Context, c *chat.Session, r wire.TypingRequest, answer func(wire.Reply, error)) {
	answer(new(wire.OKReply), g.Service.Typing(ctx, c, r.Room))
}

func (g *gateway) rename(ctx context.Context, c *chat.Session, r wire.RenameRequest, answer func(wire.Reply, error)) {
	you, err := g.Service.Rename(ctx, c, r.Room, r.Name)
	answer(&wire.RenameReply{You: wire.NewMember(you)}, err)
}

func (g *gateway) members(ctx context.Context, c *chat.Session, r wire.MembersRequest, answer func(wire.Reply, error)) {
	request, bad := r.Chat()
	if bad != nil {
		answer(nil, bad)
		return
	}
	page, err := g.Service.Members(ctx, c, request)
	if err != nil {
		answer(nil, err)
		return
	}
	answer(wire.NewMembersReply(page), nil)
}

func (g *gateway) set(ctx context.Context, c *chat.Session, r wire.SetRequest, answer func(wire.Reply, error)) {
	request, bad := r.Chat()
	if bad != nil {
		answer(nil, bad)
		return
	}
	set, err := g.Service.Set(ctx, c, request)
	answer(wire.NewSetReply(set), err)
}

func (g *gateway) destroy(ctx context.Context, c *chat.Session, r wire.DestroyRequest, answer func(wire.Reply, error)) {
	answer(new(wire.OKReply), g.Service.Destroy(ctx, c, r.Room))
}

// unknown answers the events of a newer protocol, or of another one ("Growing").
func (g *gateway) unknown(ctx context.Context, s *socketio.Socket, event string, ack *socketio.Ack) {
	a := g.answer("", ack)
	if err := g.Service.Pace(ctx, socketio.Value[*conn](s).session); err != nil {
		a.give(nil, err)
		return
	}
	a.give(nil, &chat.Error{Code: chat.Unsupported})
}

// An answer is what a request waits for.
type answer struct {
	event   wire.ClientEvent
	ack     *socketio.Ack
	ignored []string // fields that were not understood
	log     *slog.Logger

	began time.Time // when the request came; zero where nobody asks
	noted func(event, code string, took time.Duration)
}

func (g *gateway) answer(event wire.ClientEvent, ack *socketio.Ack) answer {
	a := answer{event: event, ack: ack, log: g.Logger, noted: g.Answered}
	if a.noted != nil {
		a.began = time.Now()
	}
	return a
}

// note tells how the request was answered.
func (a *answer) note(err error) {
	if a.noted == nil {
		return
	}
	code := "ok"
	if err != nil {
		code = string(chat.CodeOf(err))
	}
	a.noted(string(a.event), code, time.Since(a.began))
}

// give queues the answer: err's, if there is one, else r. It never blocks.
func (a *answer) give(r wire.Reply, err error) {
	defer a.note(err)
	if err != nil {
		e := known(err, a.event, a.log)
		if !a.ack.Wanted() {
			return
		}
		r = wire.NewRefusal(e)
	}
	if !a.ack.Wanted() {
		return
	}
	if err := a.ack.Reply(wire.Answered(r, a.ignored)); err != nil && !errors.Is(err, socketio.ErrDisconnected) {
		a.log.Error("answering a request", "event", a.event, "err", err)
	}
}

// known is what a client is told of an error. This is where errors end: one
// without a code, or with the code Internal, is logged with all there is to know,
// and the client learns the code.
func known(err error, event wire.ClientEvent, log *slog.Logger) *chat.Error {
	e, ok := errors.AsType[*chat.Error](err)
	if !ok {
		e = &chat.Error{Code: chat.Internal, Retry: true, Err: err}
	}
	if e.Code == chat.Internal {
		log.Error("a request failed", "event", event, "err", err)
		e = &chat.Error{Code: chat.Internal, Retry: e.Retry}
	}
	return e
}
