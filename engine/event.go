package engine

import (
	"fmt"

	"github.com/holdfast-engine/holdfast/engine/line"
)

// Event is a show that sells tickets: its lots, holds, orders and everything it remembers. Make one with [New], or with [OpenSnapshot].
//
// An Event belongs to one goroutine. It never reads a clock: every moment it knows came with a command or a fact.
type Event struct {
	key    Key
	seed   uint64 // of the hashes of its strings: made of the key, so that equal events of different names differ
	limits Limits

	seq      Seq
	applying Seq // of the fact that is being applied
	lastAt   Instant
	state    EventState // 0 while the event does not exist
	since    Instant    // node time of the first fact
	closed   Instant    // node time of the fact that closed it
	down     int64      // nanoseconds of outages so far: event time is node time less these
	spec     EventSpec  // without lots and pools

	lots       []lot
	pools      []pool
	prices     []priceVersion
	lotIndex   index
	poolIndex  index
	seatsTotal int
	tiersDue   int // lots that may open and have not yet

	holds     slab[holdRow]
	holdSlots span // live: slot + 1; ended: endedTag and the row's position
	holdLast  HoldID
	ended     fifo[endedRow]
	lates     map[uint64][]byte // what expired holds had, by position in ended: those with several items or seats
	items     slab[itemRow]
	due       due

	names      arena
	buyers     slab[buyerRow]
	buyerIndex index
	customers  slab[customerRow]
	bought     slab[boughtRow]

	orders      slab[orderRow]
	ticketLast  TicketID
	afters      slab[afterRow]
	tickets     slab[ticketRow]
	ticketIndex index
	refunds     slab[refundRow]
	refundsOpen int // refunds whose money still has to move
	calls       slab[refundCall]
	members     slab[memberRow]
	links       slab[linkRow]
	linkIndex   index
	linkedTo    linkedSums
	cancelled   cancelled
	window      refundWindow

	purchases purchases
	offers    fifo[offerRow]

	restores []restoredAt // of the log, from backups; in order

	requests     fifo[requestRow]
	money        slab[requestRow]
	requestIndex index // requests: the low bits of the position; money: moneyTag and the slot

	line    *eventLine  // nil until there is anything to keep of one
	list    *waitList   // nil until somebody waits
	codes   *eventCodes // nil until there is a code, or somebody has tried one
	waiting LineWant    // what the shell was told that the line wants; volatile
	// promised is up to which price version the buyer of the present command was shown prices with a pass; 0 is none.
	promised uint32
	coded    uint32 // slot + 1 of the code of the present command; 0 is none

	touches    fifo[uint64] // hashes of the ids of those that are remembered
	touchIndex index        // the low bits of the position

	signals  Signals // since the last TakeSignals; volatile
	refusals refusals
	tally    tally
	refused  *[Codes][Flows]uint64 // in all tallies so far; nil until the first

	rows   uint64 // sum of the hashes of all rows: part of StateHash
	static uint64 // hash of everything that only create and update change
	breach breach
	late   bool // a payment that came late is judged: sales may have closed since

	now       Instant // of the step or run
	facts     *Facts
	followUps int     // that this step may still emit
	why       refusal // the most important reason to refuse the command
	out       Outcome
	work      work
}

// work is scratch memory that steps use again and again.
type work struct {
	ahead     *ahead // nil until something is foreseen
	held      factHeld
	confirmed factConfirmed
	buying    factBuying
	purchase  PurchaseView
	offered   factOffered
	offer     OfferView
	touched   factTouched
	place     PlaceView
	waiter    WaiterView
	list      ListView
	waiting   Command     // a hold of what somebody waits for
	ofCode    LineCommand // of a command of the engine's own, that has a code
	codeHash  CodeHash    // of the code of the present command
	guessKeys []uint64
	codes     CodesView
	line      LineView
	page      WaitingPage
	poolsFree []int64
	shopping  line.Shopping
	bytes     []byte
	fair      line.FairReport
	prices    []PromisedPrice
	wishItems []Item
	command   Command // a buy, with what its offer says
	blocked   factBlocked
	refunding factRefunding
	linked    factLinked
	links     []uint64
	clusters  []uint32
	seats     []uint32
	wanted    []want
	parties   []party
	picked    []uint32
	sets      []seatSet
	splitter  *splitter // nil until a party is split
	items     []ItemView
	labels    []byte
	seatText  []string
	lots      []LotView
	pools     []PoolView
	spec      EventSpec

	seatsWanted  int64 // by the hold: chosen and of parties
	alternatives []Alternative
}

// breach is a broken promise of conservation. It never happens; whoever sees it sets the event aside.
type breach struct {
	found bool
	pool  bool
	code  bool
	place uint32
}

// New returns an event that does not exist yet: VerbCreate makes it.
func New(key Key) *Event { return NewWithLimits(key, Limits{}) }

