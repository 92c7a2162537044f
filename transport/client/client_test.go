package client_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for something that must happen. No test passes because of it.
const patience = 20 * time.Second

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// broker starts a NATS server for the test.
func broker(t testing.TB) string {
	t.Helper()
	s, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return url
}

// serve answers with e until the test ends, or until stop is called.
func serve(t testing.TB, url string, e *transporttest.Engine) (stop func()) {
	t.Helper()
	_, stop = serveWith(t, url, transport.Config{}, e)
	return stop
}

func serveWith(t testing.TB, url string, config transport.Config, e *transporttest.Engine) (s *transport.Server, stop func()) {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	s, err = transport.Serve(config, nc, e)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
		e.Wait()
		nc.Close()
	})
	t.Cleanup(stop)
	return s, stop
}

func connect(t testing.TB, url string, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Connect(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

// shown answers every command with the view that belongs to it.
func shown(r *engine.Request, i int, out *engine.Outcome) {
	c := &r.Commands[i]
	switch c.Verb { //nolint:exhaustive // the shell's own verbs do not come over the wire
	case engine.VerbHold, engine.VerbExtend, engine.VerbRelease:
		out.Shows = engine.ShowsHold
		out.Hold = engine.HoldView{ID: 7, Event: r.Event, Buyer: c.Buyer, State: engine.HoldHeld, Currency: "EUR", TotalMinor: 9500}
	case engine.VerbConfirm, engine.VerbOrder:
		out.Shows = engine.ShowsOrder
		out.Order = engine.OrderView{ID: 3, Hold: 7, Event: r.Event, Buyer: c.Buyer, FirstTicket: 1, Tickets: 2, PaymentRef: c.PaymentRef}
	case engine.VerbOffer:
		out.Shows, out.Offer = engine.ShowsOffer, &engine.OfferView{ID: 4, Event: r.Event, Buyer: c.Buyer, OneClick: true, TotalMinor: 9500}
	case engine.VerbBuy, engine.VerbPurchase, engine.VerbComplete, engine.VerbUndo:
		out.Shows = engine.ShowsPurchase | engine.ShowsOrder
		out.Purchase = &engine.PurchaseView{ID: 5, Event: r.Event, Buyer: c.Buyer, State: engine.PurchaseSold, Order: 3}
		out.Order = engine.OrderView{ID: 3, Hold: 7, Event: r.Event, Buyer: c.Buyer, FirstTicket: 1, Tickets: 2}
	case engine.VerbRefund:
		out.Shows, out.Refund = engine.ShowsRefund, &engine.RefundView{ID: 6, Order: 3, AmountMinor: c.Payment.AmountMinor, State: engine.RefundQueued}
	case engine.VerbAdmit, engine.VerbReissue:
		out.Shows, out.Ticket = engine.ShowsTicket, &engine.TicketView{ID: 1, Order: 3, State: engine.TicketAdmitted, Gate: c.Payment.Gate}
	case engine.VerbJoin, engine.VerbLeave, engine.VerbPlace, engine.VerbAbsent, engine.VerbPresent, engine.VerbWait, engine.VerbDraw:
		out.Shows = engine.ShowsPlace | engine.ShowsLine | engine.ShowsWaiter
		out.Place = &engine.PlaceView{Event: r.Event, Buyer: c.Buyer, Entry: 8, Place: 9, State: engine.PlaceWaiting}
		out.Line = &engine.LineView{Phase: engine.LineServing, Value: c.Line.Value, LeavesFrom: c.Line.EntriesFrom}
		out.Waiter = &engine.WaiterView{Event: r.Event, Buyer: c.Buyer, Waiter: 10, State: engine.WaitWaiting}
	case engine.VerbBlock, engine.VerbUnblock, engine.VerbCapacity:
		out.Shows = engine.ShowsCapacity
		out.Capacity = engine.CapacityView{Lot: c.Lot, Pool: c.Pool, Asked: c.Quantity}
	default:
		out.Shows = engine.ShowsEvent
		out.Event = engine.EventView{ID: r.Event, State: engine.EventOnSale, Spec: &engine.EventSpec{Name: "Night One"}}
	}
}

func hold(buyer string) *pb.HoldCommand {
	return &pb.HoldCommand{Buyer: buyer, Items: []*pb.Item{{Lot: "ga", Quantity: 2}}}
}

func TestEveryCommandShowsItsObject(t *testing.T) {
	url := broker(t)
	serve(t, url, &transporttest.Engine{Answer: shown, Async: true, IDs: []string{"e1", "e2", "e3"}})
	c := connect(t, url, client.Options{})
	ctx := within(t)
	event := func(e *pb.Event, err error) {
		t.Helper()
		if err != nil || e.Id != "e1" || e.Name != "Night One" {
			t.Errorf("event %v, %v", e, err)
		}
	}
	event(c.Create(ctx, "e1", &pb.CreateCommand{Name: "Night One"}))
	event(c.Update(ctx, "e1", &pb.UpdateCommand{}))
	event(c.Open(ctx, "e1", &pb.OpenCommand{}))
	event(c.Pause(ctx, "e1", &pb.PauseCommand{}))
	event(c.CloseEvent(ctx, "e1", &pb.CloseCommand{}))
	event(c.Get(ctx, "e1"))
	held := func(h *pb.Hold, err error) {
		t.Helper()
		if err != nil || h.Id != "h7" || h.Buyer != "b1" || h.TotalMinor != 9500 {
			t.Errorf("hold %v, %v", h, err)
		}
	}
	held(c.Hold(ctx, "e1", hold("b1")))
	held(c.Extend(ctx, "e1", &pb.ExtendCommand{Buyer: "b1", Hold: "h7"}))
	held(c.Release(ctx, "e1", &pb.ReleaseCommand{Buyer: "b1", Hold: "h7"}))
	ordered := func(o *pb.Order, err error) {
		t.Helper()
		if err != nil || o.Id != "o3" || len(o.Tickets) != 2 {
			t.Errorf("order %v, %v", o, err)
		}
	}
	ordered(c.Confirm(ctx, "e1", &pb.ConfirmCommand{Buyer: "b1", Hold: "h7", PaymentRef: "inv-77"}))
	ordered(c.Order(ctx, "e1", &pb.OrderCommand{Buyer: "b1", Order: "o3"}))
	counted := func(v *pb.Capacity, err error) {
		t.Helper()
		if err != nil || v.Lot != "ga" || v.Asked != 5 {
			t.Errorf("capacity %v, %v", v, err)
		}
	}
	counted(c.Block(ctx, "e1", &pb.BlockCommand{Lot: "ga", Quantity: 5}))
	counted(c.Unblock(ctx, "e1", &pb.UnblockCommand{Lot: "ga", Quantity: 5}))
	counted(c.Capacity(ctx, "e1", &pb.CapacityCommand{Lot: "ga", Capacity: 5}))

	if o, err := c.Offer(ctx, "e1", &pb.OfferCommand{Buyer: "b1"}); err != nil || o.Id != "f4" || !o.OneClick {
		t.Errorf("offer %v, %v", o, err)
	}
	bought := func(p *pb.Purchase, o *pb.Order, err error) {
		t.Helper()
		if err != nil || p.Id != "p5" || p.State != "sold" || o.GetId() != "o3" {
			t.Errorf("purchase %v, order %v, %v", p, o, err)
		}
	}
	bought(c.Buy(ctx, "e1", &pb.BuyCommand{Buyer: "b1", Offer: "f4"}))
	bought(c.Buy(ctx, "e1", &pb.BuyCommand{Buyer: "b1", Offer: "f4", WaitMs: new(int64)}))
	bought(c.Purchase(ctx, "e1", &pb.PurchaseCommand{Buyer: "b1", Purchase: "p5"}))
	bought(c.Complete(ctx, "e1", &pb.CompleteCommand{Buyer: "b1", Purchase: "p5"}))
	bought(c.Undo(ctx, "e1", &pb.UndoCommand{Buyer: "b1", Purchase: "p5"}))
	if r, err := c.Refund(ctx, "e1", &pb.RefundCommand{Order: "o3", AmountMinor: new(int64(100))}); err != nil || r.Id != "r6" || r.AmountMinor != 100 {
		t.Errorf("refund %v, %v", r, err)
	}
	ticket := func(v *pb.Ticket, err error) {
		t.Helper()
		if err != nil || v.Id != "t1" || v.State != "admitted" {
			t.Errorf("ticket %v, %v", v, err)
		}
	}
	ticket(c.Admit(ctx, "e1", &pb.AdmitCommand{Ticket: "t1", Gate: "north"}))
	ticket(c.Reissue(ctx, "e1", &pb.ReissueCommand{Buyer: "b1", Ticket: "t1"}))
	event(c.Cancel(ctx, "e1", &pb.CancelCommand{Reason: "weather"}))
	event(c.OneClick(ctx, "e1", &pb.OneClickCommand{On: new(true)}))

	placed := func(p *pb.Place, err error) {
		t.Helper()
		if err != nil || p.Entry != 8 || p.Place != 9 || p.State != "waiting" || p.Buyer != "b1" {
			t.Errorf("place %v, %v", p, err)
		}
	}
	placed(c.Join(ctx, "e1", &pb.JoinCommand{Buyer: "b1"}))
	placed(c.Absent(ctx, "e1", &pb.AbsentCommand{Buyer: "b1"}))
	placed(c.Present(ctx, "e1", &pb.PresentCommand{Buyer: "b1"}))
	left, err := c.Leave(ctx, "e1", &pb.LeaveCommand{Buyer: "b1"})
	placed(left.GetPlace(), err)
	place, waiter, err := c.Place(ctx, "e1", &pb.PlaceCommand{Buyer: "b1"})
	placed(place, err)
	if waiter.GetWaiter() != 10 {
		t.Errorf("waiter %v", waiter)
	}
	if waiter, err = c.Wait(ctx, "e1", &pb.WaitCommand{Buyer: "b1"}); err != nil || waiter.Waiter != 10 || waiter.State != "waiting" {
		t.Errorf("waiter %v, %v", waiter, err)
	}
	if l, err := c.Draw(ctx, "e1", &pb.DrawCommand{Value: "7 14 21"}); err != nil || l.Value != "7 14 21" || l.Phase != "serving" {
		t.Errorf("line %v, %v", l, err)
	}
	event(c.Codes(ctx, "e1", &pb.CodesCommand{Codes: []*pb.CodeSpec{{Name: "fans"}}}))
	if l, err := c.Entries(ctx, "e1", 5); err != nil || l.LeavesFrom != 5 {
		t.Errorf("entries %v, %v", l, err)
	}
	answers := make(chan client.Reply, 2)
	taken := func(r client.Reply, err error) {
		if err != nil {
			t.Error(err)
		}
		answers <- r
	}
	c.JoinAsync("e1", &pb.JoinCommand{Buyer: "b1"}, taken)
	c.PlaceAsync("e1", &pb.PlaceCommand{Buyer: "b1"}, taken)
	for range cap(answers) {
		r := <-answers
		m, err := r.Decode()
		placed(m.GetPlace(), err)
	}

	ids, next, err := c.Events(ctx, "", 2)
	if err != nil || fmt.Sprint(ids) != "[e1 e2]" || next != "e2" {
		t.Errorf("events %v, next %q, %v", ids, next, err)
	}
	ids, next, err = c.Events(ctx, next, 2)
	if err != nil || fmt.Sprint(ids) != "[e3]" || next != "" {
		t.Errorf("events %v, next %q, %v", ids, next, err)
	}
}

func TestCommandsGatherWhileOneIsInFlight(t *testing.T) {
	url := broker(t)
	e := &transporttest.Engine{Answer: shown}
	serve(t, url, e)
	c := connect(t, url, client.Options{})
	e.Hold()
	const n = 65 // the first by itself, then 64 together
	var done sync.WaitGroup
	done.Add(n)
	for i := range n {
		buyer := fmt.Sprintf("b%d", i)
		c.HoldAsync("e1", hold(buyer), func(r client.Reply, err error) {
			defer done.Done()
			m, bad := r.Decode()
			if err != nil || bad != nil || m.Hold.GetBuyer() != buyer || r.HoldID() != "h7" || r.Code() != engine.CodeOK || r.Repeated() {
				t.Errorf("%s got %v, %v, %v", buyer, m, err, bad)
			}
		})
	}
	waitFor(t, func() bool { _, commands := e.Taken(); return commands == n })
	if requests, _ := e.Taken(); requests != 2 {
		t.Errorf("%d commands left in %d messages instead of 2", n, requests)
	}
	e.LetGo()
	done.Wait()
}

// waitFor waits for a condition by looking at it.
func waitFor(t testing.TB, f func() bool) {
	t.Helper()
	ctx := within(t)
	for !f() {
		select {
		case <-ctx.Done():
			t.Fatal("it did not come to pass")
		case <-time.After(time.Millisecond):
		}
	}
}

func TestRefusalsAreTyped(t *testing.T) {
	url := broker(t)
	serve(t, url, &transporttest.Engine{
		Answer: func(_ *engine.Request, _ int, out *engine.Outcome) {
			out.Code, out.Field, out.Lot, out.Have, out.Want = engine.CodeSoldOut, "items", "ga", 1, 2
		},
		Code: func(event string) engine.Code {
			if event == "none" {
				return engine.CodeEventUnknown
			}
			return engine.CodeOK
		},
	})
	c := connect(t, url, client.Options{})
	_, err := c.Hold(within(t), "e1", hold("b1"))
	var refusal *client.Refusal
	if !errors.Is(err, client.ErrSoldOut) || errors.Is(err, client.ErrLimitReached) || !errors.As(err, &refusal) {
		t.Fatalf("error %v", err)
	}
	if refusal.Code != engine.CodeSoldOut || refusal.Field != "items" || refusal.Message == "" || refusal.Retryable {
		t.Errorf("refusal %+v", refusal)
	}
	if _, err = c.Get(within(t), "none"); !errors.Is(err, client.ErrEventUnknown) {
		t.Errorf("error %v", err)
	}
	if _, err = c.Get(within(t), "no.id"); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("error %v", err)
	}
}

func TestOverloadedIsRetriedWithTheSameRequestID(t *testing.T) {
	url := broker(t)
	var seen sync.Map
	var ids, calls atomic.Int64
	e := &transporttest.Engine{}
	e.Answer = func(r *engine.Request, i int, out *engine.Outcome) {
		if _, old := seen.LoadOrStore(r.Commands[i].RequestID, true); !old {
			ids.Add(1)
		}
		if calls.Add(1) < 4 {
			out.Code, out.RetryAfterMs = engine.CodeOverloaded, 1
			return
		}
		shown(r, i, out)
	}
	serve(t, url, e)
	c := connect(t, url, client.Options{BackoffMin: time.Millisecond, BackoffMax: 4 * time.Millisecond})
	cmd := hold("b1")
	if _, err := c.Hold(within(t), "e1", cmd); err != nil {
		t.Fatal(err)
	}
	if calls.Load() != 4 || ids.Load() != 1 || cmd.RequestId == "" {
		t.Errorf("%d attempts with %d request ids", calls.Load(), ids.Load())
	}
}

func TestOverloadedToTheEndIsReportedAsSuch(t *testing.T) {
	url := broker(t)
	serve(t, url, &transporttest.Engine{Code: func(string) engine.Code { return engine.CodeOverloaded }})
	// The pause would end after the command's time: no further attempt can help.
	c := connect(t, url, client.Options{BackoffMin: 4 * patience, Timeout: patience})
	_, err := c.Hold(context.Background(), "e1", hold("b1"))
	if !errors.Is(err, client.ErrOverloaded) || errors.Is(err, client.ErrOutcomeUnknown) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestNoAnswerIsRetried(t *testing.T) {
	url := broker(t)
	e := &transporttest.Engine{Answer: shown}
	e.Hold() // the first attempt is taken and not answered in time
	serve(t, url, e)
	c := connect(t, url, client.Options{AttemptTimeout: 20 * time.Millisecond, BackoffMin: time.Millisecond, BackoffMax: 2 * time.Millisecond})
	got := make(chan error, 1)
	go func() {
		_, err := c.Hold(within(t), "e1", hold("b1"))
		got <- err
	}()
	waitFor(t, func() bool { requests, _ := e.Taken(); return requests >= 2 })
	e.LetGo()
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return c.Late() > 0 })
}

