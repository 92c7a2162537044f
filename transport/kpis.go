package transport

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

const (
	kpisPrefix = "holdfast.v1.kpis."
	kpisGet    = "get"
	// subjectKPIRequests is what the engine subscribes to for analysts.
	subjectKPIRequests = kpisPrefix + "*"
	// SubjectKPIs answers queries for figures.
	SubjectKPIs = kpisPrefix + kpisGet
)

// kpisSide answers queries for figures, apart from commands: neither waits for the other.
type kpisSide struct {
	server  *Server
	sub     *nats.Subscription
	slots   chan struct{} // one token a query that is being answered
	running sync.WaitGroup
	ctx     context.Context //nolint:containedctx // the end of the server is the end of what it started
	cancel  context.CancelFunc
	unheard chan struct{} // closed when the subscription has delivered its last message
	silence chan struct{} // closed when nothing more is to be published
}

func (s *Server) subscribeKPIs() error {
	k := &kpisSide{server: s, slots: make(chan struct{}, KPIRequestsMax), unheard: make(chan struct{}), silence: make(chan struct{})}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	sub, err := s.nc.QueueSubscribe(subjectKPIRequests, s.config.QueueGroup, k.receive)
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", subjectKPIRequests, err)
	}
	k.sub = sub
	sub.SetClosedHandler(func(string) { close(k.unheard) })
	if err := sub.SetPendingLimits(s.config.PendingMessagesMax, s.config.PendingBytesMax); err != nil {
		return errors.Join(fmt.Errorf("set pending limits: %w", err), sub.Unsubscribe())
	}
	s.kpis = k
	k.running.Go(k.publishAll)
	return nil
}

// receive takes one query. It runs on the subscription's goroutine and never waits for the answer.
func (k *kpisSide) receive(m *nats.Msg) {
	s := k.server
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
	switch {
	case m.Header != nil && cardInHeaders(m.Header):
		k.refuse(m, &refusal{code: engine.CodeCardNumber, field: "header", text: "a header looks like a card number: never send one"})
		return
	case strings.TrimPrefix(m.Subject, kpisPrefix) != kpisGet:
		k.refuse(m, &refusal{code: engine.CodeUnknownVerb, text: "the subject ends in no verb of this contract: use " + SubjectKPIs})
		return
	case len(m.Data) > CommandBytesMax:
		k.refuse(m, &refusal{
			code: engine.CodeTooLarge, text: "the message has " + strconv.Itoa(len(m.Data)) + " bytes and may have " + strconv.Itoa(CommandBytesMax),
		})
		return
	}
	d, q := new(decoder), &measure.Query{Account: s.config.Account}
	if !d.decodeKPIs(q, m.Data) {
		k.refuse(m, &refusal{code: d.problem.code, field: d.problem.field, text: d.problem.text})
		return
	}
	select {
	case k.slots <- struct{}{}:
	default:
		k.refuse(m, &refusal{
			code: engine.CodeOverloaded, retryAfterMs: kpiRetryAfter.Milliseconds(),
			text: strconv.Itoa(KPIRequestsMax) + " queries are being answered: try again after retry_after_ms",
		})
		return
	}
	k.running.Go(func() {
		defer func() { <-k.slots }()
		k.answer(m, q, echoID(d.scope.requestID), d.scope.correlation)
	})
}

func (k *kpisSide) answer(m *nats.Msg, q *measure.Query, requestID, correlation string) {
	ctx, cancel := context.WithTimeout(k.ctx, kpiAnswerTimeout)
	defer cancel()
	s := k.server
	answer, ref := answerOf(ctx, s.config.Measurer, q)
	var body []byte
	if ref == nil {
		if body = appendKPIs(isJSON(m.Data), requestID, correlation, answer, nil); len(body) > s.replyBytesMax {
			ref = &refusal{code: engine.CodeTooLarge, text: "the answer is longer than a NATS message may be: name the KPIs, or ask for one event"}
		}
	}
	if ref != nil {
		s.stats.refused[ref.code].Add(1)
		s.publish(m.Reply, ref.code, correlation, appendKPIs(isJSON(m.Data), requestID, correlation, nil, ref))
		return
	}
	s.publish(m.Reply, engine.CodeOK, correlation, body)
}

