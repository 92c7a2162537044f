package transport

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/holdfast-engine/holdfast/engine"
)

// Engine takes requests. It is what transport needs from the actors.
type Engine interface {
	// Submit hands a request to the actor of its event. With CodeOK the request's Replier will be told, possibly before Submit returns;
	// with any other code nothing happened and the caller answers it: event_unknown, event_archived, event_exists, overloaded, unavailable or
	// quarantined.
	Submit(*engine.Request) engine.Code
	// Events returns at most limit ids of the account's events that are greater than after, in order.
	Events(account, after string, limit int) []string
	// Archived tells whether an event was archived, and the node time of its last fact. It is asked when Submit has said event_archived or
	// event_exists.
	Archived(account, event string) (at engine.Instant, ok bool)
}

// Config says how a [Server] serves one account. The zero value of every field but none is usable.
type Config struct {
	// Account is the tenant that the NATS connection belongs to; empty is [engine.SingleAccount].
	Account string
	// Version is what the service says in NATS discovery, a semantic version; empty is 0.0.0.
	Version string
	// ReplyPrefixes are what the subjects to which replies may go begin with; empty is "_INBOX." and "_INBOX_", the inboxes of callers without
	// and with a prefix of their own. Each ends in a point or an underscore.
	ReplyPrefixes []string
	// QueueGroup shares the subjects between processes; empty is "holdfast".
	QueueGroup string
	// CommandsInFlightMax and BytesInFlightMax bound what the account has taken and not answered. 0 is
	// [CommandsInFlightMaxDefault] and [BytesInFlightMaxDefault]. Beyond: overloaded.
	CommandsInFlightMax int64
	BytesInFlightMax    int64
	// Process bounds the same over all servers that share it; nil is no further bound.
	Process *Bound
	// PendingMessagesMax and PendingBytesMax bound what has arrived and is not decoded. 0 is [PendingMessagesMaxDefault] and
	// [PendingBytesMaxDefault]. Beyond: dropped and counted.
	PendingMessagesMax int
	PendingBytesMax    int
	// RetryAfter is the hint in an overloaded answer; 0 is [OverloadedRetryAfterDefault].
	RetryAfter time.Duration
	// ParkedMax and ParkedBytesMax bound the buys that wait for the final state of their purchase. 0 is [ParkedMaxDefault] and
	// [ParkedBytesMaxDefault]. Beyond: answered at once with the state of the moment.
	ParkedMax      int
	ParkedBytesMax int64
	// Codes makes the codes of tickets for those who ask for them, and shows the public keys that verify them; nil makes none.
	Codes Codes
	// Admin carries out what operators ask for on [SubjectAdmin]; nil serves no operators.
	Admin Admin
	// Wallets takes the commands on [SubjectBuyers]; nil serves none.
	Wallets Wallets
	// Measurer answers for the figures on [SubjectKPIs], and what is published on [SubjectKPI] is its; nil serves and publishes none.
	Measurer Measurer
	// Watch tells the server of purchases and lines that have changed; nil never does: buys then wait as long as they said.
	Watch *Watch
	// Presence is how long a buyer who has sent a heartbeat may say nothing before they are absent; 0 is [PresenceDefault].
	Presence time.Duration
	// Lines names the events whose lines are published; nil publishes none by itself.
	Lines Lines
}

