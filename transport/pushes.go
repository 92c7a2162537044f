package transport

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// pushes publishes what purchases have become, on the subjects of their buyers. What is final was shown by the event in its turn and is written already. Any
// other change only says that there is something to tell: the purchase is read, as anybody may read it, and its state of that moment is published. Either way
// nothing is told that is not durable. Changes that come while others are being told are told together: those to be read once a purchase, the purchases of an
// event in one request. One that is not settled may wait a moment for the next one, and is told with it: most purchases go through their states faster
// than anybody can look. One goroutine does it all.
type pushes struct {
	server *Server

	mu      sync.Mutex
	queue   []push
	telling int                   // taken from queue and not told
	passing []passingPush         // not settled, by time
	passes  map[parkedAt]struct{} // those of passing that are still to be told
	closed  bool
	wake    chan struct{}
	stopped chan struct{}

	sent, lost atomic.Uint64
}

// push is a purchase to tell of.
type push struct {
	event string
	engine.PurchaseChange
}

// passingPush is a change that is told at a time, unless another one comes before.
type passingPush struct {
	push
	due time.Time
}

func (c *push) at() parkedAt { return parkedAt{c.event, c.Purchase, c.Incarnation} }

func newPushes(s *Server) *pushes {
	p := &pushes{server: s, passes: make(map[parkedAt]struct{}), wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	go p.run()
	return p
}

// add notes a change. It does not block: beyond the bound the change is lost, and counted.
func (p *pushes) add(event string, c engine.PurchaseChange) {
	p.mu.Lock()
	defer p.mu.Unlock()
	noted := push{event, c}
	_, passing := p.passes[noted.at()]
	if !settled(c.State) && passing {
		return // it will be told what the purchase is by then
	}
	if p.closed || len(p.queue)+p.telling+len(p.passing) >= PushesMax {
		p.lost.Add(1)
		return
	}
	if settled(c.State) {
		delete(p.passes, noted.at())
		p.queue = append(p.queue, noted)
		p.nudge()
		return
	}
	p.passes[noted.at()] = struct{}{}
	p.passing = append(p.passing, passingPush{noted, time.Now().Add(pushPasses)})
	if len(p.passing) == 1 {
		p.nudge()
	}
}

// ripen moves to the queue what has waited for long enough, and returns how long the next one has to wait. The caller holds p.mu.
func (p *pushes) ripen() time.Duration {
	now := time.Now()
	for len(p.passing) > 0 {
		c := &p.passing[0]
		_, still := p.passes[c.at()]
		if wait := c.due.Sub(now); still && wait > 0 && !p.closed {
			return wait
		}
		if still {
			delete(p.passes, c.at())
			p.queue = append(p.queue, c.push)
		}
		p.passing = p.passing[1:]
	}
	p.passing = nil
	return time.Hour
}

// nudge wakes run.
func (p *pushes) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// pushesLost is how many changes of purchases were not published.
func (s *Server) pushesLost() int64 { return int64(s.pushes.lost.Load()) }

// waiting is how many changes are noted and not told.
func (p *pushes) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue) + p.telling + len(p.passes)
}

// close tells what is noted, and waits until it has left. What comes later is lost.
func (p *pushes) close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.nudge()
	p.mu.Unlock()
	select {
	case <-p.stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain: %d changes of purchases are not published: %w", p.waiting(), ctx.Err())
	}
}

func (p *pushes) run() {
	defer close(p.stopped)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var taken []push
	for {
		clear(taken)
		p.mu.Lock()
		wait := p.ripen()
		taken, p.queue = p.queue, taken[:0]
		p.telling = len(taken)
		closed := p.closed
		p.mu.Unlock()
		switch {
		case len(taken) > 0:
			p.publishShown(taken)
			for some := range slices.Chunk(taken, pushesTogetherMax) {
				p.tell(some)
			}
		case closed:
			return
		default:
			timer.Reset(wait)
			select {
			case <-p.wake:
			case <-timer.C:
			}
		}
	}
}

// publishShown publishes what is written already.
func (p *pushes) publishShown(changes []push) {
	for i := range changes {
		shown, ok := changes[i].Shown.(*shownPush)
		if !ok {
			continue
		}
		if p.server.nc.Publish(shown.subject, shown.body) != nil {
			p.lost.Add(1)
		} else {
			p.sent.Add(1)
		}
		shown.free()
	}
}

