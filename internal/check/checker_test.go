package check

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// A run is a small made-up chat: what clients wrote down, and the log.
type run struct {
	clock  int64
	events []Event
	log    []Line
}

func (r *run) add(client string, op Op, id string, seq uint32) {
	r.clock++
	e := Event{T: r.clock, Client: client, Op: op, Room: "R", ID: id, Seq: seq}
	if op == Send || op == See {
		e.Hash = Hash("text of " + id)
	}
	r.events = append(r.events, e)
}

// good is a run that keeps every promise: ann and bob talk, eve listens, ann
// is cut before her third ack and sends again.
func good() *run {
	r := &run{}
	for _, who := range []string{"ann", "bob", "eve"} {
		r.add(who, Join, "", 0)
	}
	seq := uint32(0)
	say := func(who, id string) {
		seq++
		r.add(who, Send, id, 0)
		for _, other := range []string{"ann", "bob", "eve"} {
			r.add(other, See, id, seq)
		}
		r.add(who, Ack, id, seq)
		r.log = append(r.log, Line{Room: "R", Seq: seq, ID: id, Client: who, Hash: Hash("text of " + id)})
	}
	for i := range 5 {
		say("ann", fmt.Sprintf("a%d", i))
		say("bob", fmt.Sprintf("b%d", i))
	}
	// The ack of a5 is lost; ann resumes from her cursor and tries again.
	seq++
	r.add("ann", Send, "a5", 0)
	r.add("bob", See, "a5", seq)
	r.add("eve", See, "a5", seq)
	r.add("ann", Join, "", seq-1)
	r.add("ann", Send, "a5", 0)
	r.add("ann", See, "a5", seq)
	r.add("ann", Ack, "a5", seq)
	r.log = append(r.log, Line{Room: "R", Seq: seq, ID: "a5", Client: "ann", Hash: Hash("text of a5")})
	// One that was never answered and never stored.
	r.add("bob", Send, "b9", 0)
	r.clock++
	r.events = append(r.events, Event{T: r.clock, Op: Healed})
	return r
}

func (r *run) judge(within time.Duration) []string {
	c := New()
	c.Within = within
	for _, e := range r.events {
		c.Take(e)
	}
	c.ReadLog(slices.Values(r.log))
	var rules []string
	for _, v := range c.Report() {
		if !slices.Contains(rules, v.Rule) {
			rules = append(rules, v.Rule)
		}
	}
	slices.Sort(rules)
	return rules
}

// index finds the nth event of that shape.
func (r *run) index(t *testing.T, client string, op Op, id string) int {
	t.Helper()
	i := slices.IndexFunc(r.events, func(e Event) bool { return e.Client == client && e.Op == op && e.ID == id })
	if i < 0 {
		t.Fatalf("no %s of %s by %s", op, id, client)
	}
	return i
}

func TestGoodRun(t *testing.T) {
	if got := good().judge(time.Second); len(got) != 0 {
		t.Errorf("a good run breaks %v", got)
	}
}

