package actors

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

func archived(n *Node, event string) bool {
	_, ok := n.Archived(engine.SingleAccount, event)
	return ok
}

// closed makes an event with one order and closes it; the holder still holds a ticket.
func closed(t *testing.T, n *Node, event string) {
	t.Helper()
	ask(t, n, event, create("c1", 10))
	h := ask(t, n, event, hold("h1", "anna"))
	ask(t, n, event, engine.Command{Verb: engine.VerbConfirm, RequestID: "k1", Buyer: "anna", Hold: h.hold, PaymentRef: "inv-1"})
	ask(t, n, event, hold("h2", "bert"))
	if a := ask(t, n, event, engine.Command{Verb: engine.VerbClose, RequestID: "x1"}); a.code != engine.CodeOK {
		t.Fatalf("close: %v", a.code)
	}
}

func TestAClosedEventIsArchivedWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		n := started(t, l, Config{Retention: time.Second, SleepAfter: -1})
		closed(t, n, "e1")
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if archived(n, "e1") {
			t.Fatal("it was archived while a ticket was held")
		}
		time.Sleep(10 * time.Minute) // the hold ends
		synctest.Wait()
		if !archived(n, "e1") || len(l.archived) != 1 || n.routes.Size() != 0 {
			t.Fatalf("archived: %v, in files: %d, awake: %d", archived(n, "e1"), len(l.archived), n.routes.Size())
		}
		for verb, want := range map[engine.Verb]engine.Code{engine.VerbGet: engine.CodeEventArchived, engine.VerbHold: engine.CodeEventArchived, engine.VerbCreate: engine.CodeEventExists} {
			if _, code := send(n, "e1", engine.Command{Verb: verb, RequestID: "again"}); code != want {
				t.Errorf("%v is answered %v", verb, code)
			}
		}
		if ids := n.Events(engine.SingleAccount, "", 10); len(ids) != 0 {
			t.Errorf("it is still listed: %v", ids)
		}
		if code := n.Sleep(context.Background(), engine.SingleAccount, "e1"); code != engine.CodeEventArchived {
			t.Errorf("sleep: %v", code)
		}
	})
}

func TestASleepingEventIsArchivedWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		n := started(t, l, Config{Retention: 2 * time.Hour, SleepAfter: 5 * time.Second})
		closed(t, n, "e1")
		ask(t, n, "e2", create("c1", 10))
		time.Sleep(time.Hour)
		synctest.Wait()
		if n.routes.Size() != 0 || archived(n, "e1") {
			t.Fatalf("%d are awake after an idle hour", n.routes.Size())
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if !archived(n, "e1") || archived(n, "e2") || n.routes.Size() != 0 {
			t.Fatalf("archived: %v and %v, awake: %d", archived(n, "e1"), archived(n, "e2"), n.routes.Size())
		}
	})
}

func TestEventsAreKeptForGoodIfTheirTimeIsNever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := started(t, newFakeLog(), Config{Retention: -1, SleepAfter: time.Second})
		closed(t, n, "e1")
		time.Sleep(time.Hour)
		synctest.Wait()
		if archived(n, "e1") {
			t.Error("it was archived")
		}
	})
	c := Config{Fatal: func(error) {}, Retention: RetentionDaysMax*24*time.Hour + 1}
	if err := c.validate(); err == nil {
		t.Error("more than the longest time of keeping was taken")
	}
}

