package transport

import (
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/engine"
)

// VerbHere is the last token of the subject of a heartbeat. It is no verb of the engine: whoever has sent one is watched, and becomes absent and present by commands of their own.
const VerbHere = "here"

// verbHere stands for heartbeats among the engine's verbs, all of which are below it.
const verbHere = engine.Verb(253)

// presence knows who is there of those who have said so. Who says nothing any more becomes absent, and present with the next heartbeat; whoever has never said anything is not watched. After a
// start everybody's first heartbeat makes them present, which changes nothing for those who are.
type presence struct {
	server *Server
	limit  time.Duration // of silence

	order sync.Mutex // held while a buyer's state is changed and the engine told: it hears of absences and returns in the order in which they were seen
	start time.Time

	mu     sync.Mutex
	events map[string]map[string]heartbeat
	count  int
	since  time.Time // nothing before counts: nobody could be heard
	swept  time.Time

	notWatched uint64
}

// heartbeat is what is known of a buyer in an event.
type heartbeat struct {
	at    int64 // seconds since the start, by the monotonic clock
	state presenceState
}

type presenceState uint8

const (
	presenceHere presenceState = iota
	presenceAway               // absent
	presenceNone               // without a place in the line
)

// hereMessage is the table of a heartbeat.
var hereMessage = newMessage("HereCommand",
	field{name: "request_id", num: 1, kind: kindString, str: func(s *scope) *string { return &s.batchID }},
	field{id: true, name: "buyer", num: 2, kind: kindString, str: func(s *scope) *string { return &s.after }},
	field{name: "buyers", num: 5, kind: kindStrings, add: func(d *decoder, _ *scope, v string) {
		if len(d.links) == HereBuyersMax {
			d.fail(engine.CodeTooLarge, "buyers", "a heartbeat is of at most "+strconv.Itoa(HereBuyersMax)+" buyers")
			return
		}
		if !engine.ValidID(v) {
			d.fail(engine.CodeInvalid, indexed("buyers", len(d.links)), "a buyer is an id: 1 to 64 of A-Z a-z 0-9 _ -")
			return
		}
		d.links = append(d.links, v)
	}},
	field{name: "correlation", num: 15, kind: kindString, str: func(s *scope) *string { return &s.batchCorrelation }},
)

// here takes a heartbeat. It runs on the subscription's goroutine.
func (s *Server) here(m *nats.Msg, event string) {
	r := newRequest(s, verbHere)
	defer r.free()
	r.json = isJSON(m.Data)
	if !r.decode(hereMessage, m.Data) {
		ref := refusal{code: r.problem.code, field: r.problem.field, text: r.problem.text}
		s.refuseUnread(m, &ref)
		return
	}
	if r.scope.after == "" && len(r.links) == 0 {
		s.refuseUnread(m, &refusal{code: engine.CodeInvalid, field: "buyer", text: "name the buyer who is there, or several in buyers"})
		return
	}
	if m.Reply != "" {
		n := int64(len(r.links))
		if r.scope.after != "" {
			n++
		}
		r.correlation = r.decoder.correlation()
		r.out = appendHere(r.out[:0], r.json, echoID(r.scope.batchID), n)
		r.finish()
		s.publish(m.Reply, engine.CodeOK, r.correlation, r.out)
	}
	p := s.presence
	p.order.Lock()
	defer p.order.Unlock()
	p.submit(strings.Clone(event), engine.VerbPresent, p.heard(event, r.scope.after, r.links, time.Now()))
}

// appendHere appends what answers a heartbeat, but for its end.
func appendHere(dst []byte, json bool, requestID string, n int64) []byte {
	if json {
		w := jsonWriter{b: append(dst, '{')}
		w.str("request_id", requestID)
		w.num("here", n)
		return w.b
	}
	w := protoWriter{b: dst}
	w.str(1, requestID)
	w.num(20, n)
	return w.b
}

func newPresence(s *Server) *presence {
	return &presence{server: s, start: time.Now(), limit: s.config.Presence, events: make(map[string]map[string]heartbeat)}
}

// heard notes that buyers are there, and returns those for whom that is news.
func (p *presence) heard(event, buyer string, buyers []string, now time.Time) (back []string) {
	at := p.seconds(now)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.events[event]
	if e == nil {
		e = make(map[string]heartbeat)
		p.events[strings.Clone(event)] = e
	}
	one := func(buyer string) {
		last, known := e[buyer]
		switch {
		case known && (last.state == presenceHere || last.state == presenceNone && at-last.at < int64(p.limit/time.Second)):
			if last.state == presenceHere {
				e[buyer] = heartbeat{at, presenceHere}
			}
			return
		case !known && p.count >= PresenceMax:
			p.notWatched++
			return
		case !known:
			p.count++
			buyer = strings.Clone(buyer)
		}
		e[buyer] = heartbeat{at, presenceHere}
		back = append(back, strings.Clone(buyer))
	}
	if buyer != "" {
		one(buyer)
	}
	for _, b := range buyers {
		one(b)
	}
	return back
}

