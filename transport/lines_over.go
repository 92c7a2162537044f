package transport

import (
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// ending is an event that has ended, and how far those who waited in it have been told.
type ending struct {
	event     string
	published bool   // its line, a last time
	list      bool   // the line is done, and the waiting list is next
	from      uint32 // from whom on
}

// over notes that an event has ended: whoever still waits is told. It does not block: beyond the bound it is lost, and counted.
func (l *linesSide) over(event string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.endings) >= LineEndingsMax {
		l.lost.Add(1)
		return
	}
	l.endings = append(l.endings, ending{event: strings.Clone(event), from: 1})
}

// room is how many buyers may be told now what is not new.
func (l *linesSide) room() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(0, toldTogetherMax-len(l.moves)-l.telling)
}

// tellEnded publishes the lines of events that have ended a last time, and tells those who waited in them that it is over: a page of each event in turn, as long as there is room for another.
func (l *linesSide) tellEnded(now time.Time) {
	for range endingPagesMax {
		l.mu.Lock()
		endings := l.endings
		l.mu.Unlock()
		if len(endings) == 0 || l.room() < engine.WaitingPageMax {
			return
		}
		e := endings[0]
		code := l.tellEnding(&e, now)
		again := code == engine.CodeOverloaded || code == engine.CodeUnavailable // in a second; others are not there, and never will be
		l.mu.Lock()
		l.endings = l.endings[1:]
		if again || code == engine.CodeOK && e.from != 0 {
			l.endings = append(l.endings, e)
		}
		l.mu.Unlock()
		if again {
			return
		}
	}
}

// tellEnding tells a page of those who waited in an event.
func (l *linesSide) tellEnding(e *ending, now time.Time) engine.Code {
	if !e.published {
		r := newLineRead(l.server.config.Account, e.event)
		if code := l.server.engine.Submit(&r.Request); code != engine.CodeOK {
			return code
		}
		if <-r.done; r.seen != nil {
			seen := l.seen(r.seen, now)
			l.publish(seen)
			l.following.Add(-seen.drop())
		}
		e.published = true
	}
	page := newWaitingRead(l.server.config.Account, e.event, e.from, e.list)
	if code := l.server.engine.Submit(&page.Request); code != engine.CodeOK {
		return code
	}
	<-page.done
	l.mu.Lock()
	for i := range page.rows {
		l.note(lineMove{event: e.event, buyer: page.rows[i].Buyer})
	}
	l.nudge()
	l.mu.Unlock()
	if e.from = page.next; e.from == 0 && !e.list {
		e.list, e.from = true, 1
	}
	return engine.CodeOK
}

// waitingRead reads a page of those who wait in an event. It is the engine's Replier for itself.
type waitingRead struct {
	engine.Request
	commands [1]engine.Command
	line     engine.LineCommand
	rows     []engine.WaitingRow // their strings share memory
	next     uint32
	done     chan struct{}
}

func newWaitingRead(account, event string, from uint32, list bool) *waitingRead {
	r := &waitingRead{line: engine.LineCommand{WaitingFrom: from, List: list}, done: make(chan struct{})}
	r.commands[0] = engine.Command{Verb: engine.VerbPlace, Line: &r.line}
	r.Request = engine.Request{Account: account, Event: event, Commands: r.commands[:], Reply: r}
	return r
}

// Outcome copies the page. It implements [engine.Replier].
func (r *waitingRead) Outcome(_ *engine.Request, _ int, out *engine.Outcome) {
	if out.Shows&engine.ShowsWaiting == 0 {
		return
	}
	var names strings.Builder // one piece of memory: the event waits
	n := 0
	for i := range out.Waiting.Rows {
		n += len(out.Waiting.Rows[i].Buyer)
	}
	names.Grow(n)
	r.rows, r.next = append([]engine.WaitingRow(nil), out.Waiting.Rows...), out.Waiting.Next
	for i := range r.rows {
		from := names.Len()
		names.WriteString(r.rows[i].Buyer)
		r.rows[i].Buyer = names.String()[from:]
	}
}

// Durable implements [engine.Replier].
func (r *waitingRead) Durable(*engine.Request) { close(r.done) }
