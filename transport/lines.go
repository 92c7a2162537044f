package transport

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// SubjectLine returns the subject on which the line of an event is published, as in holdfast.v1.line.e1.
func SubjectLine(event string) string { return "holdfast.v1.line." + event }

// SubjectOwnLine returns the subject on which it is published what has become of a buyer in a line, as in holdfast.v1.line.e1.b1.
func SubjectOwnLine(event, buyer string) string { return SubjectLine(event) + "." + buyer }

// Lines names events. It is what transport needs from the actors to publish lines.
type Lines interface {
	// Lines appends the ids of the account's awake events that have a line and are not over, in any order.
	Lines(account string, dst []string) []string
}

// linesSide publishes the lines of an account's events: each of them every second, and what has become of their buyers. Like pushes, it reads what it publishes, as anybody may read it:
// nothing is told that is not durable. One goroutine does it all.
type linesSide struct {
	server *Server

	mu      sync.Mutex
	moves   []lineMove
	telling int          // taken from moves and not told
	closing []lobbyClose // lobbies whose root is to be published
	endings []ending     // events that have ended, and whom this is to be told
	closed  bool
	wake    chan struct{}
	stopped chan struct{}

	known  sync.RWMutex
	events map[string]*lineEvent // run adds and drops them, holding known
	after  string                // the event that was last published

	following atomic.Int64 // buyers whose chance is followed

	sent, told, lost, notFollowed atomic.Uint64
}

// lineEvent is what is kept of an event with a line.
type lineEvent struct {
	now     atomic.Pointer[outlook]
	granted [paceSeconds + 1]grants // passes so far, about second by second; a ring
	looks   int                     // how many there are
	served  int                     // how many of them, since the line was first seen to be served
	seen    time.Time               // when it was last looked at
	followed
}

// grants is how many passes were granted up to a moment.
type grants struct {
	at     time.Time
	passes uint64
}

// lobbyClose is a lobby whose root is to be published before anything else.
type lobbyClose struct {
	event     string
	published func()
}

func newLinesSide(s *Server) *linesSide {
	l := &linesSide{server: s, events: make(map[string]*lineEvent), wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	go l.run()
	return l
}

// outlook is what was last published of an event's line; nil if that was nothing.
func (l *linesSide) outlook(event string) *outlook {
	if e := l.event(event); e != nil {
		return e.now.Load()
	}
	return nil
}

func (l *linesSide) event(event string) *lineEvent {
	l.known.RLock()
	defer l.known.RUnlock()
	return l.events[event]
}

// closeLobby has the root of a lobby published, and calls published then.
func (l *linesSide) closeLobby(event string, published func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closing = append(l.closing, lobbyClose{strings.Clone(event), published})
	l.nudge()
}

// nudge wakes run.
func (l *linesSide) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// close tells what is noted, and waits until it has left. What comes later is lost. Lobbies whose root is not published yet stay as they are: their seed is not revealed.
func (l *linesSide) close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	l.nudge()
	l.mu.Unlock()
	select {
	case <-l.stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain: %d changes of lines are not published: %w", l.waiting(), ctx.Err())
	}
}

// waiting is how many changes are noted and not told.
func (l *linesSide) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.moves) + l.telling
}

func (l *linesSide) run() {
	defer close(l.stopped)
	tick := time.NewTicker(lineEvery)
	defer tick.Stop()
	look := time.NewTicker(presenceEvery)
	defer look.Stop()
	always := make(chan struct{})
	close(always)
	var moves []lineMove
	for {
		clear(moves)
		l.mu.Lock()
		moves, l.moves = l.moves, moves[:0]
		l.telling = len(moves)
		closing := l.closing
		l.closing = nil
		closed := l.closed
		l.mu.Unlock()
		if !closed {
			l.publishRoots(closing)
		}
		var more <-chan struct{} // ready at once
		if len(moves) > 0 {
			for some := range slices.Chunk(moves, pushesTogetherMax) {
				l.tellMoved(some)
			}
			l.mu.Lock()
			l.telling = 0
			l.mu.Unlock()
			more = always
		} else if closed {
			return
		}
		select {
		case <-more:
		case <-l.wake:
		case <-look.C: // its own time is old if something took long
			l.server.presence.sweep(time.Now(), l.server.nc.IsConnected())
		case at := <-tick.C:
			if l.server.nc.IsConnected() {
				l.round(at)
			}
		}
	}
}

// publishRoots publishes the lines whose lobbies have closed, and says so once the NATS server has them. What does not succeed is tried again in a second.
func (l *linesSide) publishRoots(closing []lobbyClose) {
	var again []lobbyClose
	for _, c := range closing {
		if l.publishRoot(c.event) {
			c.published()
		} else {
			again = append(again, c)
		}
	}
	if len(again) == 0 {
		return
	}
	time.AfterFunc(lineEvery, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.closing = append(l.closing, again...)
		l.nudge()
	})
}