// NewWithLimits is New with other bounds; zero fields stand for the defaults. They become part of the event's first fact.
func NewWithLimits(key Key, limits Limits) *Event {
	key = key.Clone()
	h := hasher(hashK0)
	h.string(key.Account)
	h.word(uint64(key.Kind))
	h.string(key.ID)
	return &Event{key: key, seed: uint64(h), limits: limits.filled()}
}

// Key returns the event's name.
func (e *Event) Key() Key { return e.key }

// Exists reports whether the event was created.
func (e *Event) Exists() bool { return e.state != 0 }

// Seq is the sequence of the event's last fact.
func (e *Event) Seq() Seq { return e.seq }

// LastAt is the node time of the event's last fact.
func (e *Event) LastAt() Instant { return e.lastAt }

// eventTime is the moment of the step in event time, which stands still in outages.
func (e *Event) eventTime() Instant { return e.now - Instant(e.down) }

// Step carries out a command at node time now, which never runs backwards, appends the facts it decides to facts, and returns the outcome,
// which belongs to the event and is valid until the next Step. The facts are folded into the event before Step returns.
//
// Everything is checked before the first fact: a refused command changes nothing but what is remembered of refusals.
func (e *Event) Step(cmd *Command, now Instant, facts *Facts) *Outcome {
	e.begin(cmd.Verb, now, facts)
	out := &e.out
	if e.state == EventArchived {
		e.refuseArchived(cmd)
		out.Seq, e.facts = e.seq, nil
		return out
	}
	switch cmd.Verb {
	case VerbHold:
		e.hold(cmd)
	case VerbConfirm:
		e.confirm(cmd)
	case VerbExtend:
		e.extend(cmd)
	case VerbRelease:
		e.release(cmd)
	case VerbExpire:
		e.expire()
	case VerbGet:
		e.get(cmd)
	case VerbOrder:
		e.order(cmd)
	case VerbCreate:
		e.create(cmd)
	case VerbUpdate:
		e.update(cmd)
	case VerbOpen, VerbPause, VerbClose:
		e.turn(cmd)
	case VerbBlock, VerbUnblock:
		e.block(cmd)
	case VerbCapacity:
		e.resize(cmd)
	case VerbSettle:
	case VerbSchedule:
		e.schedule(cmd.Wall)
	case VerbResume:
		e.resume(cmd.Down)
	case VerbProve:
		e.prove()
	case VerbRestore:
		e.restore(cmd.Incarnation)
	case VerbArchive:
		e.archive(cmd)
	case VerbWhy:
		e.explain(cmd)
	case VerbAdmit:
		e.admit(cmd)
	case VerbReissue:
		e.reissue(cmd)
	case VerbRefund:
		e.refund(cmd)
	case VerbBuy:
		e.buy(cmd)
	case VerbPurchase:
		e.purchase(cmd)
	case VerbIntend:
		e.intend(cmd)
	case VerbResult:
		e.result(cmd)
	case VerbCancel:
		e.cancel(cmd)
	case VerbComplete:
		e.complete(cmd)
	case VerbUndo:
		e.undo(cmd)
	case VerbOneClick:
		e.oneClick(cmd)
	case VerbResolve:
		e.resolve(cmd)
	case VerbOffer:
		e.offer(cmd)
	case VerbTouch:
		e.takeTouches(cmd)
	case VerbTime:
		e.time(cmd)
	case VerbTell:
		e.tell(cmd.Payment.Told)
	case VerbJoin:
		e.join(cmd)
	case VerbLeave:
		e.leave(cmd)
	case VerbPlace:
		e.place(cmd)
	case VerbAbsent, VerbPresent:
		e.presence(cmd)
	case VerbWait:
		e.wait(cmd)
	case VerbDraw:
		e.drawValue(cmd)
	case VerbSeed:
		e.takeSeed(cmd)
	case VerbReveal:
		e.reveal(cmd)
	case VerbRate:
		e.rate(cmd)
	case VerbCodes:
		e.setCodes(cmd)
	case VerbNone, verbEnd:
		panic(fmt.Sprintf("engine: a command without a verb reached event %q", e.key.ID))
	default:
		panic(fmt.Sprintf("engine: verb %d reached event %q", cmd.Verb, e.key.ID))
	}
	if !cmd.Verb.IsRead() && e.state != EventArchived { // who only looks admits nobody, although time has passed
		e.settle()
	}
	if e.spec.Line != nil {
		e.signalLine()
	}
	out.Seq = e.seq
	e.facts = nil
	return out
}

// begin starts a step.
func (e *Event) begin(verb Verb, now Instant, facts *Facts) {
	e.now = max(now, e.lastAt)
	e.facts, e.followUps = facts, FollowUpsMax
	out := &e.out
	if out.Shows != 0 {
		*out = Outcome{}
	} else if out.Code != CodeOK {
		out.Field, out.Lot, out.Text = "", "", ""
		out.Have, out.Want, out.RetryAfterMs, out.Alternatives = 0, 0, 0, nil
	}
	out.Verb, out.Code, out.Repeated = verb, CodeOK, false
}

