package fault

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// Entry is a command that was sent, and its answer.
type Entry struct {
	Command
	Answer *pb.Reply // nil: no answer came yet
	round  int
	idle   bool // it was accepted and may have changed nothing, as joining again does: then it is not remembered, and asking again is another command
}

// Ledger is what callers know: every command they sent, every answer they got, and what follows from the answers. Safe for concurrent use; one
// buyer's commands for one event must be sent one after the other.
type Ledger struct {
	mu      sync.Mutex
	events  map[string]*truth
	entries []*Entry
	byID    map[string]*Entry // by event and request id
	round   int
	journal *bufio.Writer
	file    *os.File
	wrong   []string // contradictions seen so far, the first ones
	wrongs  int
}

// contradictionsKept bounds the contradictions that a report lists.
const contradictionsKept = 20

// NewLedger returns an empty ledger that journals answers to a file, a JSON line each, before the caller goes on. An empty name journals nowhere.
func NewLedger(name string) (*Ledger, error) {
	l := &Ledger{events: map[string]*truth{}, byID: map[string]*Entry{}}
	if name == "" {
		return l, nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the journal of answers: %w", err)
	}
	l.file, l.journal = f, bufio.NewWriterSize(f, 1<<20)
	return l, nil
}

// Close writes what is buffered and closes the journal.
func (l *Ledger) Close() error {
	if l.file == nil {
		return nil
	}
	return errors.Join(l.Flush(), l.file.Close())
}

// Flush hands what is buffered to the kernel.
func (l *Ledger) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.journal == nil {
		return nil
	}
	if err := l.journal.Flush(); err != nil {
		return fmt.Errorf("write the journal of answers: %w", err)
	}
	return nil
}

// journalLine is an answer on disk; no reply means that no answer came.
type journalLine struct {
	Event string `json:"event"`
	Verb  uint8  `json:"verb"`
	ID    string `json:"id"`
	Buyer string `json:"buyer,omitempty"`
	Body  []byte `json:"body"`
	Reply []byte `json:"reply,omitempty"`
	Round int    `json:"round"`
}

func (l *Ledger) write(e *Entry) {
	if l.journal == nil {
		return
	}
	line := journalLine{Event: e.Event, Verb: uint8(e.Verb), ID: e.ID, Buyer: e.Buyer, Body: e.Body, Round: e.round}
	if e.Answer != nil {
		reply, err := proto.Marshal(e.Answer)
		if err != nil {
			panic(fmt.Sprintf("fault: encode a reply that was decoded: %v", err))
		}
		line.Reply = reply
	}
	b, err := json.Marshal(&line)
	if err == nil {
		_, err = l.journal.Write(append(b, '\n'))
	}
	if err != nil {
		l.contradict("the journal of answers cannot be written: %v", err)
	}
}

// ReadLedger reads a journal back. The ledger it returns journals nowhere.
func ReadLedger(name string) (*Ledger, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open the journal of answers: %w", err)
	}
	defer f.Close()
	l, err := NewLedger("")
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bufio.NewReader(f))
	for {
		var line journalLine
		if err := d.Decode(&line); errors.Is(err, io.EOF) {
			return l, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		l.round = line.Round
		e := l.byID[line.Event+"\x00"+line.ID]
		if e == nil {
			e = l.Sent(&Command{Event: line.Event, Verb: engine.Verb(line.Verb), ID: line.ID, Buyer: line.Buyer, Body: line.Body})
		}
		if line.Reply == nil {
			continue
		}
		reply, err := decodeReply(line.Reply)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		l.Answered(e, reply)
	}
}

// NextRound begins a new round: Compare repeats a round's answers.
func (l *Ledger) NextRound() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.round++
}

// Sent notes a command that is about to leave.
func (l *Ledger) Sent(cmd *Command) *Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &Entry{Command: *cmd, round: l.round}
	l.entries = append(l.entries, e)
	l.byID[e.Event+"\x00"+e.ID] = e
	return e
}

// Answered notes the answer to a command, and what follows from it. A second answer to the same command must be the first again.
func (l *Ledger) Answered(e *Entry, r *pb.Reply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.truthOf(e.Event)
	if e.Answer == nil {
		e.Answer = r
		l.write(e)
		if code(r) == "ok" {
			t.apply(l, e)
		} else {
			t.refused(e)
		}
		return
	}
	l.again(t, e, r)
}

