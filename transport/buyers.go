package transport

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// Wallets takes commands for buyers' wallets. It is what transport needs from the actors beside [Engine].
type Wallets interface {
	// SubmitWallet hands a request to the shard of its buyers. With CodeOK the request's Replier will be told, possibly before SubmitWallet returns;
	// with any other code nothing happened and the caller answers it.
	SubmitWallet(*wallet.Request) engine.Code
}

const (
	buyersPrefix = "holdfast.v1.buyers."
	// SubjectBuyers is what the engine subscribes to: every verb for every buyer's wallet.
	SubjectBuyers = buyersPrefix + "*.*"
)

// BuyerSubject returns the subject of a verb for a buyer's wallet, as in holdfast.v1.buyers.b1.save.
func BuyerSubject(buyer, verb string) string { return buyersPrefix + buyer + "." + verb }

// buyersSide answers commands for buyers' wallets.
type buyersSide struct {
	server  *Server
	sub     *nats.Subscription
	unheard chan struct{} // closed when the subscription has delivered its last message
}

func (s *Server) subscribeBuyers() error {
	b := &buyersSide{server: s, unheard: make(chan struct{})}
	sub, err := s.nc.QueueSubscribe(SubjectBuyers, s.config.QueueGroup, b.receive)
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", SubjectBuyers, err)
	}
	b.sub = sub
	sub.SetClosedHandler(func(string) { close(b.unheard) })
	if err := sub.SetPendingLimits(s.config.PendingMessagesMax, s.config.PendingBytesMax); err != nil {
		return errors.Join(fmt.Errorf("set pending limits: %w", err), sub.Unsubscribe())
	}
	s.buyers = b
	return nil
}

// receive takes one message. It runs on the subscription's goroutine.
func (b *buyersSide) receive(m *nats.Msg) {
	s := b.server
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
	buyer, name, _ := strings.Cut(strings.TrimPrefix(m.Subject, buyersPrefix), ".")
	verb, known := wallet.ParseVerb(name)
	if ref := b.check(m, buyer, known && verb.OfBuyers()); ref != nil {
		b.refuse(m, ref)
		return
	}
	r := newRequest(s, engine.VerbNone)
	r.replyTo, r.json = m.Reply, isJSON(m.Data)
	if r.json {
		s.stats.json.Add(1)
	}
	w := &walletRequest{request: r}
	if !r.decodeWallet(verb, buyer, &w.command[0], m.Data) {
		b.refuse(m, &refusal{code: r.problem.code, field: r.problem.field, text: r.problem.text})
		r.free()
		return
	}
	r.correlation = r.decoder.correlation()
	code := s.take(1, int64(len(m.Data)))
	if code == engine.CodeOK {
		r.taken, r.takenBytes = 1, int64(len(m.Data))
		w.Request = wallet.Request{Account: s.config.Account, Commands: w.command[:], Reply: w}
		if code = s.config.Wallets.SubmitWallet(&w.Request); code == engine.CodeOK {
			s.stats.commands.Add(1)
			return
		}
	}
	b.refuse(m, b.submitRefusal(code))
	s.release(r)
}

// check refuses what subject, headers and size alone show to be wrong.
func (b *buyersSide) check(m *nats.Msg, buyer string, known bool) *refusal {
	switch {
	case m.Header != nil && cardInHeaders(m.Header):
		return &refusal{code: engine.CodeCardNumber, field: "header", text: "a header looks like a card number: never send one"}
	case looksLikeCard(buyer):
		return &refusal{code: engine.CodeCardNumber, field: "buyer", text: "the buyer id looks like a card number: never send one"}
	case !engine.ValidID(buyer):
		return &refusal{code: engine.CodeInvalid, field: "buyer", text: "the buyer id in the subject must be 1 to 64 of A-Z a-z 0-9 _ -"}
	case !known:
		return &refusal{
			code: engine.CodeUnknownVerb,
			text: "the subject ends in no verb for buyers: use " + BuyerSubject("<buyer>", "<verb>") + " with " + walletVerbNames,
		}
	case len(m.Data) > CommandBytesMax:
		return &refusal{
			code: engine.CodeTooLarge,
			text: "the message has " + strconv.Itoa(len(m.Data)) + " bytes and may have " + strconv.Itoa(CommandBytesMax),
		}
	}
	return nil
}

// refuse answers a message that no shard has taken.
func (b *buyersSide) refuse(m *nats.Msg, ref *refusal) {
	s := b.server
	s.stats.refused[ref.code].Add(1)
	body := m.Data[:min(len(m.Data), CommandBytesMax)]
	id, correlation := rescue(body)
	out := wallet.Outcome{Code: ref.code, Field: ref.field, Text: ref.text, RetryAfterMs: ref.retryAfterMs}
	s.publish(m.Reply, ref.code, correlation, appendWalletReply(isJSON(body), id, correlation, "", &out))
}

// submitRefusal words the codes that SubmitWallet may return.
func (b *buyersSide) submitRefusal(code engine.Code) *refusal {
	ref := b.server.submitRefusal(code, "")
	if code == engine.CodeQuarantined {
		ref.text = "the wallets of this buyer's partition are set aside because their state could not be trusted: an operator must look"
	}
	return &ref
}

// walletRequest is one command for a buyer's wallet on its way. It is the shard's Replier for itself.
type walletRequest struct {
	wallet.Request
	request *request
	command [1]wallet.Command
}

// Outcome implements [wallet.Replier].
func (w *walletRequest) Outcome(_ *wallet.Request, _ int, out *wallet.Outcome) {
	r := w.request
	r.refused = out.Code
	r.out = append(r.out[:0], appendWalletReply(r.json, echoID(w.command[0].RequestID), r.correlation, w.command[0].Buyer, out)...)
}

// Durable implements [wallet.Replier].
func (w *walletRequest) Durable(*wallet.Request) { w.request.server.outbox.post(w.request) }
