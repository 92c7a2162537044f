package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/notice"
	"github.com/holdfast-engine/holdfast/transport/ticket"
)

// heard is a notice, as a service reads it.
type heard struct {
	ID, Type string
	Data     notice.Data
}

// readNotices reads the stream until a notice of a type comes, and returns all.
func readNotices(t *testing.T, nc *nats.Conn, until string) []heard {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx := within(t)
	var c jetstream.Consumer
	for c == nil { // until the stream is made
		c, err = js.OrderedConsumer(ctx, notice.Stream, jetstream.OrderedConsumerConfig{})
		if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Fatal(err)
		}
	}
	var all []heard
	for {
		m, err := c.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatalf("after %+v: %v", all, err)
		}
		var v heard
		if err := json.Unmarshal(m.Data(), &v); err != nil {
			t.Fatalf("%v: %s", err, m.Data())
		}
		if all = append(all, v); v.Type == until {
			return all
		}
	}
}

func typesOf(all []heard) (types []string) {
	for i := range all {
		types = append(types, strings.TrimPrefix(all[i].Type, "holdfast.v1."))
	}
	return types
}

func natsOf(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc, err := transport.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestNoticesOfARunningEngine(t *testing.T) {
	t.Parallel()
	c := quietConfig(t)
	var sold *pb.Order
	for round, buyer := range []string{"b1", "b2"} { // the second time after a start
		p, err := startProcess(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		shop, err := client.Connect(p.natsURL, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			if _, err := shop.Create(within(t), "e1", smallEvent(2)); err != nil {
				t.Fatal(err)
			}
		}
		sold = sell(t, shop, "e1", buyer)
		_ = shop.Close()
		nc := natsOf(t, p.natsURL)
		if round == 0 {
			readNotices(t, nc, "holdfast.v1.ticket.issued")
		} else {
			all := readNotices(t, nc, "holdfast.v1.event.sold_out")
			want := []string{"order.confirmed", "ticket.issued", "order.confirmed", "ticket.issued", "event.sold_out"}
			if !slices.Equal(typesOf(all), want) {
				t.Fatalf("heard %q, want %q", typesOf(all), want)
			}
			issued := all[3].Data
			public, err := p.tickets.Public("_")
			if err != nil {
				t.Fatal(err)
			}
			if said, err := ticket.Verify(issued.Tickets[0].Code, &public); err != nil || issued.Buyer != "b2" || said.Ticket != sold.Tickets[0].Id || issued.Order.ID != sold.Id {
				t.Fatalf("%+v: %+v, %v", issued, said, err)
			}
			if _, err := ticket.Verify(all[1].Data.Tickets[0].Code, &public); err != nil {
				t.Fatalf("a code from before the start: %v", err)
			}
			// What was told just before the stop may be told again: the stream has it once.
			eventually(t, "the last notice is counted", func() bool { return p.notices.Stats().Published >= 3 && p.notices.Stats().Lag == 0 })
			checkNoticeMetrics(t, p.httpURL, p.notices.Stats().Published)
		}
		nc.Close()
		if err := p.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func checkNoticeMetrics(t *testing.T, url string, published uint64) {
	t.Helper()
	r, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{fmt.Sprintf("\nholdfast_notices_total %d\n", published), "\nholdfast_notices_skipped_total 0\n", "\nholdfast_notices_lag_seconds 0\n", "\nholdfast_notices_stopped 0\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("the metrics have no line %q", line)
		}
	}
}

func TestNoticesThatAreSwitchedOnLaterTellNoOldOrders(t *testing.T) {
	t.Parallel()
	c := quietConfig(t)
	for round, buyer := range []string{"b1", "b2", "b3"} {
		c.bounds.notices.off = round != 1
		p, err := startProcess(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		shop, err := client.Connect(p.natsURL, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			if _, err := shop.Create(within(t), "e1", smallEvent(10)); err != nil {
				t.Fatal(err)
			}
		}
		sell(t, shop, "e1", buyer)
		_ = shop.Close()
		if round == 1 {
			nc := natsOf(t, p.natsURL)
			if all := readNotices(t, nc, "holdfast.v1.ticket.issued"); all[0].Data.Buyer != "b2" {
				t.Fatalf("%+v is heard: it was sold before there were notices", all[0])
			}
			nc.Close()
		}
		if err := p.stop(); err != nil {
			t.Fatal(err)
		}
	}
	p, err := startProcess(t.Context(), c) // off since a while: nothing holds the log
	if err != nil {
		t.Fatal(err)
	}
	if p.store.HasCursor(noticesCursor) {
		t.Error("notices are off, and their cursor holds the log")
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
}

// TestAnOfferIsToldAfterAKill kills the engine when somebody's turn on the waiting list is in the log and no notice has left, as the stream's name is taken by something else: the
// next process tells it.
func TestAnOfferIsToldAfterAKill(t *testing.T) {
	t.Parallel()
	data := newData(t)
	c := startChild(t, data)
	open := func() (*client.Client, jetstream.JetStream) {
		shop, err := client.Connect(c.NATS, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = shop.Close() })
		js, err := jetstream.New(natsOf(t, c.NATS))
		if err != nil {
			t.Fatal(err)
		}
		return shop, js
	}
	shop, js := open()
	ctx := within(t)
	ok := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	offered := func() *pb.Waiter {
		t.Helper()
		_, w, err := shop.Place(ctx, "e1", &pb.PlaceCommand{Buyer: "b2"})
		if err != nil || w.GetState() != "offered" {
			t.Fatalf("the waiter is %v, %v", w, err)
		}
		return w
	}
	ok(shop.Create(ctx, "e1", smallEvent(1)))
	hold, err := shop.Hold(ctx, "e1", &pb.HoldCommand{Buyer: "b1", Items: []*pb.Item{{Lot: "ga", Quantity: 1}}})
	ok(hold, err)
	ok(shop.Wait(ctx, "e1", &pb.WaitCommand{Buyer: "b2", Wishes: []*pb.Wish{{Lot: "ga", Quantity: 1}}}))
	ok(nil, js.DeleteStream(ctx, notice.Stream))
	ok(js.CreateStream(ctx, jetstream.StreamConfig{Name: notice.Stream, Subjects: []string{"other.>"}}))
	ok(shop.Release(ctx, "e1", &pb.ReleaseCommand{Buyer: "b1", Hold: hold.Id}))
	offered()
	kill(t, c)

	c = startChild(t, data)
	shop, js = open()
	now := offered()
	ok(nil, js.DeleteStream(ctx, notice.Stream))
	all := readNotices(t, natsOf(t, c.NATS), "holdfast.v1.waiter.offered")
	d := all[len(all)-1].Data
	if len(all) != 1 || d.Buyer != "b2" || d.Waiter.State != "offered" || d.Waiter.Waiter != now.Waiter || d.Hold.ID != now.Hold || *d.Hold.TotalMinor != 4500 || !d.Waiter.Until.Equal(now.Until.AsTime()) {
		t.Fatalf("heard %+v %+v %+v, and the waiter is %v", all, d.Waiter, d.Hold, now)
	}
}
