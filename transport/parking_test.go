package transport_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// till is a fake engine whose purchases have the state that the test says, and a server in front of it. It remembers request ids as the engine does.
type till struct {
	*world
	watch *transport.Watch
	state atomic.Uint32 // of every purchase, an engine.PurchaseState
	code  atomic.Uint32 // of every answer, an engine.Code
	seq   atomic.Uint64

	mu    sync.Mutex
	known map[string]engine.PurchaseID
}

func newTill(t *testing.T, c transport.Config) *till {
	t.Helper()
	s := &till{watch: new(transport.Watch), known: map[string]engine.PurchaseID{}}
	s.state.Store(uint32(engine.PurchaseQueued))
	c.Watch = s.watch
	s.world = serve(t, c, &transporttest.Engine{Async: true, Answer: s.answer})
	return s
}

func (s *till) answer(r *engine.Request, i int, out *engine.Outcome) {
	c := &r.Commands[i]
	out.Code, out.Seq = engine.Code(s.code.Load()), engine.Seq(s.seq.Add(1))
	if out.Code != engine.CodeOK {
		return
	}
	id, _, read := engine.ParsePurchaseID(c.Payment.Purchase)
	if !read {
		s.mu.Lock()
		id, out.Repeated = s.known[c.RequestID], true
		if id == 0 {
			id, out.Repeated = engine.PurchaseID(len(s.known)+1), false
			s.known[c.RequestID] = id
		}
		s.mu.Unlock()
	}
	out.Shows = engine.ShowsPurchase
	out.Purchase = &engine.PurchaseView{
		ID: id, Event: r.Event, Buyer: c.Buyer, State: engine.PurchaseState(s.state.Load()), Hold: 1, TotalMinor: 9500, Currency: "EUR",
	}
	switch out.Purchase.State { //nolint:exhaustive // the others show nothing more
	case engine.PurchaseSold:
		out.Shows |= engine.ShowsOrder
		out.Purchase.Order, out.Purchase.Charge = 1, engine.ChargeAuthorised
		out.Order = engine.OrderView{
			ID: 1, Event: r.Event, Buyer: c.Buyer, Currency: "EUR", TotalMinor: 9500, FirstTicket: 1, Tickets: 1, Purchase: id,
			Items: []engine.ItemView{{Lot: "ga", Quantity: 1, Units: 1, FaceMinor: 9500}},
			Marks: []engine.TicketMark{{State: engine.TicketPending}},
		}
	case engine.PurchaseActionRequired:
		out.Purchase.ClientSecret, out.Purchase.RedirectURL = "secret-of-the-client", "https://bank.example/x"
	case engine.PurchaseDeclined:
		out.Purchase.Decline = payment.DeclineInsufficientFunds
	}
}

// change says that a purchase has another state now.
func (s *till) change(state engine.PurchaseState, id engine.PurchaseID) {
	s.state.Store(uint32(state))
	s.watch.PurchaseChanged(engine.SingleAccount, "e1", engine.PurchaseChange{Purchase: id, Buyer: "b1", State: state})
}

