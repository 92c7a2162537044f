package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// Load is buyers and organisers at work: a seeded mix of holds on counted and seated lots, packs and tiers, extensions, releases, confirms,
// repeats, blocks, capacity changes, touches and reads, single and in batches. Every answer goes into the ledger before its buyer goes on.
type Load struct {
	Ledger  *Ledger
	Clients []*Client
	Seed    uint64
	Round   int      // part of every request id
	Events  []string // that exist; the newest last
	Lines   []string // likewise, with a line; the newest is opened by the load
	Lanes   int      // buyers' lanes with one command in flight each
	Batches int      // lanes that send batches of BatchLen commands
	// PerSecond bounds the commands a second, all lanes together.
	PerSecond int

	started  time.Time
	commands atomic.Int64
	opened   atomic.Bool  // the newest line
	opening  atomic.Int64 // how far the load is when it is opened, in commands
}

// BatchLen is how many commands a batch of the load has.
const BatchLen = 16

// SaleSpec is an event with everything that can be sold so far: a tier and the next one, a pack of four and a seated lot, all but the seats from
// one pool, with a limit. Tickets sizes it; a hold lives for ttl.
func SaleSpec(id, event string, tickets int64, ttl time.Duration) *pb.CreateCommand {
	face, fee := int64(4500), []*pb.Fee{{Name: "service", Minor: 250}}
	spec := &pb.CreateCommand{
		RequestId: id, Name: "Night " + event, Genre: "concert", Performer: "The Openers", Venue: "Arena", City: "Utrecht", Country: "NL",
		TimeZone: "Europe/Amsterdam", Currency: "EUR", HoldTtlMs: ttl.Milliseconds(), MaxHoldMs: 5 * ttl.Milliseconds(), LimitPerBuyer: 8, Open: true,
		Pools: []*pb.PoolSpec{{Pool: "floor", Capacity: tickets}},
		Lots: []*pb.LotSpec{
			{Lot: "early", FaceMinor: &face, Fees: fee, Capacity: tickets / 4, Pools: []string{"floor"}},
			{Lot: "ga", FaceMinor: &face, Fees: fee, Capacity: tickets, Pools: []string{"floor"}, After: "early"},
			{Lot: "pack", FaceMinor: &face, Fees: fee, Capacity: tickets / 40 * 4, Units: 4, Pools: []string{"floor"}},
			{Lot: "stalls", FaceMinor: &face, Fees: fee},
		},
	}
	for row := range seatRows {
		spec.Lots[3].Rows = append(spec.Lots[3].Rows, &pb.RowSpec{Section: "A", Row: strconv.Itoa(row + 1), Seats: seatsPerRow})
	}
	return spec
}

const (
	seatRows    = 40
	seatsPerRow = 25
)

// Create makes an event and notes it.
func (l *Load) Create(ctx context.Context, spec *pb.CreateCommand, event string) error {
	cmd := NewCommand(event, spec)
	e := l.Ledger.Sent(cmd)
	r, err := l.Clients[0].Ask(ctx, cmd)
	if err != nil {
		return fmt.Errorf("create %s: %w", event, err)
	}
	l.Ledger.Answered(e, r)
	if c := code(r); c != "ok" {
		return fmt.Errorf("create %s: %s: %s", event, c, r.GetError().GetMessage())
	}
	if spec.GetLine() != nil {
		l.Lines = append(l.Lines, event)
	} else {
		l.Events = append(l.Events, event)
	}
	return nil
}

// Run works until ctx ends, or until the engine dies, which is no error. It returns how many commands were sent.
func (l *Load) Run(ctx context.Context) (int64, error) {
	l.started = time.Now()
	var wg sync.WaitGroup
	errs := make([]error, l.Lanes+l.Batches+1)
	for i := range errs {
		lane := &lane{
			load: l, client: l.Clients[i%len(l.Clients)], name: "r" + strconv.Itoa(l.Round) + "l" + strconv.Itoa(i),
			random: rand.New(rand.NewPCG(l.Seed, uint64(l.Round)<<32|uint64(i))), viewed: map[string]string{},
		}
		turn := lane.buyer
		switch {
		case i == l.Lanes+l.Batches:
			turn = lane.organiser
		case i >= l.Lanes:
			turn = lane.batch
		}
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := turn(ctx); err != nil {
					if !errors.Is(err, ErrUnknown) {
						errs[i] = err
					}
					return
				}
			}
		})
	}
	wg.Wait()
	return l.commands.Load(), errors.Join(errs...)
}

