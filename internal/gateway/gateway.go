package gateway

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"time"

	"snug/engineio"
	"snug/internal/chat"
	"snug/internal/wire"
	"snug/socketio"
)

// Config is what a gateway joins. All of it but Banned and Answered is required.
type Config struct {
	Service *chat.Service
	Keys    *chat.Keyring
	Clock   chat.Clock
	Limits  wire.Limits // told to clients
	Version string      // of the server, told to clients
	Logger  *slog.Logger

	// Banned says until when an address may not be served, zero if it may; nil: everybody may.
	Banned func(netip.Addr) (until time.Time, banned bool)

	// Answered, where set, is told how each request was answered: by "ok" or an
	// error's code; event is "" for one that is not served. It must not block.
	Answered func(event, code string, took time.Duration)
}

// features names what is on here beyond what every server of protocol 1 has ("Growing").
var features = []string{"edit", "delete", "react", "search", "read", "typing", "set", "destroy", "kick", "ban", "mute", "clear", "role", "move"}

// A gateway serves the sockets of one namespace. It is immutable.
type gateway struct{ Config }

// Register sets the handlers of ns, which must not serve yet.
func Register(ns *socketio.Namespace, cfg Config) {
	g := &gateway{cfg}
	ns.OnConnect(g.connect)
	ns.OnDisconnect(g.disconnect)
	ns.OnUnknown(g.unknown)
	g.handle(ns)
	ns.Pace()
}

// connect finds out whom a socket speaks for, and welcomes it ("Connecting").
func (g *gateway) connect(ctx context.Context, s *socketio.Socket) error {
	if err := g.banned(s.Handshake().RemoteAddr); err != nil {
		return g.refusal(err)
	}
	from := chat.ParseAddress(s.Handshake().RemoteAddr)
	token, id, minted, err := g.identify(ctx, from, s.Handshake().Auth)
	if err != nil {
		return g.refusal(err)
	}
	c := &conn{socket: s, token: token, log: g.Logger}
	if minted {
		c.session = g.Service.OpenNew(id, from, c)
	} else {
		c.session = g.Service.Open(id, from, c)
	}
	socketio.SetValue(s, c)
	// From here on the session is ended by disconnect alone, which is called
	// also for a socket that has left meanwhile: so no error is returned.
	_ = s.Emit(string(wire.TellWelcome), wire.Welcome{
		Token: token, Protocol: wire.Protocol, Features: features, Limits: g.Limits,
		Server: wire.Server{Name: "Snug", Version: g.Version, Time: wire.At(g.Clock.Now())},
	})
	if q := g.Service.Hushed(); q != nil {
		_ = s.Emit(string(wire.TellNotice), wire.NewNotice(q))
	}
	return nil
}

// banned refuses whoever comes from an address that the operator has banned. They
// are kept out before: this is for those who came while that was done.
func (g *gateway) banned(remote string) error {
	if g.Banned == nil {
		return nil
	}
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return nil
	}
	until, banned := g.Banned(peer.Addr())
	if !banned {
		return nil
	}
	refused := &chat.Error{Code: chat.Banned, Scope: chat.ScopeServer, Message: "this address is banned from the server"}
	if !until.Equal(chat.Forever) {
		refused.Retry, refused.RetryAfter = true, until.Sub(g.Clock.Now())
	}
	return refused
}

// errToken refuses what is not a token of ours.
var errToken = &chat.Error{Code: chat.Unauthorized, Message: "invalid token"}

// refusal is a CONNECT_ERROR ("Connecting").
func (g *gateway) refusal(err error) error {
	f := wire.NewFailure(known(err, "connect", g.Logger))
	return &socketio.ConnectError{
		Message: f.Message,
		Data: struct {
			Code       string  `json:"code"`
			Retry      bool    `json:"retry,omitempty"`
			RetryAfter float64 `json:"retryAfter,omitempty"`
		}{f.Code, f.Retry, f.RetryAfter},
	}
}

// identify reads the auth object of CONNECT. Without a token it makes one; what
// is not a token of ours is refused, whatever its type. A code of `move` goes before a token.
func (g *gateway) identify(ctx context.Context, from chat.Address, auth json.RawMessage) (token string, id chat.Identity, minted bool, err error) {
	if auth == nil {
		auth = json.RawMessage("{}")
	}
	var members map[string]json.RawMessage // exact names: encoding/json alone folds case
	if json.Unmarshal(auth, &members) != nil {
		return "", id, false, errToken
	}
	if raw, given := members["move"]; given {
		token, id, err = g.redeem(ctx, from, raw)
		return token, id, false, err
	}
	raw, given := members["token"]
	if !given {
		token, id = g.Keys.Mint()
		return token, id, true, nil
	}
	// null leaves token empty, which is none of ours.
	if json.Unmarshal(raw, &token) != nil {
		return "", id, false, errToken
	}
	id, ok := g.Keys.Verify(token)
	if !ok {
		return "", id, false, errToken
	}
	return token, id, false, nil
}

// redeem finds whose identity a code of `move` is for.
func (g *gateway) redeem(ctx context.Context, from chat.Address, raw json.RawMessage) (token string, id chat.Identity, err error) {
	var code string
	_ = json.Unmarshal(raw, &code) // what is no text is no code either
	key, valid := g.Keys.MoveKey(code)
	sealed, err := g.Service.Redeem(ctx, from, key, valid)
	if err != nil {
		return "", id, err
	}
	token, id, ok := g.Keys.Unseal(code, sealed)
	if !ok {
		return "", id, errToken
	}
	return token, id, nil
}

// disconnect ends a socket's session. What the others are told depends on how
// it ended ("Presence").
func (g *gateway) disconnect(s *socketio.Socket, reason socketio.Reason) {
	c := socketio.Value[*conn](s)
	if c == nil {
		return
	}
	how := chat.Closed
	switch reason {
	case socketio.ReasonClientDisconnect, socketio.ReasonServerDisconnect:
		how = chat.SaidGoodbye
	case socketio.Reason(engineio.ReasonPingTimeout):
		how = chat.Vanished
	}
	g.Service.Close(c.session, how)
}