// withDefaults fills in what is zero and refuses what cannot be.
func (c Config) withDefaults() (Config, error) {
	if c.Account == "" {
		c.Account = engine.SingleAccount
	}
	if !engine.ValidID(c.Account) {
		return c, fmt.Errorf("account %q is no id: use 1 to 64 of A-Z a-z 0-9 _ -", c.Account)
	}
	if c.Version == "" {
		c.Version = "0.0.0"
	}
	if len(c.ReplyPrefixes) == 0 {
		c.ReplyPrefixes = ReplyPrefixesDefault()
	}
	for _, p := range c.ReplyPrefixes {
		if len(p) < 2 || p[len(p)-1] != '.' && p[len(p)-1] != '_' || !plainTokens(p[:len(p)-1]) {
			return c, fmt.Errorf("reply prefix %q does not end in a point or an underscore, or is no subject", p)
		}
	}
	if c.QueueGroup == "" {
		c.QueueGroup = "holdfast"
	}
	if c.CommandsInFlightMax == 0 {
		c.CommandsInFlightMax = CommandsInFlightMaxDefault
	}
	if c.BytesInFlightMax == 0 {
		c.BytesInFlightMax = BytesInFlightMaxDefault
	}
	if c.PendingMessagesMax == 0 {
		c.PendingMessagesMax = PendingMessagesMaxDefault
	}
	if c.PendingBytesMax == 0 {
		c.PendingBytesMax = PendingBytesMaxDefault
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = OverloadedRetryAfterDefault
	}
	if c.ParkedMax == 0 {
		c.ParkedMax = ParkedMaxDefault
	}
	if c.ParkedBytesMax == 0 {
		c.ParkedBytesMax = ParkedBytesMaxDefault
	}
	if c.Presence == 0 {
		c.Presence = PresenceDefault
	}
	if c.Presence < PresenceMin {
		return c, fmt.Errorf("presence is %s: use %s or more, or 0 for the default", c.Presence, PresenceMin)
	}
	if c.ParkedMax < 0 || c.ParkedBytesMax < 0 || c.CommandsInFlightMax < 0 || c.BytesInFlightMax < 0 || c.PendingMessagesMax < 0 || c.PendingBytesMax < 0 || c.RetryAfter < 0 {
		return c, errors.New("a bound is negative: use 0 for its default")
	}
	return c, nil
}

// Server answers one account's commands from one NATS connection.
type Server struct {
	config        Config
	nc            *nats.Conn
	engine        Engine
	sub           *nats.Subscription
	service       micro.Service
	admin         *adminSide  // nil if no operators are served
	buyers        *buyersSide // nil if no wallets are served
	kpis          *kpisSide   // nil if nobody measures
	outbox        *outbox
	signer        *signer
	parking       *parking
	pushes        *pushes
	lines         *linesSide
	presence      *presence
	account       *Bound
	stats         counters
	replyBytesMax int

	stop     sync.Once
	stopErr  error
	draining atomic.Bool
	unheard  chan struct{} // closed when the subscription has delivered its last message
	idle     chan struct{} // closed when draining and nothing is in flight
	idleOnce sync.Once
}

// Serve subscribes to the account's subjects on nc and answers from then on. The connection stays the caller's: Drain does not close it.
func Serve(c Config, nc *nats.Conn, e Engine) (*Server, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	s := &Server{
		config: c, nc: nc, engine: e,
		account: NewBound(c.CommandsInFlightMax, c.BytesInFlightMax),
		unheard: make(chan struct{}), idle: make(chan struct{}),
		replyBytesMax: int(nc.MaxPayload()) - headerBytesMax,
	}
	if s.replyBytesMax < replyBytesMin {
		return nil, fmt.Errorf("serve: the NATS server takes messages up to %d bytes only: set max_payload to 1 MiB", nc.MaxPayload())
	}
	s.outbox, s.parking, s.pushes = newOutbox(s), newParking(s), newPushes(s)
	s.presence = newPresence(s)
	s.lines = newLinesSide(s)
	s.signer = newSigner(s)
	if err := s.subscribe(); err != nil {
		s.parking.close()
		s.signer.close()
		s.outbox.close()
		return nil, errors.Join(fmt.Errorf("serve: %w", err), s.pushes.close(context.Background()), s.lines.close(context.Background()))
	}
	c.Watch.join(s)
	return s, nil
}

// Account is the account that the server serves.
func (s *Server) Account() string { return s.config.Account }

// Ready is nil while the server's connection stands.
func (s *Server) Ready() error {
	if s.nc.IsConnected() {
		return nil
	}
	return fmt.Errorf("account %s: no connection to NATS; it is being tried again", s.config.Account)
}

const (
	// headerBytesMax is the room that a reply leaves to the headers of a refusal.
	headerBytesMax = 256
	// drainFlushTimeout bounds the last step of a drain whose context has no end.
	drainFlushTimeout = 10 * time.Second
	// replyBytesMin is the least room for a reply: the longest batch, answered with nothing but refusals.
	replyBytesMin = BatchCommandsMax*replyResultReserveBytes + 1024
)