func TestAnEndWithoutAnAnswerIsUnknown(t *testing.T) {
	url := broker(t)
	e := &transporttest.Engine{Answer: shown}
	e.Hold()
	serve(t, url, e)
	c := connect(t, url, client.Options{})
	ctx, cancel := context.WithCancel(within(t))
	got := make(chan error, 1)
	go func() {
		_, err := c.Hold(ctx, "e1", hold("b1"))
		got <- err
	}()
	waitFor(t, func() bool { requests, _ := e.Taken(); return requests == 1 })
	cancel()
	if err := <-got; !errors.Is(err, client.ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	// A second command waits behind the first, and has not left when its context ends.
	ctx, cancel = context.WithCancel(within(t))
	go func() {
		_, err := c.Hold(ctx, "e1", hold("b2"))
		got <- err
	}()
	cancel()
	if err := <-got; errors.Is(err, client.ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	e.LetGo()
}

func TestNobodyListens(t *testing.T) {
	url := broker(t)
	impatient := connect(t, url, client.Options{BackoffMin: 4 * patience, Timeout: patience})
	_, err := impatient.Hold(context.Background(), "e1", hold("b1"))
	if !errors.Is(err, client.ErrNoEngine) || errors.Is(err, client.ErrOutcomeUnknown) {
		t.Errorf("error %v", err)
	}
	// Somebody does later, and the command gets through.
	c := connect(t, url, client.Options{BackoffMin: time.Millisecond, BackoffMax: 2 * time.Millisecond})
	got := make(chan error, 1)
	go func() {
		_, err := c.Hold(within(t), "e1", hold("b2"))
		got <- err
	}()
	serve(t, url, &transporttest.Engine{Answer: shown})
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestOneBadCommandDoesNotSpoilItsBatch(t *testing.T) {
	for name, spoil := range map[string]func(*pb.HoldCommand){
		"not UTF-8":    func(h *pb.HoldCommand) { h.Buyer = "\xff" },
		"no such word": func(h *pb.HoldCommand) { h.Fill = "some" },
	} {
		t.Run(name, func(t *testing.T) { oneBadCommand(t, spoil) })
	}
}

func oneBadCommand(t *testing.T, spoil func(*pb.HoldCommand)) {
	url := broker(t)
	e := &transporttest.Engine{Answer: shown}
	serve(t, url, e)
	c := connect(t, url, client.Options{})
	e.Hold()
	errs := make([]error, 5)
	var done sync.WaitGroup
	for i := range errs {
		cmd := hold(fmt.Sprintf("b%d", i))
		if i == 2 {
			spoil(cmd) // the whole batch does not decode
		}
		done.Add(1)
		c.HoldAsync("e1", cmd, func(r client.Reply, err error) {
			defer done.Done()
			if errs[i] = err; err == nil {
				errs[i] = r.Err()
			}
		})
	}
	waitFor(t, func() bool { requests, _ := e.Taken(); return requests == 1 })
	e.LetGo()
	done.Wait()
	for i, err := range errs {
		var refusal *client.Refusal
		if errors.As(err, &refusal) != (i == 2) {
			t.Errorf("command %d: %v", i, err)
		}
	}
}

func TestQueueIsBounded(t *testing.T) {
	url := broker(t)
	e := &transporttest.Engine{Answer: shown}
	e.Hold()
	serve(t, url, e)
	c := connect(t, url, client.Options{QueueMax: 3, BatchCommandsMax: 2, MessagesInFlightMax: 1})
	var full, answered atomic.Int64
	var done sync.WaitGroup
	for i := range 10 {
		done.Add(1)
		c.HoldAsync("e1", hold(fmt.Sprintf("b%d", i)), func(_ client.Reply, err error) {
			defer done.Done()
			if errors.Is(err, client.ErrQueueFull) {
				full.Add(1)
			} else if err == nil {
				answered.Add(1)
			}
		})
	}
	waitFor(t, func() bool { requests, _ := e.Taken(); return requests == 1 })
	e.LetGo()
	done.Wait()
	if full.Load() != 6 || answered.Load() != 4 {
		t.Errorf("%d full, %d answered", full.Load(), answered.Load())
	}
}

func TestBatchesAreBoundedInBytes(t *testing.T) {
	url := broker(t)
	var longest atomic.Int64
	e := &transporttest.Engine{Answer: func(r *engine.Request, i int, out *engine.Outcome) {
		longest.Store(max(longest.Load(), int64(len(r.Commands))))
		shown(r, i, out)
	}}
	serve(t, url, e)
	c := connect(t, url, client.Options{BatchBytesMax: 1000, BatchCommandsMax: 1024, MessagesInFlightMax: 1})
	e.Hold()
	var done sync.WaitGroup
	for i := range 100 {
		done.Add(1)
		c.HoldAsync("e1", hold(fmt.Sprintf("%064d", i)), func(_ client.Reply, err error) {
			defer done.Done()
			if err != nil {
				t.Error(err)
			}
		})
	}
	waitFor(t, func() bool { requests, _ := e.Taken(); return requests == 1 })
	e.LetGo()
	done.Wait()
	if n := longest.Load(); n < 2 || n > 1000/100 {
		t.Errorf("a batch of at most 1000 bytes held %d commands of more than 100", n)
	}
}

func TestIdleEventsAreForgotten(t *testing.T) {
	url := broker(t)
	serve(t, url, &transporttest.Engine{Answer: shown})
	c := connect(t, url, client.Options{})
	for i := range client.SendersMax + 100 {
		done := make(chan error, 1)
		c.HoldAsync(fmt.Sprintf("e%d", i), hold("b1"), func(_ client.Reply, err error) { done <- err })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if n := client.Senders(c); n > client.SendersMax {
		t.Errorf("the client remembers %d events", n)
	}
}

func TestCloseEndsWhatIsOnItsWay(t *testing.T) {
	url := broker(t)
	e := &transporttest.Engine{Answer: shown}
	e.Hold()
	serve(t, url, e)
	c, err := client.Connect(url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 2)
	for i := range 2 {
		c.HoldAsync("e1", hold(fmt.Sprintf("b%d", i)), func(_ client.Reply, err error) { got <- err })
	}
	waitFor(t, func() bool { requests, _ := e.Taken(); return requests == 1 })
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Fatal(err)
	}
	first, second := <-got, <-got
	if !errors.Is(first, client.ErrOutcomeUnknown) || errors.Is(second, client.ErrOutcomeUnknown) || !errors.Is(second, client.ErrClosed) {
		t.Errorf("sent: %v, waiting: %v", first, second)
	}
	if _, err := c.Hold(within(t), "e1", hold("b3")); !errors.Is(err, client.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
	e.LetGo()
}

// Close may come while answers arrive and the next messages are being made: every caller hears of its command exactly once all the same.
func TestCloseForgetsNobody(t *testing.T) {
	url := broker(t)
	serve(t, url, &transporttest.Engine{Answer: shown, Async: true})
	const asked = 2000
	for round := range 30 {
		c, err := client.Connect(url, client.Options{BatchCommandsMax: 8, QueueMax: asked, ReplySubjects: 8})
		if err != nil {
			t.Fatal(err)
		}
		heard := make(chan struct{}, asked+1)
		for i := range asked {
			c.HoldAsync(fmt.Sprintf("e%d", i%32), hold(fmt.Sprintf("b%d", i)), func(client.Reply, error) { heard <- struct{}{} })
		}
		<-heard // answers arrive
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		ctx := within(t)
		for i := 1; i < asked; i++ {
			select {
			case <-heard:
			case <-ctx.Done():
				t.Fatalf("round %d: %d of %d callers heard nothing", round, asked-i, asked)
			}
		}
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	url := broker(t)
	for _, o := range []client.Options{
		{Timeout: -1}, {BackoffMin: 2, BackoffMax: 1}, {BatchCommandsMax: 1025}, {BatchBytesMax: 1 << 20}, {QueueMax: -1}, {ReplySubjects: 65},
	} {
		if c, err := client.Connect(url, o); err == nil {
			t.Errorf("options %+v were taken", o)
			_ = c.Close()
		}
	}
}
