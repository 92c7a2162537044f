package notice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/notice"
	"github.com/holdfast-engine/holdfast/transport/ticket"
)

// theatre is an event without actors or a disk: what it decides is in the log at once.
type theatre struct {
	mu     sync.Mutex
	events map[string]*engine.Event
	runs   []*engine.Run // a batch each
	at     uint64
	now    engine.Instant
	grown  chan struct{}
	fails  error // of the log
	asked  int
	busy   int // so many questions are answered overloaded
}

const start = engine.Instant(1906567200e9)

func newTheatre() *theatre {
	return &theatre{events: map[string]*engine.Event{}, now: start, grown: make(chan struct{}, 1)}
}

// do carries out commands of an event, a batch of the log together.
func (h *theatre) do(t *testing.T, event string, commands ...engine.Command) {
	t.Helper()
	h.step(t, event, engine.CodeOK, commands...)
}

// step is do, of commands that end with a code.
func (h *theatre) step(t *testing.T, event string, code engine.Code, commands ...engine.Command) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.events[event]
	if e == nil {
		e = engine.New(engine.Key{Account: "_", Kind: engine.KindEvent, ID: event})
		h.events[event] = e
	}
	run := &engine.Run{Key: e.Key(), First: e.Seq() + 1, At: h.now}
	for i := range commands {
		if commands[i].Verb.OfCallers() {
			commands[i].RequestID = fmt.Sprintf("r%d-%d", e.Seq(), i)
		}
		if out := e.Step(&commands[i], h.now, &run.Facts); out.Code != code {
			t.Fatalf("%s: %s %s", commands[i].Verb, out.Code, out.Text)
		}
	}
	h.runs = append(h.runs, run)
	select {
	case h.grown <- struct{}{}:
	default:
	}
}

// newestOrder is the id of the newest order of an event.
func (h *theatre) newestOrder(event string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return fmt.Sprintf("o%d", h.events[event].Stats().Orders)
}

func (h *theatre) Position() uint64 { h.mu.Lock(); defer h.mu.Unlock(); return h.at }

func (h *theatre) Advance(batch uint64) { h.mu.Lock(); defer h.mu.Unlock(); h.at = max(h.at, batch) }

