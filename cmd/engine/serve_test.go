package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// connectTo opens a client that the test closes.
func connectTo(t *testing.T, s *serving) *client.Client {
	t.Helper()
	c, err := client.Connect(s.NATS, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// within is a context that ends long after a healthy test has.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// smallEvent is a night with a counted lot of so many tickets.
func smallEvent(capacity int64) *pb.CreateCommand {
	face := int64(4500)
	return &pb.CreateCommand{
		RequestId: "c1", Name: "Night One", Currency: "EUR", HoldTtlMs: 600_000, LimitPerBuyer: 4, Open: true,
		Lots: []*pb.LotSpec{{Lot: "ga", FaceMinor: &face, Capacity: capacity}},
	}
}

// sell holds and confirms one ticket for a buyer, and returns the order.
func sell(t *testing.T, c *client.Client, event, buyer string) *pb.Order {
	t.Helper()
	ctx := within(t)
	hold, err := c.Hold(ctx, event, &pb.HoldCommand{RequestId: "h-" + buyer, Buyer: buyer, Items: []*pb.Item{{Lot: "ga", Quantity: 1}}})
	if err != nil {
		t.Fatalf("hold: %v", err)
	}
	order, err := c.Confirm(ctx, event, &pb.ConfirmCommand{RequestId: "k-" + buyer, Buyer: buyer, Hold: hold.Id, PaymentRef: "inv-" + buyer})
	if err != nil {
		t.Fatalf("confirm: %v", err)
	}
	return order
}

func TestEverythingIsThereAfterARestart(t *testing.T) {
	data := newData(t)
	first := serveOn(t, data)
	if first.Facts != 0 || first.Data != data || !strings.HasPrefix(first.NATS, "nats://127.0.0.1:") || !strings.HasPrefix(first.HTTP, "http://127.0.0.1:") {
		t.Errorf("ready line of a new folder: %+v", first.readyLine)
	}
	c := connectTo(t, first)
	ctx := within(t)
	if _, err := c.Create(ctx, "e1", smallEvent(10)); err != nil {
		t.Fatal(err)
	}
	var orders []*pb.Order
	for i := range 5 {
		orders = append(orders, sell(t, c, "e1", "b"+strconv.Itoa(i)))
	}
	if _, err := c.Hold(ctx, "e1", &pb.HoldCommand{RequestId: "h-late", Buyer: "late", Items: []*pb.Item{{Lot: "ga", Quantity: 2}}}); err != nil {
		t.Fatal(err)
	}
	first.stop()

	second := serveOn(t, data)
	if second.Facts == 0 {
		t.Error("the second start has folded no facts")
	}
	c = connectTo(t, second)
	for _, order := range orders {
		again, err := c.Order(ctx, "e1", &pb.OrderCommand{Buyer: order.Buyer, Order: order.Id})
		if err != nil || again.TotalMinor != order.TotalMinor || len(again.Tickets) != len(order.Tickets) || again.Tickets[0].Id != order.Tickets[0].Id {
			t.Errorf("order %s reads %v after the restart: %v", order.Id, again, err)
		}
	}
	// The same request id has its effect once, restart or not.
	repeat, err := c.Confirm(ctx, "e1", &pb.ConfirmCommand{RequestId: "k-b0", Buyer: "b0", Hold: orders[0].Hold, PaymentRef: "inv-b0"})
	if err != nil || repeat.Id != orders[0].Id {
		t.Errorf("the repeated confirm made order %v: %v", repeat.GetId(), err)
	}
	after, err := c.Get(ctx, "e1")
	if err != nil {
		t.Fatal(err)
	}
	if l := after.Lots[0]; l.Sold != 5 || l.Held != 2 || l.Free != 3 || after.HoldsLive != 1 {
		t.Errorf("after the restart: %v", after)
	}
	second.stop()

	// The log says the same as both engines did: each put its state hash into it before it stopped, and replaying comes to them.
	report, err := inspect(data, func(uint64) {})
	if err != nil || !report.OK {
		t.Fatalf("verify: %v %v", err, report)
	}
	if e := report.Events[0]; e.Orders != 5 || e.Tickets != 5 || e.Held != 2 {
		t.Errorf("the log has %+v", e)
	}
}

func TestStopAnswersWhatItTook(t *testing.T) {
	data := newData(t)
	s := serveOn(t, data)
	c := connectTo(t, s)
	ctx := within(t)
	if _, err := c.Create(ctx, "e1", smallEvent(1_000_000)); err != nil {
		t.Fatal(err)
	}
	const asked = 5000
	type answer struct {
		buyer string
		code  engine.Code
		err   error
	}
	answers := make(chan answer, asked)
	for i := range asked {
		buyer := "b" + strconv.Itoa(i)
		c.HoldAsync("e1", &pb.HoldCommand{RequestId: "h-" + buyer, Buyer: buyer, Items: []*pb.Item{{Lot: "ga", Quantity: 1}}}, func(r client.Reply, err error) {
			answers <- answer{buyer, r.Code(), err}
		})
	}
	first := <-answers // it is working on them
	s.stop()
	_ = c.Close() // ends those that nobody took
	held := map[string]bool{}
	count := func(a answer) {
		if a.err == nil && a.code == engine.CodeOK {
			held[a.buyer] = true
		}
	}
	count(first)
	for range asked - 1 {
		count(<-answers)
	}
	again := serveOn(t, data)
	shown, err := connectTo(t, again).Get(ctx, "e1")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d holds were acknowledged before the engine stopped, %d are in the log", len(held), asked, shown.Lots[0].Held)
	if shown.Lots[0].Held < int64(len(held)) {
		t.Errorf("%d holds were acknowledged, %d are there after the restart", len(held), shown.Lots[0].Held)
	}
	c2 := connectTo(t, again)
	for buyer := range held {
		h, err := c2.Hold(ctx, "e1", &pb.HoldCommand{RequestId: "h-" + buyer, Buyer: buyer, Items: []*pb.Item{{Lot: "ga", Quantity: 1}}})
		if err != nil || h.State != "held" {
			t.Fatalf("the acknowledged hold of %s is gone: %v %v", buyer, h, err)
		}
	}
}

// fetch reads a page of the HTTP side.
func fetch(t *testing.T, url string, header ...string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(within(t), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	defer http.DefaultClient.CloseIdleConnections()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestHealthAndMetrics(t *testing.T) {
	s := serveOn(t, newData(t))
	c := connectTo(t, s)
	if _, err := c.Create(within(t), "e1", smallEvent(10)); err != nil {
		t.Fatal(err)
	}
	sell(t, c, "e1", "buyer-of-one")
	for _, page := range []string{"/healthz", "/readyz"} {
		if status, body := fetch(t, s.HTTP+page); status != http.StatusOK {
			t.Errorf("%s is %d: %s", page, status, body)
		}
	}
	status, text := fetch(t, s.HTTP+"/metrics")
	if status != http.StatusOK {
		t.Fatalf("/metrics is %d: %s", status, text)
	}
	if strings.Contains(text, "buyer-of-one") {
		t.Error("a buyer is in the metrics")
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("/metrics does not parse: %v", err)
	}
	for _, name := range []string{
		"holdfast_commands_total", "holdfast_journal_batches_total", "holdfast_messages_total", "holdfast_log_bytes", "holdfast_disk_free_bytes", "holdfast_pending_messages",
	} {
		if families[name] == nil {
			t.Errorf("/metrics has no %s", name)
		}
	}
	var ours strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, "holdfast_") {
			ours.WriteString(line)
		}
	}
	problems, err := promlint.New(strings.NewReader(ours.String())).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("promlint: %s: %s", p.Metric, p.Text)
	}
	if strings.Contains(s.logs.String(), "buyer-of-one") {
		t.Error("a buyer is in the log lines")
	}
}

func TestSecondEngineInTheSameFolderIsRefused(t *testing.T) {
	s := serveOn(t, newData(t))
	_, err := engineRun(t, "serve", "--data", s.Data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
	refuses(t, err, "in use", "folder of its own")
	_, err = engineRun(t, "verify", s.Data)
	refuses(t, err, "in use", "stop the engine")
}

func TestServeExplainsWhatItCannotDo(t *testing.T) {
	for _, c := range []struct {
		name  string
		args  []string
		wants []string
	}{
		{"NATS for everybody", []string{"--listen", "0.0.0.0:0"}, []string{"users and TLS", "--nats-config", "127.0.0.1", "--nats"}},
		{"HTTP for everybody", []string{"--http", "0.0.0.0:0"}, []string{"token"}},
		{"no such NATS", []string{"--nats", "nats://127.0.0.1:1"}, []string{"127.0.0.1:1"}},
		{"a bound that cannot be", []string{"--tail-segments", "1"}, []string{"TailSegments", "3"}},
		{"no such level", []string{"--log-level", "loud"}, []string{"debug"}},
		{"no such format", []string{"--log-format", "xml"}, []string{"json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"serve", "--data", newData(t), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--reserve-bytes", "-1"}, c.args...)
			_, err := engineRun(t, args...)
			refuses(t, err, c.wants...)
		})
	}
}