func (s *Server) subscribe() error {
	// Made before the messages flow, and Serve's caller sees no server until they do.
	sub, err := s.nc.QueueSubscribe(SubjectEvents, s.config.QueueGroup, s.receive)
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", SubjectEvents, err)
	}
	s.sub = sub
	sub.SetClosedHandler(func(string) { close(s.unheard) })
	if err := sub.SetPendingLimits(s.config.PendingMessagesMax, s.config.PendingBytesMax); err != nil {
		return errors.Join(fmt.Errorf("set pending limits: %w", err), sub.Unsubscribe())
	}
	if s.config.Admin != nil {
		if err := s.subscribeAdmin(); err != nil {
			return errors.Join(err, sub.Unsubscribe())
		}
	}
	if s.config.Wallets != nil {
		if err := s.subscribeBuyers(); err != nil {
			return errors.Join(err, s.unsubscribe())
		}
	}
	if s.config.Measurer != nil {
		if err := s.subscribeKPIs(); err != nil {
			return errors.Join(err, s.unsubscribe())
		}
	}
	if err := s.announce(); err != nil {
		return errors.Join(err, s.unsubscribe())
	}
	if err := s.nc.Flush(); err != nil {
		return errors.Join(fmt.Errorf("flush subscriptions: %w", err), s.service.Stop(), s.unsubscribe())
	}
	return nil
}

// unsubscribe undoes a subscribe that did not succeed.
func (s *Server) unsubscribe() error {
	err := s.sub.Unsubscribe()
	if s.admin != nil {
		err = errors.Join(err, s.admin.sub.Unsubscribe())
	}
	if s.buyers != nil {
		err = errors.Join(err, s.buyers.sub.Unsubscribe())
	}
	if s.kpis != nil {
		s.kpis.cancel()
		err = errors.Join(err, s.kpis.sub.Unsubscribe())
	}
	return err
}

// receive takes one NATS message. It runs on the subscription's goroutine, so messages are taken in order.
func (s *Server) receive(m *nats.Msg) {
	s.stats.messages.Add(1)
	s.stats.messageBytes.Add(uint64(len(m.Data)))
	event, verb := splitSubject(m.Subject)
	if m.Reply == "" {
		if verb != engine.VerbTouch && verb != verbHere { // touches and heartbeats alone may be sent without waiting for an answer
			s.stats.droppedNoReply.Add(1)
			return
		}
	} else if !replyAllowed(m.Reply, s.config.ReplyPrefixes) {
		s.stats.droppedReply.Add(1)
		return
	}
	if m.Header != nil && cardInHeaders(m.Header) {
		s.refuseUnread(m, &refusal{code: engine.CodeCardNumber, field: "header", text: "a header looks like a card number: never send one"})
		return
	}
	if ref := s.checkSubject(event, verb, len(m.Data)); ref != nil {
		s.refuseUnread(m, ref)
		return
	}
	if verb == verbHere {
		s.here(m, event)
		return
	}
	r := newRequest(s, verb)
	r.replyTo, r.json = m.Reply, isJSON(m.Data)
	if r.json {
		s.stats.json.Add(1)
	}
	var ok bool
	if r.batch {
		s.stats.batches.Add(1)
		ok = r.decodeBatch(m.Data, verb == verbBuyerBatch)
	} else {
		ok = r.decodeCommand(verb, m.Data)
	}
	if !ok {
		ref := refusal{code: r.problem.code, field: r.problem.field, text: r.problem.text}
		s.refuseUnread(m, &ref)
		r.free()
		return
	}
	r.correlation = r.decoder.correlation()
	if verb == engine.VerbBuy {
		r.waitsFor(event, int64(len(m.Data)))
	}
	s.submit(r, event, int64(len(m.Data)))
}

// checkSubject refuses what the subject and the size alone show to be wrong.
func (s *Server) checkSubject(event string, verb engine.Verb, size int) *refusal {
	if looksLikeCard(event) {
		return &refusal{code: engine.CodeCardNumber, field: "event", text: "the event id looks like a card number: never send one"}
	}
	if !engine.ValidID(event) && !plantedBug(plantedAnyEventID) {
		return &refusal{code: engine.CodeInvalid, field: "event", text: "the event id in the subject must be 1 to 64 of A-Z a-z 0-9 _ -"}
	}
	if verb == engine.VerbNone {
		return &refusal{
			code: engine.CodeUnknownVerb,
			text: "the subject ends in no verb of this contract: use " + Subject("<event>", "<verb>") + " with " + verbNames,
		}
	}
	sizeMax := CommandBytesMax
	if isBatch(verb) || verb == verbHere {
		sizeMax = BatchBytesMax
	}
	if size > sizeMax {
		return &refusal{
			code: engine.CodeTooLarge,
			text: "the message has " + strconv.Itoa(size) + " bytes and may have " + strconv.Itoa(sizeMax),
		}
	}
	return nil
}

