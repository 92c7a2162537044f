package transport

import (
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/engine"
)

// outbox publishes replies from a goroutine of its own, because the journal's goroutine must not wait for a socket. It holds no more than
// what is in flight, which the bounds limit.
type outbox struct {
	mu      sync.Mutex
	ready   sync.Cond
	posted  []*request
	closed  bool
	stopped chan struct{}
}

func newOutbox(s *Server) *outbox {
	o := &outbox{stopped: make(chan struct{})}
	o.ready.L = &o.mu
	go o.run(s)
	return o
}

// post hands over a request whose reply is written.
func (o *outbox) post(r *request) {
	o.mu.Lock()
	o.posted = append(o.posted, r)
	first := len(o.posted) == 1
	o.mu.Unlock()
	if first {
		o.ready.Signal()
	}
}

// close lets the outbox publish what it has and stop, and waits for that.
func (o *outbox) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.ready.Signal()
	<-o.stopped
}

func (o *outbox) run(s *Server) {
	defer close(o.stopped)
	var taken []*request
	for {
		o.mu.Lock()
		for len(o.posted) == 0 && !o.closed {
			o.ready.Wait()
		}
		taken, o.posted = o.posted, taken[:0]
		o.mu.Unlock()
		if len(taken) == 0 {
			return
		}
		for i, r := range taken {
			taken[i] = nil
			s.publish(r.replyTo, r.refused, r.correlation, r.out)
			s.release(r)
		}
	}
}

// publish sends a reply, if anybody waits for one; code is that of a refused message. It goes into the headers for service clients and tools, which look there. A
// caller that gave a correlation has several requests on one reply subject and must read the body to tell them apart: it gets no headers,
// because they would cost both sides together a third of the rate of a sold-out storm.
func (s *Server) publish(to string, code engine.Code, correlation string, body []byte) {
	if to == "" {
		return
	}
	var err error
	if code == engine.CodeOK || correlation != "" {
		err = s.nc.Publish(to, body)
	} else {
		err = s.nc.PublishMsg(&nats.Msg{Subject: to, Header: refusalHeaders[code], Data: body})
	}
	if err != nil {
		s.stats.repliesFailed.Add(1)
		return
	}
	s.stats.replies.Add(1)
}

// The headers by which NATS service clients see that a request was refused.
const (
	HeaderError     = "Nats-Service-Error"
	HeaderErrorCode = "Nats-Service-Error-Code"
)

// refusalHeaders are made once and shared: nats.go only reads them.
var refusalHeaders = func() (t [engine.Codes]nats.Header) {
	for c := range t {
		name := engine.Code(c).String()
		t[c] = nats.Header{HeaderError: {name}, HeaderErrorCode: {name}}
	}
	return t
}()
