package transport

import (
	"fmt"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// presences are a presence over the engine's rules, with an event whose lobby two buyers have joined.
func presences(t *testing.T) (*presence, func(buyer string) *engine.PlaceView) {
	t.Helper()
	e := &transporttest.Direct{Now: 1_777_629_600_000_000_000}
	s := &Server{config: Config{Account: engine.SingleAccount, Presence: PresenceDefault}, engine: e, account: NewBound(1<<20, 1<<20)}
	ask := func(c engine.Command) (view engine.PlaceView, code engine.Code) {
		a := &asked{}
		a.commands[0] = c
		a.Request = engine.Request{Account: engine.SingleAccount, Event: "e1", Commands: a.commands[:], Reply: a}
		if code := e.Submit(&a.Request); code != engine.CodeOK {
			t.Fatal(code)
		}
		return a.view, a.code
	}
	for _, c := range []engine.Command{
		{Verb: engine.VerbCreate, RequestID: "c", Spec: &engine.EventSpec{
			Currency: "EUR", Line: &engine.LineSpec{Mode: engine.LineModeLine}, Lots: []engine.LotSpec{{Lot: "ga", Capacity: 1}},
		}},
		{Verb: engine.VerbJoin, RequestID: "j1", Buyer: "b1", Line: new(engine.LineCommand)},
		{Verb: engine.VerbJoin, RequestID: "j2", Buyer: "b2", Line: new(engine.LineCommand)},
	} {
		if _, code := ask(c); code != engine.CodeOK {
			t.Fatal(code)
		}
	}
	return newPresence(s), func(buyer string) *engine.PlaceView {
		view, code := ask(engine.Command{Verb: engine.VerbPlace, Buyer: buyer, Line: new(engine.LineCommand)})
		if code != engine.CodeOK {
			t.Fatal(code)
		}
		return &view
	}
}

// asked keeps what is answered about a place.
type asked struct {
	engine.Request
	commands [1]engine.Command
	code     engine.Code
	view     engine.PlaceView
}

func (a *asked) Outcome(_ *engine.Request, _ int, out *engine.Outcome) {
	if a.code = out.Code; out.Shows&engine.ShowsPlace != 0 {
		a.view = *out.Place
	}
}

func (*asked) Durable(*engine.Request) {}

func TestWhoSaysNothingIsAbsent(t *testing.T) {
	p, place := presences(t)
	now := time.Unix(1_777_629_600, 0)
	hear := func(buyers ...string) { p.submit("e1", engine.VerbPresent, p.heard("e1", "", buyers, now)) }
	later := func(d time.Duration, connected bool) { // sweeps as often as the server does
		for end := now.Add(d); now.Before(end); p.sweep(now, connected) {
			now = now.Add(min(presenceEvery, end.Sub(now)))
		}
	}
	p.sweep(now, true)
	hear("b1", "b2", "stranger")
	absent := func(want1, want2 bool) {
		t.Helper()
		if one, two := place("b1").Absent, place("b2").Absent; one != want1 || two != want2 {
			t.Errorf("b1 absent %v, b2 %v; want %v and %v", one, two, want1, want2)
		}
	}
	later(PresenceDefault, true)
	hear("b1", "b2")
	later(20*time.Second, true)
	hear("b1")
	absent(false, false)
	later(15*time.Second, true)
	absent(false, true) // 35 seconds of b2, 15 of b1
	hear("b2")
	absent(false, false)
	// While nobody can be heard, nobody is absent; and not for a while afterwards.
	later(time.Hour, false)
	later(PresenceDefault-time.Second, true)
	absent(false, false)
	later(time.Second, true)
	absent(true, true)
	// Nor is anybody after the process has stood still: what was said meanwhile is read now.
	hear("b1", "b2")
	now = now.Add(time.Hour)
	p.sweep(now, true)
	absent(false, false)
	later(PresenceDefault, true)
	absent(true, true)
	// Who has no place is asked for again only after a while, and forgotten in the end, like those who are silent for long.
	if back := p.heard("e1", "stranger", nil, now); len(back) != 1 {
		t.Errorf("who was without a place is not looked for again: %v", back)
	}
	later(presenceForgotten*PresenceDefault*2, true)
	if n, _ := p.watched(); n != 0 || len(p.events) != 0 {
		t.Errorf("%d are watched for ever", n)
	}
	// What the engine does not take is said again.
	p.submit("nowhere", engine.VerbPresent, p.heard("nowhere", "b1", nil, now))
	if got := p.events["nowhere"]["b1"].state; got != presenceNone {
		t.Errorf("in an event that is not there, b1 is %d", got)
	}
}

func TestBoundsOfPresence(t *testing.T) {
	p, _ := presences(t)
	now := time.Unix(1_777_629_600, 0)
	buyers := make([]string, 0, 1<<12)
	for i := range PresenceMax + 1000 {
		if buyers = append(buyers, fmt.Sprint("b", i)); len(buyers) == cap(buyers) || i == PresenceMax+999 {
			p.heard("e1", "", buyers, now)
			buyers = buyers[:0]
		}
	}
	if n, not := p.watched(); n != PresenceMax || not != 1000 {
		t.Errorf("%d are watched and %d are not", n, not)
	}
}

func TestBoundsOfWhatIsToldOfLines(t *testing.T) {
	s := &Server{config: Config{Account: engine.SingleAccount}, account: NewBound(1<<20, 1<<20)}
	l := &linesSide{server: s, events: map[string]*lineEvent{"e1": {}}, wake: make(chan struct{}, 1)}
	o := &outlook{event: "e1"}
	for i := range FollowedMax + 1000 {
		l.follow(o, fmt.Sprint("b", i), &placed{place: 1}, 0.5)
	}
	if n, not := l.following.Load(), l.notFollowed.Load(); n != FollowedMax || not != 1000 {
		t.Errorf("%d are followed and %d are not", n, not)
	}
	for i := 0; i < FollowedMax; i += 2 {
		l.unfollow("e1", fmt.Sprint("b", i))
	}
	e := l.events["e1"]
	for i, f := range e.rows {
		if e.at[f.buyer] != i {
			t.Fatalf("row %d is of %s, who is said to be in %d", i, f.buyer, e.at[f.buyer])
		}
	}
	if n := l.following.Load(); n != FollowedMax/2 || len(e.rows) != FollowedMax/2 {
		t.Errorf("%d are followed when half have stopped, in %d rows", n, len(e.rows))
	}
	for range LineEndingsMax + 1000 {
		l.over("e1")
	}
	if n, lost := len(l.endings), l.lost.Swap(0); n != LineEndingsMax || lost != 1000 {
		t.Errorf("of %d events the end is to be told, and %d are lost", n, lost)
	}
	for i := range LineMovesMax + 1000 {
		l.moved("e1", []engine.PlaceChange{{Buyer: fmt.Sprint("b", i)}}, nil)
	}
	if n, lost := l.waiting(), l.lost.Load(); n != LineMovesMax || lost != 1000 {
		t.Errorf("%d are to be told and %d are lost", n, lost)
	}
}
