package engine

import (
	"encoding/binary"
	"strings"
)

// Bounds of the audit.
const (
	AuditsMax       = 4096 // entries that the node keeps at hand: a day of one command every 20 seconds; the log has all
	AuditTextLenMax = 256  // bytes of the arguments of one entry: what ids and numbers of a command can fill
)

// Audit is one thing that an operator asked for, and how it ended.
type Audit struct {
	Seq       Seq     // of the fact
	At        Instant // node time
	Account   string
	Verb      string
	Arguments string // as in "event=night-one request=h1": no secret, at most AuditTextLenMax bytes
	Operator  string // as they call themselves; nothing proves it
	RequestID string
	Code      Code
}

// AuditQuery asks for a page of the audit. Zero fields leave out nothing, but Limit is at least 1.
type AuditQuery struct {
	Account      string
	After        Seq // entries with a greater seq
	Since, Until Instant
	Limit        int
}

// AuditPage is a page of the audit, oldest first. Next is not 0 if more entries follow: it is the After of the next page.
type AuditPage struct {
	Entries []Audit
	Next    Seq
	Oldest  Seq // the oldest entry that the node has at hand; 0 if it has none
}

// Audit notes what an operator asked for, at node time at, and appends the fact to facts. It returns false, and appends nothing, if a text of the
// entry is longer than it may be. Seq and At of the entry are set by it.
//
//	| 25 | account | verb | arguments | operator | request id | code |
func (n *Node) Audit(a *Audit, at Instant, facts *Facts) bool {
	if !a.fits() || at > instantMax {
		return false
	}
	facts.Buf = appendAudit(append(facts.Buf, byte(kindAudited)), a)
	facts.Count++
	n.applyAudit(a, max(at, n.lastAt))
	return true
}

func (a *Audit) fits() bool {
	return len(a.Account) <= IDLenMax && len(a.Verb) <= IDLenMax && len(a.Operator) <= IDLenMax && len(a.RequestID) <= IDLenMax &&
		len(a.Arguments) <= AuditTextLenMax && a.Code < codeEnd
}

func (n *Node) applyAudit(a *Audit, at Instant) {
	n.seq++
	n.lastAt = at
	a.Seq, a.At = n.seq, at
	n.audits = append(n.audits, *a)
	if len(n.audits) > AuditsMax {
		n.audits = append(n.audits[:0], n.audits[1:]...)
	}
}

// Audits returns a page of what operators did in an account, oldest first. Cost: O(AuditsMax).
func (n *Node) Audits(q AuditQuery) AuditPage {
	var p AuditPage
	for i := range n.audits {
		a := &n.audits[i]
		if a.Account != q.Account {
			continue
		}
		if p.Oldest == 0 {
			p.Oldest = a.Seq
		}
		if a.Seq <= q.After || a.At < q.Since || q.Until != 0 && a.At >= q.Until {
			continue
		}
		if len(p.Entries) == q.Limit {
			p.Next = p.Entries[q.Limit-1].Seq
			break
		}
		p.Entries = append(p.Entries, *a)
	}
	return p
}

func appendAudit(dst []byte, a *Audit) []byte {
	for _, s := range [...]string{a.Account, a.Verb, a.Arguments, a.Operator, a.RequestID} {
		dst = appendString(dst, s)
	}
	return append(dst, byte(a.Code))
}

func (d *decoder) audit() (a Audit) {
	for _, s := range [...]*string{&a.Account, &a.Verb, &a.Arguments, &a.Operator, &a.RequestID} {
		*s = strings.Clone(d.string(AuditTextLenMax))
	}
	a.Code = Code(d.byte())
	if d.what == "" && !a.fits() {
		d.fail("an audit entry that is too long, or of an unknown code")
	}
	return a
}

// appendAudits appends what a snapshot keeps of the audit: | n | n times: seq, at, entry |
func (n *Node) appendAudits(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(n.audits)))
	for i := range n.audits {
		a := &n.audits[i]
		dst = binary.AppendUvarint(dst, uint64(a.Seq))
		dst = binary.AppendUvarint(dst, uint64(a.At))
		dst = appendAudit(dst, a)
	}
	return dst
}

func (n *Node) openAudits(d *decoder) {
	last := Seq(0)
	for range d.count(AuditsMax, 8) {
		seq, at := Seq(d.int()), Instant(d.uint(uint64(instantMax)))
		a := d.audit()
		if d.what == "" && (seq <= last || seq > n.seq) {
			d.fail("an audit entry out of order")
		}
		if d.what != "" {
			return
		}
		a.Seq, a.At, last = seq, at, seq
		n.audits = append(n.audits, a)
	}
}
