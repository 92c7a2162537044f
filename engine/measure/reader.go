package measure

import (
	"github.com/holdfast-engine/holdfast/engine"
)

// Reader makes entries of the facts of the log. It keeps of each event what later facts refer to: prices, live holds, purchases under way, orders that may
// be refunded, and where the tickets are. It is used by one goroutine.
//
// What it keeps of an event goes with the event's last fact, when it is archived. Until then each live hold takes 32 to 64 bytes, and each order about 40: as many
// as the event itself allows ([engine.Limits]).
type Reader struct {
	facts  engine.FactReader
	events map[engine.Key]*told
	last   *told // of the run before: runs of one event often follow each other
	texts  texts // channels

	partial uint64
	made    [entriesAtOnce]Entry // those of the run that have not been handed over yet
	n       int                  // how many they are
	entry   *Entry               // the one behind them, that was begun last
	times   Times
	use     func([]Entry)
	of      *told // the event of the run
	take    func(*engine.Fact) error
}

// entriesAtOnce is how many entries are handed over together: enough to look for all of them in memory at once, few enough to stay in the processor's first cache.
const entriesAtOnce = 32

// NewReader returns a reader that has read nothing.
func NewReader() *Reader {
	r := &Reader{events: make(map[engine.Key]*told)}
	r.take = r.fact
	return r
}

// Partial is how many facts could not be told in full, or not at all, because they refer to something before the first fact that was read: the log was cut
// before the reader began.
func (r *Reader) Partial() uint64 { return r.partial }

// Each calls use with the entries of a run, in order. What use is given is valid during the call only. Facts that do not decode end it with an error that
// wraps [engine.ErrMalformed]: nothing behind them can be read.
func (r *Reader) Each(run *engine.Run, use func(*Entry)) error {
	return r.Some(run, func(entries []Entry) {
		for i := range entries {
			use(&entries[i])
		}
	})
}

// Some is Each for who would rather have some entries at a time, at least one: all are of the run's event, but of the node's runs.
func (r *Reader) Some(run *engine.Run, use func([]Entry)) error {
	if run.Key.Kind == engine.KindWallet || run.Facts.Count == 0 {
		return nil
	}
	r.use, r.of = use, nil
	if run.Key.Kind == engine.KindEvent {
		r.of = r.event(run.Key)
	}
	err := r.facts.Each(run, r.take)
	if e := r.of; e != nil {
		r.endRun(e, run.At)
	}
	r.handOver()
	r.use = nil
	return err
}

// event is what is kept of an event, made if it is new.
func (r *Reader) event(key engine.Key) *told {
	if r.last != nil && r.last.key == key {
		return r.last
	}
	e := r.events[key]
	if e == nil {
		e = newTold(key.Clone())
		r.events[e.key] = e
	}
	r.last = e
	return e
}

// fact makes entries of a fact.
func (r *Reader) fact(f *engine.Fact) error {
	e := r.of
	if e == nil {
		r.nodeFact(f)
		return nil
	}
	if e.pending.hold != 0 { // a hold that nobody asked for by itself: the fact behind it says how it came about
		r.heldBy(e, f)
	}
	switch f.Kind {
	case engine.FactHeld:
		r.held(e, f)
	case engine.FactReleased, engine.FactExpired, engine.FactSwept:
		r.holdEnded(e, f)
	case engine.FactConfirmed:
		r.confirmed(e, f)
	case engine.FactLate:
		r.late(e, f)
	case engine.FactOffered:
		r.offered(e, f)
	case engine.FactBuying:
		r.buying(e, f)
	case engine.FactIntended:
		r.intended(e, f)
	case engine.FactSold:
		r.sold(e, f)
	case engine.FactDeclined, engine.FactGivenUp:
		r.unsold(e, f)
	case engine.FactAction:
		r.action(e, f)
	case engine.FactCaptured, engine.FactVoided:
		r.settled(e, f)
	case engine.FactUndone:
		r.undone(e, f)
	case engine.FactRefunding:
		r.refunding(e, f)
	case engine.FactRefunded:
		r.refunded(e, e.refunds.at(uint64(f.Refund)), f.Refund, f.At)
	case engine.FactAdmitted:
		r.begin(KindAdmitted, e, f.At)
		r.emit()
	case engine.FactTallied:
		r.tallied(e, f)
	case engine.FactCreated, engine.FactUpdated:
		r.set(e, f)
	case engine.FactOpened, engine.FactPaused, engine.FactClosed, engine.FactCancelled, engine.FactArchived:
		r.turned(e, f)
	case engine.FactOneClick:
		r.begin(KindRollout, e, f.At)
		r.entry.On, r.entry.Permille = !f.Off, uint32(f.Share/10) //nolint:mnd // hundredths of a percent
		r.emit()
	case engine.FactBlocked, engine.FactUnblocked, engine.FactResized:
		r.resized(e, f)
	case engine.FactPriced:
		r.priced(e, f)
	case engine.FactTierOpened:
		r.tierOpened(e, f)
	case engine.FactTouched:
		for i := range f.Touches {
			r.touched(e, &f.Touches[i], f.At)
		}
	case engine.FactTimed:
		for i := range f.Times {
			r.timed(e, &f.Times[i], f.At)
		}
	case engine.FactLobby, engine.FactJoined, engine.FactLeft, engine.FactPresence, engine.FactLobbyClosed, engine.FactDrawValue, engine.FactRevealed, engine.FactDrawn,
		engine.FactRated, engine.FactGranted, engine.FactPassEnded, engine.FactSkipped, engine.FactWished, engine.FactWishEnded,
		engine.FactOfferedTo: // no KPI is made of the line, nor of the waiting list
	case engine.FactOther, engine.FactExtended, engine.FactOutage, engine.FactAudited:
	}
	return nil
}

// begin begins an entry about an event.
func (r *Reader) begin(kind Kind, e *told, at engine.Instant) *Entry {
	entry := &r.made[r.n]
	r.entry = entry
	*entry = Entry{} // in place: a whole entry made elsewhere and moved here costs twice as much
	entry.Kind, entry.At, entry.Key = kind, at, e.key
	return entry
}

// emit tells the entry that was begun last.
func (r *Reader) emit() {
	if r.n++; r.n == len(r.made) {
		r.handOver()
	}
}

func (r *Reader) handOver() {
	if r.n > 0 {
		r.use(r.made[:r.n])
		r.n = 0
	}
}

// unknown counts a fact about something that was not read.
func (r *Reader) unknown() { r.partial++ }

// endRun tells what became of the stock in a run.
func (r *Reader) endRun(e *told, at engine.Instant) {
	if e.pending.hold != 0 {
		r.heldBy(e, nil)
	}
	if !e.stock.changed || !e.whole || e.observe { // what an event in mode observe says of lots is not where its tickets are
		return
	}
	r.begin(KindStock, e, at).Stock = e.stock.view()
	r.emit()
}
