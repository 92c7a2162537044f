package bench

import (
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/nats-io/nats.go"
)

// LoadConfig says what a [Load] sends.
type LoadConfig struct {
	// Subjects begins the subject of the requests, with a point at its end: [EngineSubjects] or [EchoSubjects].
	Subjects string
	// Event is the event asked; empty is [EventID].
	Event string
	// Events, if there are any, are asked one after the other instead, Tickets commands each; and then again if Again is set. A round ends with the last of them
	// if Ends is set: otherwise it is an error.
	Events  []string
	Tickets int
	Again   bool
	Ends    bool
	// Outstanding is how many commands are sent and not answered at any time, a multiple of Batch; Batch how many travel in one message.
	Outstanding, Batch int
	// Ask is what is asked for.
	Ask Ask
	// Receipts says that every place must come with its receipt.
	Receipts bool
	// Refused is the code that every command must be refused with; empty means that every command must be answered with what it asked for.
	Refused string
	// Workload gives the buyers.
	Workload *Workload
}

// Ask is what a [Load] asks for.
type Ask uint8

const (
	AskHold  Ask = iota // a ticket each
	AskTouch            // touches, Batch of them in one command; every one must count
	AskJoin             // to be in the line; every answer must show a place
	AskPlace            // the place in the line; every answer must show it
)

// EngineSubjects begins the subjects that the engine listens to, EchoSubjects those of an [Echo]. They are equally long, so that requests to
// both are equal byte for byte but for five letters.
const (
	EngineSubjects = "holdfast.v1.events."
	EchoSubjects   = "holdfast.v1.echoes."
)

// Load is a closed loop: it keeps a fixed number of commands in flight on one NATS connection and sends the next when one is answered. It has
// one fixed reply subject and makes no allocation, goroutine or timer a message beyond what nats.go does: messages are made once and only
// their ids change. Every answer is read and must be what [LoadConfig] says, so only what was durably done is counted.
//
// All state belongs to the subscription's goroutine while a round runs.
type Load struct {
	c       LoadConfig
	nc      *nats.Conn
	sub     *nats.Subscription
	subject string
	events  []string // subjects of the events that are asked one after the other
	event   int      // the present one
	sent    int      // commands to the present event
	reply   string
	message *message
	origin  time.Time

	slots    []slot
	flying   int // messages sent and not answered
	until    time.Duration
	round    Round
	err      error
	running  bool // a round is: answers are awaited
	stopping bool // nothing is sent any more
	ended    chan struct{}
}

// slot is a place in the window. Each message it carries has a number, so that an answer that comes twice or late is noticed.
type slot struct {
	number uint64
	sent   time.Duration
}

const (
	slotBits   = 20
	slotsMax   = 1 << slotBits
	numberMask = 1<<(5*correlationLen-slotBits) - 1
)

// Round is what a round of load measured.
type Round struct {
	Commands int64         // answered as they should be, before the round was over
	All      int64         // answered as they should be, with those that were on their way at its end
	Took     time.Duration // of the round
	CPU      time.Duration // that the whole process took for All; 0 where the system does not tell
	Latency  *hdrhistogram.Histogram
}

// PerSecond is the rate of commands.
func (r *Round) PerSecond() float64 { return float64(r.Commands) / r.Took.Seconds() }

// latencyMax is the longest latency that is told apart.
const latencyMax = 30 * time.Second

// newLatencies returns a histogram in microseconds, three digits.
func newLatencies() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, latencyMax.Microseconds(), 3)
}

// NewLoad connects to a NATS server.
func NewLoad(url string, c LoadConfig) (*Load, error) {
	if c.Event == "" {
		c.Event = EventID
	}
	if c.Batch < 1 || c.Outstanding < c.Batch || c.Outstanding%c.Batch != 0 || c.Outstanding/c.Batch > slotsMax {
		return nil, fmt.Errorf("bench: %d outstanding in batches of %d: choose a multiple, and at most %d messages", c.Outstanding, c.Batch, slotsMax)
	}
	nc, err := nats.Connect(url, nats.Name("bench load"), nats.NoReconnect(), nats.SkipSubjectValidation())
	if err != nil {
		return nil, fmt.Errorf("bench: connect the load: %w", err)
	}
	l := &Load{
		c: c, nc: nc, message: newMessage(c.Batch, c.Ask), origin: time.Now(),
		reply: nats.NewInbox(), slots: make([]slot, c.Outstanding/c.Batch),
	}
	l.subject = c.Subjects + c.Event + "." + l.message.verb
	for _, event := range c.Events {
		l.events = append(l.events, c.Subjects+event+"."+l.message.verb)
	}
	if l.events != nil {
		l.subject = l.events[0]
	}
	if l.sub, err = nc.Subscribe(l.reply, l.receive); err == nil {
		err = l.sub.SetPendingLimits(-1, -1) // the window bounds it
	}
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("bench: subscribe to answers: %w", err)
	}
	return l, nil
}

