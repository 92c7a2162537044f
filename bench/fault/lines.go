package fault

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/fifo"
	"github.com/holdfast-engine/holdfast/store"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// LineSpec is an event that is sold through its line: a lobby, a draw when it opens, and passes for those in front.
func LineSpec(id, event string, tickets int64, ttl time.Duration) *pb.CreateCommand {
	face, mode, most, pass, grace := int64(4500), "line", int64(64), int64(10_000), int64(1000)
	return &pb.CreateCommand{
		RequestId: id, Name: "Line " + event, Currency: "EUR", HoldTtlMs: ttl.Milliseconds(), MaxHoldMs: 5 * ttl.Milliseconds(),
		Lots: []*pb.LotSpec{{Lot: "ga", FaceMinor: &face, Capacity: tickets}},
		Line: &pb.LineSpec{
			Mode: &mode, ShoppersMax: &most, PassTtlMs: &pass, GraceMs: &grace,
			Tracks: []*pb.TrackSpec{{Track: "general", ShareBp: 8000}, {Track: "member", ShareBp: 2000}},
		},
	}
}

// lineOf picks one of the newest events with a line.
func (w *lane) lineOf() string {
	lines := w.load.Lines
	return lines[max(0, len(lines)-1-w.random.IntN(3)/2)]
}

// inLine is what somebody in a line does next: join, again too, say that they are away or back, give up, look, or shop.
func (w *lane) inLine(event, buyer string) *Command {
	id := w.nextID()
	if hold, has := w.load.Ledger.Live(event, buyer); has && w.percent(70) {
		if w.percent(80) {
			return NewCommand(event, &pb.ConfirmCommand{RequestId: id, Buyer: buyer, Hold: hold, PaymentRef: "inv-" + id})
		}
		return NewCommand(event, &pb.ReleaseCommand{RequestId: id, Buyer: buyer, Hold: hold})
	}
	switch n := w.random.IntN(100); {
	case n < 55:
		cmd := &pb.JoinCommand{RequestId: id, Buyer: buyer, Wants: int64(1 + w.random.IntN(2))}
		if w.percent(25) {
			cmd.Track = "member"
		}
		return NewCommand(event, cmd)
	case n < 60:
		return NewCommand(event, &pb.LeaveCommand{RequestId: id, Buyer: buyer})
	case n < 68:
		return NewCommand(event, &pb.AbsentCommand{RequestId: id, Buyer: buyer})
	case n < 75:
		return NewCommand(event, &pb.PresentCommand{RequestId: id, Buyer: buyer})
	default:
		return NewCommand(event, &pb.HoldCommand{RequestId: id, Buyer: buyer, Items: []*pb.Item{{Lot: "ga", Quantity: int64(1 + w.random.IntN(2))}}})
	}
}

// ofLine lets the organiser open the newest event with a line, which draws it, and give older ones more tickets.
func (w *lane) ofLine() *Command {
	if w.load.opened.CompareAndSwap(false, true) {
		return NewCommand(w.load.Lines[len(w.load.Lines)-1], &pb.OpenCommand{RequestId: w.nextID()})
	}
	return NewCommand(w.lineOf(), &pb.CapacityCommand{RequestId: w.nextID(), Lot: "ga", Capacity: int64(100 + w.random.IntN(900))})
}

// placeTruth is an entry of a line that somebody was told of.
type placeTruth struct {
	buyer        string
	entry, place int64 // place 0: not told yet
	left         bool
	by           *Entry // that it was told of first
}

// seesPlace takes in what an answer shows of somebody's place: an entry is one buyer's, and its place, once it is told, for good.
func (t *truth) seesPlace(l *Ledger, e *Entry, v *pb.Place) {
	if v == nil || v.GetEntry() < 1 || v.GetBuyer() != e.Buyer {
		l.contradict("%s %s %s of %s: accepted without a place of this buyer: %v", t.event, e.Verb, e.ID, e.Buyer, v)
		return
	}
	p := t.entries[v.GetEntry()]
	e.idle = e.idle || e.Verb != engine.VerbLeave && p != nil && p.by != e || e.Verb == engine.VerbAbsent || e.Verb == engine.VerbPresent
	if p == nil {
		p = &placeTruth{buyer: e.Buyer, entry: v.GetEntry(), by: e}
		t.entries[p.entry] = p
	}
	if newest := t.newest[e.Buyer]; newest == nil || newest.entry < p.entry {
		t.newest[e.Buyer] = p
	}
	switch {
	case p.buyer != e.Buyer:
		l.contradict("%s: entry %d is of %s and of %s", t.event, p.entry, p.buyer, e.Buyer)
	case p.place != 0 && v.GetPlace() != p.place:
		l.contradict("%s: entry %d of %s had place %d and has %d", t.event, p.entry, p.buyer, p.place, v.GetPlace())
	case p.place == 0 && v.GetPlace() != 0:
		if other := t.placed[v.GetPlace()]; other != nil {
			l.contradict("%s: place %d is of entries %d and %d", t.event, v.GetPlace(), other.entry, p.entry)
		}
		p.place = v.GetPlace()
		t.placed[p.place] = p
	}
	p.left = p.left || v.GetState() == engine.PlaceLeft.String()
}