// refuse answers a message that was not answered with figures.
func (k *kpisSide) refuse(m *nats.Msg, ref *refusal) {
	s := k.server
	s.stats.refused[ref.code].Add(1)
	body := m.Data[:min(len(m.Data), CommandBytesMax)]
	id, correlation := rescue(body)
	s.publish(m.Reply, ref.code, correlation, appendKPIs(isJSON(body), id, correlation, nil, ref))
}

// drain publishes nothing more, takes no more queries and waits until those that were taken are answered, or ctx ends: then it tells the work to give up.
func (k *kpisSide) drain(ctx context.Context) error {
	defer k.cancel()
	done := make(chan struct{})
	go func() {
		<-k.unheard
		close(k.silence)
		k.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain: queries for figures are not answered: %w", ctx.Err())
	}
}

// kpisMessage is the query as a table, for both decoders.
var kpisMessage = newMessage("KpisCommand",
	requestIDField(),
	field{name: "event", num: 5, kind: kindString, str: func(s *scope) *string { return &s.query.Event }},
	field{name: "window", num: 6, kind: kindString, words: listed(measure.Windows()), word: func(s *scope, w string) bool {
		s.query.Window = measure.Window(w)
		return w == "" || s.query.Window.LengthMs() > 0 || s.query.Window == measure.WindowSale
	}},
	field{name: "by", num: 7, kind: kindString, words: listed(measure.Dimensions()[1:]), word: func(s *scope, w string) bool {
		s.query.By = measure.Dimension(w)
		return w == "" || strings.Contains(", "+listed(measure.Dimensions()[1:])+", ", ", "+w+", ")
	}},
	field{name: "kpis", num: 8, kind: kindStrings, add: func(d *decoder, s *scope, v string) {
		if len(s.query.KPIs) == kpisPerQueryMax {
			d.fail(engine.CodeTooLarge, "kpis", "at most "+strconv.Itoa(kpisPerQueryMax)+" KPIs may be named; none at all asks for all")
			return
		}
		s.query.KPIs = append(s.query.KPIs, strings.Clone(v))
	}},
	correlationField(),
)

// listed lists words for people.
func listed[T ~string](words []T) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}

// decodeKPIs reads a query and checks it.
func (d *decoder) decodeKPIs(q *measure.Query, body []byte) bool {
	d.scope.query = q
	if !d.decode(kpisMessage, body) {
		return false
	}
	q.Event, q.Window, q.By = strings.Clone(q.Event), measure.Window(strings.Clone(string(q.Window))), measure.Dimension(strings.Clone(string(q.By)))
	if ref := checkQuery(q); ref != nil {
		d.fail(ref.code, ref.field, ref.text)
		return false
	}
	return true
}

// appendKPIs encodes figures, or why there are none, as JSON or as protobuf.
func appendKPIs(json bool, requestID, correlation string, a *measure.Answer, ref *refusal) []byte {
	m := &pb.KpisReply{RequestId: requestID, Correlation: correlation}
	if ref != nil {
		m.Error = &pb.Error{
			Code: ref.code.String(), Message: strings.ToValidUTF8(ref.text, "?"), Field: ref.field, Retryable: ref.code.Retryable(), RetryAfterMs: ref.retryAfterMs,
		}
	} else {
		m.Kpis = kpisReply(a)
	}
	if json {
		w := jsonWriter{}
		w.message(m.ProtoReflect())
		return w.b
	}
	body, err := proto.Marshal(m)
	if err != nil {
		panic("transport: figures do not encode: " + err.Error()) // a string that is not UTF-8: none gets here
	}
	return body
}

func kpisReply(a *measure.Answer) *pb.Kpis {
	m := &pb.Kpis{Title: a.Title, AtMs: &a.AtMs, ThroughMs: &a.ThroughMs, LagMs: &a.LagMs, Batch: number(a.Batch), Folded: a.Folded}
	for i := range a.Rows {
		row := &pb.KpiRow{Series: strings.ToValidUTF8(a.Rows[i].Series, "?")}
		for j := range a.Rows[i].Figures {
			f := &a.Rows[i].Figures[j]
			row.Figures = append(row.Figures, &pb.KpiFigure{
				Kpi: f.KPI, Value: f.Value, Why: string(f.Why), Unit: string(f.Unit), Numerator: f.Numerator, Denominator: f.Denominator, Low: f.Low, High: f.High,
				RelativeErrorMax: f.RelativeErrorMax, Mature: f.Mature, SoFar: f.SoFar, Currency: f.Currency,
			})
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}
