package transport

import (
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// request is one message on its way through the engine, with the memory it needs: pooled, so that a command costs no allocation here.
// It is the engine's Replier for itself.
type request struct {
	engine.Request
	decoder
	server      *Server
	pool        *sync.Pool
	replyTo     string // "" for touches that nobody waits for
	correlation string
	json        bool
	batch       bool
	refused     engine.Code // the code of a message that was refused: it goes into the headers too
	taken       int64       // commands taken from the bounds
	takenBytes  int64
	out         []byte

	// Of a buy whose caller wants to wait.
	waits        bool      // if the purchase is not settled yet
	until        time.Time // then to this time at most
	messageBytes int64
	pending      bool   // it is not settled: the answer is written, and may be parked
	again        bool   // submitted again: the answer is that of the first time, with the present state
	repeated     bool   // the first answer was one to a repeat
	then         []byte // the answer when the purchase's change is durable, if isShown
	isShown      bool
	parkedAt     parkedAt
	nextParked   *request
	heapIndex    int

	// Of one whose caller wants the codes of tickets.
	signing *engine.Outcome // a copy of the outcome, until the codes are made

	// Of one that shows places in a line.
	placed []placed
	spare  []byte // the memory of the other of two answers

	codes map[engine.TicketID]string
}

var requests = sync.Pool{New: func() any { return new(request) }}

// batches and reports are pooled apart: a request that has carried a batch or touches owns room for them, which single commands would waste.
var (
	batches = sync.Pool{New: func() any { return new(request) }}
	reports = sync.Pool{New: func() any { return new(request) }}
)

func newRequest(s *Server, verb engine.Verb) *request {
	pool := &requests
	switch {
	case isBatch(verb):
		pool = &batches
	case verb == engine.VerbTouch:
		pool = &reports
	}
	r := pool.Get().(*request)
	r.server, r.pool, r.batch = s, pool, pool == &batches
	return r
}

// free gives the request back to its pool. Nothing may use it or its strings any more.
func (r *request) free() {
	used := len(r.commands)
	r.reset()
	if c := cap(r.commands); c > 64 && c > 4*used {
		r.commands, r.ids = nil, nil
	}
	r.Request = engine.Request{}
	r.server, r.replyTo, r.correlation = nil, "", ""
	r.json, r.batch, r.refused = false, false, engine.CodeOK
	r.taken, r.takenBytes = 0, 0
	r.waits, r.until, r.messageBytes, r.pending, r.again, r.repeated = false, time.Time{}, 0, false, false, false
	r.parkedAt, r.nextParked, r.heapIndex, r.isShown = parkedAt{}, nil, 0, false
	if r.then = r.then[:0]; cap(r.then) > pooledBufferBytesMax {
		r.then = nil
	}
	r.signing, r.codes = nil, nil
	if r.placed = r.placed[:0]; cap(r.placed) > pooledPaymentsMax {
		r.placed = nil
	}
	if r.spare = r.spare[:0]; cap(r.spare) > pooledBufferBytesMax {
		r.spare = nil
	}
	if r.out = r.out[:0]; cap(r.out) > pooledBufferBytesMax {
		r.out = nil
	}
	r.pool.Put(r)
}

// begin writes what stands before the first outcome.
func (r *request) begin() {
	switch {
	case !r.batch && r.json:
		r.out = append(r.out, '{')
	case !r.batch:
	case r.json:
		w := jsonWriter{b: append(r.out, '{')}
		w.str("request_id", echoID(r.scope.batchID))
		w.list("results")
		r.out = w.b
	default:
		w := protoWriter{b: r.out}
		w.str(1, echoID(r.scope.batchID))
		r.out = w.b
	}
}

// finish writes what stands after the last outcome.
func (r *request) finish() {
	if !r.json {
		w := protoWriter{b: r.out}
		w.str(15, r.correlation)
		r.out = w.b
		return
	}
	w := jsonWriter{b: r.out}
	if r.batch {
		w.end(']')
	}
	w.str("correlation", r.correlation)
	w.end('}')
	r.out = w.b
}

// Outcome encodes the answer to command i. It implements [engine.Replier].
func (r *request) Outcome(_ *engine.Request, i int, out *engine.Outcome) {
	if r.replyTo == "" {
		r.server.noteUnheard(r.replyTo, out.Code)
		return
	}
	if r.waits {
		if r.again && out.Code != engine.CodeOK {
			r.pending = false
			return // the first answer stands: the purchase was taken
		}
		repeated := out.Repeated
		defer func() { out.Repeated = repeated }()
		r.awaits(out)
	}
	if r.wantsCodes(out) {
		r.signing, r.refused = copyOutcome(out), out.Code
		return
	}
	r.write(i, out)
}

// write encodes the answer to command i behind those before it.
func (r *request) write(i int, out *engine.Outcome) {
	if i == 0 {
		r.out = r.out[:0]
		r.begin()
	}
	id := echoID(r.ids[i])
	from, places := len(r.out), len(r.placed)
	if field := out.Field; out.Verb == engine.VerbCapacity && field == "quantity" {
		out.Field = "capacity" // what the engine calls a quantity has this name on the wire
		defer func() { out.Field = field }()
	}
	r.shown(i, id, out)
	room := r.server.replyBytesMax - replyResultReserveBytes*(len(r.Commands)-i)
	if len(r.out) > room && len(out.Alternatives) > 0 {
		// The refusal has to be told, the offer need not be.
		r.out, out.Alternatives = r.out[:from], nil
		r.result(id, out, nil)
	}
	if len(r.out) > room {
		r.out, r.placed = r.out[:from], r.placed[:places]
		r.result(id, out, &refusal{code: engine.CodeTooLarge, text: tooLargeReply(r.batch)})
	}
	if !r.batch {
		r.refused = out.Code
	}
}

func tooLargeReply(batch bool) string {
	if batch {
		return "the command ran, but its answer does not fit into the reply of this batch: send it by itself, with the same request id"
	}
	return "the answer is longer than a NATS message may be"
}

// shown writes an answer, and notes the place that it shows.
func (r *request) shown(i int, id string, out *engine.Outcome) {
	if at := r.result(id, out, nil); at.end > 0 {
		r.notePlace(i, out, at)
	}
}

// result writes one answer: the outcome, or instead of it a refusal. It returns where the place stands in it, if there is one.
func (r *request) result(id string, out *engine.Outcome, instead *refusal) (at written) {
	if r.json {
		w := jsonWriter{b: r.out, lost: r.server.pushesLost(), codes: r.codes}
		if r.batch {
			w.comma()
			w.b = append(w.b, '{')
		}
		if instead != nil {
			w.refusal(id, instead)
		} else {
			w.outcome(id, out)
		}
		if r.batch {
			w.end('}')
		}
		r.out = w.b
		return written{end: w.placeEnd, resultEnd: len(w.b)}
	}
	w := protoWriter{b: r.out, lost: r.server.pushesLost(), codes: r.codes}
	from, tag := 0, len(w.b)
	if r.batch {
		from = w.open(8)
	}
	if instead != nil {
		w.refusal(id, instead)
	} else {
		w.outcome(id, out)
	}
	if r.batch {
		size := len(w.b) - from
		w.close(from)
		at.result, at.resultBody = tag, len(w.b)-size
		moved := at.resultBody - from // a long answer is moved up when its length is known
		w.placed.tag, w.placed.body, w.placed.end = w.placed.tag+moved, w.placed.body+moved, w.placed.end+moved
		if w.placed.body == moved { // there is none
			w.placed.end = 0
		}
	}
	r.out = w.b
	at.tag, at.body, at.end, at.resultEnd = w.placed.tag, w.placed.body, w.placed.end, len(w.b)
	return at
}

// waitsFor notes how long the caller of a buy wants to wait for the final state.
func (r *request) waitsFor(event string, messageBytes int64) {
	wait := int64(WaitMsDefault)
	if p := r.commands[0].Payment; p.HasWait {
		wait = p.WaitMs
	}
	if wait > 0 {
		r.waits, r.messageBytes, r.parkedAt.event = true, messageBytes, event
		r.until = time.Now().Add(time.Duration(wait) * time.Millisecond)
	}
}

// awaits notes whether the answer to a buy has to wait for its purchase.
func (r *request) awaits(out *engine.Outcome) {
	if r.again {
		out.Repeated = r.repeated // the caller has sent it once
	}
	r.repeated = out.Repeated
	if r.pending = out.Code == engine.CodeOK && out.Shows&engine.ShowsPurchase != 0 && !settled(out.Purchase.State); r.pending {
		r.parkedAt.purchase, r.parkedAt.in = out.Purchase.ID, out.Purchase.Incarnation
	}
}

// show writes the answer to a buy that waits, from what its event shows of the purchase in another command's turn.
func (r *request) show(out *engine.Outcome) {
	if r.isShown = !r.wantsCodes(out); !r.isShown {
		return
	}
	repeated := out.Repeated
	out.Repeated = r.repeated
	first := r.out
	r.out = r.then
	r.write(0, out)
	r.out, r.then = first, r.out
	out.Repeated = repeated
}

// Durable sends the answers on their way, or keeps them for the moment. It implements [engine.Replier].
func (r *request) Durable(*engine.Request) {
	if r.pending && r.park() {
		return
	}
	r.answer()
}

// park gives back what the request took, and lets it wait. It reports false if it may not.
func (r *request) park() bool {
	s := r.server
	taken, bytes := r.taken, r.takenBytes
	r.taken, r.takenBytes = 0, 0
	if !s.parking.park(r) { // from here on the request may be gone already
		r.taken, r.takenBytes = taken, bytes
		return false
	}
	s.giveBack(taken, bytes)
	return true
}

// answer sends a written answer on its way.
func (r *request) answer() {
	if r.signing != nil || len(r.placed) > 0 && r.replyTo != "" {
		r.server.signer.post(r)
		return
	}
	if r.replyTo != "" {
		r.finish()
	}
	r.server.outbox.post(r)
}

// refuse writes a reply that answers the whole message with a refusal.
func (r *request) refuse(ref *refusal) {
	id := r.scope.batchID
	if !r.batch && len(r.ids) > 0 {
		id = r.ids[0]
	}
	r.refused = ref.code
	r.out = appendRefusal(r.out[:0], r.json, echoID(id), r.correlation, ref)
}
