package sqlite

import (
	"context"
	"errors"
	"strings"

	"snug/internal/chat"
)

const (
	// searchTerms is how many terms that begin with a prefix are looked up one by one; with all,
	// allTerms. For more, FTS5 first collects every message that has any of them.
	searchTerms = 32
	allTerms    = 1000

	// searchTries is how many messages are read in vain before a search is done in the way that
	// takes long to begin, but then proposes little in vain.
	searchTries = 300

	// searchPage is how many entries are read at a time where nothing is indexed.
	searchPage = 200
)

// A search is one that is under way. It goes through a room's messages from the newest
// to the oldest: first those that are not indexed yet, one by one; then those that the
// index proposes.
type search struct {
	*reading
	q     chat.Query
	index *conn // sees the index as it was before reading was made
	place place
	cut   *cutter
	to    chat.Seq // the newest that was not looked at
	found []chat.Entry
}

// Search implements chat.Store.
func (s *Store) Search(ctx context.Context, q chat.SearchQuery) (p chat.Page, err error) {
	select {
	case <-s.index.checked:
	case <-s.index.ended:
	case <-ctx.Done():
		return p, ctx.Err()
	}
	err = s.index.readers.view(ctx, func(x *conn) error {
		f := search{index: x, q: q.Query, cut: &cutter{limit: max(0, q.Limit), bytes: q.Bytes}}
		// This begins the view of the index. What leaves it after that, or will be changed, is read as it is then.
		if _, err := x.one([]any{&f.place.seq, &f.place.floor}, "SELECT seq, floor FROM places WHERE room = ?", int64(q.Room)); err != nil {
			return err
		}
		err := s.read(ctx, q.Room, func(r *reading) error {
			f.reading = r
			f.to = r.head
			if q.Before != 0 {
				f.to = min(f.to, q.Before-1)
			}
			p.Head, p.First = r.head, r.first
			if q.Query.Empty() {
				return nil
			}
			return f.run(ctx, s.index)
		})
		p.Entries, p.More = f.found, f.cut.cut
		return err
	})
	if err != nil {
		return chat.Page{}, err
	}
	return p, nil
}

func (f *search) run(ctx context.Context, x *index) error {
	if err := f.scan(ctx, f.place.seq, 1<<62); err != nil || f.ended() {
		return err
	}
	match, broad, err := f.match(false)
	if err != nil {
		return err
	}
	if match == "" {
		err = f.scan(ctx, 0, searchTries)
	} else {
		err = f.propose(ctx, match, broad)
	}
	if err != nil || f.ended() {
		return err
	}
	// What is left takes long, for which one at a time is enough.
	select {
	case x.slow <- struct{}{}:
		defer func() { <-x.slow }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if match, _, err = f.match(true); err != nil {
		return err
	}
	return f.propose(ctx, match, false)
}

// ended reports whether there is nothing more to look for.
func (f *search) ended() bool { return f.cut.cut || f.to < f.first || f.to == 0 }

// look takes an entry that may be one.
func (f *search) look(e *chat.Entry) {
	if e.Kind == chat.KindMessage && f.q.Matches(e.Text) && f.cut.fits(e) {
		f.found = append(f.found, *e)
	}
}

// scan looks at all talk above a seq, at most n entries of it.
func (f *search) scan(ctx context.Context, above chat.Seq, n int) error {
	for n > 0 && f.to > above {
		if err := ctx.Err(); err != nil {
			return err
		}
		page := cutter{limit: min(n, searchPage)}
		list, err := f.older(&page, f.to)
		if err != nil {
			return err
		}
		for i := range list {
			if list[i].Seq <= above {
				f.to = above
				return nil
			}
			if f.look(&list[i]); f.cut.cut {
				return nil
			}
		}
		if !page.cut {
			f.to = above
			return nil
		}
		f.to = list[len(list)-1].Seq - 1
		n -= len(list)
	}
	return nil
}

var errEnough = errors.New("enough")

// propose looks at what the index proposes, and what it has been told to look at again. With
// limited it gives up after searchTries in vain; f.to then says where.
func (f *search) propose(ctx context.Context, match string, limited bool) error {
	to := min(f.to, f.place.seq)
	again, err := f.again(to)
	if err != nil {
		return err
	}
	tries := 0
	try := func(seq chat.Seq) error {
		e, err := f.entry(seq)
		if err != nil {
			return err
		}
		f.to = seq - 1
		if n := len(f.found); e != nil {
			f.look(e)
			if len(f.found) == n {
				tries++
			}
		}
		if f.cut.cut || limited && tries >= searchTries {
			return errEnough
		}
		return ctx.Err()
	}
	err = f.index.query(func(scan func(...any) error) error {
		var row int64
		if err := scan(&row); err != nil {
			return err
		}
		for len(again) > 0 && again[0] > seqOf(row) {
			if err := try(again[0]); err != nil {
				return err
			}
			again = again[1:]
		}
		return try(seqOf(row))
	}, "SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC", match, rowOf(f.room, f.first), rowOf(f.room, to))
	for ; len(again) > 0 && err == nil; again = again[1:] {
		err = try(again[0])
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	if err == nil {
		f.to = 0
	}
	return err
}

// again lists what the index is to look at again, newest first.
func (f *search) again(to chat.Seq) (list []chat.Seq, err error) {
	err = f.index.query(func(scan func(...any) error) error {
		var row int64
		err := scan(&row)
		list = append(list, seqOf(row))
		return err
	}, "SELECT id FROM again WHERE id BETWEEN ? AND ? ORDER BY id DESC", rowOf(f.room, f.first), rowOf(f.room, to))
	return list, err
}

// nothing matches no message: the tokenizer finds no term in it.
const nothing = `""`

// match is the query in the language of FTS5, in which each term stands in quotes. Of a prefix with too many
// terms its stem takes the place; without one it is left out, or with all put in as it is. broad reports whether what is left
// says less than the query. It is "" if nothing is left.
func (f *search) match(all bool) (match string, broad bool, err error) {
	var parts []string
	most := searchTerms
	if all {
		most = allTerms
	}
	for _, t := range f.q.Terms() {
		if !t.Prefix {
			parts = append(parts, quoted(t.Term))
			continue
		}
		var terms []string
		err := f.index.query(func(scan func(...any) error) error {
			var term string
			err := scan(&term)
			terms = append(terms, quoted(term))
			return err
		}, "SELECT term FROM terms WHERE term >= ? AND term < ? ORDER BY term LIMIT ?", t.Term, t.Term+"\U0010FFFF", most+1)
		stem, whole := stemOf(t.Term)
		switch {
		case err != nil:
			return "", false, err
		case len(terms) == 0:
			return nothing, false, nil
		case whole:
			parts = append(parts, quoted(stem))
		case len(terms) <= most:
			parts = append(parts, "("+strings.Join(terms, " OR ")+")")
		case all:
			parts = append(parts, quoted(t.Term)+"*")
		case stem != "":
			parts, broad = append(parts, quoted(stem)), true
		default:
			broad = true
		}
	}
	return strings.Join(parts, " AND "), broad, nil
}

func quoted(term string) string { return `"` + term + `"` }
