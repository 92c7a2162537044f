package transport

import (
	"container/heap"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// parking keeps the buys whose callers want to wait for the final state of their purchase. Their first answer is durable and written; another one leaves
// when the purchase has changed, or when the wait is over. What is final was shown in the event's turn, and the answer written then; else it is the purchase's
// state of that moment: the same request is submitted again, and the event, which knows its id, tells. One goroutine and a heap do it all, however many wait.
//
//	Durable ── park ──> byPurchase, waits ──┬── changed (the log says so) ──┬── it was shown ──> answered
//	                                        │                               └──┐
//	                                        ├── the wait is over ──────────────┴──> ready ──> submitted again ──> answered
//	                                        └── drain ──> answered as it is
type parking struct {
	server *Server

	mu         sync.Mutex
	byPurchase map[parkedAt]*request // the first of those that wait for it; the others follow by nextParked
	waits      parkedHeap
	ready      []*request
	bytes      int64
	closed     bool
	alarm      time.Time // when run will look next; zero is when it is woken
	wake       chan struct{}
	stopped    chan struct{}
}

// parkedAt names a purchase of the account. In of its id matters: a copy of a log gives the same numbers again.
type parkedAt struct {
	event    string
	purchase engine.PurchaseID
	in       engine.Incarnation
}

func newParking(s *Server) *parking {
	p := &parking{server: s, byPurchase: make(map[parkedAt]*request), wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	go p.run()
	return p
}

// park takes a request whose answer is written, and reports whether it has: not when there is no room, or the wait is over.
func (p *parking) park(r *request) bool {
	size := r.parkedBytes()
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &p.server.config
	if p.closed || !now.Before(r.until) || len(p.waits) >= c.ParkedMax || p.bytes+size > c.ParkedBytesMax {
		return false
	}
	together := 0
	for other := p.byPurchase[r.parkedAt]; other != nil; other = other.nextParked {
		if together++; together == parkedTogetherMax {
			return false
		}
	}
	p.bytes += size
	r.nextParked, p.byPurchase[r.parkedAt] = p.byPurchase[r.parkedAt], r
	heap.Push(&p.waits, r)
	if p.alarm.IsZero() || r.until.Before(p.alarm) {
		p.alarm = r.until
		p.nudge()
	}
	return true
}

// parkedBytes is what a waiting request keeps from being used by others: its message and its answer.
func (r *request) parkedBytes() int64 { return r.messageBytes + int64(cap(r.out)) }

// shown writes the answers to those that wait for a purchase, whose state is not durable yet: changed lets them leave.
func (p *parking) shown(at parkedAt, out *engine.Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for r := p.byPurchase[at]; r != nil; r = r.nextParked {
		r.show(out)
	}
}

// changed lets go of those that wait for a purchase. It does not block.
func (p *parking) changed(at parkedAt) {
	p.mu.Lock()
	r := p.byPurchase[at]
	if r == nil {
		p.mu.Unlock()
		return
	}
	delete(p.byPurchase, at)
	var answered *request
	for r != nil {
		next := r.nextParked
		heap.Remove(&p.waits, r.heapIndex)
		p.bytes -= r.parkedBytes()
		if r.isShown {
			r.nextParked, answered = answered, r
		} else {
			r.nextParked = nil
			p.ready = append(p.ready, r)
		}
		r = next
	}
	if len(p.ready) > 0 {
		p.nudge()
	}
	p.mu.Unlock()
	for r := answered; r != nil; {
		next := r.nextParked
		r.nextParked, r.pending = nil, false
		r.out, r.then = r.then, r.out
		r.answer()
		r = next
	}
}

// remove takes one request out. The caller holds mu.
func (p *parking) remove(r *request) {
	heap.Remove(&p.waits, r.heapIndex)
	p.bytes -= r.parkedBytes()
	first := p.byPurchase[r.parkedAt]
	if first == r {
		if r.nextParked == nil {
			delete(p.byPurchase, r.parkedAt)
		} else {
			p.byPurchase[r.parkedAt] = r.nextParked
		}
	} else {
		for first.nextParked != r {
			first = first.nextParked
		}
		first.nextParked = r.nextParked
	}
	r.nextParked = nil
}

// nudge wakes run. The caller holds mu.
func (p *parking) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// waiting is how many wait now.
func (p *parking) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waits)
}

// close answers all that wait with what they have, and waits until that is handed on. Nothing is parked from then on.
func (p *parking) close() {
	p.mu.Lock()
	p.closed = true
	p.nudge()
	p.mu.Unlock()
	<-p.stopped
}

func (p *parking) run() {
	defer close(p.stopped)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var due []*request
	for {
		p.mu.Lock()
		due, p.ready = p.ready, due[:0]
		closed := p.closed
		now := time.Now()
		for len(due) < parkedDueMax && len(p.waits) > 0 && (closed || !p.waits[0].until.After(now)) {
			r := p.waits[0]
			p.remove(r)
			due = append(due, r)
		}
		p.alarm = time.Time{}
		left := len(p.waits)
		if left > 0 {
			p.alarm = p.waits[0].until
			timer.Reset(p.alarm.Sub(now))
		}
		p.mu.Unlock()
		for i, r := range due {
			due[i] = nil
			if closed || !p.server.submitAgain(r) {
				r.answer()
			}
		}
		if closed {
			if left == 0 {
				return
			}
			continue
		}
		select {
		case <-p.wake:
		case <-timer.C:
		}
	}
}

// submitAgain asks the event once more what has become of a buy. It reports whether the engine took the request.
func (s *Server) submitAgain(r *request) bool {
	n := int64(len(r.commands))
	if s.take(n, r.messageBytes) != engine.CodeOK {
		return false
	}
	r.taken, r.takenBytes, r.again = n, r.messageBytes, true
	r.Request = engine.Request{Account: s.config.Account, Event: r.parkedAt.event, Commands: r.commands, Reply: r}
	return s.engine.Submit(&r.Request) == engine.CodeOK
}

// parkedHeap orders the waiting by the end of their wait.
type parkedHeap []*request

func (h parkedHeap) Len() int           { return len(h) }
func (h parkedHeap) Less(i, j int) bool { return h[i].until.Before(h[j].until) }

func (h parkedHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapIndex, h[j].heapIndex = i, j
}

// Push implements heap.Interface.
func (h *parkedHeap) Push(v any) {
	r := v.(*request)
	r.heapIndex = len(*h)
	*h = append(*h, r)
}

// Pop implements heap.Interface.
func (h *parkedHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
