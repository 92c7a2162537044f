package engine

import (
	"encoding/binary"
	"fmt"
)

// OutagesMax is how many outages a node remembers one by one: of older ones only their sum is left, which is all that events ask for.
const OutagesMax = 1024

// Node is the process itself as an aggregate: when it was down, whether its log was restored from a backup, what operators asked of it and have set. It lets
// every event find out, however long it slept, by how much its deadlines have to move.
type Node struct {
	key     Key
	seq     Seq
	lastAt  Instant
	down    int64    // nanoseconds of all outages
	dropped Instant  // end of the newest outage that was forgotten
	outages []outage // the newest, in order
	begun   int64    // nanoseconds of outages before outages[0]

	incarnation Incarnation // of the ids that events give
	restores    int         // of the log, from backups

	audits []Audit // the newest, in order

	settings []setting // sorted by name
}

type outage struct{ from, to Instant }

// NewNode returns a node without any facts.
func NewNode(key Key) *Node { return &Node{key: key.Clone()} }

// Outage notes that the process was down from one moment of node time to another, and appends the fact to facts. It appends nothing, and
// returns false, if to is not after from or from is before the end of an earlier outage.
//
//	| 18 | from | to - from |
func (n *Node) Outage(from, to Instant, facts *Facts) bool {
	if !n.fits(from, to) {
		return false
	}
	facts.Buf = append(facts.Buf, byte(kindOutage))
	facts.Buf = binary.AppendUvarint(facts.Buf, uint64(from))
	facts.Buf = binary.AppendUvarint(facts.Buf, uint64(to-from))
	facts.Count++
	n.apply(outage{from: from, to: to}, to)
	return true
}

// Restored notes that the log was restored from a backup, so that from now on every event gives ids of another incarnation, and appends the fact to
// facts. It appends nothing, and returns false, if the incarnation is not later than the node's, or if the log was restored [RestoresMax] times.
func (n *Node) Restored(in Incarnation, facts *Facts) bool {
	if !n.fitsRestore(in) {
		return false
	}
	f := factRestored{incarnation: in}
	facts.Buf = f.append(facts.Buf)
	facts.Count++
	n.applyRestored(&f)
	return true
}

func (n *Node) fitsRestore(in Incarnation) bool {
	return in > n.incarnation && in <= IncarnationMax && n.restores < RestoresMax
}

func (n *Node) applyRestored(f *factRestored) {
	n.seq++
	n.incarnation = f.incarnation
	n.restores++
}

// Incarnation is the incarnation of the ids that events of this node give: 0 for a log that was never restored.
func (n *Node) Incarnation() Incarnation { return n.incarnation }

func (n *Node) fits(from, to Instant) bool { return from >= n.end() && to > from && to <= instantMax }

// end is when the newest outage ended.
func (n *Node) end() Instant {
	if len(n.outages) > 0 {
		return n.outages[len(n.outages)-1].to
	}
	return n.dropped
}

func (n *Node) apply(o outage, at Instant) {
	n.seq++
	n.lastAt = max(n.lastAt, at)
	n.down += int64(o.to - o.from)
	n.outages = append(n.outages, o)
	if len(n.outages) > OutagesMax {
		n.forget()
	}
}

// forget drops the oldest outage.
func (n *Node) forget() {
	n.begun += int64(n.outages[0].to - n.outages[0].from)
	n.dropped = n.outages[0].to
	n.outages = append(n.outages[:0], n.outages[1:]...)
}

// DownSince is the nanoseconds of node time after at in which the process was down: what a VerbResume tells an event whose last fact is of
// that moment. For moments before the oldest remembered outage it counts all outages that are no longer remembered.
func (n *Node) DownSince(at Instant) int64 {
	sum := int64(0)
	for i := len(n.outages) - 1; i >= 0; i-- {
		o := n.outages[i]
		if o.to <= at {
			return sum
		}
		sum += int64(o.to - max(o.from, at))
	}
	if n.begun > 0 && at < n.dropped {
		sum += min(n.begun, int64(n.dropped-at))
	}
	return sum
}

// Down is the nanoseconds of all outages.
func (n *Node) Down() int64 { return n.down }

// Seq is the sequence of the last fact.
func (n *Node) Seq() Seq { return n.seq }

// LastAt is the node time of the last fact.
func (n *Node) LastAt() Instant { return n.lastAt }

// NextDeadline is always false: a node need not be woken.
func (n *Node) NextDeadline() (Instant, bool) { return 0, false }

// AwaitsWall implements [Aggregate]: a node never has to be woken.
func (n *Node) AwaitsWall() bool { return false }

// StateHash is a hash over the outages, the restores, the audit and the settings.
func (n *Node) StateHash() uint64 {
	if n.seq == 0 {
		return 0
	}
	h := hasher(hashK1)
	h.string(n.key.Account)
	h.string(n.key.ID)
	h.pair(uint64(n.seq), uint64(n.lastAt))
	h.pair(uint64(n.down), uint64(n.begun))
	h.word(uint64(n.dropped))
	if n.restores > 0 {
		h.pair(uint64(n.incarnation), uint64(n.restores))
	}
	for _, o := range n.outages {
		h.pair(uint64(o.from), uint64(o.to))
	}
	for i := range n.audits {
		a := &n.audits[i]
		h.pair(uint64(a.Seq), uint64(a.At))
		for _, s := range [...]string{a.Account, a.Verb, a.Arguments, a.Operator, a.RequestID} {
			h.string(s)
		}
		h.word(uint64(a.Code))
	}
	for _, s := range n.settings {
		h.string(s.name)
		h.word(uint64(s.value))
	}
	return uint64(h)
}