// buy sends a buy and returns where its answer comes.
func (s *till) buy(t *testing.T, body string) chan *pb.Reply {
	t.Helper()
	inbox := s.caller.NewInbox()
	answers := make(chan *pb.Reply, 1)
	sub, err := s.caller.Subscribe(inbox, func(m *nats.Msg) {
		reply := new(pb.Reply)
		if err := protojson.Unmarshal(m.Data, reply); err != nil {
			t.Errorf("%v in %s", err, m.Data)
		}
		answers <- reply
	})
	if err == nil {
		err = sub.AutoUnsubscribe(1)
	}
	if err == nil {
		err = s.caller.PublishRequest(transport.Subject("e1", "buy"), inbox, []byte(body))
	}
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

// parked waits until as many buys wait.
func (s *till) parked(t *testing.T, n int) {
	t.Helper()
	ctx := within(t)
	for s.server.Stats().Parked != n {
		if ctx.Err() != nil {
			t.Fatalf("%d buys wait instead of %d", s.server.Stats().Parked, n)
		}
		if err := s.caller.FlushWithContext(ctx); err != nil { // lets others run
			t.Fatal(err)
		}
	}
}

func receiveReply(t *testing.T, answers chan *pb.Reply) *pb.Reply {
	t.Helper()
	select {
	case r := <-answers:
		return r
	case <-within(t).Done():
		t.Fatal("no answer came")
		return nil
	}
}

func TestABuyIsAnsweredWhenItsPurchaseIsFinal(t *testing.T) {
	s := newTill(t, transport.Config{})
	answers := s.buy(t, `{"request_id":"k1","buyer":"b1","wait_ms":30000,"items":[{"lot":"ga","quantity":1}],"correlation":"7f"}`)
	s.parked(t, 1)
	s.change(engine.PurchaseAuthorising, 1) // not what the caller waits for
	s.change(engine.PurchaseSold, 2)        // of somebody else
	s.parked(t, 1)
	s.change(engine.PurchaseSold, 1)
	r := receiveReply(t, answers)
	if r.Purchase.GetState() != "sold" || r.Repeated || r.RequestId != "k1" || r.Correlation != "7f" {
		t.Errorf("answered %v", r)
	}
	if tickets := r.Order.GetTickets(); len(tickets) != 1 || tickets[0].State != "pending" {
		t.Errorf("tickets %v", tickets)
	}
	if _, commands := s.engine.Taken(); commands < 2 {
		t.Errorf("the engine was asked %d times", commands)
	}
	// The same request again is one that was sent twice.
	if r := receiveReply(t, s.buy(t, `{"request_id":"k1","buyer":"b1"}`)); !r.Repeated || r.Purchase.GetState() != "sold" {
		t.Errorf("answered %v", r)
	}
}

func TestABuyIsAnsweredWhenTheBuyerHasToAct(t *testing.T) {
	s := newTill(t, transport.Config{})
	answers := s.buy(t, `{"request_id":"k1","buyer":"b1","wait_ms":30000}`)
	s.parked(t, 1)
	s.change(engine.PurchaseActionRequired, 1)
	if r := receiveReply(t, answers); r.Purchase.GetState() != "action_required" || r.Purchase.ClientSecret == "" {
		t.Errorf("answered %v", r)
	}
}

func TestABuyIsAnsweredWhenItsWaitIsOver(t *testing.T) {
	s := newTill(t, transport.Config{})
	for _, body := range []string{
		`{"request_id":"k1","buyer":"b1","wait_ms":0}`, `{"request_id":"k2","buyer":"b1","wait_ms":1}`, `{"request_id":"k3","buyer":"b1","wait_ms":50}`,
	} {
		if r := receiveReply(t, s.buy(t, body)); r.Purchase.GetState() != "queued" || r.Repeated {
			t.Errorf("%s is answered %v", body, r)
		}
	}
	batch := s.askJSON(t, transport.Subject("e1", "buyer_batch"), `{"commands":[{"buy":{"request_id":"k4","buyer":"b1","wait_ms":30000}}]}`)
	if len(batch.Results) != 1 || batch.Results[0].Purchase.GetState() != "queued" {
		t.Errorf("in a batch a buy waits for nobody: %v", batch)
	}
	s.code.Store(uint32(engine.CodeSoldOut))
	if r := receiveReply(t, s.buy(t, `{"request_id":"k5","buyer":"b1","wait_ms":30000}`)); r.Error.GetCode() != "sold_out" {
		t.Errorf("a refused buy waits for nothing: %v", r)
	}
	s.parked(t, 0)
}

func TestBuysThatWaitAreBounded(t *testing.T) {
	const wait = `"buyer":"b1","wait_ms":30000}`
	s := newTill(t, transport.Config{ParkedMax: 2})
	first := s.buy(t, `{"request_id":"k1",`+wait)
	s.parked(t, 1)
	second := s.buy(t, `{"request_id":"k2",`+wait)
	s.parked(t, 2)
	if r := receiveReply(t, s.buy(t, `{"request_id":"k3",`+wait)); r.Purchase.GetState() != "queued" {
		t.Errorf("beyond the bound: %v", r)
	}
	s.change(engine.PurchaseDeclined, 1)
	if r := receiveReply(t, first); r.Purchase.GetState() != "declined" || r.Purchase.Decline != "insufficient_funds" {
		t.Errorf("answered %v", r)
	}
	s.change(engine.PurchaseSold, 2)
	receiveReply(t, second)
	awaitNothingInFlight(t, s.server)
	s.parked(t, 0)

	s = newTill(t, transport.Config{ParkedBytesMax: 1})
	if r := receiveReply(t, s.buy(t, `{"request_id":"k1",`+wait)); r.Purchase.GetState() != "queued" {
		t.Errorf("beyond the bytes: %v", r)
	}
}

func TestOnePurchaseKeepsOnlySoManyWaiting(t *testing.T) {
	s := newTill(t, transport.Config{})
	const again = `{"request_id":"k1","buyer":"b1","wait_ms":30000}`
	var all []chan *pb.Reply
	for range 16 {
		all = append(all, s.buy(t, again))
	}
	s.parked(t, 16)
	if r := receiveReply(t, s.buy(t, again)); r.Purchase.GetState() != "queued" || !r.Repeated {
		t.Errorf("beyond the bound: %v", r)
	}
	s.change(engine.PurchaseSold, 1)
	sold, repeated := 0, 0
	for _, answers := range all {
		r := receiveReply(t, answers)
		if r.Purchase.GetState() == "sold" {
			sold++
		}
		if r.Repeated {
			repeated++
		}
	}
	if sold != 16 || repeated != 15 {
		t.Errorf("%d were told that it is sold, and %d that they had asked before", sold, repeated)
	}
}

func TestWhatWaitsIsAnsweredWithWhatItHasWhenTheEngineWillNotSay(t *testing.T) {
	s := newTill(t, transport.Config{})
	answers := s.buy(t, `{"request_id":"k1","buyer":"b1","wait_ms":30000}`)
	s.parked(t, 1)
	s.code.Store(uint32(engine.CodeInternal))
	s.watch.PurchaseChanged(engine.SingleAccount, "e1", engine.PurchaseChange{Purchase: 1, Buyer: "b1", State: engine.PurchaseSold})
	if r := receiveReply(t, answers); r.Error != nil || r.Purchase.GetState() != "queued" {
		t.Errorf("answered %v", r)
	}
}

func TestDrainAnswersWhatWaits(t *testing.T) {
	s := newTill(t, transport.Config{})
	var all []chan *pb.Reply
	for i := range 100 {
		all = append(all, s.buy(t, fmt.Sprintf(`{"request_id":"k%d","buyer":"b1","wait_ms":30000}`, i)))
	}
	s.parked(t, 100)
	if err := s.server.Drain(within(t)); err != nil {
		t.Fatal(err)
	}
	for _, answers := range all {
		if r := receiveReply(t, answers); r.Purchase.GetState() != "queued" {
			t.Fatalf("answered %v", r)
		}
	}
}

func TestPurchasesArePublished(t *testing.T) {
	s := newTill(t, transport.Config{})
	told := make(chan *nats.Msg, 16)
	if _, err := s.caller.ChanSubscribe(transport.SubjectPurchases("e1", "b1"), told); err != nil {
		t.Fatal(err)
	}
	if err := s.caller.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	next := func() (*pb.PurchaseChanged, string) {
		t.Helper()
		select {
		case m := <-told:
			c := new(pb.PurchaseChanged)
			if err := protojson.Unmarshal(m.Data, c); err != nil {
				t.Fatalf("%v in %s", err, m.Data)
			}
			return c, string(m.Data)
		case <-within(t).Done():
			t.Fatal("nothing is published")
			return nil, ""
		}
	}
	s.change(engine.PurchaseActionRequired, 1)
	before, body := next()
	if before.Purchase.GetState() != "action_required" || before.Purchase.Id != "p1" || strings.Contains(body, "secret") || strings.Contains(body, "bank.example") {
		t.Errorf("published %s", body)
	}
	s.change(engine.PurchaseSold, 1)
	after, body := next()
	if after.Purchase.GetState() != "sold" || after.Seq <= before.Seq || len(after.Order.GetTickets()) != 1 {
		t.Errorf("published %s", body)
	}
	if !json.Valid([]byte(body)) {
		t.Errorf("published %s", body)
	}
	await(t, func() bool { return s.server.Stats().Pushes == 2 })
	if lost := s.server.Stats().PushesLost; lost != 0 {
		t.Errorf("%d are lost", lost)
	}
}

func TestStatesOnTheWayAreToldOnlyIfTheyLast(t *testing.T) {
	s := newTill(t, transport.Config{})
	told := make(chan *nats.Msg, 16)
	if _, err := s.caller.ChanSubscribe(transport.SubjectPurchases("e1", "b1"), told); err != nil {
		t.Fatal(err)
	}
	if err := s.caller.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	next := func(want ...string) {
		t.Helper()
		select {
		case m := <-told:
			c := new(pb.PurchaseChanged)
			if err := protojson.Unmarshal(m.Data, c); err != nil || len(want) != 2 || c.Purchase.Id != want[0] || c.Purchase.GetState() != want[1] {
				t.Errorf("published %s, want %v", m.Data, want)
			}
		case <-within(t).Done():
			t.Fatal("nothing is published")
		}
	}
	s.engine.Hold() // whatever is told is told of the last state
	for _, state := range []engine.PurchaseState{engine.PurchaseQueued, engine.PurchaseAuthorising, engine.PurchaseSold} {
		s.change(state, 1)
	}
	s.engine.LetGo()
	next("p1", "sold")
	s.change(engine.PurchaseQueued, 2)
	s.change(engine.PurchaseAuthorising, 2)
	next("p2", "authorising") // once, and nothing of the first purchase before it
	s.change(engine.PurchaseAuthorising, 3)
	if err := s.server.Drain(within(t)); err != nil {
		t.Fatal(err)
	}
	next("p3", "authorising")
	if st := s.server.Stats(); st.Pushes != 3 || st.PushesLost != 0 {
		t.Errorf("%d were published and %d lost", st.Pushes, st.PushesLost)
	}
}

func TestChangesBeyondTheBoundAreLostAndCounted(t *testing.T) {
	s := newTill(t, transport.Config{})
	s.engine.Hold()
	for i := range transport.PushesMax + 2000 {
		s.change(engine.PurchaseSold, engine.PurchaseID(i+1))
	}
	lost := s.server.Stats().PushesLost
	s.engine.LetGo()
	if lost == 0 || lost > 2000 {
		t.Fatalf("%d were lost", lost)
	}
	r := s.askJSON(t, transport.Subject("e1", "purchase"), `{"buyer":"b1","purchase":"p1"}`)
	if r.Purchase.GetPushesLost() != int64(lost) {
		t.Errorf("a purchase tells of %d that were lost, not of %d", r.Purchase.GetPushesLost(), lost)
	}
}

func TestAShownPurchaseIsToldWhenItIsDurableAndNotReadAgain(t *testing.T) {
	s := newTill(t, transport.Config{})
	told := make(chan *nats.Msg, 16)
	if _, err := s.caller.ChanSubscribe(transport.SubjectPurchases("e1", "b1"), told); err != nil {
		t.Fatal(err)
	}
	const body = `{"request_id":"k1","buyer":"b1","wait_ms":30000,"items":[{"lot":"ga","quantity":1}],"correlation":"7f"}`
	first := s.buy(t, body)
	s.parked(t, 1)
	again, codes := s.buy(t, body), s.buy(t, strings.Replace(body, `"wait_ms"`, `"codes":true,"wait_ms"`, 1))
	s.parked(t, 3)

	s.state.Store(uint32(engine.PurchaseSold))
	change := engine.PurchaseChange{Purchase: 1, Buyer: "b1", State: engine.PurchaseSold}
	var out engine.Outcome
	s.answer(&engine.Request{Event: "e1", Commands: []engine.Command{{Buyer: "b1", Payment: &engine.PaymentCommand{Purchase: "p1"}}}}, 0, &out)
	out.Verb = engine.VerbResult
	_, asked := s.engine.Taken()
	change.Shown = s.watch.PurchaseShown(engine.SingleAccount, "e1", &change, &out)
	out = engine.Outcome{} // it is the event's again
	if err := s.caller.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	if s.parked(t, 3); len(first)+len(again)+len(codes)+len(told) > 0 {
		t.Fatal("something was told that is not durable")
	}

	s.watch.PurchaseChanged(engine.SingleAccount, "e1", change)
	for i, answers := range []chan *pb.Reply{first, again, codes} {
		r := receiveReply(t, answers)
		if r.Purchase.GetState() != "sold" && r.Error.GetCode() != "unavailable" || r.RequestId != "k1" || r.Correlation != "7f" || r.Repeated != (i == 1) && i < 2 {
			t.Errorf("answer %d: %v", i, r)
		}
		if i < 2 && len(r.Order.GetTickets()) != 1 {
			t.Errorf("answer %d has no ticket: %v", i, r)
		}
	}
	select {
	case m := <-told:
		c := new(pb.PurchaseChanged)
		if err := protojson.Unmarshal(m.Data, c); err != nil || c.Purchase.GetState() != "sold" || c.Seq == 0 || len(c.Order.GetTickets()) != 1 {
			t.Errorf("published %s, %v", m.Data, err)
		}
	case <-within(t).Done():
		t.Fatal("nothing is published")
	}
	if _, commands := s.engine.Taken(); commands != asked+1 { // for the codes of tickets, which are not made in an event's turn
		t.Errorf("the engine was asked %d times more, not once", commands-asked)
	}
	awaitNothingInFlight(t, s.server)
	s.parked(t, 0)
	await(t, func() bool { return s.server.Stats().Pushes == 1 })
	if lost := s.server.Stats().PushesLost; lost != 0 {
		t.Errorf("%d are lost", lost)
	}
}

func TestAWaitThatEndsBeforeWhatWasShownIsDurableReadsThePurchase(t *testing.T) {
	s := newTill(t, transport.Config{})
	answers := s.buy(t, `{"request_id":"k1","buyer":"b1","wait_ms":50}`)
	change := engine.PurchaseChange{Purchase: 1, Buyer: "b1", State: engine.PurchaseDeclined}
	out := engine.Outcome{Shows: engine.ShowsPurchase, Purchase: &engine.PurchaseView{ID: 1, Event: "e1", Buyer: "b1", State: engine.PurchaseDeclined}}
	change.Shown = s.watch.PurchaseShown(engine.SingleAccount, "e1", &change, &out)
	if r := receiveReply(t, answers); r.Purchase.GetState() != "queued" {
		t.Errorf("answered %v", r)
	}
	s.watch.PurchaseChanged(engine.SingleAccount, "e1", change)
	s.parked(t, 0)
}
