package transport

import (
	"fmt"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// many is an event with more people who wait than there is room for to tell them, and what is to tell them: rounds are the test's.
type many struct {
	t      *testing.T
	engine *transporttest.Direct
	lines  *linesSide
}

func (m *many) step(c engine.Command) {
	m.t.Helper()
	a := &asked{}
	a.commands[0] = c
	a.Request = engine.Request{Account: engine.SingleAccount, Event: "e1", Commands: a.commands[:], Reply: a}
	if code := m.engine.Submit(&a.Request); code != engine.CodeOK || a.code != engine.CodeOK {
		m.t.Fatal(c.Verb, code, a.code)
	}
}

// told are those who are to be told since the last call. Each of them once: who is in before already is a fault.
func (m *many) told(before map[string]bool) (n int) {
	for _, move := range m.lines.moves {
		if before[move.buyer] {
			m.t.Fatalf("%s is told twice", move.buyer)
		}
		before[move.buyer] = true
	}
	n = len(m.lines.moves)
	m.lines.moves = nil
	return n
}

func manyWait(t *testing.T, spec *engine.EventSpec) *many {
	t.Helper()
	m := &many{t: t, engine: &transporttest.Direct{Now: 1_777_629_600_000_000_000}}
	s := &Server{config: Config{Account: engine.SingleAccount}, engine: m.engine, account: NewBound(1<<20, 1<<20)}
	m.lines = &linesSide{server: s, events: make(map[string]*lineEvent), wake: make(chan struct{}, 1)}
	spec.Currency, spec.Open = "EUR", true
	m.step(engine.Command{Verb: engine.VerbCreate, RequestID: "c", Spec: spec})
	return m
}

// TestMoreThanThereIsRoomForAreToldTheirPlace over as many rounds as it takes, and nobody twice; what else there is to tell is not lost for it.
func TestMoreThanThereIsRoomForAreToldTheirPlace(t *testing.T) {
	m := manyWait(t, &engine.EventSpec{Line: &engine.LineSpec{Mode: engine.LineModeLine}, Lots: []engine.LotSpec{{Lot: "ga", FaceMinor: 100, Capacity: 100}}})
	const buyers = LineMovesMax + 5000
	for i := range buyers {
		id := fmt.Sprint("b", i)
		m.step(engine.Command{Verb: engine.VerbJoin, RequestID: id, Buyer: id, Line: &engine.LineCommand{Wants: 1}})
	}
	look := func() *lineEvent {
		r := newLineRead(engine.SingleAccount, "e1")
		m.engine.Submit(&r.Request)
		return m.lines.seen(r.seen, time.Now())
	}
	heard := map[string]bool{}
	rounds := 0
	for ; len(heard) < int(look().now.Load().line.Waiting); rounds++ {
		e := look()
		o := e.now.Load()
		m.lines.followAll(e)
		m.lines.changeWords(e, m.lines.room())
		for _, move := range m.lines.moves { // as they are told
			e.mu.Lock()
			f := e.rows[e.at[move.buyer]]
			e.mu.Unlock()
			m.lines.follow(o, move.buyer, &placed{place: f.place, track: f.track, wants: int64(f.wants)}, o.forecastAt(f.track, f.place, int64(f.wants)).chance)
		}
		if n := m.told(heard); n == 0 || n > toldTogetherMax {
			t.Fatalf("round %d tells %d", rounds, n)
		}
	}
	if lost, following := m.lines.lost.Load(), m.lines.following.Load(); lost != 0 || int(following) != len(heard) || rounds < LineMovesMax/toldTogetherMax {
		t.Errorf("%d of %d are told in %d rounds, %d are lost, %d are followed", len(heard), buyers, rounds, lost, following)
	}
	// While there is much to tell that is new, nothing else is added.
	for i := range toldTogetherMax {
		m.lines.moved("e1", []engine.PlaceChange{{Buyer: fmt.Sprint("n", i)}}, nil)
	}
	if room := m.lines.room(); room != 0 {
		t.Errorf("there is room for %d", room)
	}
}

// TestMoreThanThereIsRoomForAreToldTheEnd likewise.
func TestMoreThanThereIsRoomForAreToldTheEnd(t *testing.T) {
	m := manyWait(t, &engine.EventSpec{Lots: []engine.LotSpec{{Lot: "ga", FaceMinor: 100}}})
	const buyers = LineMovesMax + 5000
	for i := range buyers {
		id := fmt.Sprint("b", i)
		m.step(engine.Command{Verb: engine.VerbWait, RequestID: id, Buyer: id, Line: &engine.LineCommand{Wishes: []engine.Wish{{Lot: "ga", Quantity: 1}}}})
	}
	m.step(engine.Command{Verb: engine.VerbClose, RequestID: "x"})
	m.lines.over("nowhere") // is not there any more, and keeps nobody waiting
	m.lines.over("e1")
	heard := map[string]bool{}
	rounds := 0
	for ; len(m.lines.endings) > 0; rounds++ {
		m.lines.tellEnded(time.Now())
		if n := m.told(heard); n > toldTogetherMax {
			t.Fatalf("round %d tells %d", rounds, n)
		}
	}
	if lost := m.lines.lost.Load(); lost != 0 || len(heard) != buyers || rounds < LineMovesMax/toldTogetherMax {
		t.Errorf("%d of %d are told in %d rounds, and %d are lost", len(heard), buyers, rounds, lost)
	}
}
