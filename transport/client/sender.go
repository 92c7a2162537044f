package client

import (
	"errors"
	"slices"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
)

// sender sends the commands for one event. When nothing is on its way a command leaves at once; otherwise commands gather until an answer
// comes or a batch is full.
type sender struct {
	client *Client
	event  string

	mu       sync.Mutex
	waiting  []*call // from head on
	head     int
	bytes    int // of the waiting bodies
	inFlight int // messages
	retired  bool
	batch    []*call // of the message that is being made
	out      []byte
	subjects []string // by verb, made when first needed
}

// errRetired says that the client has forgotten the sender: there is, or will be, another.
var errRetired = errors.New("holdfast: the sender was retired")

// enqueue takes a call.
func (s *sender) enqueue(c *call, again bool) error {
	s.mu.Lock()
	if s.retired {
		s.mu.Unlock()
		return errRetired
	}
	if s.client.closed.Load() { // asked under the lock: what comes later is not dropped by Close any more
		s.mu.Unlock()
		return ErrClosed
	}
	if !again && len(s.waiting)-s.head >= s.client.options.QueueMax {
		s.mu.Unlock()
		return ErrQueueFull
	}
	s.waiting = append(s.waiting, c)
	s.bytes += len(c.body)
	s.send(false)
	s.mu.Unlock()
	return nil
}

// answered notes that a message is no longer on its way, and sends what has gathered.
func (s *sender) answered() {
	s.mu.Lock()
	s.inFlight--
	s.send(true)
	s.mu.Unlock()
}

// send sends messages for as long as there is something to send and room to send it. With room free but something in flight, it waits for
// a full batch, unless flush says that an answer just came. The caller holds mu.
func (s *sender) send(flush bool) {
	o := &s.client.options
	for s.head < len(s.waiting) && s.inFlight < o.MessagesInFlightMax {
		n := len(s.waiting) - s.head
		full := n >= o.BatchCommandsMax || s.bytes >= o.BatchBytesMax
		if s.inFlight > 0 && !full && !flush {
			return
		}
		s.sendOne()
		flush = false
	}
	if s.head == len(s.waiting) {
		s.waiting, s.head = s.waiting[:0], 0
	} else if s.head > 1024 && s.head > len(s.waiting)/2 {
		n := copy(s.waiting, s.waiting[s.head:])
		clear(s.waiting[n:])
		s.waiting, s.head = s.waiting[:n], 0
	}
}

// next takes the next wanted call from the queue, nil if there is none.
func (s *sender) next() *call {
	for s.head < len(s.waiting) {
		c := s.waiting[s.head]
		s.waiting[s.head] = nil
		s.head++
		s.bytes -= len(c.body)
		if c.move(callSent) {
			return c
		}
	}
	return nil
}

// fits reports whether the call at the head of the queue may join a batch of so many commands and bytes.
func (s *sender) fits(commands, bytes int) bool {
	o := &s.client.options
	for s.head < len(s.waiting) && s.waiting[s.head].state.Load() == callLeft { // its caller has gone: the next one counts
		s.bytes -= len(s.waiting[s.head].body)
		s.waiting[s.head] = nil
		s.head++
	}
	if commands >= o.BatchCommandsMax || s.head == len(s.waiting) {
		return false
	}
	c := s.waiting[s.head]
	return !c.alone && bytes+len(c.body)+entryOverhead <= o.BatchBytesMax
}

// entryOverhead is more than what a batch adds to a command.
const entryOverhead = 16

func (s *sender) sendOne() {
	first := s.next()
	if first == nil {
		return
	}
	s.batch = append(s.batch[:0], first)
	first.attempts++
	if !first.alone {
		for bytes := len(first.body); s.fits(len(s.batch), bytes); {
			more := s.next()
			if more == nil {
				break
			}
			more.attempts++
			bytes += len(more.body) + entryOverhead
			s.batch = append(s.batch, more)
		}
	}
	verb := verbBuyerBatch // only buyers' commands travel together
	if len(s.batch) == 1 {
		verb = first.verb.String()
		s.out = append(s.out[:0], first.body...)
	} else {
		s.out = s.out[:0]
		for _, k := range s.batch {
			s.out = appendEntry(s.out, k.verb, k.body)
		}
	}
	subject := s.subjectOf(int(first.verb), verb)
	c := s.client
	f, ok := c.launch(s, s.batch)
	if !ok {
		go finishClosed(slices.Clone(s.batch)) // not under the lock: the caller may come straight back
		return
	}
	s.out = protowire.AppendTag(s.out, 15, protowire.BytesType)
	s.out = append(s.out, correlationLen)
	s.out = appendCorrelation(s.out, f)
	s.inFlight++
	if err := c.nc.PublishRequest(subject, c.inbox(f.slot), s.out); err != nil {
		// Nothing left; the attempt ends as if it had not been answered, but without doubt.
		if c.unsent(f, err) {
			s.inFlight--
		}
	}
}

// finishClosed ends calls that were about to be sent when the client was closed.
func finishClosed(calls []*call) {
	for _, k := range calls {
		k.finish(Reply{}, k.unanswered(false, ErrClosed))
	}
}

// subjectOf returns the subject of a verb, or of batches.
func (s *sender) subjectOf(verb int, name string) string {
	if name == verbBuyerBatch {
		verb = 0
	}
	for len(s.subjects) <= verb {
		s.subjects = append(s.subjects, "")
	}
	if s.subjects[verb] == "" {
		s.subjects[verb] = subject(s.event, name)
	}
	return s.subjects[verb]
}

// retire reports whether the sender has nothing to do, and sees to it that it never has.
func (s *sender) retire() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = s.inFlight == 0 && s.head == len(s.waiting)
	return s.retired
}

// dropAll takes everything that waits.
func (s *sender) dropAll() []*call {
	s.mu.Lock()
	defer s.mu.Unlock()
	dropped := append([]*call(nil), s.waiting[s.head:]...)
	s.waiting, s.head, s.bytes = nil, 0, 0
	return dropped
}
