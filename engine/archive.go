package engine

import "encoding/binary"

// An event that has been closed for long enough is archived: that is its last fact. Afterwards it answers nothing but that, and the shell moves it out of
// the log into a file of its own.

// factArchived says that the event was archived. It is the last fact.
//
//	| 24 |
type factArchived struct{}

func (f *factArchived) append(dst []byte) []byte {
	return binary.AppendUvarint(dst, uint64(kindArchived))
}

// archive makes the event's last fact. The pending tally goes before it, so that no refusal is left out of the sums.
func (e *Event) archive(cmd *Command) {
	switch {
	case e.state == 0:
		e.show(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
	case e.state != EventClosed && e.state != EventCancelled:
		e.show(cmd, refusal{code: CodeWrongState, field: fieldEvent, text: e.notOnSale()})
	case e.holds.live() > 0:
		e.show(cmd, refusal{code: CodeWrongState, field: fieldEvent, text: ticketsAreHeld})
	case e.chargesOpen() || e.sweeping():
		e.show(cmd, refusal{code: CodeWrongState, field: fieldEvent, text: chargesAreOpen})
	default:
		if e.tally.any {
			e.writeTally()
		}
		f := factArchived{}
		e.facts.Buf = f.append(e.facts.Buf)
		e.emitted()
		e.applyArchived()
		e.out.Seq = e.seq
	}
}

func (e *Event) applyArchived() { e.state = EventArchived }

func (e *Event) foldArchived() error {
	if e.state != EventClosed && e.state != EventCancelled || e.holds.live() > 0 || e.chargesOpen() || e.sweeping() {
		return unfit("an event is archived when it is closed or cancelled, nothing is held, and no charge is open")
	}
	e.applyArchived()
	return nil
}

// chargesOpen reports whether money still has to move, now or later.
func (e *Event) chargesOpen() bool {
	return e.purchases.open > 0 || e.purchases.due.n > 0 || e.refundsOpen > 0
}

// refuseArchived answers every command to an archived event.
func (e *Event) refuseArchived(cmd *Command) {
	if cmd.Verb == VerbCreate {
		e.show(cmd, refusal{code: CodeEventExists, field: fieldEvent, text: wasArchived})
	} else if cmd.Verb.OfCallers() || cmd.Verb == VerbWhy || cmd.Verb == VerbArchive || cmd.Verb == VerbTell {
		e.show(cmd, refusal{code: CodeEventArchived, field: fieldEvent})
	}
}

// Archived reports whether the event is archived, and since when in node time.
func (e *Event) Archived() (at Instant, ok bool) { return e.lastAt, e.state == EventArchived }

// Reread makes an archived event answer reads again. It is for a copy that nobody else has, as one made of an archive: what was archived sells never again, and the copy's
// StateHash is no longer what the archive says.
func (e *Event) Reread() {
	if e.state == EventArchived {
		e.state = EventClosed
	}
}

// Archivable is when the event was closed, in node time, if a VerbArchive would succeed now: it is closed or cancelled, nothing is held or being paid, and no
// charge or refund is open.
func (e *Event) Archivable() (closed Instant, ok bool) {
	return e.closed, (e.state == EventClosed || e.state == EventCancelled) && e.holds.live() == 0 && !e.chargesOpen() && !e.sweeping()
}