// refuseUnread answers a message that was not decoded, or not whole. It publishes from the subscription's goroutine: if the socket is
// slow, less is taken in.
func (s *Server) refuseUnread(m *nats.Msg, ref *refusal) {
	s.stats.refused[ref.code].Add(1)
	s.noteUnheard(m.Reply, ref.code)
	body := m.Data
	if len(body) > BatchBytesMax {
		body = body[:BatchBytesMax]
	}
	id, correlation := rescue(body)
	s.publish(m.Reply, ref.code, correlation, appendRefusal(nil, isJSON(body), id, correlation, ref))
}

// submit takes room for a decoded request and hands it to the engine.
func (s *Server) submit(r *request, event string, size int64) {
	n := int64(len(r.commands))
	code := s.take(n, size)
	if code == engine.CodeOK {
		r.taken, r.takenBytes = n, size
		r.Request = engine.Request{
			Account: s.config.Account, Event: event, Commands: r.commands, Reply: r,
		}
		if code = s.engine.Submit(&r.Request); code == engine.CodeOK {
			s.stats.commands.Add(uint64(n))
			return // the request is the engine's now, and may be gone already
		}
	}
	s.stats.refused[code].Add(1)
	s.noteUnheard(r.replyTo, code)
	ref := s.submitRefusal(code, event)
	r.refuse(&ref)
	s.publish(r.replyTo, code, r.correlation, r.out)
	s.release(r)
}

// noteUnheard counts a refusal that nobody is told of: touches alone may come without a reply subject.
func (s *Server) noteUnheard(replyTo string, code engine.Code) {
	if replyTo == "" && code != engine.CodeOK {
		s.stats.unheard[code].Add(1)
	}
}

func (s *Server) take(commands, bytes int64) engine.Code {
	if !s.account.take(commands, bytes) {
		return engine.CodeOverloaded
	}
	if s.config.Process != nil && !s.config.Process.take(commands, bytes) {
		s.given(s.account.give(commands, bytes))
		return engine.CodeOverloaded
	}
	return engine.CodeOK
}

// release gives back what a request took, and the request.
func (s *Server) release(r *request) {
	s.giveBack(r.taken, r.takenBytes)
	r.free()
}

// giveBack gives back room in the bounds.
func (s *Server) giveBack(commands, bytes int64) {
	if commands == 0 {
		return
	}
	if s.config.Process != nil {
		s.config.Process.give(commands, bytes)
	}
	s.given(s.account.give(commands, bytes))
}

// given notes how many commands are left in flight.
func (s *Server) given(left int64) {
	if left == 0 && s.draining.Load() {
		s.idleOnce.Do(func() { close(s.idle) })
	}
}

// submitRefusal words the codes that Submit may return.
func (s *Server) submitRefusal(code engine.Code, event string) refusal {
	ref := refusal{code: code}
	switch code { //nolint:exhaustive // Submit returns no other code; the default stands for a mistake
	case engine.CodeOverloaded:
		ref.text = "too much work is in flight: try again after retry_after_ms, with the same request id"
		ref.retryAfterMs = s.config.RetryAfter.Milliseconds()
	case engine.CodeUnavailable:
		ref.text = "the engine is stopping, or cannot take new holds until its disk has room: try again, with the same request id"
		ref.retryAfterMs = UnavailableRetryAfterDefault.Milliseconds()
	case engine.CodeQuarantined:
		ref.text = "event " + event + " is set aside because its state could not be trusted: an operator must look"
	case engine.CodeEventUnknown:
		ref.text, ref.field = "there is no event "+event, "event"
	case engine.CodeEventArchived, engine.CodeEventExists:
		ref.text, ref.field = "event "+event+" was archived"+s.archivedAt(event), "event"
		if code == engine.CodeEventExists {
			ref.text = "the id is taken: " + ref.text
		}
	default:
		ref.text = "the command was not taken: " + code.String()
	}
	return ref
}

// archivedAt says when an event was archived.
func (s *Server) archivedAt(event string) string {
	at, ok := s.engine.Archived(s.config.Account, event)
	if !ok {
		return ""
	}
	return " at " + time.Unix(0, int64(at)).UTC().Format(time.RFC3339)
}
