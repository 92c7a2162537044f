package transport

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/engine"
)

const adminPrefix = "holdfast.v1.admin."

// SubjectAdmin is what the engine subscribes to for operators: every admin verb. Who may publish there is decided by the permissions of the NATS
// server, subject by subject: see docs/wire.md.
const SubjectAdmin = adminPrefix + "*"

// AdminSubject returns the subject of an admin verb, as in holdfast.v1.admin.audit.
func AdminSubject(verb string) string { return adminPrefix + verb }

// Admin carries out what operators ask for. It is what transport needs from the process as a whole.
type Admin interface {
	// Admin carries out one command, which was decoded and whose ids are valid, and returns when its audit fact is durable; or with a code that
	// says why not. It is called from goroutines of its own, up to [AdminInFlightMax] at once, and may take as long as the work takes; it gives up
	// when ctx ends.
	Admin(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer
}

// adminSide serves the subjects of operators, apart from those of events: neither waits for the other.
type adminSide struct {
	server  *Server
	sub     *nats.Subscription
	slots   chan struct{} // one token a command that is being carried out
	running sync.WaitGroup
	ctx     context.Context //nolint:containedctx // the end of the server is the end of what it started
	cancel  context.CancelFunc
	unheard chan struct{} // closed when the subscription has delivered its last message
}

func (s *Server) subscribeAdmin() error {
	a := &adminSide{server: s, slots: make(chan struct{}, AdminInFlightMax), unheard: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	sub, err := s.nc.QueueSubscribe(SubjectAdmin, s.config.QueueGroup, a.receive)
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", SubjectAdmin, err)
	}
	a.sub = sub
	sub.SetClosedHandler(func(string) { close(a.unheard) })
	if err := sub.SetPendingLimits(s.config.PendingMessagesMax, s.config.PendingBytesMax); err != nil {
		return errors.Join(fmt.Errorf("set pending limits: %w", err), sub.Unsubscribe())
	}
	s.admin = a
	return nil
}

// receive takes one message of an operator. It runs on the subscription's goroutine and never waits for the work.
func (a *adminSide) receive(m *nats.Msg) {
	s := a.server
	s.stats.messages.Add(1)
	s.stats.messageBytes.Add(uint64(len(m.Data)))
	switch {
	case m.Reply == "":
		s.stats.droppedNoReply.Add(1)
		return
	case !replyAllowed(m.Reply, s.config.ReplyPrefixes):
		s.stats.droppedReply.Add(1)
		return
	}
	verb := strings.TrimPrefix(m.Subject, adminPrefix)
	shape := adminMessages[verb]
	if shape == nil {
		a.refuse(m, &refusal{
			code: engine.CodeUnknownVerb,
			text: "the subject ends in no verb of operators: use " + AdminSubject("<verb>") + " with " + adminVerbNames,
		})
		return
	}
	if len(m.Data) > CommandBytesMax {
		a.refuse(m, &refusal{
			code: engine.CodeTooLarge, text: "the message has " + strconv.Itoa(len(m.Data)) + " bytes and may have " + strconv.Itoa(CommandBytesMax),
		})
		return
	}
	d := new(decoder)
	cmd := &engine.AdminCommand{Verb: verb, Account: s.config.Account}
	if !d.decodeAdmin(shape, cmd, m.Data) {
		a.refuse(m, &refusal{code: d.problem.code, field: d.problem.field, text: d.problem.text})
		return
	}
	select {
	case a.slots <- struct{}{}:
	default:
		a.refuse(m, &refusal{
			code: engine.CodeOverloaded, retryAfterMs: s.config.RetryAfter.Milliseconds(),
			text: strconv.Itoa(AdminInFlightMax) + " commands of operators are being carried out: try again after retry_after_ms",
		})
		return
	}
	a.running.Go(func() {
		defer func() { <-a.slots }()
		a.carryOut(m, cmd, d.scope.correlation)
	})
}

func (a *adminSide) carryOut(m *nats.Msg, cmd *engine.AdminCommand, correlation string) {
	s := a.server
	answer := s.config.Admin.Admin(a.ctx, cmd)
	json := isJSON(m.Data)
	body := appendAdminAnswer(json, echoID(cmd.RequestID), correlation, answer)
	if len(body) > s.replyBytesMax {
		answer = &engine.AdminAnswer{Code: engine.CodeTooLarge, Text: "the answer is longer than a NATS message may be: ask for less", Audit: answer.Audit}
		body = appendAdminAnswer(json, echoID(cmd.RequestID), correlation, answer)
	}
	s.publish(m.Reply, answer.Code, correlation, body)
}

// refuse answers a message that was not carried out: nothing happened, and the audit does not have it.
func (a *adminSide) refuse(m *nats.Msg, ref *refusal) {
	s := a.server
	s.stats.refused[ref.code].Add(1)
	body := m.Data[:min(len(m.Data), CommandBytesMax)]
	id, correlation := rescue(body)
	s.publish(m.Reply, ref.code, correlation, appendAdminAnswer(isJSON(body), id, correlation, &engine.AdminAnswer{
		Code: ref.code, Field: ref.field, Text: ref.text, RetryAfterMs: ref.retryAfterMs,
	}))
}

// drain takes no more messages and waits until what was taken is answered, or ctx ends: then it tells the work to give up.
func (a *adminSide) drain(ctx context.Context) error {
	defer a.cancel()
	done := make(chan struct{})
	go func() {
		<-a.unheard
		a.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain: commands of operators are not answered: %w", ctx.Err())
	}
}