// TestAnArchiveThatFailsIsTriedAgain: what had its last fact stays out of sale, over a restart too, until its file is there.
func TestAnArchiveThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		n := started(t, l, Config{Retention: time.Hour, SleepAfter: -1})
		closed(t, n, "e1")
		time.Sleep(30 * time.Minute)
		l.mu.Lock()
		l.refuse = true
		l.mu.Unlock()
		time.Sleep(time.Hour)
		synctest.Wait()
		if _, code := send(n, "e1", hold("h9", "zoe")); code != engine.CodeOK { // its snapshot cannot be kept either: its actor answers
			t.Errorf("a hold is answered %v", code)
		}
		if a := ask(t, n, "e1", engine.Command{Verb: engine.VerbGet}); a.code != engine.CodeEventArchived {
			t.Errorf("get is answered %v", a.code)
		}
		if err := n.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		l.mu.Lock()
		l.refuse = false
		l.mu.Unlock()
		n = started(t, l, Config{Retention: time.Hour, SleepAfter: -1})
		synctest.Wait()
		if !archived(n, "e1") || len(l.archived) != 1 {
			t.Errorf("after the restart: archived %v, in files %d", archived(n, "e1"), len(l.archived))
		}
	})
}

func TestOneArchiveDoesNotStandInTheWayOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		bad := engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "e1"}
		l.unarchivable = &bad
		n := started(t, l, Config{Retention: time.Hour, SleepAfter: -1})
		for _, id := range []string{"e1", "e2", "e3"} {
			closed(t, n, id)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if len(l.archived) != 2 || !archived(n, "e1") {
			t.Fatalf("%d are in files", len(l.archived))
		}
		if _, code := send(n, "e1", create("c2", 1)); code != engine.CodeEventExists {
			t.Errorf("the id of one that waits for its file is answered %v", code)
		}
		l.mu.Lock()
		l.unarchivable = nil
		l.mu.Unlock()
		time.Sleep(2 * archiveRetry)
		synctest.Wait()
		if len(l.archived) != 3 {
			t.Errorf("%d are in files at the end", len(l.archived))
		}
	})
}

func TestOperatorsPutEventsToSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := started(t, newFakeLog(), Config{SleepAfter: -1})
		ask(t, n, "e1", create("c1", 10))
		h := ask(t, n, "e1", hold("h1", "anna"))
		for range 2 { // the second time it sleeps already
			if code := n.Sleep(context.Background(), engine.SingleAccount, "e1"); code != engine.CodeOK || n.routes.Size() != 0 {
				t.Fatalf("sleep: %v, %d awake", code, n.routes.Size())
			}
		}
		if a := ask(t, n, "e1", engine.Command{Verb: engine.VerbRelease, RequestID: "r1", Buyer: "anna", Hold: h.hold}); a.code != engine.CodeOK {
			t.Errorf("it woke and answered %v", a.code)
		}
		if code := n.Sleep(context.Background(), engine.SingleAccount, "e2"); code != engine.CodeEventUnknown {
			t.Errorf("an unknown event: %v", code)
		}
	})
}

func TestOperatorsReleaseAQuarantinedEvent(t *testing.T) {
	n := started(t, newFakeLog(), Config{})
	ask(t, n, "e1", create("c1", 10))
	ask(t, n, "e1", hold("h1", "anna"))
	if err := n.ReleaseQuarantine(t.Context(), engine.SingleAccount, "e1"); !errors.Is(err, ErrNotQuarantined) {
		t.Errorf("one that is not set aside: %v", err)
	}
	ask(t, n, "e1", bad("b1"))
	ask(t, n, "e1", bad("b2"))
	if len(n.Quarantined(10)) != 1 {
		t.Fatal("it is not set aside")
	}
	if code := n.Sleep(t.Context(), engine.SingleAccount, "e1"); code != engine.CodeQuarantined {
		t.Errorf("sleep: %v", code)
	}
	if err := n.ReleaseQuarantine(t.Context(), engine.SingleAccount, "e1"); err != nil {
		t.Fatal(err)
	}
	if a := ask(t, n, "e1", engine.Command{Verb: engine.VerbGet}); a.code != engine.CodeOK || a.lots[0].Held != 1 {
		t.Errorf("released it answers %+v", a)
	}
	if a := ask(t, n, "e1", bad("b1")); a.code != engine.CodeInternal || len(n.Quarantined(10)) != 0 {
		t.Errorf("the command that set it aside was run again: %v", a.code)
	}
}