// Close ends the connection.
func (l *Load) Close() { l.nc.Close() }

// Sample sends one message by itself and returns its answer, the model of what an [Echo] says.
func (l *Load) Sample() (*nats.Msg, error) {
	l.message.fill(l.c.Workload, 0)
	l.sent += l.c.Batch
	m, err := l.nc.Request(l.subject, l.message.body, 10*time.Second)
	if err != nil {
		return nil, fmt.Errorf("bench: sample request on %s: %w", l.subject, err)
	}
	if _, err := l.read(m.Data); err != nil {
		return nil, err
	}
	return m, nil
}

// Run keeps the window full for so long, then waits for what is on its way.
func (l *Load) Run(each time.Duration) (Round, error) {
	wait, err := l.Start(each)
	if err != nil {
		return Round{}, err
	}
	return wait()
}

// Start begins a round as [Load.Run] does. wait waits for its end, by itself or by [Load.Stop].
func (l *Load) Start(each time.Duration) (wait func() (Round, error), err error) {
	l.round = Round{Latency: newLatencies()}
	cpu := CPUTime()
	l.ended, l.err = make(chan struct{}), nil
	start := time.Since(l.origin)
	l.until = start + each
	// An empty message to ourselves starts the round: the first window is then sent by the goroutine that owns the state.
	if err := l.nc.Publish(l.reply, nil); err != nil {
		return nil, fmt.Errorf("bench: start a round: %w", err)
	}
	late := time.After(each + latencyMax)
	return func() (Round, error) {
		select {
		case <-l.ended:
		case <-late:
			return Round{}, fmt.Errorf("bench: %s: messages were not answered within %v", l.subject, latencyMax)
		}
		l.round.Took -= start
		l.round.CPU = CPUTime() - cpu
		return l.round, l.err
	}, nil
}

// Stop ends the round that runs as if its time were over.
func (l *Load) Stop() error {
	if err := l.nc.Publish(l.reply, stopMessage); err != nil {
		return fmt.Errorf("bench: stop a round: %w", err)
	}
	return nil
}

// stopMessage is no answer.
var stopMessage = []byte{0}

func (l *Load) receive(m *nats.Msg) {
	now := time.Since(l.origin)
	switch {
	case len(m.Data) == 0:
		l.running, l.stopping = true, false
		for i := range l.slots {
			l.send(i, now)
		}
		l.endIfDone()
		return
	case len(m.Data) == len(stopMessage):
		l.stopping = true
		return
	case !l.running:
		return // an answer too many: its message has failed the round already
	}
	correlation, err := l.read(m.Data)
	at := int(correlation & (slotsMax - 1))
	switch {
	case err != nil:
		l.fail(err)
	case at >= len(l.slots) || l.slots[at].number&numberMask != correlation>>slotBits:
		l.fail(fmt.Errorf("bench: an answer to message %d of slot %d, which did not wait for it: answered twice?", correlation>>slotBits, at))
	default:
		l.round.All += int64(l.c.Batch)
		if !l.stopping && now < l.until {
			l.round.Commands += int64(l.c.Batch)
			l.round.Took = now
			_ = l.round.Latency.RecordValue(max(1, (now - l.slots[at].sent).Microseconds())) // beyond latencyMax Run gives up
		} else {
			l.stopping = true
		}
	}
	l.flying--
	if !l.stopping {
		l.send(at, now)
	}
	l.endIfDone()
}

// endIfDone ends the round if nothing is on its way any more.
func (l *Load) endIfDone() {
	if l.flying == 0 {
		l.running = false
		close(l.ended)
	}
}