// again compares a further answer with the first.
func (l *Ledger) again(t *truth, e *Entry, r *pb.Reply) {
	if code(e.Answer) != "ok" {
		// Refusals are kept in a bounded, volatile table: the id may have been tried again.
		if code(r) == "ok" && !r.GetRepeated() {
			e.Answer, e.round = r, l.round
			l.write(e)
			t.apply(l, e)
		}
		return
	}
	if !r.GetRepeated() {
		l.contradict("%s %s %s: acknowledged, but a repeat was not recognised: first %v, then %v", e.Event, e.Verb, e.ID, e.Answer, r)
		return
	}
	if diff := differs(e.Answer, r); diff != "" {
		l.contradict("%s %s %s: a repeat was answered differently: %s: first %v, then %v", e.Event, e.Verb, e.ID, diff, e.Answer, r)
		return
	}
	if h := r.GetHold(); h != nil {
		t.seen(l, h)
	}
	if v := r.GetPlace(); v != nil {
		t.seesPlace(l, e, v)
	}
}

func (l *Ledger) truthOf(event string) *truth {
	t := l.events[event]
	if t == nil {
		t = newTruth(event)
		l.events[event] = t
	}
	return t
}

// contradict notes that the engine broke a promise. The lock is held.
func (l *Ledger) contradict(format string, args ...any) {
	l.wrongs++
	if len(l.wrong) < contradictionsKept {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

// Wrong returns how many promises were broken so far, and an error that lists the first of them; nil if none was.
func (l *Ledger) Wrong() (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wrongs == 0 {
		return 0, nil
	}
	errs := make([]error, 0, len(l.wrong)+1)
	for _, w := range l.wrong {
		errs = append(errs, errors.New(w))
	}
	if more := l.wrongs - len(l.wrong); more > 0 {
		errs = append(errs, fmt.Errorf("and %d more", more))
	}
	return l.wrongs, errors.Join(errs...)
}

// Live returns the hold that a buyer has, by what the ledger knows.
func (l *Ledger) Live(event, buyer string) (hold string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.truthOf(event).live[buyer]
	if h == nil {
		return "", false
	}
	return h.id, true
}

// Acknowledged is how many commands were answered, how many of them said yes, and how many of those may have changed nothing.
func (l *Ledger) Acknowledged() (answered, accepted, idle int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if e.Answer != nil {
			answered++
			if code(e.Answer) == "ok" {
				accepted++
			}
			if e.idle {
				idle++
			}
		}
	}
	return answered, accepted, idle
}

// differs compares two answers in what must never change, ids and amounts, and names the first difference.
func differs(a, b *pb.Reply) string {
	if code(a) != code(b) {
		return fmt.Sprintf("code %s, then %s", code(a), code(b))
	}
	switch {
	case (a.GetHold() == nil) != (b.GetHold() == nil), (a.GetOrder() == nil) != (b.GetOrder() == nil),
		(a.GetCapacity() == nil) != (b.GetCapacity() == nil), (a.GetEvent() == nil) != (b.GetEvent() == nil),
		(a.GetPlace() == nil) != (b.GetPlace() == nil):
		return "another kind of answer"
	}
	if x, y := a.GetHold(), b.GetHold(); x != nil {
		ended := y.GetState() != stateHeld && len(y.GetItems()) == 0 // of a hold that has ended only id, state and total are kept
		switch {
		case x.GetId() != y.GetId(), x.GetBuyer() != y.GetBuyer(), x.GetEvent() != y.GetEvent():
			return "another hold"
		case x.GetTotalMinor() != y.GetTotalMinor() || x.GetCurrency() != y.GetCurrency():
			return "another total"
		case !ended && !sameItems(x.GetItems(), y.GetItems()):
			return "other items"
		}
	}
	if x, y := a.GetOrder(), b.GetOrder(); x != nil && !proto.Equal(x, y) {
		return "another order"
	}
	if x, y := a.GetCapacity(), b.GetCapacity(); x != nil && (x.GetLot() != y.GetLot() || x.GetPool() != y.GetPool() || x.GetAsked() != y.GetAsked()) {
		return "another capacity"
	}
	if x, y := a.GetPlace(), b.GetPlace(); x != nil && (x.GetEntry() != y.GetEntry() || x.GetBuyer() != y.GetBuyer()) {
		return "another entry of the line"
	}
	if x, y := a.GetEvent(), b.GetEvent(); x != nil && x.GetId() != y.GetId() {
		return "another event"
	}
	return ""
}

func sameItems(a, b []*pb.TakenItem) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !proto.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// clockSlack is how far node time may be from the wall before the engine itself calls it alarming.
const clockSlack = time.Second