// linesPercent is how many of the buyers' commands are about events with a line, as long as there are any.
const linesPercent = 40

// opensLine reports whether it is time to open the newest line.
func (l *Load) opensLine() bool { return !l.opened.Load() && l.commands.Load() >= l.opening.Load() }

// pace waits until n more commands may be sent.
func (l *Load) pace(n int) {
	at := l.started.Add(time.Duration(l.commands.Add(int64(n))) * time.Second / time.Duration(l.PerSecond))
	if wait := time.Until(at); wait > 0 {
		time.Sleep(wait)
	}
}

// lane is one caller at work, with one message in flight.
type lane struct {
	load   *Load
	client *Client
	name   string
	random *rand.Rand
	said   int
	recent []*Entry          // answered, newest last
	viewed map[string]string // by event: a touch that was reported
}

func (w *lane) percent(n int) bool { return w.random.IntN(100) < n }

func (w *lane) nextID() string {
	w.said++
	return w.name + "-" + strconv.Itoa(w.said)
}

// event picks one of the newest events most of the time: the old ones are sold out.
func (w *lane) event() string {
	events := w.load.Events
	if w.percent(20) {
		return events[w.random.IntN(len(events))]
	}
	return events[max(0, len(events)-1-w.random.IntN(2))]
}

// buyerName picks one of a few buyers of this lane, others as time goes by.
func (w *lane) buyerName(spread int) string {
	return w.name + "b" + strconv.Itoa(w.said/12*spread+w.random.IntN(spread))
}

// buyer sends one command of a buyer, or repeats one, or looks.
func (w *lane) buyer(ctx context.Context) error {
	switch {
	case len(w.recent) > 0 && w.percent(4):
		return w.ask(ctx, w.recent[w.random.IntN(len(w.recent))])
	case w.percent(1):
		w.load.pace(1)
		v, err := w.client.Show(ctx, w.event())
		if err != nil {
			return err
		}
		return ConservedEvent(v)
	}
	if len(w.load.Lines) > 0 && w.percent(linesPercent) {
		return w.ask(ctx, w.load.Ledger.Sent(w.inLine(w.lineOf(), w.buyerName(6))))
	}
	return w.ask(ctx, w.load.Ledger.Sent(w.decide(w.event(), w.buyerName(6))))
}

// ask sends a command and notes its answer.
func (w *lane) ask(ctx context.Context, e *Entry) error {
	w.load.pace(1)
	r, err := w.client.Ask(ctx, &e.Command)
	if err != nil {
		return err
	}
	w.note(e, r)
	return nil
}

func (w *lane) note(e *Entry, r *pb.Reply) {
	w.load.Ledger.Answered(e, r)
	if e.idle {
		return
	}
	if len(w.recent) < 16 {
		w.recent = append(w.recent, e)
		return
	}
	w.recent[w.random.IntN(len(w.recent))] = e
}

// batch sends one batch of different buyers' commands.
func (w *lane) batch(ctx context.Context) error {
	event, decide := w.event(), w.decide
	if len(w.load.Lines) > 0 && w.percent(linesPercent) {
		event, decide = w.lineOf(), w.inLine
	}
	entries := make([]*Entry, BatchLen)
	cmds := make([]*Command, BatchLen)
	for i := range entries {
		entries[i] = w.load.Ledger.Sent(decide(event, w.name+"b"+strconv.Itoa(w.said/(3*BatchLen))+"i"+strconv.Itoa(i)))
		cmds[i] = &entries[i].Command
	}
	w.load.pace(BatchLen)
	replies, err := w.client.AskAll(ctx, cmds)
	if err != nil {
		return err
	}
	for i, e := range entries {
		w.note(e, replies[i])
	}
	return nil
}

