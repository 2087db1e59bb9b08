package gateway

import (
	"context"

	"snug/internal/chat"
	"snug/internal/wire"
)

// sanction handles what kicks, bans or mutes.
func (g *gateway) sanction(do func(*chat.Service, context.Context, *chat.Session, chat.SanctionRequest) error) func(context.Context, *chat.Session, wire.SanctionRequest, func(wire.Reply, error)) {
	return func(ctx context.Context, c *chat.Session, r wire.SanctionRequest, answer func(wire.Reply, error)) {
		answer(new(wire.OKReply), do(g.Service, ctx, c, r.Chat()))
	}
}

func (g *gateway) clear(ctx context.Context, c *chat.Session, r wire.ClearRequest, answer func(wire.Reply, error)) {
	count, err := g.Service.Clear(ctx, c, r.Room, chat.MemberID(r.Member))
	answer(&wire.ClearReply{Count: count}, err)
}

func (g *gateway) role(ctx context.Context, c *chat.Session, r wire.RoleRequest, answer func(wire.Reply, error)) {
	answer(new(wire.OKReply), g.Service.SetRole(ctx, c, r.Room, chat.MemberID(r.Member), chat.Role(r.Role)))
}

// move makes a code for the token that the connection has.
func (g *gateway) move(ctx context.Context, c *conn, _ wire.MoveRequest, bad *chat.Error, answer func(wire.Reply, error)) {
	if bad != nil {
		answer(nil, bad)
		return
	}
	code, m := g.Keys.Move(c.token)
	expires, err := g.Service.Move(ctx, c.session, m)
	answer(&wire.MoveReply{Code: code, Expires: wire.At(expires)}, err)
}