func (l *Load) send(at int, now time.Duration) {
	if l.c.Tickets > 0 && l.sent >= l.c.Tickets {
		if l.event++; l.event >= len(l.events) {
			if l.c.Ends {
				l.stopping = true
				return
			}
			if !l.c.Again {
				l.fail(errors.New("bench: every event has had its commands: give more events, or more tickets each"))
				return
			}
			l.event = 0
		}
		l.subject, l.sent = l.events[l.event], 0
	}
	l.sent += l.c.Batch
	s := &l.slots[at]
	s.number++
	s.sent = now
	l.flying++
	l.message.fill(l.c.Workload, s.number<<slotBits|uint64(at))
	if err := l.nc.PublishRequest(l.subject, l.reply, l.message.body); err != nil {
		l.fail(fmt.Errorf("bench: publish: %w", err))
		l.flying--
	}
}

// fail ends the round with the first thing that went wrong.
func (l *Load) fail(err error) {
	l.stopping = true
	if l.err == nil {
		l.err = err
	}
}

var errCutOff = errors.New("bench: an answer is cut off")

// read returns the correlation of a reply, or an error if the reply does not answer every command as it should be answered.
func (l *Load) read(body []byte) (correlation uint64, err error) {
	if l.c.Ask == AskTouch {
		return l.readTouches(body)
	}
	results := 0
	for b := body; len(b) > 0; {
		num, v, rest := field(b)
		if rest == nil {
			return 0, errCutOff
		}
		switch num {
		case 8:
			results++
			if err := l.check(v); err != nil {
				return 0, err
			}
		case 15:
			if len(v) == correlationLen {
				correlation = base32(v)
			}
		}
		b = rest
	}
	if l.c.Batch == 1 {
		return correlation, l.check(body)
	}
	if results != l.c.Batch {
		return 0, fmt.Errorf("bench: a batch of %d has %d results: %q", l.c.Batch, results, body)
	}
	return correlation, nil
}

// check reads one result: it must show what was asked for, or the refusal that is wanted, and must not be a repeat.
func (l *Load) check(result []byte) error {
	var code string
	shown, repeated, wanted, want := false, false, 4, "a hold"
	if l.c.Ask != AskHold {
		wanted, want = 17, "a place"
	}
	for b := result; len(b) > 0; {
		num, v, rest := field(b)
		if rest == nil {
			return errCutOff
		}
		switch num {
		case 2:
			repeated = true
		case 3:
			if n, c, more := field(v); more != nil && n == 1 {
				if string(c) == l.c.Refused {
					code = l.c.Refused // no allocation
				} else {
					code = string(c)
				}
			}
		case wanted:
			shown = !l.c.Receipts || has(v, receiptField)
		}
		b = rest
	}
	if code == l.c.Refused && shown == (code == "") && !repeated {
		return nil
	}
	if l.c.Receipts {
		want += " with a receipt"
	}
	if l.c.Refused != "" {
		want = "the refusal " + l.c.Refused
	}
	return fmt.Errorf("bench: a command was answered %q, which is not %s", result, want)
}

// receiptField is the number of Place.receipt.
const receiptField = 15

// has reports whether a protobuf message has a field.
func has(b []byte, wanted int) bool {
	for len(b) > 0 {
		num, _, rest := field(b)
		if num == wanted {
			return true
		}
		b = rest
	}
	return false
}

// field takes the first field off a protobuf message; rest is nil if there is none. A number has no value here.
func field(b []byte) (num int, value, rest []byte) {
	num = int(b[0] >> 3)
	size, i := 0, 1
	if b[0] >= 0x80 { // fields from 16 on have two bytes
		if len(b) < 2 || b[1] >= 0x80 {
			return 0, nil, nil
		}
		num, i = num&15|int(b[1])<<4, 2
	}
	for shift := 0; i < len(b); shift += 7 {
		c := b[i]
		i++
		size |= int(c&0x7f) << shift
		if c < 0x80 {
			switch {
			case b[0]&7 == 0:
				return num, nil, b[i:]
			case b[0]&7 != 2 || size < 0 || size > len(b)-i:
				return 0, nil, nil
			}
			return num, b[i : i+size], b[i+size:]
		}
		if shift > 28 {
			break
		}
	}
	return 0, nil, nil
}