// brokenRuns plant one bug each and name the rules that catch it.
var brokenRuns = []struct {
	bug   string
	spoil func(*testing.T, *run)
	rules string
}{
	{"ack before fsync: the crash took the last entry", func(_ *testing.T, r *run) {
		r.log = r.log[:len(r.log)-1]
	}, "C1 C9"},
	{"one delivery dropped", func(t *testing.T, r *run) {
		i := r.index(t, "eve", See, "b2")
		r.events = slices.Delete(r.events, i, i+1)
	}, "C3"},
	{"a retry stored twice", func(_ *testing.T, r *run) {
		last := r.log[len(r.log)-1]
		last.Seq++
		r.log = append(r.log, last)
	}, "C1 C9"},
	{"an unacknowledged message stored twice", func(_ *testing.T, r *run) {
		n := uint32(len(r.log))
		for i := range uint32(2) {
			r.log = append(r.log, Line{Room: "R", Seq: n + 1 + i, ID: "b9", Client: "bob", Hash: Hash("text of b9")})
		}
		for _, who := range []string{"ann", "bob", "eve"} {
			r.add(who, See, "b9", n+1)
			r.add(who, See, "b9", n+2)
		}
	}, "C7"},
	{"two deliveries swapped", func(t *testing.T, r *run) {
		i, j := r.index(t, "bob", See, "a3"), r.index(t, "bob", See, "b3")
		r.events[i].ID, r.events[j].ID = r.events[j].ID, r.events[i].ID
		r.events[i].Seq, r.events[j].Seq = r.events[j].Seq, r.events[i].Seq
		r.events[i].Hash, r.events[j].Hash = r.events[j].Hash, r.events[i].Hash
	}, "C3"},
	{"a seq used again after a restart", func(_ *testing.T, r *run) {
		i := len(r.log) - 2
		r.log[i].ID, r.log[i].Hash, r.log[i].Client = "b9", Hash("text of b9"), "bob"
	}, "C1 C4"},
	{"a node that skips its backlog", func(t *testing.T, r *run) {
		for _, id := range []string{"a4", "b4", "a5"} {
			i := r.index(t, "eve", See, id)
			r.events = slices.Delete(r.events, i, i+1)
		}
	}, "C9"},
	{"history off by one", func(t *testing.T, r *run) {
		i := r.index(t, "ann", See, "a5")
		r.events = slices.Insert(r.events, i, Event{T: r.events[i].T, Client: "ann", Op: See, Room: "R", ID: "b4", Seq: 10, Hash: Hash("text of b4")})
	}, "C3"},
	{"resumed from elsewhere than its cursor, without a reset", func(_ *testing.T, r *run) {
		r.add("eve", Join, "", 3)
	}, "C3 C9"},
	{"acknowledged twice, differently", func(_ *testing.T, r *run) {
		r.add("ann", Ack, "a0", 7)
	}, "C1"},
	{"acknowledged, never sent", func(_ *testing.T, r *run) {
		r.add("ann", Ack, "zz", 1)
	}, "C2"},
	{"an entry nobody sent", func(_ *testing.T, r *run) {
		n := uint32(len(r.log)) + 1
		r.log = append(r.log, Line{Room: "R", Seq: n, ID: "ghost", Hash: Hash("boo")})
	}, "C2 C9"},
	{"a text changed on disk", func(_ *testing.T, r *run) {
		r.log[2].Hash = Hash("something else")
	}, "C2 C4"},
	{"another's name on an entry", func(_ *testing.T, r *run) {
		r.log[2].Client = "bob"
	}, "C2"},
	{"refused, and stored", func(_ *testing.T, r *run) {
		n := uint32(len(r.log)) + 1
		r.add("bob", Refuse, "b9", 0)
		for _, who := range []string{"ann", "bob", "eve"} {
			r.add(who, See, "b9", n)
		}
		r.log = append(r.log, Line{Room: "R", Seq: n, ID: "b9", Client: "bob", Hash: Hash("text of b9")})
	}, "C7"},
	{"acknowledged before another was sent, and numbered after it", func(t *testing.T, r *run) {
		// a0 and b0 change places everywhere; each observer still sees 1, 2.
		swap := func(id string) string { return map[string]string{"a0": "b0", "b0": "a0"}[id] }
		for i := range r.events {
			e := &r.events[i]
			switch {
			case e.ID != "a0" && e.ID != "b0":
			case e.Op == See:
				e.ID = swap(e.ID)
				e.Hash = Hash("text of " + e.ID)
			case e.Op == Ack:
				e.Seq = 3 - e.Seq
			}
		}
		for i := range r.log[:2] {
			r.log[i].Seq = 3 - r.log[i].Seq
		}
		r.log[0], r.log[1] = r.log[1], r.log[0]
	}, "C5"},
	{"one sender's messages swapped", func(t *testing.T, r *run) {
		i, j := r.index(t, "ann", Send, "a1"), r.index(t, "ann", Send, "a2")
		r.events[i].ID, r.events[j].ID = "a2", "a1"
		r.events[i].Hash, r.events[j].Hash = r.events[j].Hash, r.events[i].Hash
		// Nothing was acknowledged in between, so that order alone tells.
		for _, id := range []string{"a1", "b1"} {
			k := r.index(t, map[byte]string{'a': "ann", 'b': "bob"}[id[0]], Ack, id)
			e := r.events[k]
			e.T = r.clock
			r.events = append(slices.Delete(r.events, k, k+1), e)
		}
	}, "C2 C6"},
	{"a hole in the log", func(_ *testing.T, r *run) {
		r.log[4].Seq = 50
	}, "C1 C8"},
	{"saw before joining", func(_ *testing.T, r *run) {
		r.events = r.events[1:]
	}, "C3"},
}

