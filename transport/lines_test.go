package transport_test

import (
	"crypto/ed25519"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/ticket"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// memorySafe keeps signing keys in memory.
type memorySafe struct {
	mu   sync.Mutex
	keys map[string][]byte
}

func (s *memorySafe) ReadKeys(account string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	plain, ok := s.keys[account]
	return plain, ok, nil
}

func (s *memorySafe) WriteKeys(account string, plain []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		s.keys = make(map[string][]byte)
	}
	s.keys[account] = slices.Clone(plain)
	return nil
}

// serveLines starts a world whose lines are published, over the engine's rules.
func serveLines(t testing.TB, now engine.Instant) (*world, *transporttest.Direct, *ticket.Ring) {
	t.Helper()
	watch := new(transport.Watch)
	e := &transporttest.Direct{Now: now, Seed: lineSeed, Moved: watch.LineMoved, Over: watch.LineOver, LobbyClosed: watch.LobbyClosed, Changed: watch.PurchaseChanged}
	ring := ticket.NewRing(new(memorySafe), time.Now)
	return serveDirectWith(t, transport.Config{Watch: watch, Lines: e, Codes: ring}, e), e, ring
}

// listen subscribes to a subject.
func (w *world) listen(t testing.TB, subject string) *nats.Subscription {
	t.Helper()
	sub, err := w.caller.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.caller.Flush(); err != nil {
		t.Fatal(err)
	}
	return sub
}

// heard returns the next message of a subscription for which ok is true.
func heard[M proto.Message](t testing.TB, sub *nats.Subscription, make func() M, ok func(M) bool) M {
	t.Helper()
	for {
		msg, err := sub.NextMsgWithContext(within(t))
		if err != nil {
			t.Fatalf("%s: %v", sub.Subject, err)
		}
		m := make()
		if err := protojson.Unmarshal(msg.Data, m); err != nil {
			t.Fatalf("%s: %v in %s", sub.Subject, err, msg.Data)
		}
		if ok(m) {
			return m
		}
	}
}

func newNow() *pb.LineNow         { return new(pb.LineNow) }
func newChanged() *pb.LineChanged { return new(pb.LineChanged) }

// What is published of a line is enough to follow it: the commit, then the root before the seed, then who is served, with places on the way and prices.
func TestALineIsPublished(t *testing.T) {
	w, _, _ := serveLines(t, engine.Instant(time.Now().UnixNano()))
	sub := w.listen(t, transport.SubjectLine("e1"))
	ok := func(r *pb.Reply) *pb.Reply {
		t.Helper()
		if r.Error != nil {
			t.Fatal(r.Error)
		}
		return r
	}
	ok(w.askJSON(t, transport.Subject("e1", "create"), lobbyBody(4)))
	for i := range 40 {
		ok(w.askJSON(t, transport.Subject("e1", "join"), fmt.Sprintf(`{"request_id":"j%d","buyer":"b%d","wants":1}`, i, i)))
	}
	lobby := heard(t, sub, newNow, func(m *pb.LineNow) bool { return m.Line.Entries == 40 })
	if lobby.Line.Phase != "lobby" || lobby.Line.Commit == "" || lobby.Line.Root != "" || lobby.Line.Seed != "" || lobby.FromMinor != 4500 || lobby.ToMinor != 4500 || lobby.State != "draft" {
		t.Errorf("the lobby is published as %v", lobby)
	}
	ok(w.askJSON(t, transport.Subject("e1", "open"), `{"request_id":"o"}`))
	rooted := false
	served := heard(t, sub, newNow, func(m *pb.LineNow) bool {
		rooted = rooted || m.Line.Phase == "closed" && m.Line.Root != "" && m.Line.Seed == ""
		return m.Line.Phase == "serving"
	})
	if !rooted {
		t.Error("the seed was revealed before the root was published")
	}
	l := served.Line
	if l.Seed == "" || l.Served == 0 || l.Admitted == 0 || l.Admitted+l.Waiting != 40 || len(served.Checkpoints) < 4 || len(served.Lots) != 1 || served.Currency != "EUR" {
		t.Errorf("the line is published as %v", served)
	}
	last := int64(-1)
	for _, c := range served.Checkpoints {
		if c.Ahead <= last || c.Chance.GetTold() == "" || c.Place <= l.Served || c.Place > 40 {
			t.Errorf("checkpoint %v behind one with %d ahead", c, last)
		}
		last = c.Ahead
	}
	if last != l.Waiting-1 {
		t.Errorf("the last checkpoint has %d ahead of %d who wait", last, l.Waiting)
	}
	ok(w.askJSON(t, transport.Subject("e1", "close"), `{"request_id":"x"}`))
	heard(t, sub, newNow, func(m *pb.LineNow) bool { return m.State == "closed" })
}