func (l *linesSide) publishRoot(event string) bool {
	if !l.server.nc.IsConnected() {
		return false
	}
	r := newLineRead(l.server.config.Account, event)
	if l.server.engine.Submit(&r.Request) != engine.CodeOK {
		return false
	}
	<-r.done
	if r.seen == nil || r.seen.line.Phase < engine.LineClosed || !l.publish(l.seen(r.seen, time.Now())) {
		return false
	}
	return l.server.nc.FlushTimeout(lineFlushTimeout) == nil
}

// round publishes the lines of the events whose turn it is, all of them unless there are very many, and tells those who wait what they have to know.
func (l *linesSide) round(now time.Time) {
	l.tellEnded(now)
	var reads []*lineRead
	if l.server.config.Lines != nil {
		reads = l.readLines()
	}
	for i, r := range reads {
		if <-r.done; r.seen == nil || r.seen.state >= engine.EventClosed {
			continue
		}
		e := l.seen(r.seen, now)
		l.publish(e)
		l.followAll(e)
		l.changeWords(e, l.room()/(len(reads)-i)) // what one event does not need is there for the next
	}
	l.forget(now)
}

// readLines reads the events whose turn it is.
func (l *linesSide) readLines() (reads []*lineRead) {
	account := l.server.config.Account
	events := l.server.config.Lines.Lines(account, nil)
	slices.Sort(events)
	first, found := slices.BinarySearch(events, l.after)
	if found {
		first++
	}
	events = append(events[first:len(events):len(events)], events[:first]...)
	events = events[:min(len(events), LinesPublishedMax)]
	for _, event := range events {
		r := newLineRead(account, event)
		if r.Look = true; l.server.engine.Submit(&r.Request) == engine.CodeOK {
			reads = append(reads, r)
		}
		l.after = event
	}
	return reads
}

// seen notes what was read of an event, and makes its outlook.
func (l *linesSide) seen(o *outlook, now time.Time) *lineEvent {
	e := l.event(o.event)
	if e == nil {
		e = new(lineEvent)
		l.known.Lock()
		l.events[o.event] = e
		l.known.Unlock()
	}
	granted := uint64(0)
	for i := range o.tracks {
		granted += o.tracks[i].Granted
	}
	if now.Sub(e.seen) > lineEvery/2 { // not twice in a second
		e.granted[e.looks%len(e.granted)] = grants{now, granted}
		e.looks++
		e.seen = now
		if o.line.Phase == engine.LineServing {
			e.served++
		}
	}
	o.prepare(now, e.perMin(), e.pace())
	e.now.Store(o)
	return e
}

// perMin is how many passes were granted in the last minute; of what was looked at for less, how many that makes in one, but never of less than some seconds.
func (e *lineEvent) perMin() int64 {
	passes, took := e.since(e.looks)
	return passes * int64(time.Minute) / int64(max(took, paceLeast))
}

// pace is how many passes a minute there are to be expected, as many as there were in the last one; 0 while that is not known: those that are granted at once when a line opens say nothing about it.
func (e *lineEvent) pace() int64 {
	passes, took := e.since(e.served)
	if took < paceLeast {
		return 0
	}
	return passes * int64(time.Minute) / int64(took)
}

// since is how many passes were granted between the first of the last so many looks and the last, as far as these are of the last minute, and how long that is.
func (e *lineEvent) since(looks int) (passes int64, took time.Duration) {
	n := min(looks, len(e.granted))
	if n == 0 {
		return 0, 0
	}
	newest := e.granted[(e.looks-1)%len(e.granted)]
	for i := n - 1; i > 0; i-- { // from the oldest on
		oldest := e.granted[(e.looks-1-i)%len(e.granted)]
		if took := newest.at.Sub(oldest.at); took > 0 && took <= (paceSeconds+1)*time.Second {
			return max(0, int64(newest.passes)-int64(oldest.passes)), took
		}
	}
	return 0, 0
}

// publish publishes an event's line, and reports whether it has left.
func (l *linesSide) publish(e *lineEvent) bool {
	o := e.now.Load()
	body := o.appendNow(nil)
	if len(body) > l.server.replyBytesMax || l.server.nc.Publish(SubjectLine(o.event), body) != nil {
		l.lost.Add(1)
		return false
	}
	l.sent.Add(1)
	return true
}

// forget drops what is kept of events that were not listed for long: they are over, or asleep.
func (l *linesSide) forget(now time.Time) {
	l.known.Lock()
	defer l.known.Unlock()
	for id, e := range l.events {
		if now.Sub(e.seen) > lineForgottenAfter {
			l.following.Add(-e.drop())
			delete(l.events, id)
		}
	}
}