// Fold applies the facts of a run read from the log, and refuses what [Event.Fold] refuses.
func (n *Node) Fold(run *Run) error {
	if run.Facts.Count == 0 {
		return nil
	}
	if run.First != n.seq+1 {
		return fmt.Errorf("%w: node %q is at %d, the run starts at %d", ErrOutOfOrder, n.key.ID, n.seq, run.First)
	}
	d := decoder{buf: run.Facts.Buf}
	for range run.Facts.Count {
		if err := n.foldFact(&d, run.At); err != nil {
			return fmt.Errorf("node %q, fact %d: %w", n.key.ID, n.seq+1, err)
		}
	}
	if len(d.buf) > 0 {
		return fmt.Errorf("%w: node %q: %d bytes after the last fact of a run", ErrMalformed, n.key.ID, len(d.buf))
	}
	return nil
}

// foldFact applies one fact of a run of the moment at.
func (n *Node) foldFact(d *decoder, at Instant) error {
	kind := factKind(d.byte())
	if d.what != "" {
		return d.err()
	}
	if kind == kindOutage {
		from := Instant(d.uint(uint64(instantMax)))
		to := from + Instant(d.uint(uint64(instantMax)))
		if err := d.err(); err != nil {
			return err
		}
		if !n.fits(from, to) {
			return fmt.Errorf("%w: an outage out of order", ErrMalformed)
		}
		n.apply(outage{from: from, to: to}, to)
		return nil
	}
	if kind == kindRestored {
		f := factRestored{incarnation: Incarnation(d.uint(uint64(IncarnationMax)))}
		if err := d.err(); err != nil {
			return err
		}
		if !n.fitsRestore(f.incarnation) {
			return fmt.Errorf("%w: an incarnation that is not later than the one before, or one too many", ErrMalformed)
		}
		n.applyRestored(&f)
		return nil
	}
	if kind == kindAudited {
		a := d.audit()
		if err := d.err(); err != nil {
			return err
		}
		n.applyAudit(&a, max(at, n.lastAt))
		return nil
	}
	if kind == kindSetting {
		return n.foldSetting(d, at)
	}
	return fmt.Errorf("%w: fact of unknown kind %d: was it written by a newer version?", ErrMalformed, kind)
}

// nodeVersion is the first byte of a node's snapshot. Version 1 had no restores and no audit, version 2 no settings.
const nodeVersion = 3

// AppendSnapshot appends the whole state.
//
//	| 3 | seq | last at | begun | dropped | n | n times: from, to - from | incarnation | restores | audit | settings |
func (n *Node) AppendSnapshot(dst []byte) []byte {
	dst = append(dst, nodeVersion)
	for _, v := range [...]uint64{uint64(n.seq), uint64(n.lastAt), uint64(n.begun), uint64(n.dropped), uint64(len(n.outages))} {
		dst = binary.AppendUvarint(dst, v)
	}
	for _, o := range n.outages {
		dst = binary.AppendUvarint(dst, uint64(o.from))
		dst = binary.AppendUvarint(dst, uint64(o.to-o.from))
	}
	dst = binary.AppendUvarint(dst, uint64(n.incarnation))
	return n.appendSettings(n.appendAudits(binary.AppendUvarint(dst, uint64(n.restores))))
}

// openNode reads what AppendSnapshot wrote.
func openNode(key Key, state []byte) (*Node, error) {
	n := NewNode(key)
	d := decoder{buf: state}
	version := d.byte()
	if d.what == "" && (version < 1 || version > nodeVersion) {
		return nil, fmt.Errorf("%w: node snapshot of version %d: was it written by a newer version?", ErrMalformed, version)
	}
	n.seq, n.lastAt = Seq(d.int()), Instant(d.uint(uint64(instantMax)))
	n.begun, n.dropped = int64(d.uint(uint64(instantMax))), Instant(d.uint(uint64(instantMax)))
	n.down = n.begun
	for range d.count(OutagesMax, 2) {
		from := Instant(d.uint(uint64(instantMax)))
		to := from + Instant(d.uint(uint64(instantMax)))
		if !n.fits(from, to) {
			d.fail("an outage out of order")
			break
		}
		n.outages = append(n.outages, outage{from: from, to: to})
		n.down += int64(to - from)
	}
	if version > 1 {
		n.incarnation, n.restores = Incarnation(d.uint(uint64(IncarnationMax))), int(d.uint(RestoresMax))
		n.openAudits(&d)
	}
	if version > 2 { //nolint:mnd // the version that brought them
		n.openSettings(&d)
	}
	if len(d.buf) > 0 {
		d.fail("bytes after the end")
	}
	if err := d.err(); err != nil {
		return nil, fmt.Errorf("snapshot of node %q: %w", key.ID, err)
	}
	return n, n.Check()
}

// Check verifies that the outages are in order, that their sum is right, and that an incarnation came from a restore.
func (n *Node) Check() error {
	sum, last := n.begun, n.dropped
	for _, o := range n.outages {
		if o.from < last || o.to <= o.from {
			return fmt.Errorf("engine: node %q: outage %d to %d is out of order", n.key.ID, o.from, o.to)
		}
		sum += int64(o.to - o.from)
		last = o.to
	}
	if sum != n.down {
		return fmt.Errorf("engine: node %q: outages sum up to %d, not %d", n.key.ID, sum, n.down)
	}
	if (n.restores == 0) != (n.incarnation == 0) {
		return fmt.Errorf("engine: node %q: %d restores, but incarnation %d", n.key.ID, n.restores, n.incarnation)
	}
	return nil
}