// places asks for the place of everybody who has one: nobody's is lost, and nobody has another.
func (l *Ledger) places(ctx context.Context, c *Client, event string, sum *Comparison) error {
	l.mu.Lock()
	t := l.truthOf(event)
	buyers := slices.Sorted(maps.Keys(t.newest))
	l.mu.Unlock()
	for some := range slices.Chunk(buyers, comparedPerBatch) {
		cmds := make([]*Command, len(some))
		for i, buyer := range some {
			cmds[i] = NewCommand(event, &pb.PlaceCommand{Buyer: buyer})
		}
		replies, err := c.AskAll(ctx, cmds)
		if err != nil {
			return fmt.Errorf("ask for %d places in %s: %w", len(some), event, err)
		}
		l.mu.Lock()
		for i, buyer := range some {
			p, v := t.newest[buyer], replies[i].GetPlace()
			switch left := v.GetState() == engine.PlaceLeft.String(); {
			case v.GetEntry() != p.entry:
				l.contradict("%s: %s had entry %d, and now: %v", event, buyer, p.entry, replies[i])
			case left != p.left:
				l.contradict("%s: that entry %d of %s was given up is %t, and shown is %v", event, p.entry, buyer, p.left, v)
			default:
				t.seesPlace(l, &Entry{Command: *cmds[i]}, v)
			}
		}
		sum.Places += len(some)
		l.mu.Unlock()
	}
	return nil
}

// lineLogs reads the logs of events with lines, as they are on the disk after a crash, and finds every turn that was not the next one.
type lineLogs struct {
	after uint64 // batch up to which the log was read
	logs  map[string]*lineLog
}

type lineLog struct {
	checker *fifo.Checker
	state   engine.Aggregate // what the log comes to
	blind   bool             // a part of its log was cut before it was read
}

// read reads on in a folder that nobody uses.
func (c *lineLogs) read(ctx context.Context, data string, t *Tally) error {
	touched := map[string]bool{}
	err := store.Replay(ctx, store.VerifyConfig{Dir: data, New: engine.NewAggregate, Open: engine.OpenSnapshot}, "", func(k store.Kept) (uint64, error) {
		c.after = max(c.after, k.First-1)
		return min(c.after, k.Last), nil
	}, func(batch uint64, run *engine.Run) error {
		c.after = batch
		if run.Key.Kind != engine.KindEvent {
			return nil
		}
		log := c.logs[run.Key.ID]
		if log == nil {
			log = &lineLog{checker: fifo.New(run.Key), state: engine.NewAggregate(run.Key), blind: run.First != 1}
			c.logs[run.Key.ID] = log
		}
		if log.blind = log.blind || run.First != log.state.Seq()+1; log.blind || run.Facts.Count == 0 {
			return nil
		}
		touched[run.Key.ID] = true
		if err := log.state.Fold(run); err != nil {
			return fmt.Errorf("the log of %s: %w", run.Key.ID, err)
		}
		if err := log.checker.Read(run); err != nil {
			return fmt.Errorf("the log of %s: %w", run.Key.ID, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.Passes, t.Inversions = 0, 0
	for _, id := range slices.Sorted(maps.Keys(c.logs)) {
		log := c.logs[id]
		t.Passes += log.checker.Passes()
		t.Inversions += log.checker.Inversions()
		if log.checker.Inversions() > 0 {
			return fmt.Errorf("the line of %s: %d turns were somebody else's: %q", id, log.checker.Inversions(), log.checker.Report().Wrong)
		}
		if ev, ok := log.state.(*engine.Event); ok && touched[id] {
			if v, has := ev.Line(); has && v.Phase == engine.LineDrawing {
				t.MidDraw++
			} else if has && v.Phase == engine.LineClosed {
				t.MidReveal++
			}
		}
	}
	return nil
}

// lineEvent is the id of the event with a line of a round.
func lineEvent(round int) string { return "line-" + strconv.Itoa(round) }