// decide is what a buyer does next: look, go on with the hold that it has, or take one.
func (w *lane) decide(event, buyer string) *Command {
	if w.percent(8) {
		return w.touch(event, buyer)
	}
	id := w.nextID()
	hold, has := w.load.Ledger.Live(event, buyer)
	if has {
		switch n := w.random.IntN(100); {
		case n < 50:
			return NewCommand(event, &pb.ConfirmCommand{RequestId: id, Buyer: buyer, Hold: hold, PaymentRef: "inv-" + id})
		case n < 70:
			return NewCommand(event, &pb.ReleaseCommand{RequestId: id, Buyer: buyer, Hold: hold, Channel: "app"})
		case n < 85:
			return NewCommand(event, &pb.ExtendCommand{RequestId: id, Buyer: buyer, Hold: hold})
		}
	}
	return NewCommand(event, w.hold(id, buyer))
}

func (w *lane) hold(id, buyer string) *pb.HoldCommand {
	cmd := &pb.HoldCommand{RequestId: id, Buyer: buyer, Channel: "web", Device: "mobile"}
	switch n := w.random.IntN(100); {
	case n < 30:
		cmd.Items = []*pb.Item{{Lot: "early", Quantity: int64(1 + w.random.IntN(3))}}
	case n < 55:
		cmd.Items = []*pb.Item{{Lot: "ga", Quantity: int64(1 + w.random.IntN(4))}}
		cmd.Fill = "best_effort"
	case n < 62:
		cmd.Items = []*pb.Item{{Lot: "pack", Quantity: 1}}
	case n < 70:
		cmd.Items = []*pb.Item{{Lot: "early", Quantity: 1}, {Lot: "stalls", Seats: w.seats()}}
	default:
		cmd.Items = []*pb.Item{{Lot: "stalls", Seats: w.seats()}}
	}
	return cmd
}

// seats picks one to three neighbours.
func (w *lane) seats() []string {
	row, count := 1+w.random.IntN(seatRows), 1+w.random.IntN(3)
	first := 1 + w.random.IntN(seatsPerRow-count+1)
	seats := make([]string, count)
	for i := range seats {
		seats[i] = "A/" + strconv.Itoa(row) + "/" + strconv.Itoa(first+i)
	}
	return seats
}

// organiser blocks, unblocks and changes capacities, a few times a second.
func (w *lane) organiser(ctx context.Context) error {
	event, id := w.event(), w.nextID()
	var cmd *Command
	switch n := w.random.IntN(100); {
	case len(w.load.Lines) > 0 && (w.load.opensLine() || n < 10):
		cmd = w.ofLine()
	case n < 25:
		cmd = NewCommand(event, &pb.BlockCommand{RequestId: id, Lot: "ga", Quantity: int64(1 + w.random.IntN(20))})
	case n < 45:
		cmd = NewCommand(event, &pb.BlockCommand{RequestId: id, Lot: "stalls", Seats: w.seats()})
	case n < 65:
		cmd = NewCommand(event, &pb.UnblockCommand{RequestId: id, Lot: "ga", Quantity: int64(1 + w.random.IntN(10))})
	case n < 85:
		cmd = NewCommand(event, &pb.CapacityCommand{RequestId: id, Lot: "early", Capacity: int64(w.random.IntN(800))})
	default:
		cmd = NewCommand(event, &pb.CapacityCommand{RequestId: id, Pool: "floor", Capacity: int64(1000 + w.random.IntN(2000))})
	}
	if err := w.ask(ctx, w.load.Ledger.Sent(cmd)); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-w.client.Ended():
		return ErrUnknown
	case <-time.After(time.Duration(1+w.random.IntN(5)) * time.Millisecond):
	}
	return nil
}

// Codes counts the answers of each code.
func (l *Ledger) Codes() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	codes := map[string]int{}
	for _, e := range l.entries {
		if e.Answer != nil {
			codes[e.Verb.String()+" "+code(e.Answer)]++
		}
	}
	return codes
}

// acceptedVerbs names the verbs that the load must have had a yes for: a load that never gets that far proves nothing.
func acceptedVerbs() []engine.Verb {
	return []engine.Verb{
		engine.VerbCreate, engine.VerbHold, engine.VerbExtend, engine.VerbRelease, engine.VerbConfirm, engine.VerbBlock, engine.VerbUnblock, engine.VerbCapacity,
		engine.VerbTouch, engine.VerbOpen, engine.VerbJoin, engine.VerbLeave, engine.VerbAbsent, engine.VerbPresent,
	}
}
