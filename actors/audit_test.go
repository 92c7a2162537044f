package actors

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

func TestAuditReturnsWhenItIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		n := started(t, l, Config{})
		l.hold(true)
		entry := engine.Audit{Account: engine.SingleAccount, Verb: "events", Operator: "maria"}
		done := make(chan error, 1)
		go func() { done <- n.Audit(context.Background(), &entry) }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("it returned while the log was held: %v", err)
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := n.Audit(ctx, &engine.Audit{Account: engine.SingleAccount, Verb: "audit"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a caller that gave up got %v", err)
		}
		l.hold(false)
		if err := <-done; err != nil || entry.Seq == 0 || entry.At == 0 {
			t.Fatalf("%+v, %v", entry, err)
		}
		page := n.Audits(engine.AuditQuery{Account: engine.SingleAccount, Limit: 10})
		if len(page.Entries) != 2 || page.Entries[0] != entry || page.Entries[1].Verb != "audit" {
			t.Errorf("the audit is %+v", page)
		}
		again, err := l.Rebuild(nodeKey())
		if err != nil || again.StateHash() != n.node.StateHash() {
			t.Errorf("replayed it is another: %v", err)
		}
		if err := n.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := n.Audit(context.Background(), &entry); err == nil {
			t.Error("a node that has stopped took an entry")
		}
	})
}

func TestQuarantinedEventsAreListedForOperators(t *testing.T) {
	n := started(t, newFakeLog(), Config{})
	ask(t, n, "e1", create("c1", 10))
	why := "it is set aside by a test"
	for i := range quarantinedListMax + 1 {
		ref := &eventRef{}
		ref.gauges.exists.Store(true)
		ref.quarantined.Store(&why)
		at := route{engine.SingleAccount, fmt.Sprintf("q%03d", i)}
		n.routes.Store(at, ref)
		defer n.routes.Delete(at)
	}
	n.mu.Lock()
	n.known.sleep(n.known.add(route{"shop", "theirs"}), 0)
	n.mu.Unlock()
	c := n.EventCounts(engine.SingleAccount)
	for c.Awake == 0 { // the new event shows itself after its turn
		runtime.Gosched()
		c = n.EventCounts(engine.SingleAccount)
	}
	if c.Awake != 1 || c.Asleep != 0 || len(c.Quarantined) != quarantinedListMax || c.Quarantined[0].Event != "q000" || c.Quarantined[0].Why != why {
		t.Errorf("%d awake, %d asleep, %d quarantined", c.Awake, c.Asleep, len(c.Quarantined))
	}
	if c := n.EventCounts("shop"); c.Asleep != 1 || c.Awake != 0 || len(c.Quarantined) != 0 {
		t.Errorf("the other account has %+v", c)
	}
}