// What is sold out is said to everybody, and does not belong to the range of prices; what is sold with a code only is said to nobody.
func TestWhatIsSoldOutIsTold(t *testing.T) {
	w, _, _ := serveLines(t, engine.Instant(time.Now().UnixNano()))
	sub := w.listen(t, transport.SubjectLine("e1"))
	ok := func(verb, body string) *pb.Place {
		t.Helper()
		r := w.askJSON(t, transport.Subject("e1", verb), body)
		if r.Error != nil {
			t.Fatalf("%s is refused: %v", verb, r.Error)
		}
		return r.Place
	}
	ok("create", `{"request_id":"c","currency":"EUR","open":true,"line":{"mode":"line","shoppers_max":1},"lots":[{"lot":"ga","face_minor":1000,"capacity":1},
		{"lot":"vip","face_minor":3000,"capacity":5},{"lot":"stage","face_minor":500,"capacity":5,"code_only":true}]}`)
	says := func(list []*pb.LotPrice, gaSoldOut bool) bool {
		return len(list) == 2 && list[0].Lot == "ga" && list[0].TotalMinor == 1000 && list[0].SoldOut == gaSoldOut && list[1].Lot == "vip" && !list[1].SoldOut
	}
	if p := ok("join", `{"request_id":"j1","buyer":"b1"}`); !says(p.Prices, false) {
		t.Errorf("a new pass shows %v", p.Prices)
	}
	ok("hold", `{"request_id":"h1","buyer":"b1","items":[{"lot":"ga","quantity":1}]}`)
	heard(t, sub, newNow, func(m *pb.LineNow) bool { return says(m.Lots, false) && m.FromMinor == 1000 && m.ToMinor == 3000 })
	ok("confirm", `{"request_id":"o1","buyer":"b1","hold":"h1","payment_ref":"p"}`)
	heard(t, sub, newNow, func(m *pb.LineNow) bool { return says(m.Lots, true) && m.FromMinor == 3000 && m.ToMinor == 3000 })
	if p := ok("join", `{"request_id":"j2","buyer":"b2"}`); p.State != "admitted" || !says(p.Prices, true) {
		t.Errorf("who joins now is told %v", p)
	}
	if p := ok("join", `{"request_id":"j3","buyer":"b3"}`); p.State != "waiting" || !says(p.Prices, true) {
		t.Errorf("who joins and waits is told %v", p)
	}
	if p := ok("place", `{"buyer":"b3"}`); !says(p.Prices, true) {
		t.Errorf("who asks is told %v", p)
	}
	ok("capacity", `{"request_id":"x","lot":"vip","capacity":0}`)
	heard(t, sub, newNow, func(m *pb.LineNow) bool {
		return len(m.Lots) == 2 && m.Lots[1].SoldOut && m.FromMinor == 0 && m.ToMinor == 0
	})
}

