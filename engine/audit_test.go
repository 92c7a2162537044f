package engine

import (
	"fmt"
	"strings"
	"testing"
)

func auditEntry(i int) Audit {
	return Audit{Account: SingleAccount, Verb: "events", Arguments: fmt.Sprintf("event=e%d", i), Operator: "maria", RequestID: fmt.Sprintf("r%d", i), Code: CodeOK}
}

// auditedNode has an outage, then n audit entries, a second apart.
func auditedNode(t *testing.T, n int) (*Node, []Run) {
	t.Helper()
	node := NewNode(Key{Account: SingleAccount, Kind: KindNode, ID: "node"})
	runs := make([]Run, 1, n+1)
	runs[0] = Run{First: 1, At: start}
	if !node.Outage(start-second, start, &runs[0].Facts) {
		t.Fatal("the outage is refused")
	}
	for i := range n {
		run := Run{First: node.Seq() + 1, At: start + Instant(i+1)*second}
		a := auditEntry(i)
		if !node.Audit(&a, run.At, &run.Facts) || a.Seq != run.First || a.At != run.At {
			t.Fatalf("entry %d became %+v", i, a)
		}
		runs = append(runs, run)
	}
	return node, runs
}

func TestAuditIsReplayedAndKept(t *testing.T) {
	node, runs := auditedNode(t, 5)
	again := NewNode(node.key)
	for i := range runs {
		if err := again.Fold(&runs[i]); err != nil {
			t.Fatal(err)
		}
	}
	opened, err := openNode(node.key, node.AppendSnapshot(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []*Node{again, opened} {
		page := n.Audits(AuditQuery{Account: SingleAccount, Limit: 10})
		if n.StateHash() != node.StateHash() || n.LastAt() != node.LastAt() || len(page.Entries) != 5 || page.Entries[4] != node.audits[4] {
			t.Errorf("it came back as %+v", page)
		}
		if n.Down() != node.Down() || n.DownSince(start-second) != node.DownSince(start-second) {
			t.Error("the outages came back as others")
		}
	}
}

func TestAuditIsReadInPages(t *testing.T) {
	node, _ := auditedNode(t, 9)
	other := auditEntry(9)
	other.Account = "shop"
	node.Audit(&other, start+20*second, new(Facts))
	var got []string
	q := AuditQuery{Account: SingleAccount, Since: start + 3*second, Until: start + 9*second, Limit: 4}
	for {
		p := node.Audits(q)
		for _, e := range p.Entries {
			got = append(got, e.RequestID)
		}
		if p.Oldest != 2 {
			t.Errorf("the oldest entry is %d", p.Oldest)
		}
		if q.After = p.Next; q.After == 0 {
			break
		}
		got = append(got, "|")
	}
	if text := strings.Join(got, " "); text != "r2 r3 r4 r5 | r6 r7" {
		t.Errorf("the pages are %s", text)
	}
	if p := node.Audits(AuditQuery{Account: "shop", Limit: 4}); len(p.Entries) != 1 || p.Entries[0].RequestID != "r9" {
		t.Errorf("the other account sees %+v", p)
	}
}

func TestAuditIsBounded(t *testing.T) {
	node, _ := auditedNode(t, AuditsMax+3)
	p := node.Audits(AuditQuery{Account: SingleAccount, Limit: 1})
	if len(node.audits) != AuditsMax || p.Oldest != 5 { // the outage is fact 1, three entries are gone
		t.Errorf("%d entries are at hand, the oldest is %d", len(node.audits), p.Oldest)
	}
	a, facts, hash := auditEntry(0), new(Facts), node.StateHash()
	a.Arguments = strings.Repeat("x", AuditTextLenMax+1)
	if node.Audit(&a, start, facts) || facts.Count != 0 || node.StateHash() != hash {
		t.Error("an entry that is too long was taken")
	}
	a.Arguments = a.Arguments[1:]
	if !node.Audit(&a, start, facts) || a.At != node.LastAt() || a.At < start+second {
		t.Errorf("an entry that fits, and comes from a clock that stood still, became %+v", a)
	}
}

func TestDamagedAuditsAreRefused(t *testing.T) {
	node, runs := auditedNode(t, 3)
	state := node.AppendSnapshot(nil)
	for i := range len(state) {
		if _, err := openNode(node.key, state[:i]); err == nil {
			t.Errorf("a snapshot cut to %d of %d bytes was opened", i, len(state))
		}
	}
	buf := runs[3].Facts.Buf
	for i := range len(buf) {
		n := NewNode(node.key)
		for j := range 3 {
			if err := n.Fold(&runs[j]); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.Fold(&Run{First: n.Seq() + 1, At: start, Facts: Facts{Buf: buf[:i], Count: 1}}); err == nil {
			t.Errorf("a fact cut to %d of %d bytes was folded", i, len(buf))
		}
	}
}

func TestAuditedNodeIsWrittenAsEver(t *testing.T) {
	node, runs := auditedNode(t, 2)
	golden(t, "node-audited.txt", fmt.Sprintf("facts %x %x\nsnapshot %x\nhash %016x\n", runs[1].Facts.Buf, runs[2].Facts.Buf, node.AppendSnapshot(nil), node.StateHash()))
}