// tell reads the purchases of the other changes and publishes what they are.
func (p *pushes) tell(changes []push) {
	told := make(map[parkedAt]bool)
	byEvent := make(map[string]*pushRequest)
	for i := range changes {
		c := &changes[i]
		if c.Shown != nil || told[c.at()] {
			continue
		}
		told[c.at()] = true
		r := byEvent[c.event]
		if r == nil {
			r = &pushRequest{done: make(chan struct{})}
			byEvent[c.event] = r
		}
		r.subjects = append(r.subjects, SubjectPurchases(c.event, c.Buyer))
		r.commands = append(r.commands, engine.Command{
			Verb: engine.VerbPurchase, Buyer: c.Buyer,
			Payment: &engine.PaymentCommand{Purchase: string(engine.AppendPurchaseID(nil, c.Purchase, c.Incarnation))},
		})
	}
	for event, r := range byEvent {
		if !p.submit(event, r) {
			p.lost.Add(uint64(len(r.commands)))
			delete(byEvent, event)
		}
	}
	for _, r := range byEvent {
		<-r.done
		for i, body := range r.bodies {
			if body == nil || p.server.nc.Publish(r.subjects[i], body) != nil {
				p.lost.Add(1)
				continue
			}
			p.sent.Add(1)
		}
	}
}

// submit hands a request to the engine, and waits while that has too much to do. It reports whether the engine took it.
func (p *pushes) submit(event string, r *pushRequest) bool {
	for {
		r.Request = engine.Request{Account: p.server.config.Account, Event: event, Commands: r.commands, Reply: r}
		code := p.server.engine.Submit(&r.Request)
		if code == engine.CodeOK {
			return true
		}
		p.mu.Lock()
		closed := p.closed
		p.mu.Unlock()
		if code != engine.CodeOverloaded || closed {
			return false
		}
		time.Sleep(p.server.config.RetryAfter)
	}
}

// pushRequest reads purchases of one event, for those that follow them. It is the engine's Replier for itself.
type pushRequest struct {
	engine.Request
	commands []engine.Command
	subjects []string
	bodies   [][]byte // by command; nil where there is nothing to tell
	done     chan struct{}
}

// Outcome writes what is published of a purchase. It implements [engine.Replier].
func (r *pushRequest) Outcome(_ *engine.Request, _ int, out *engine.Outcome) {
	if out.Code != engine.CodeOK || out.Shows&engine.ShowsPurchase == 0 {
		r.bodies = append(r.bodies, nil)
		return
	}
	r.bodies = append(r.bodies, appendPurchaseChanged(nil, out))
}

// appendPurchaseChanged writes the body of a PurchaseChanged. What only the buyer's own client may have is left out.
func appendPurchaseChanged(dst []byte, out *engine.Outcome) []byte {
	p := out.Purchase
	secret, url := p.ClientSecret, p.RedirectURL
	p.ClientSecret, p.RedirectURL = "", ""
	w := jsonWriter{b: append(dst, '{')}
	w.num("seq", int64(out.Seq))
	w.purchase(p)
	if out.Shows&engine.ShowsOrder != 0 {
		w.order(&out.Order)
	}
	w.end('}')
	p.ClientSecret, p.RedirectURL = secret, url
	return w.b
}

// shownPush is what is published of a purchase, written in its event's turn. It is pooled.
type shownPush struct {
	subject string
	body    []byte
}

var shownPushes = sync.Pool{New: func() any { return new(shownPush) }}

func newShownPush(event, buyer string, out *engine.Outcome) *shownPush {
	s := shownPushes.Get().(*shownPush)
	s.subject, s.body = SubjectPurchases(event, buyer), appendPurchaseChanged(s.body[:0], out)
	return s
}

// free gives it back: its body was published, and nats.go has copied it.
func (s *shownPush) free() {
	if cap(s.body) > pooledBufferBytesMax {
		s.body = nil
	}
	shownPushes.Put(s)
}

// Durable implements [engine.Replier].
func (r *pushRequest) Durable(*engine.Request) { close(r.done) }