// emitted notes that a fact was appended to facts.Buf, just before it is applied.
func (e *Event) emitted() {
	e.facts.Count++
	e.advance()
	e.applying = e.seq
}

// advance counts a fact at the present moment.
func (e *Event) advance() {
	e.seq++
	e.lastAt = e.now
}

// Unsettled reports whether the last step left follow-ups: VerbSettle goes on with them and comes before any other command.
func (e *Event) Unsettled() bool {
	return e.tiersDue > 0 || e.sweeping() || e.listUnsettled() || e.lineUnsettled()
}

// settle emits what follows from the facts of the step: that tiers open, what a cancellation brings about, what freed tickets are offered to whom, and how the line goes on. It emits at most FollowUpsMax facts a step.
func (e *Event) settle() {
	for i := 0; i < len(e.lots) && e.tiersDue > 0 && e.followUps > 0; i++ {
		if l := &e.lots[i]; !l.open && e.lots[l.after].exhausted {
			f := factTierOpened{lot: uint32(i)}
			e.facts.Buf = f.append(e.facts.Buf)
			e.emitted()
			e.applyTierOpened(&f)
			e.followUps--
		}
	}
	if e.sweeping() {
		e.sweep()
	}
	if e.list != nil {
		e.settleList()
	}
	if e.line != nil {
		e.settleLine()
	}
}

// LiveCheck returns an error if the last steps broke conservation (G1) in any lot or pool, or used a code too often. Its cost does not depend on the size of the event:
// every change of a count checks its own lot and pools.
func (e *Event) LiveCheck() error {
	if !e.breach.found {
		return nil
	}
	if e.breach.code {
		c := &e.codes.rows[e.breach.place]
		return fmt.Errorf("engine: event %q, code %q: %d holds and orders and %d places are more than its %d uses, or less than none", e.key.ID, c.name, c.used, c.placed, c.uses)
	}
	if e.breach.pool {
		return fmt.Errorf("engine: event %q, pool %q: counts %+v are not its capacity", e.key.ID, e.pools[e.breach.place].id, e.pools[e.breach.place].view())
	}
	return fmt.Errorf("engine: event %q, lot %q: counts %+v are not its capacity", e.key.ID, e.lots[e.breach.place].spec.Lot, e.lots[e.breach.place].view())
}

// NextDeadline is the node time at which the event wants a VerbExpire: when the next hold, purchase or pass is due, the line is to be looked at again, or the tally wants
// to be written; or a little earlier,
// as holds are put in order only when the first of their batch is due: that Expire has no facts. It is false if there is neither. A moment in
// the past means: at once.
func (e *Event) NextDeadline() (Instant, bool) {
	at, ok := e.tally.due, e.tally.any
	if deadline, any := e.nextDeadline(); any {
		if due := deadline + Instant(e.down); !ok || due < at {
			at, ok = due, true
		}
	}
	if slot, any := e.purchases.due.first(); any {
		if due := e.purchases.rows.at(slot).deadline + Instant(e.down); !ok || due < at {
			at, ok = due, true
		}
	}
	if due, any := e.nextInList(); any && (!ok || due+Instant(e.down) < at) {
		at, ok = due+Instant(e.down), true
	}
	if due, any := e.nextInLine(); any && (!ok || due+Instant(e.down) < at) {
		at, ok = due+Instant(e.down), true
	}
	return at, ok
}

// AwaitsWall implements [Aggregate]: the event is to open, to close, or to be archived, waits for the lane, or has a line that goes on or waits for its shell.
func (e *Event) AwaitsWall() bool {
	_, scheduled := e.NextSchedule()
	return scheduled || e.state == EventClosed || e.state == EventCancelled || e.state == EventArchived || e.HasOpenWork() ||
		e.LineWants() != LineWantsNothing || e.HasOffers() || e.Unsettled()
}

// NextSchedule is the wall time at which the event wants a VerbSchedule, to open or close, because a time for refunds begins or ends, or to open its lobby; false if never. A time in
// the past means: at once.
func (e *Event) NextSchedule() (wall Instant, ok bool) {
	wall, ok = e.nextTurn()
	if window, any := e.nextWindow(); any && (!ok || window < wall) {
		wall, ok = window, true
	}
	if lobby, any := e.nextLobby(); any && (!ok || lobby < wall) {
		return lobby, true
	}
	return wall, ok
}

// nextTurn is the wall time at which the event opens or closes; false if never.
func (e *Event) nextTurn() (wall Instant, ok bool) {
	switch e.state {
	case EventDraft:
		if at := e.spec.OpensAt; at != 0 && (e.spec.ClosesAt == 0 || at < e.spec.ClosesAt) {
			return at, true
		}
		return e.spec.ClosesAt, e.spec.ClosesAt != 0
	case EventOnSale, EventPaused:
		return e.spec.ClosesAt, e.spec.ClosesAt != 0
	case EventClosed, EventCancelled, EventArchived:
	}
	return 0, false
}