func TestBrokenRuns(t *testing.T) {
	for _, tt := range brokenRuns {
		t.Run(tt.bug, func(t *testing.T) {
			r := good()
			tt.spoil(t, r)
			got := r.judge(time.Second)
			for _, want := range strings.Fields(tt.rules) {
				if !slices.Contains(got, want) {
					t.Errorf("broke %v, want %v among them", got, want)
				}
			}
		})
	}
}

// TestChangedTexts: an entry whose text was changed since is judged by its id alone.
func TestChangedTexts(t *testing.T) {
	r := good()
	r.events[r.index(t, "eve", See, "a3")].Hash = ""
	r.log[6].Hash = ""
	if got := r.judge(time.Second); len(got) != 0 {
		t.Errorf("a text that was changed breaks %v", got)
	}
	r.log[6].ID = "b3"
	if got := r.judge(time.Second); !slices.Contains(got, "C4") {
		t.Errorf("another id under a changed text breaks %v, want C4", got)
	}
}

func TestLateAfterHealing(t *testing.T) {
	r := good()
	n := uint32(len(r.log)) + 1
	r.clock += int64(3 * time.Second)
	for _, who := range []string{"ann", "bob", "eve"} {
		r.add(who, See, "b9", n)
	}
	r.log = append(r.log, Line{Room: "R", Seq: n, ID: "b9", Client: "bob", Hash: Hash("text of b9")})
	if got := r.judge(time.Second); !slices.Equal(got, []string{"C9"}) {
		t.Errorf("3 s late breaks %v, want C9", got)
	}
	if got := r.judge(time.Minute); len(got) != 0 {
		t.Errorf("3 s of a minute breaks %v", got)
	}
}

func TestReadMergesByTimeAndForgivesATornLine(t *testing.T) {
	r := good()
	files := map[string]*bytes.Buffer{}
	var order []string
	for _, e := range r.events {
		if files[e.Client] == nil {
			files[e.Client] = &bytes.Buffer{}
			order = append(order, e.Client)
		}
		fmt.Fprintf(files[e.Client], `{"t":%d,"client":%q,"op":%q,"room":%q,"id":%q,"seq":%d,"hash":%q}`+"\n", e.T, e.Client, e.Op, e.Room, e.ID, e.Seq, e.Hash)
	}
	files["eve"].WriteString(`{"t":99,"client":"eve","op":"se`)
	var readers []io.Reader
	for _, name := range order {
		readers = append(readers, files[name])
	}
	c := New()
	if err := c.Read(readers...); err != nil {
		t.Fatal(err)
	}
	c.ReadLog(slices.Values(r.log))
	if got := c.Report(); len(got) != 0 {
		t.Errorf("violations: %v", got)
	}
	events, sent, acked, logged := c.Counts()
	if events != len(r.events) || sent != 12 || acked != 11 || logged != 11 {
		t.Errorf("counts %d %d %d %d, want %d 12 11 11", events, sent, acked, logged, len(r.events))
	}

	back := strings.NewReader(`{"t":5,"client":"x","op":"join","room":"R"}` + "\n" + `{"t":4,"client":"x","op":"join","room":"R"}`)
	if err := New().Read(back); err == nil {
		t.Error("a history that runs backwards was read")
	}
	if err := New().Read(strings.NewReader("{]")); err == nil {
		t.Error("garbage was read")
	}
}

func TestWriter(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b, "ann", "n1", time.Now())
	for _, e := range []Event{{Op: Join, Room: "R"}, {Op: Send, Room: "R", ID: "a", Hash: Hash("x")}, {Op: Ack, Room: "R", ID: "a", Seq: 1}, {Op: See, Room: "R", ID: "a", Seq: 1, Hash: Hash("x")}} {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	c := New()
	if err := c.Read(&b); err != nil {
		t.Fatal(err)
	}
	c.ReadLog(slices.Values([]Line{{Room: "R", Seq: 1, ID: "a", Client: "ann", Hash: Hash("x")}}))
	if got := c.Report(); len(got) != 0 {
		t.Error(got)
	}
}

func TestViolationsAreBounded(t *testing.T) {
	c := New()
	for i := range maxViolations + 500 {
		c.Take(Event{Op: Ack, Room: "R", ID: fmt.Sprint(i), Seq: 1})
	}
	got := c.Report()
	if len(got) != maxViolations+1 || !strings.Contains(got[len(got)-1].Detail, "500") {
		t.Errorf("%d kept, the last %v", len(got), got[len(got)-1])
	}
}
