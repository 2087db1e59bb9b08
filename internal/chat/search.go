package chat

import (
	"context"
	"unicode/utf8"
)

// A SearchRequest looks for messages in a room.
type SearchRequest struct {
	Room   string
	Query  string
	Before Seq // older than this; 0: from the newest on
	Limit  int // 0: 20
}

// searchDefault is how many messages a search answers with if nothing else is asked for.
const searchDefault = 20

// Search finds messages, newest first. It blocks while the store looks for them, which ctx ends.
func (s *Service) Search(ctx context.Context, c *Session, r SearchRequest) (History, error) {
	if !s.gate.enter() {
		return History{}, errShuttingDown()
	}
	defer s.gate.leave()
	if r.Limit < 0 {
		return History{}, errField("limit", "limit is not negative")
	}
	v, err := s.visit(ctx, c, r.Room)
	if err != nil {
		return History{}, err
	}
	defer v.end()
	if _, err := v.member(); err != nil {
		return History{}, err
	}
	switch {
	case !utf8.ValidString(r.Query):
		return History{}, errField("query", "the query is not UTF-8")
	case r.Query == "":
		return History{}, errField("query", "the query is empty")
	case utf8.RuneCountInString(r.Query) > s.limits.QueryChars:
		return History{}, errTooLarge("query", s.limits.QueryChars, "the query has too many characters")
	}
	page, err := s.store.Search(ctx, SearchQuery{
		Room: v.room.ID, Query: ParseQuery(r.Query), Before: r.Before,
		Limit: within(r.Limit, searchDefault, s.limits.PageEntries), Bytes: s.limits.PageBytes,
	})
	if err != nil {
		return History{}, failed("searching", err)
	}
	mine, err := v.mine(ctx, c.id, page)
	if err != nil {
		return History{}, err
	}
	return History{Page: page, Epoch: v.room.Epoch, Mine: mine}, nil
}