// sweep finds those who have said nothing for too long, and says that they are absent. Those who have been silent for much longer are forgotten. While the connection is down nobody can
// be heard, and for a while afterwards silence means nothing.
func (p *presence) sweep(now time.Time, connected bool) {
	silent := make(map[string][]string)
	p.mu.Lock()
	if !connected || now.Sub(p.swept) > 2*presenceEvery { // or the process stood still: what was said meanwhile is not read yet
		p.since = now
	}
	p.swept = now
	if now.Sub(p.since) >= p.limit {
		before, forgotten := p.seconds(now.Add(-p.limit)), p.seconds(now.Add(-presenceForgotten*p.limit))
		for event, e := range p.events {
			for buyer, last := range e {
				switch {
				case last.state == presenceHere && last.at < before:
					e[buyer] = heartbeat{last.at, presenceAway}
					silent[event] = append(silent[event], buyer)
				case last.at < forgotten:
					delete(e, buyer)
					p.count--
				}
			}
			if len(e) == 0 {
				delete(p.events, event)
			}
		}
	}
	p.mu.Unlock()
	for event, buyers := range silent {
		for some := range slices.Chunk(buyers, presenceTogetherMax) {
			p.order.Lock()
			p.submit(event, engine.VerbAbsent, p.stillAway(event, some))
			p.order.Unlock()
		}
	}
}

// stillAway are those of buyers who were not heard of meanwhile.
func (p *presence) stillAway(event string, buyers []string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(buyers, func(b string) bool { return p.events[event][b].state != presenceAway })
}

func (p *presence) seconds(at time.Time) int64 { return int64(at.Sub(p.start) / time.Second) }

// submit says that buyers of an event are absent, or present.
func (p *presence) submit(event string, verb engine.Verb, buyers []string) {
	for len(buyers) > 0 {
		n := min(len(buyers), presenceTogetherMax)
		c := &presenceCommands{presence: p, buyers: buyers[:n]}
		for _, buyer := range c.buyers {
			c.commands = append(c.commands, engine.Command{Verb: verb, Buyer: buyer, RequestID: rand.Text(), Line: new(engine.LineCommand)})
		}
		c.Request = engine.Request{Account: p.server.config.Account, Event: event, Commands: c.commands, Reply: c}
		code := p.server.take(int64(n), 0)
		if code == engine.CodeOK {
			if code = p.server.engine.Submit(&c.Request); code != engine.CodeOK {
				p.server.giveBack(int64(n), 0)
			}
		}
		if code != engine.CodeOK {
			c.undo(verb, code)
		}
		buyers = buyers[n:]
	}
}

// presenceCommands says whether buyers of an event are there. It is the engine's Replier for itself.
type presenceCommands struct {
	engine.Request
	presence *presence
	buyers   []string
	commands []engine.Command
	placed   []bool // by command
}

// Outcome notes who has no place. It implements [engine.Replier].
func (c *presenceCommands) Outcome(_ *engine.Request, _ int, out *engine.Outcome) {
	c.placed = append(c.placed, out.Code == engine.CodeOK)
}

// Durable implements [engine.Replier].
func (c *presenceCommands) Durable(r *engine.Request) {
	p := c.presence
	defer p.server.giveBack(int64(len(c.commands)), 0)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.events[r.Event]
	for i, buyer := range c.buyers {
		if last, known := e[buyer]; known && i < len(c.placed) && !c.placed[i] {
			e[buyer] = heartbeat{last.at, presenceNone}
		}
	}
}

// undo forgets what the engine did not take: it is said again by the next sweep, or heartbeat.
func (c *presenceCommands) undo(verb engine.Verb, code engine.Code) {
	p := c.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.events[c.Event]
	for _, buyer := range c.buyers {
		last, known := e[buyer]
		switch {
		case !known:
		case code != engine.CodeOverloaded && code != engine.CodeUnavailable: // there is no such event
			e[buyer] = heartbeat{last.at, presenceNone}
		case verb == engine.VerbPresent:
			e[buyer] = heartbeat{last.at, presenceAway}
		default:
			e[buyer] = heartbeat{last.at, presenceHere}
		}
	}
}

// watched is how many buyers are watched, and how many are not because too many are.
func (p *presence) watched() (watched int, not uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count, p.notWatched
}