func TestServeUsesANATSThatIsThere(t *testing.T) {
	host := serveOn(t, newData(t))
	guest := serveOn(t, newData(t), "--nats", host.NATS, "--account", "guest", "--queue-group", "holdfast")
	if guest.NATS != host.NATS {
		t.Errorf("the guest answers on %s, not on %s", guest.NATS, host.NATS)
	}
	if _, err := os.Stat(filepath.Join(guest.Data, "jetstream")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the guest has made a NATS server of its own: %v", err)
	}
	guest.stop()
}

// freeBytes is the free space that an engine sees.
func freeBytes(t *testing.T, s *serving) int64 {
	t.Helper()
	_, text := fetch(t, s.HTTP+"/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "holdfast_disk_free_bytes "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return int64(f)
		}
	}
	t.Fatal("/metrics has no holdfast_disk_free_bytes")
	return 0
}

func TestNearlyFullDiskRefusesHoldsAndTakesPayments(t *testing.T) {
	data := newData(t)
	s := serveOn(t, data, "--keep-every", "10ms")
	c := connectTo(t, s)
	ctx := within(t)
	if _, err := c.Create(ctx, "e1", smallEvent(1_000_000)); err != nil {
		t.Fatal(err)
	}
	hold, err := c.Hold(ctx, "e1", &pb.HoldCommand{RequestId: "h-b1", Buyer: "b1", Items: []*pb.Item{{Lot: "ga", Quantity: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	free := freeBytes(t, s)
	for free == 0 { // the store has not looked yet
		free = freeBytes(t, s)
	}
	s.stop()

	// A disk with less than twice the reserve is nearly full, one with less than the reserve is too full to start.
	s = serveOn(t, data, "--keep-every", "10ms", "--reserve-bytes", strconv.FormatInt(free*3/5, 10))
	refused := func(verb, body string) bool {
		answer, err := (&natsAccess{url: s.NATS}).request(ctx, "holdfast.v1.events.e1."+verb, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		_, refusal := parseReply(answer)
		var no *wireError
		if errors.As(refusal, &no) && (no.Code != "unavailable" || !no.Retryable) {
			t.Fatalf("%s: refused with %+v", verb, no)
		}
		return no != nil
	}
	for i := 0; !refused("hold", fmt.Sprintf(`{"request_id":"h-x%d","buyer":"x%d","items":[{"lot":"ga","quantity":1}]}`, i, i)); i++ { // until it has looked
	}
	for verb, body := range map[string]string{ // a lobby would go on filling the disk
		"join":  `{"request_id":"j-b2","buyer":"b2"}`,
		"wait":  `{"request_id":"w-b2","buyer":"b2","wishes":[{"lot":"ga","quantity":1}]}`,
		"codes": `{"request_id":"c-1","codes":[{"name":"early","code":"EARLY-4KQ7","uses":1}]}`,
	} {
		if !refused(verb, body) {
			t.Errorf("%s is taken", verb)
		}
	}
	if _, err := connectTo(t, s).Confirm(ctx, "e1", &pb.ConfirmCommand{RequestId: "k-b1", Buyer: "b1", Hold: hold.Id, PaymentRef: "inv-1"}); err != nil {
		t.Errorf("what was held cannot be paid: %v", err)
	}
	_, text := fetch(t, s.HTTP+"/metrics")
	wants(t, text, "holdfast_holds_refused 1", "holdfast_disk_full 1")
}