func (h *theatre) Wait(ctx context.Context, after uint64) error {
	for {
		h.mu.Lock()
		ready, err := uint64(len(h.runs)) > after, h.fails
		h.mu.Unlock()
		if ready || err != nil {
			return err
		}
		select {
		case <-h.grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (h *theatre) Read(_ context.Context, after uint64, limit int, use func(uint64, *engine.Run) error) (uint64, error) {
	h.mu.Lock()
	runs := slices.Clone(h.runs)
	h.mu.Unlock()
	for ; after < uint64(len(runs)) && limit > 0; limit-- {
		if err := use(after+1, runs[after]); err != nil {
			return after, err
		}
		after++
	}
	return after, nil
}

func (h *theatre) Submit(r *engine.Request) engine.Code {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.events[r.Event]
	if e == nil {
		return engine.CodeEventUnknown
	}
	if h.asked++; h.busy > 0 {
		h.busy--
		return engine.CodeOverloaded
	}
	var facts engine.Facts
	for i := range r.Commands {
		r.Reply.Outcome(r, i, e.Step(&r.Commands[i], h.now, &facts))
	}
	r.Reply.Durable(r)
	return engine.CodeOK
}

// memorySafe keeps signing keys in memory.
type memorySafe map[string][]byte

func (s memorySafe) ReadKeys(account string) ([]byte, bool, error) {
	plain, ok := s[account]
	return plain, ok, nil
}

func (s memorySafe) WriteKeys(account string, plain []byte) error {
	s[account] = plain
	return nil
}

func newRing() *ticket.Ring { return ticket.NewRing(memorySafe{}, time.Now) }

// house is an embedded NATS server with JetStream.
func house(t *testing.T) (*natsserver.Server, *nats.Conn) {
	t.Helper()
	s, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	nc, err := transport.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return s, nc
}

func streams(t *testing.T, nc *nats.Conn) *notice.Streams {
	t.Helper()
	s := notice.NewStreams()
	if err := s.Add("_", nc, true, notice.StreamConfig{}); err != nil {
		t.Fatal(err)
	}
	return s
}

func reader(h *theatre, p notice.Publisher, codes notice.Codes) *notice.Reader {
	return &notice.Reader{Log: h, Engine: h, Codes: codes, Publisher: p, Logger: slog.New(slog.DiscardHandler), Now: later}
}

// later is behind everything that happens in a theatre.
func later() time.Time { return time.Unix(int64(start/1e9)+3600, 0) }

// run runs a reader until the test ends or stop is called.
func run(t *testing.T, r *notice.Reader) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the reader stopped: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// told is a notice as a service sees it.
type told struct {
	subject                                                 string
	msgID                                                   string
	SpecVersion, ID, Source, Type, Subject, DataContentType string
	Time                                                    time.Time
	Data                                                    notice.Data
	body                                                    []byte
}

// take reads notices from the stream until one of the kind comes, and returns all.
func take(t *testing.T, nc *nats.Conn, until func(*told) bool) []told {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var c jetstream.Consumer
	for c == nil { // until the reader has made the stream
		c, err = js.OrderedConsumer(ctx, notice.Stream, jetstream.OrderedConsumerConfig{})
		if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Fatal(err)
		}
	}
	it, err := c.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer it.Stop()
	context.AfterFunc(ctx, it.Stop)
	var all []told
	for {
		m, err := it.Next()
		if err != nil {
			t.Fatalf("after %d notices: %v", len(all), err)
		}
		v := told{subject: m.Subject(), msgID: m.Headers().Get(jetstream.MsgIDHeader), body: m.Data()}
		if err := json.Unmarshal(m.Data(), &v); err != nil {
			t.Fatalf("%v: %s", err, m.Data())
		}
		all = append(all, v)
		if until(&all[len(all)-1]) {
			return all
		}
	}
}

func ofKind(kind notice.Kind) func(*told) bool {
	return func(v *told) bool { return strings.HasSuffix(v.subject, "."+string(kind)) }
}

func night() *engine.EventSpec {
	return &engine.EventSpec{
		Name: "Night One", Performer: "The Openers", Venue: "Arena", City: "Utrecht", Country: "NL", TimeZone: "Europe/Amsterdam", Currency: "EUR",
		StartsAt: start + 9000e9, DoorsAt: start + 8000e9, HoldTTLMs: 60_000, MaxHoldMs: 60_000, HasSpread: true, Open: true,
		Lots: []engine.LotSpec{
			{Lot: "ga", Name: "Standing", FaceMinor: 4500, TaxMinor: 400, Fees: []engine.Fee{{Name: "service", Minor: 250}}, Capacity: 4, Units: 2},
			{Lot: "stalls", FaceMinor: 9000, Rows: []engine.RowSpec{{Section: "A", Row: "1", Seats: 2}}},
		},
	}
}

func hold(buyer string, items ...engine.Item) engine.Command {
	return engine.Command{Verb: engine.VerbHold, Buyer: buyer, Items: items}
}

func confirm(buyer, hold string) engine.Command {
	return engine.Command{Verb: engine.VerbConfirm, Buyer: buyer, Hold: hold, PaymentRef: "inv-" + hold}
}

// sellOut plays a short sale to its end.
func sellOut(t *testing.T, h *theatre, event string) {
	t.Helper()
	h.do(t, event, engine.Command{Verb: engine.VerbCreate, Spec: night()})
	h.do(t, event, hold("b1", engine.Item{Lot: "ga", Quantity: 1}, engine.Item{Lot: "stalls", Seats: []string{"A/1/2", "A/1/1"}}))
	h.do(t, event, hold("b2", engine.Item{Lot: "ga", Quantity: 1}))
	h.do(t, event, confirm("b1", "h1"))
	h.now += 100e9
	h.do(t, event, engine.Command{Verb: engine.VerbExpire})
	h.do(t, event, hold("b3", engine.Item{Lot: "ga", Quantity: 1}))
	h.do(t, event, confirm("b3", "h3"))
	h.do(t, event, engine.Command{Verb: engine.VerbUpdate, Spec: &engine.EventSpec{Set: engine.SetStartsAt, StartsAt: start + 19000e9}})
	h.do(t, event, engine.Command{Verb: engine.VerbUpdate, Spec: &engine.EventSpec{Set: engine.SetName, Name: "Night Two"}})
	h.do(t, event, engine.Command{Verb: engine.VerbClose})
}

func TestASaleIsToldInItsOrder(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	_, nc := house(t)
	ring := newRing()
	r := reader(h, streams(t, nc), ring)
	run(t, r)
	h.do(t, "night-one", engine.Command{Verb: engine.VerbCreate, Spec: night()})
	h.do(t, "night-one", hold("b1", engine.Item{Lot: "ga", Quantity: 1}, engine.Item{Lot: "stalls", Seats: []string{"A/1/2", "A/1/1"}}))
	h.do(t, "night-one", confirm("b1", "h1"))
	all := take(t, nc, ofKind(notice.TicketIssued))
	if len(all) != 2 {
		t.Fatalf("an order is told in %d notices: %+v", len(all), all)
	}
	o := all[0]
	if o.subject != "holdfast.v1.notices.night-one.order.confirmed" || o.SpecVersion != "1.0" || o.Type != "holdfast.v1.order.confirmed" || o.Subject != "o1" ||
		o.Source != "/holdfast/_/events/night-one" || o.msgID != o.ID || o.ID != "_/night-one/3" || !o.Time.Equal(time.Unix(0, int64(start))) || o.DataContentType != "application/json" {
		t.Fatalf("the envelope is %+v", o)
	}
	d := o.Data
	if d.Event.Name != "Night One" || d.Event.Venue != "Arena" || d.Event.StartsAt.Unix() != int64(start/1e9)+9000 || d.Buyer != "b1" || d.RequestID != "r2-0" || d.Order.TotalMinor != 22750 ||
		d.Order.Currency != "EUR" || d.Order.TicketCount != 4 || d.Order.PaymentRef != "inv-h1" || d.Order.Hold != "h1" || len(d.Order.Items) != 2 {
		t.Fatalf("the order is %+v %+v", d, d.Order)
	}
	if it := d.Order.Items[0]; it.Lot != "ga" || it.Name != "Standing" || it.Quantity != 1 || it.FaceMinor != 4500 || it.TaxMinor != 400 || len(it.Fees) != 1 || it.Fees[0].Minor != 250 {
		t.Fatalf("the item is %+v", it)
	}
	public, err := ring.Public("_")
	if err != nil {
		t.Fatal(err)
	}
	var issued []string
	for _, one := range all[1].Data.Tickets {
		c, err := ticket.Verify(one.Code, &public)
		if err != nil || c.Event != "night-one" || c.Ticket != one.ID || c.Seat != one.Seat || c.Lot != one.Lot || c.Account != "_" {
			t.Fatalf("the code of %+v says %+v, %v", one, c, err)
		}
		issued = append(issued, one.ID+" "+one.Lot+" "+one.Seat)
	}
	if want := []string{"t1 ga ", "t2 ga ", "t3 stalls A/1/2", "t4 stalls A/1/1"}; !slices.Equal(issued, want) {
		t.Fatalf("tickets %q, want %q", issued, want)
	}
}

func TestEveryKindIsTold(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	_, nc := house(t)
	sellOut(t, h, "night-one") // before anybody reads: the last order finds the event sold out, and so does the one before
	r := reader(h, streams(t, nc), newRing())
	r.Now = func() time.Time { return time.Unix(int64(h.now/1e9), 0) }
	run(t, r)
	var kinds []string
	for _, v := range take(t, nc, ofKind(notice.EventClosed)) {
		kinds = append(kinds, strings.TrimPrefix(v.subject, "holdfast.v1.notices.night-one."))
		if v.ID != v.msgID || v.Data.Event.ID != "night-one" {
			t.Errorf("%+v", v)
		}
	}
	want := []string{"order.confirmed", "ticket.issued", "hold.expired", "order.confirmed", "ticket.issued", "event.rescheduled", "event.closed"}
	if !slices.Equal(kinds, want) {
		t.Fatalf("told %q, want %q", kinds, want)
	}
}

func TestAReaderFarBehindPassesOverTheEndsOfHolds(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	_, nc := house(t)
	sellOut(t, h, "night-one")
	r := reader(h, streams(t, nc), newRing()) // an hour later
	run(t, r)
	orders := 0
	for _, v := range take(t, nc, ofKind(notice.EventClosed)) {
		switch strings.TrimPrefix(v.subject, "holdfast.v1.notices.night-one.") {
		case string(notice.HoldExpired):
			t.Errorf("the end of a hold an hour ago is told: %+v", v)
		case string(notice.OrderConfirmed):
			orders++
		}
	}
	if late := r.Stats().Late; late != 1 || orders != 2 {
		t.Errorf("%d ends of holds were passed over and %d orders told, want 1 and 2", late, orders)
	}
}

func TestASoldOutEventIsToldOnce(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	_, nc := house(t)
	run(t, reader(h, streams(t, nc), newRing()))
	spec := night()
	spec.Lots = spec.Lots[1:]
	h.do(t, "small", engine.Command{Verb: engine.VerbCreate, Spec: spec})
	h.do(t, "small", hold("b1", engine.Item{Lot: "stalls", Quantity: 1}))
	h.do(t, "small", hold("b2", engine.Item{Lot: "stalls", Quantity: 1}))
	h.do(t, "small", confirm("b1", "h1"))
	h.do(t, "small", confirm("b2", "h2"))
	take(t, nc, ofKind(notice.EventSoldOut))
	h.do(t, "small", engine.Command{Verb: engine.VerbUpdate, Spec: &engine.EventSpec{Set: engine.SetStartsAt, StartsAt: start + 1e9}})
	all := take(t, nc, ofKind(notice.EventRescheduled))
	sold := slices.DeleteFunc(all, func(v told) bool { return !ofKind(notice.EventSoldOut)(&v) })
	if len(sold) != 1 || sold[0].ID != "_/small/sold_out/2" || sold[0].Data.Event.State != "on_sale" {
		t.Fatalf("sold out is told as %+v", sold)
	}
}

// flaky fails every few times, before or after the notice was kept.
type flaky struct {
	notice.Publisher
	mu sync.Mutex
	n  int
}

func (f *flaky) Publish(ctx context.Context, n *notice.Notice) error {
	f.mu.Lock()
	f.n++
	turn := f.n % 3
	f.mu.Unlock()
	if turn == 0 {
		return errors.New("no way out")
	}
	err := f.Publisher.Publish(ctx, n)
	if turn == 1 && err == nil {
		return errors.New("no answer came back")
	}
	return err
}

func TestNothingIsLostDoubledOrOvertakenWhenPublishingFails(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	_, nc := house(t)
	f := &flaky{Publisher: streams(t, nc)}
	r := reader(h, f, newRing())
	stop := run(t, r)
	spec := night()
	spec.Lots[0].Capacity = 1000
	h.do(t, "night-one", engine.Command{Verb: engine.VerbCreate, Spec: spec})
	for i := range 8 {
		buyer := fmt.Sprintf("b%d", i)
		h.do(t, "night-one", hold(buyer, engine.Item{Lot: "ga", Quantity: 1}))
		h.do(t, "night-one", confirm(buyer, fmt.Sprintf("h%d", i+1)))
		if i == 3 { // what the reader had in hand comes again
			stop()
			stop = run(t, r)
		}
	}
	h.do(t, "night-one", engine.Command{Verb: engine.VerbClose})
	seen := map[string]bool{}
	var orders []string
	for _, v := range take(t, nc, ofKind(notice.EventClosed)) {
		if seen[v.ID] {
			t.Errorf("%s is there twice", v.ID)
		}
		seen[v.ID] = true
		if ofKind(notice.OrderConfirmed)(&v) {
			orders = append(orders, v.Data.Order.ID)
		}
	}
	if want := []string{"o1", "o2", "o3", "o4", "o5", "o6", "o7", "o8"}; !slices.Equal(orders, want) {
		t.Fatalf("orders %q, want %q", orders, want)
	}
	for h.Position() < uint64(len(h.runs)) {
		time.Sleep(time.Millisecond)
	}
	if s := r.Stats(); s.Failures == 0 || s.Published < 17 {
		t.Fatalf("%+v", s)
	}
}

func TestTheCursorMovesOnlyWhenNoticesAreKept(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	s, nc := house(t)
	h.do(t, "night-one", engine.Command{Verb: engine.VerbCreate, Spec: night()})
	h.do(t, "night-one", hold("b1", engine.Item{Lot: "ga", Quantity: 1}))
	r := reader(h, streams(t, nc), newRing())
	stop := run(t, r)
	h.do(t, "night-one", confirm("b1", "h1"))
	take(t, nc, ofKind(notice.TicketIssued))
	s.Shutdown()
	before := h.Position()
	h.do(t, "night-one", engine.Command{Verb: engine.VerbClose})
	for r.Stats().Failures == 0 {
		time.Sleep(time.Millisecond)
	}
	stop()
	if now := h.Position(); now > 3 || before > 3 {
		t.Fatalf("the cursor is at %d although the fourth batch was not told", now)
	}
	if r.Stats().Lag <= 0 {
		t.Fatal("a notice that cannot be published does not lag")
	}
}

func TestAnEventThatIsGoneHoldsUpNobody(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	_, nc := house(t)
	sellOut(t, h, "gone")
	delete(h.events, "gone")
	h.busy = 2 // and one that is busy is asked again
	sellOut(t, h, "night-one")
	r := reader(h, streams(t, nc), newRing())
	run(t, r)
	for _, v := range take(t, nc, ofKind(notice.EventClosed)) {
		if v.Data.Event.ID != "night-one" {
			t.Fatalf("%+v", v)
		}
	}
	for h.Position() < uint64(len(h.runs)) {
		time.Sleep(time.Millisecond)
	}
	if s := r.Stats(); s.Skipped != 4 || s.Late != 2 || s.Lag != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestAnAccountWithoutJetStreamHasNoNotices(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	s, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	nc, err := transport.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	sellOut(t, h, "night-one")
	r := reader(h, streams(t, nc), newRing())
	run(t, r)
	for h.Position() < uint64(len(h.runs)) {
		time.Sleep(time.Millisecond)
	}
	if s := r.Stats(); s.Published != 0 || s.Skipped == 0 {
		t.Fatalf("%+v", s)
	}
}

func TestALogThatCannotBeReadEndsTheReader(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	_, nc := house(t)
	h.fails = errors.New("the disk is gone")
	if err := reader(h, streams(t, nc), newRing()).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "the disk is gone") {
		t.Fatal(err)
	}
	h = newTheatre()
	h.runs = append(h.runs, &engine.Run{Key: engine.Key{Account: "_", Kind: engine.KindEvent, ID: "x"}, First: 1, Facts: engine.Facts{Buf: []byte{250}, Count: 1}})
	if err := reader(h, streams(t, nc), newRing()).Run(t.Context()); !errors.Is(err, engine.ErrMalformed) {
		t.Fatal(err)
	}
}

func TestTheStreamIsBoundedAndKeptBySomebodyElseOnlyIfItFits(t *testing.T) {
	t.Parallel()
	_, nc := house(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	one := &notice.Notice{Account: "_", Event: "e1", Kind: notice.EventClosed, ID: "_/e1/1", Body: []byte("{}")}
	publish := func(c notice.StreamConfig) error {
		s := notice.NewStreams()
		if err := s.Add("_", nc, true, c); err != nil {
			return err
		}
		return s.Publish(t.Context(), one)
	}
	if err := publish(notice.StreamConfig{AgeMax: time.Second}); err == nil {
		t.Fatal("notices that are gone before anybody reads them are taken")
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: notice.Stream, Subjects: []string{"other.>"}}); err != nil {
		t.Fatal(err)
	}
	if err := publish(notice.StreamConfig{}); err == nil || !strings.Contains(err.Error(), "somebody else made it") {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), notice.Stream); err != nil {
		t.Fatal(err)
	}
	for _, bytesMax := range []int64{0, 4096} {
		if err := publish(notice.StreamConfig{BytesMax: bytesMax}); err != nil {
			t.Fatal(err)
		}
	}
	info, err := js.Stream(t.Context(), notice.Stream)
	if err != nil {
		t.Fatal(err)
	}
	c := info.CachedInfo()
	if c.Config.MaxBytes != 4096 || c.Config.MaxAge != notice.StreamAgeMaxDefault || c.State.Msgs != 1 {
		t.Fatalf("%+v %+v", c.Config, c.State)
	}
	s := streams(t, nc)
	for i := range 100 { // more than 4,096 bytes: the oldest go
		if err := s.Publish(t.Context(), &notice.Notice{Account: "_", Event: "e1", Kind: notice.EventClosed, ID: fmt.Sprintf("_/e1/x%d", i), Body: make([]byte, 200)}); err != nil {
			t.Fatal(err)
		}
		if i == 0 { // the bounds are the default ones again
			if _, err := js.UpdateStream(t.Context(), c.Config); err != nil {
				t.Fatal(err)
			}
		}
	}
	if after, err := info.Info(t.Context()); err != nil || after.State.Bytes > 4096 || after.State.Msgs < 2 || after.State.FirstSeq == 1 {
		t.Fatalf("%+v, %v", after.State, err)
	}
	if err := js.DeleteStream(t.Context(), notice.Stream); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(t.Context(), one); err == nil {
		t.Fatal("a stream that is not there keeps a notice")
	}
	if err := s.Publish(t.Context(), one); err != nil {
		t.Fatalf("the stream was deleted and is not made again: %v", err)
	}
}

func BenchmarkPublish(b *testing.B) {
	s, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0", DataDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Shutdown()
	nc, err := transport.Connect(url)
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	streams := notice.NewStreams()
	if err := streams.Add("_", nc, true, notice.StreamConfig{}); err != nil {
		b.Fatal(err)
	}
	body := make([]byte, 1500)
	n := 0
	for b.Loop() {
		n++
		if err := streams.Publish(b.Context(), &notice.Notice{Account: "_", Event: "e1", Kind: notice.OrderConfirmed, ID: fmt.Sprintf("_/e1/%d", n), Body: body}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAnOrderOfManyTicketsIsToldInParts(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	_, nc := house(t)
	long := strings.Repeat("x", engine.IDLenMax)
	spec := night()
	spec.Lots = []engine.LotSpec{{Lot: long, Name: strings.Repeat("y", engine.EventTextLenMax), FaceMinor: 100, Capacity: engine.CapacityMax, Units: 50}}
	h.do(t, long, engine.Command{Verb: engine.VerbCreate, Spec: spec})
	h.do(t, long, hold(long, engine.Item{Lot: long, Quantity: 5}))
	h.do(t, long, confirm(long, "h1"))
	var many []engine.Command // in one batch of the log: more than an event is asked about at once
	for i := range notice.FactsPerReadMax + 10 {
		many = append(many, engine.Command{Verb: engine.VerbUpdate, Spec: &engine.EventSpec{Set: engine.SetStartsAt, StartsAt: start + engine.Instant(i+1)*1e9}})
	}
	h.do(t, long, many...)
	h.do(t, long, engine.Command{Verb: engine.VerbClose})
	run(t, reader(h, streams(t, nc), newRing()))
	var parts, rescheduled int
	seen := map[string]bool{}
	for _, v := range take(t, nc, ofKind(notice.EventClosed)) {
		switch {
		case ofKind(notice.TicketIssued)(&v):
			parts++
			if len(v.Data.Tickets) > notice.TicketsPerNoticeMax || len(v.body) > notice.MessageBytesMax/4 {
				t.Errorf("%d tickets in %d bytes", len(v.Data.Tickets), len(v.body))
			}
			for _, one := range v.Data.Tickets {
				if seen[one.ID] {
					t.Errorf("ticket %s is told twice", one.ID)
				}
				seen[one.ID] = true
			}
		case ofKind(notice.EventRescheduled)(&v):
			rescheduled++
		}
	}
	if parts != 3 || len(seen) != 250 || rescheduled != notice.FactsPerReadMax+10 {
		t.Fatalf("%d tickets in %d parts, %d times rescheduled", len(seen), parts, rescheduled)
	}
}

// crowd counts how many publish at once.
type crowd struct {
	mu        sync.Mutex
	now, most int
	once      sync.Once
	full      chan struct{}
}

func (c *crowd) Publish(context.Context, *notice.Notice) error {
	c.mu.Lock()
	c.now++
	if c.most = max(c.most, c.now); c.most == notice.EventsAtOnceMax {
		c.once.Do(func() { close(c.full) })
	}
	c.mu.Unlock()
	<-c.full
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
	return nil
}

func TestManyEventsAreToldSideBySide(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	for i := range 3 * notice.EventsAtOnceMax {
		event := fmt.Sprintf("e%d", i)
		h.do(t, event, engine.Command{Verb: engine.VerbCreate, Spec: night()})
		h.do(t, event, engine.Command{Verb: engine.VerbClose})
	}
	c := &crowd{full: make(chan struct{})}
	run(t, reader(h, c, newRing()))
	for h.Position() < uint64(len(h.runs)) {
		time.Sleep(time.Millisecond)
	}
	if c.most != notice.EventsAtOnceMax {
		t.Fatalf("%d at once", c.most)
	}
}