// Who is admitted is told so, with a pass that the account's keys have signed; who asks is told the same.
func TestWhoIsAdmittedIsTold(t *testing.T) {
	w, _, ring := serveLines(t, engine.Instant(time.Now().UnixNano()))
	sub := w.listen(t, transport.SubjectLine("e1")+".*")
	if r := w.askJSON(t, transport.Subject("e1", "create"), lobbyBody(1)); r.Error != nil {
		t.Fatal(r.Error)
	}
	for i := range 3 {
		w.askJSON(t, transport.Subject("e1", "join"), fmt.Sprintf(`{"request_id":"j%d","buyer":"b%d","wants":1}`, i, i))
	}
	w.askJSON(t, transport.Subject("e1", "open"), `{"request_id":"o"}`)
	told := heard(t, sub, newChanged, func(m *pb.LineChanged) bool { return m.Place.State == "admitted" })
	keys, err := ring.Public(engine.SingleAccount)
	if err != nil {
		t.Fatal(err)
	}
	pass, err := ticket.VerifyPass(told.Place.Pass, &keys, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want := ticket.Pass{
		Account: engine.SingleAccount, Event: "e1", Buyer: told.Place.Buyer, Entry: uint32(told.Place.Entry), Place: uint32(told.Place.Place), Until: told.Place.Until.Seconds,
	}
	if *pass != want || told.Place.Prices[0].TotalMinor != 4500 {
		t.Errorf("the pass says %+v, and the place is %v", pass, told.Place)
	}
	if _, err := ticket.VerifyPass(told.Place.Pass, &keys, time.Unix(pass.Until, 0)); err == nil {
		t.Error("a pass is good at its deadline")
	}
	if _, err := ticket.Verify(told.Place.Pass, &keys); err == nil {
		t.Error("a pass is taken for a ticket")
	}
	asked := w.askJSON(t, transport.Subject("e1", "place"), fmt.Sprintf(`{"buyer":%q}`, told.Place.Buyer)).Place
	if asked.Pass != told.Place.Pass {
		t.Error("who asks gets another pass")
	}
	// Whoever waits is told how long, and what the chance is; and when it has another word, without asking.
	var waits string
	for i := range 3 {
		if buyer := fmt.Sprint("b", i); buyer != told.Place.Buyer {
			waits = buyer
		}
	}
	place := w.askJSON(t, transport.Subject("e1", "place"), fmt.Sprintf(`{"buyer":%q}`, waits)).Place
	for place.Chance == nil { // until the line was published once
		place = w.askJSON(t, transport.Subject("e1", "place"), fmt.Sprintf(`{"buyer":%q}`, waits)).Place
	}
	if place.Chance.Told == "" || place.Prices[0].TotalMinor != 4500 {
		t.Errorf("who waits is told %v", place)
	}
	if place.Chance.Told == "sold_out" {
		t.Fatalf("one ticket is left, and who waits is told %v", place.Chance)
	}
	for _, c := range []string{"hold", "confirm"} {
		body := fmt.Sprintf(`{"request_id":"x-%s","buyer":%q,"items":[{"lot":"ga","quantity":1}]}`, c, told.Place.Buyer)
		if c == "confirm" {
			body = fmt.Sprintf(`{"request_id":"x-%s","buyer":%q,"hold":"h1","payment_ref":"p"}`, c, told.Place.Buyer)
		}
		if r := w.askJSON(t, transport.Subject("e1", c), body); r.Error != nil {
			t.Fatal(r.Error)
		}
	}
	gone := heard(t, sub, newChanged, func(m *pb.LineChanged) bool { return m.Place.Buyer == waits && m.Place.Chance.GetTold() == "sold_out" })
	if gone.Place.State != "waiting" {
		t.Errorf("who waits when all is sold is told %v", gone)
	}
}

// Joins that are answered together share one signature, and each receipt proves its entry, in both languages, in batches, and when it is asked for later.
func TestReceiptsOfTheLobby(t *testing.T) {
	w, _, ring := serveLines(t, engine.Instant(time.Now().UnixNano()))
	if r := w.askJSON(t, transport.Subject("e1", "create"), lobbyBody(4)); r.Error != nil {
		t.Fatal(r.Error)
	}
	public, err := ring.Public(engine.SingleAccount)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{} // of each receipt: what was signed, by whom
	check := func(p *pb.Place, entry int64, buyer string) {
		t.Helper()
		if p.GetReceipt() == nil {
			t.Fatalf("no receipt in %v", p)
		}
		text, err := (protojson.MarshalOptions{UseProtoNames: true}).Marshal(p.Receipt)
		if err != nil {
			t.Fatal(err)
		}
		r := receiptOf(t, text)
		key := public.Key(r.KeyID)
		if len(key) != 1 {
			t.Fatalf("no key %s", r.KeyID)
		}
		if err := r.Verify(key[0].Key.(ed25519.PublicKey)); err != nil {
			t.Error(err)
		}
		if int64(r.Entry) != entry || r.Buyer != buyer || r.Event != "e1" || r.Account != engine.SingleAccount || r.Commit != line.Commit(lineSeed) {
			t.Errorf("the receipt is for %+v", r)
		}
		seen[p.Receipt.Signature] += buyer + " "
	}
	check(w.askJSON(t, transport.Subject("e1", "join"), `{"request_id":"j1","buyer":"b1"}`).Place, 1, "b1")
	check(w.askProto(t, transport.Subject("e1", "join"), &pb.JoinCommand{RequestId: "j2", Buyer: "b2"}).Place, 2, "b2")
	replay := w.askProto(t, transport.Subject("e1", "join"), &pb.JoinCommand{RequestId: "j2", Buyer: "b2"})
	if check(replay.Place, 2, "b2"); !replay.Repeated {
		t.Error("a replay is not marked")
	}
	for _, json := range []bool{true, false} {
		batch := new(pb.Batch)
		first := 3
		if !json {
			first = 103
		}
		for i := range 100 {
			id := fmt.Sprint(first + i)
			batch.Commands = append(batch.Commands, &pb.BatchCommand{Command: &pb.BatchCommand_Join{Join: &pb.JoinCommand{RequestId: "j" + id, Buyer: "b" + id}}})
		}
		batch.Commands = append(batch.Commands, &pb.BatchCommand{Command: &pb.BatchCommand_Place{Place: &pb.PlaceCommand{Buyer: "b1", Receipt: true}}},
			&pb.BatchCommand{Command: &pb.BatchCommand_Place{Place: &pb.PlaceCommand{Buyer: "b1"}}}, &pb.BatchCommand{Command: &pb.BatchCommand_Get{Get: new(pb.GetCommand)}})
		var reply *pb.Reply
		if json {
			body, err := (protojson.MarshalOptions{UseProtoNames: true}).Marshal(batch)
			if err != nil {
				t.Fatal(err)
			}
			reply = w.askJSON(t, transport.Subject("e1", "buyer_batch"), string(body))
		} else {
			reply = w.askProto(t, transport.Subject("e1", "buyer_batch"), batch)
		}
		clear(seen)
		for i := range 100 {
			check(reply.Results[i].Place, int64(first+i), fmt.Sprint("b", first+i))
		}
		check(reply.Results[100].Place, 1, "b1")
		if reply.Results[101].Place.Receipt != nil || reply.Results[101].Place.Entry != 1 || reply.Results[102].Event == nil {
			t.Errorf("behind the joins there is %v, %v", reply.Results[101], reply.Results[102])
		}
		if len(seen) != 1 {
			t.Errorf("%d signatures for a batch", len(seen))
		}
	}
	// A batch whose receipts do not fit has its places all the same.
	batch := new(pb.Batch)
	for i := range transport.BatchCommandsMax {
		id := fmt.Sprint(1000 + i)
		batch.Commands = append(batch.Commands, &pb.BatchCommand{Command: &pb.BatchCommand_Join{Join: &pb.JoinCommand{RequestId: "j" + id, Buyer: "b" + id}}})
	}
	body, err := (protojson.MarshalOptions{UseProtoNames: true}).Marshal(batch)
	if err != nil {
		t.Fatal(err)
	}
	reply := w.askJSON(t, transport.Subject("e1", "buyer_batch"), string(body))
	with := 0
	for i, r := range reply.Results {
		if r.Place.GetEntry() != int64(203+i) {
			t.Fatalf("result %d is %v", i, r)
		}
		if r.Place.Receipt != nil {
			with++
		}
	}
	if with == 0 || with == transport.BatchCommandsMax {
		t.Errorf("%d of %d places have receipts", with, transport.BatchCommandsMax)
	}
	if r := w.askJSON(t, transport.Subject("e1", "open"), `{"request_id":"o"}`); r.Error != nil {
		t.Fatal(r.Error)
	}
	check(w.askJSON(t, transport.Subject("e1", "place"), `{"buyer":"b2","receipt":true}`).Place, 2, "b2")
}

// receiptOf reads a receipt as a buyer would keep it. protojson writes whole numbers as strings.
func receiptOf(t testing.TB, text []byte) line.Receipt {
	t.Helper()
	r, err := line.ParseReceipt(wholeNumber.ReplaceAll(text, []byte(`"$1":$2`)))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return r
}

var wholeNumber = regexp.MustCompile(`"(entry|index|size)": *"([0-9]+)"`)

// Heartbeats are taken with and without a reply subject, and not more than a bound.
func TestHeartbeats(t *testing.T) {
	w, _, _ := serveLines(t, engine.Instant(time.Now().UnixNano()))
	here := transport.Subject("e1", "here")
	if r := w.askJSON(t, transport.Subject("e1", "create"), lobbyBody(1)); r.Error != nil {
		t.Fatal(r.Error)
	}
	w.askJSON(t, transport.Subject("e1", "join"), `{"request_id":"j","buyer":"b1"}`)
	w.askJSON(t, transport.Subject("e1", "absent"), `{"request_id":"a","buyer":"b1"}`)
	if err := w.caller.Publish(here, []byte(`{"buyer":"b1"}`)); err != nil {
		t.Fatal(err)
	}
	if p := w.askJSON(t, transport.Subject("e1", "place"), `{"buyer":"b1"}`).Place; p.Absent {
		t.Error("who has sent a heartbeat is still absent")
	}
	if r := w.askProto(t, here, &pb.HereCommand{RequestId: "r1", Buyers: []string{"b1", "b2"}}); r.Here != 2 || r.RequestId != "r1" || r.Error != nil {
		t.Errorf("a heartbeat is answered %v", r)
	}
	many := make([]string, 100_000)
	for i := range many {
		many[i] = fmt.Sprint("b", i)
	}
	for _, bad := range []struct {
		body []byte
		code string
	}{
		{[]byte(`{}`), "invalid"},
		{[]byte(`{"buyers":[]}`), "invalid"},
		{[]byte(`{"buyers":["not an id"]}`), "invalid"},
		{[]byte(`{"buyer":"4111111111111111"}`), "card_number"},
		{hereBody(t, many[:transport.HereBuyersMax+1]), "too_large"},
		{hereBody(t, many), "too_large"},
	} {
		if r := decodeReply(t, w.ask(t, here, bad.body).Data); r.Error.GetCode() != bad.code {
			t.Errorf("%.40s is answered %v", bad.body, r)
		}
	}
	if r := decodeReply(t, w.ask(t, here, hereBody(t, many[:transport.HereBuyersMax])).Data); r.Here != transport.HereBuyersMax {
		t.Errorf("the largest heartbeat is answered %v", r)
	}
	await(t, func() bool { return w.server.Stats().Watched == transport.HereBuyersMax }) // they are answered first
	if n := w.server.Stats().NotWatched; n != 0 {
		t.Errorf("%d are not watched", n)
	}
}

func hereBody(t *testing.T, buyers []string) []byte {
	t.Helper()
	body, err := proto.Marshal(&pb.HereCommand{Buyers: buyers})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestLinesOfManyEventsArePublishedInTurn(t *testing.T) {
	w, _, _ := serveLines(t, engine.Instant(time.Now().UnixNano()))
	sub := w.listen(t, transport.SubjectLine("*"))
	events := transport.LinesPublishedMax + 20
	for i := range events {
		if r := w.askJSON(t, transport.Subject(fmt.Sprintf("e%04d", i), "create"), lobbyBody(1)); r.Error != nil {
			t.Fatal(r.Error)
		}
	}
	seen := map[string]bool{}
	for len(seen) < events {
		seen[heard(t, sub, newNow, func(*pb.LineNow) bool { return true }).Event] = true
	}
}
