package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

func TestDemoOfALineAddsUp(t *testing.T) {
	// The last tickets go as passes run out that were not used: that takes its time.
	out, err := engineRunWithin(t, 10*patience, "demo", "--line", "--exit", "--buyers", "600", "--tickets", "60", "--seed", "5")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, out, "lobby", "serving", "recomputed from what was published alone", "600 of 600 people have one", "Overtaken outside the rules", "Ledger: in balance",
		"difference: 0 tickets, 0 orders", "Log: whole", "0 inversions in")
}

// TestACrowdIsDrawnFromItsSeed: the same seed gives the same people, who do all that people do.
func TestACrowdIsDrawnFromItsSeed(t *testing.T) {
	people := drawPeople(20_000, 3)
	if !slices.Equal(people, drawPeople(20_000, 3)) || slices.Equal(people, drawPeople(20_000, 4)) {
		t.Fatal("a crowd does not follow its seed")
	}
	seen := habit(0)
	for n := range people {
		p := &people[n]
		seen |= p.habits
		if p.does(habitFamily) && (!people[n-1].does(habitShared) || people[n-1].home(n-1) != p.home(n)) {
			t.Errorf("person %d has a family, and %d does not live with it", n, n-1)
		}
	}
	if all := habitIgnore<<1 - 1; seen != all {
		t.Errorf("nobody has some of the habits: %b of %b", seen, all)
	}
}

// soundLine is a line of four people, of whom what they were told fits: one has bought with a pass, one from the waiting list, one was too late, and one shares a home with the first.
func soundLine() *lineSale {
	s := newLineSale(makePlan(100), 4, 1)
	copy(s.people, []person{
		{entry: 1, place: 1, state: engine.PlaceSpent},
		{entry: 2, place: 3, state: engine.PlaceOver, wait: engine.WaitBought, soldOut: true},
		{entry: 3, place: 2, state: engine.PlaceOver, soldOut: true},
		{refused: true},
	})
	s.ledger.told(toldOrder{id: "o1", buyer: s.name(0)})
	s.ledger.told(toldOrder{id: "o2", buyer: s.name(1)})
	return s
}

func TestLastAnswersThatDoNotFitAreSeen(t *testing.T) {
	judge := func(s *lineSale) *lineAudit {
		a := &lineAudit{answers: map[string]int{}}
		s.checkAnswers(a)
		return a
	}
	sound := judge(soundLine())
	if len(sound.found) != 0 || sound.answered() != 4 || sound.answers[answerBought] != 1 || sound.answers[answerWaited] != 1 || sound.answers[answerSoldOut] != 1 || sound.answers[answerRefused] != 1 {
		t.Fatalf("a line that adds up is off: %q, %v", sound.found, sound.answers)
	}
	for _, c := range []struct {
		name, says string
		spoil      func(s *lineSale)
	}{
		{"no answer", "b3 got no last answer", func(s *lineSale) { s.people[2].state = engine.PlaceWaiting }},
		{"a pass that is still good", "b3 got no last answer", func(s *lineSale) { s.people[2].state = engine.PlaceAdmitted }},
		{"an order that the engine does not know of", "b1: place lapsed", func(s *lineSale) { s.people[0].state = engine.PlaceLapsed }},
		{"an order that nobody was told of", "b3 got no last answer: place spent", func(s *lineSale) { s.people[2].state = engine.PlaceSpent }},
		{"a purchase for a waiter who was not told", "by their books they have bought: false", func(s *lineSale) { s.ledger.orders = s.ledger.orders[:1] }},
	} {
		s := soundLine()
		c.spoil(s)
		if a := judge(s); !slices.ContainsFunc(a.found, func(text string) bool { return strings.Contains(text, c.says) }) {
			t.Errorf("%s: the check says %q, it should say %q", c.name, a.found, c.says)
		}
	}
}

// TestNoMessageIsHeardAfterTheLastAnswer: messages come over a connection of their own, and may be older.
func TestNoMessageIsHeardAfterTheLastAnswer(t *testing.T) {
	s := soundLine()
	s.over.Store(true)
	state := func(state engine.PlaceState) *pb.Place {
		return &pb.Place{Buyer: s.name(2), Entry: 3, Place: 2, State: state.String()}
	}
	s.isTold(t.Context(), &pb.LineChanged{Place: state(engine.PlaceWaiting)})
	if got := s.known(2).state; got != engine.PlaceWaiting {
		t.Fatalf("a message is not heard: %v", got)
	}
	s.turnsDeaf()
	s.hears(t.Context(), 2, news{place: state(engine.PlaceOver)})
	s.isTold(t.Context(), &pb.LineChanged{Place: state(engine.PlaceWaiting)})
	if got := s.known(2).state; got != engine.PlaceOver {
		t.Errorf("the last answer was over, and an older message made it %v", got)
	}
}

// TestWhatIsPublishedMustNotChange: another commit, root or seed than before, and a seed before its root, break a promise.
func TestWhatIsPublishedMustNotChange(t *testing.T) {
	hash := func(b byte) string { return line.Hash{b}.String() }
	publish := func(lines ...*pb.Line) *lineSale {
		s := newLineSale(makePlan(100), 1, 1)
		for _, l := range lines {
			s.publishes(&pb.LineNow{Line: l})
		}
		return s
	}
	lobby, closed := &pb.Line{Commit: hash(1)}, &pb.Line{Commit: hash(1), Root: hash(2), Entries: 9}
	drawn := &pb.Line{Commit: hash(1), Root: hash(2), Entries: 9, Seed: hash(3), Value: "7"}
	if s := publish(lobby, closed, drawn, drawn); len(s.ledger.broken) != 0 || s.published.Closed.Entries != 9 || s.published.Revealed.Value != "7" {
		t.Errorf("a draw that goes well breaks a promise: %q, %+v", s.ledger.broken, s.published)
	}
	for name, lines := range map[string][]*pb.Line{
		"another commit":      {lobby, {Commit: hash(9), Root: hash(2)}},
		"another root":        {lobby, closed, {Commit: hash(1), Root: hash(9)}},
		"another seed":        {lobby, drawn, {Commit: hash(1), Root: hash(2), Seed: hash(9)}},
		"a seed without root": {lobby, {Commit: hash(1), Seed: hash(3)}},
		"no hash":             {{Commit: "soon"}},
	} {
		if s := publish(lines...); len(s.ledger.broken) == 0 {
			t.Errorf("%s is not seen", name)
		}
	}
}

// TestReceiptsOfTheWireAreThoseThatCanBeVerified: what an answer says of a receipt is the receipt.
func TestReceiptsOfTheWireAreThoseThatCanBeVerified(t *testing.T) {
	told := &pb.Receipt{
		Account: "_", Event: "e", Commit: line.Hash{1}.String(), Entry: 7, Buyer: "b", Index: 2, Size: 5, Root: line.Hash{2}.String(), Path: []string{line.Hash{3}.String()}, Kid: "k",
		Signature: strings.Repeat("ab", 64),
	}
	r, err := receiptOf(told)
	if err != nil || r.Commit != (line.Hash{1}) || r.Entry != 7 || r.Path[0] != (line.Hash{3}) || r.Signature[63] != 0xab || r.KeyID != "k" || r.Index != 2 || r.Size != 5 {
		t.Errorf("it reads %+v, %v", r, err)
	}
	told.Path = append(told.Path, "no hash")
	if _, err := receiptOf(told); err == nil {
		t.Error("a path of anything is taken")
	}
}
