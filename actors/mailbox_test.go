package actors

import (
	"sync"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
)

// collector is a MessageInvoker that keeps what it was given.
type collector struct {
	mu     sync.Mutex
	turns  [][]int
	system []any
	block  chan struct{} // closed to let the first turn go on; nil does not block
	done   chan struct{} // told after each turn
}

func (c *collector) InvokeSystemMessage(m any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.system = append(c.system, m)
}

func (c *collector) InvokeUserMessage(m any) {
	if c.block != nil {
		<-c.block
	}
	t, ok := m.(*turn[int])
	if !ok {
		return
	}
	c.mu.Lock()
	c.turns = append(c.turns, append([]int(nil), t.Messages...))
	c.mu.Unlock()
	select {
	case c.done <- struct{}{}:
	default: // nobody counts this many
	}
}

func (c *collector) EscalateFailure(any, any) {}

func startedMailbox(c *collector, b *mailbox[int]) *mailbox[int] {
	c.done = make(chan struct{}, 1024)
	b.RegisterHandlers(c, actor.NewDefaultDispatcher(1))
	b.Start()
	return b
}

func TestMailboxHandsOverEverythingThatWaitsAsOneTurn(t *testing.T) {
	c := &collector{block: make(chan struct{})}
	b := startedMailbox(c, &mailbox[int]{})
	b.post(1) // the first turn may hold only this
	for i := 2; i <= 100; i++ {
		if got := b.post(i); got != postedOK {
			t.Fatalf("post %d: %v", i, got)
		}
	}
	close(c.block)
	var got []int
	for len(got) < 100 {
		<-c.done
		c.mu.Lock()
		got = got[:0]
		for _, turn := range c.turns {
			got = append(got, turn...)
		}
		c.mu.Unlock()
	}
	for i, m := range got {
		if m != i+1 {
			t.Fatalf("message %d is %d: order is lost", i, m)
		}
	}
	if len(c.turns) > 2 {
		t.Fatalf("%d turns: what waited did not come as one", len(c.turns))
	}
}

func TestMailboxRefusesAboveItsBound(t *testing.T) {
	c := &collector{block: make(chan struct{})}
	b := startedMailbox(c, &mailbox[int]{messagesMax: 4})
	taken := 0
	for range 100 {
		if b.post(0) == postedOK {
			taken++
		}
	}
	if taken > 8 { // 4 in a turn that may have begun, 4 waiting
		t.Fatalf("took %d messages with a bound of 4", taken)
	}
	if got := b.post(0); got != postedFull {
		t.Fatalf("a full mailbox answered %v", got)
	}
	close(c.block)
	<-c.done
}

func TestMailboxClosesOnlyWhenNothingWaits(t *testing.T) {
	b := &mailbox[int]{} // not started: nothing is taken out
	b.post(1)
	if b.closeIfEmpty() {
		t.Fatal("closed over a waiting message")
	}
	b.filling = nil
	if !b.closeIfEmpty() {
		t.Fatal("an empty mailbox did not close")
	}
	if got := b.post(2); got != postedClosed {
		t.Fatalf("a closed mailbox answered %v", got)
	}
}

func TestMailboxWakeGivesAnEmptyTurn(t *testing.T) {
	c := &collector{}
	b := startedMailbox(c, &mailbox[int]{})
	b.wake()
	<-c.done
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.turns) != 1 || len(c.turns[0]) != 0 {
		t.Fatalf("turns %v, want one empty turn", c.turns)
	}
}

func TestMailboxSuspendedServesOnlySystemMessages(t *testing.T) {
	c := &collector{}
	b := startedMailbox(c, &mailbox[int]{})
	b.PostSystemMessage(&actor.SuspendMailbox{})
	b.post(1)
	b.PostSystemMessage("later")
	b.PostSystemMessage(&actor.ResumeMailbox{})
	<-c.done
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.system) != 1 || c.system[0] != "later" || len(c.turns) != 1 {
		t.Fatalf("system %v turns %v", c.system, c.turns)
	}
}

func TestMailboxKeepsEveryMessageUnderManyPosters(t *testing.T) {
	c := &collector{}
	b := startedMailbox(c, &mailbox[int]{})
	const posters, each = 8, 5000
	var wg sync.WaitGroup
	for p := range posters {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range each {
				for b.post(p*each+i) != postedOK {
					t.Error("refused without a bound")
				}
			}
		}()
	}
	wg.Wait()
	seen := make(map[int]bool)
	last := make([]int, posters)
	for len(seen) < posters*each {
		c.mu.Lock()
		turns := c.turns
		c.turns = nil
		c.mu.Unlock()
		for _, turn := range turns {
			for _, m := range turn {
				p := m / each
				if seen[m] || (last[p] > 0 && m <= last[p]) {
					t.Fatalf("message %d came twice or out of order", m)
				}
				seen[m], last[p] = true, m
			}
		}
	}
}
