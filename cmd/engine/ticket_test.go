package main

import (
	"bytes"
	"encoding/json"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/ticket"
)

func TestTicketsOfAnOrderAreShownDrawnAndVerifiedOffline(t *testing.T) {
	t.Parallel()
	s := serveOn(t, newData(t))
	shop := connectTo(t, s)
	if _, err := shop.Create(within(t), "e1", smallEvent(10)); err != nil {
		t.Fatal(err)
	}
	order := sell(t, shop, "e1", "b1")
	at := func(args ...string) string { return must(t, append(args, "--nats", s.NATS)...) }
	shown := at("ticket", "show", "--event", "e1", "--order", order.Id)
	wants(t, shown, "t1", "valid", "ga")
	lines := strings.Fields(shown)
	code := lines[len(lines)-1]
	jwks := write(t, "jwks.json", at("ticket", "keys"))
	for _, keys := range []string{jwks, s.HTTP + "/jwks.json", s.HTTP + "/jwks.json?account=_"} {
		wants(t, must(t, "ticket", "verify", code, "--jwks", keys), "VALID SIGNATURE", "e1", "t1", "generation 0", "Only the engine knows")
	}
	var said ticket.Claims
	if err := json.Unmarshal([]byte(must(t, "ticket", "verify", code, "--jwks", jwks, "--json")), &said); err != nil || said.Ticket != "t1" || said.Account != "_" {
		t.Fatalf("%+v, %v", said, err)
	}
	for _, c := range []struct{ code, keys, why string }{
		{code[:len(code)-24] + "AAAAAAAA" + code[len(code)-16:], jwks, "NOT VALID"},
		{"t1", jwks, "NOT VALID"},
		{code, "", "name the public keys"},
		{code, write(t, "empty.json", `{"keys":[]}`), "empty"},
		{code, s.HTTP + "/metrics", "set of keys"},
		{code, s.HTTP + "/jwks.json?account=other", "503"},
		{code, filepath.Join(t.TempDir(), "none"), "no such file"},
	} {
		if _, err := engineRun(t, "ticket", "verify", c.code, "--jwks", c.keys); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("verify %.9s with %s: %v, want %q", c.code, c.keys, err, c.why)
		}
	}
	dir := filepath.Join(t.TempDir(), "tickets")
	for _, format := range []string{"png", "svg"} {
		wants(t, at("ticket", "qr", "--event", "e1", "--order", order.Id, "--out", dir, "--format", format), "e1-t1."+format)
	}
	picture, err := os.ReadFile(filepath.Join(dir, "e1-t1.png"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"ticket", "show", "--event", "e1"},
		{"ticket", "show", "--event", "e1", "--order", "o99"},
		{"ticket", "qr", "--event", "e1", "--order", order.Id, "--out", dir, "--format", "gif"},
		{"ticket", "qr", "--event", "e1", "--order", order.Id},
		{"ticket", "qr", "--event", "e1", "--order", order.Id, "--out", dir, "--pixels", "99"},
	} {
		if _, err := engineRun(t, append(args, "--nats", s.NATS)...); err == nil {
			t.Errorf("%q succeeds", args)
		}
	}
	r, err := http.Get(s.HTTP + "/tickets/e1/" + order.Id)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode != http.StatusNotFound {
		t.Errorf("tickets are public: %s", r.Status)
	}
}

// TestCodesComeWithTheOrderWhenTheyAreAskedFor asks in both encodings, and finds them the same.
func TestCodesComeWithTheOrderWhenTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	s := serveOn(t, newData(t))
	shop := connectTo(t, s)
	if _, err := shop.Create(within(t), "e1", smallEvent(10_000)); err != nil {
		t.Fatal(err)
	}
	order := sell(t, shop, "e1", "b1")
	if order.Tickets[0].Code != "" {
		t.Fatal("a code comes unasked")
	}
	read, err := shop.Order(within(t), "e1", &pb.OrderCommand{Buyer: "b1", Order: order.Id, Codes: true})
	if err != nil {
		t.Fatal(err)
	}
	inJSON, err := engineRun(t, "ticket", "show", "--event", "e1", "--order", order.Id, "--json", "--nats", s.NATS)
	if err != nil || read.Tickets[0].Code == "" || !strings.Contains(inJSON, read.Tickets[0].Code) {
		t.Fatalf("%v: %+v and %s", err, read, inJSON)
	}
	if read.TotalMinor != order.TotalMinor || len(read.Items) != len(order.Items) || read.TicketCount != 1 {
		t.Fatalf("with codes the order is %+v, without it was %+v", read, order)
	}
	if _, err := shop.Order(within(t), "e1", &pb.OrderCommand{Buyer: "b2", Order: order.Id, Codes: true}); err == nil {
		t.Fatal("another buyer gets the codes")
	}
	nc := natsOf(t, s.NATS)
	answer, err := nc.RequestWithContext(within(t), transport.Subject("e1", "batch"), []byte(`{"commands":[{"order":{"order":"o1","codes":true}}]}`))
	if err != nil || !strings.Contains(string(answer.Data), `"field":"commands[0].order.codes"`) {
		t.Fatalf("codes in a batch: %v %s", err, answer.Data)
	}
	// More tickets than codes are shown: the box office's own order.
	hold, err := shop.Hold(within(t), "e1", &pb.HoldCommand{Buyer: "office", Items: []*pb.Item{{Lot: "ga", Quantity: 1000}}})
	if err == nil {
		t.Fatalf("%+v: the limit of the event is 4 tickets", hold)
	}
	big := smallEvent(10_000)
	big.LimitPerBuyer = 0
	if _, err := shop.Create(within(t), "e2", big); err != nil {
		t.Fatal(err)
	}
	if hold, err = shop.Hold(within(t), "e2", &pb.HoldCommand{Buyer: "office", Items: []*pb.Item{{Lot: "ga", Quantity: 1000}}}); err != nil {
		t.Fatal(err)
	}
	sold, err := shop.Confirm(within(t), "e2", &pb.ConfirmCommand{Buyer: "office", Hold: hold.Id, BoxOffice: true})
	if err != nil {
		t.Fatal(err)
	}
	all, err := shop.Order(within(t), "e2", &pb.OrderCommand{Order: sold.Id, Codes: true})
	if err != nil {
		t.Fatal(err)
	}
	with := len(all.Tickets) - len(slices.DeleteFunc(slices.Clone(all.Tickets), func(one *pb.Ticket) bool { return one.Code != "" }))
	if with != transport.CodesShownMax || len(all.Tickets) != 1000 {
		t.Fatalf("%d of %d tickets have codes", with, len(all.Tickets))
	}
}
