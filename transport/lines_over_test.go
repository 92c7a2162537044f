package transport_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// TestWhoOnlyListensIsTold: whoever joins the lobby and never asks anything hears where they are when the line is served, that it is sold out, and in the end that it is over.
func TestWhoOnlyListensIsTold(t *testing.T) {
	w, _, _ := serveLines(t, engine.Instant(time.Now().UnixNano()))
	sub := w.listen(t, transport.SubjectLine("e1")+".*")
	ok := func(verb, body string) {
		t.Helper()
		if r := w.askJSON(t, transport.Subject("e1", verb), body); r.Error != nil {
			t.Fatal(r.Error)
		}
	}
	ok("create", lobbyBody(1))
	const buyers = 4
	for i := range buyers {
		ok("join", fmt.Sprintf(`{"request_id":"j%d","buyer":"b%d","wants":1}`, i, i))
	}
	ok("open", `{"request_id":"o"}`)
	admitted := ""
	told := map[string]int{} // of each who waits: how often
	heard(t, sub, newChanged, func(m *pb.LineChanged) bool {
		switch p := m.Place; {
		case p.State == "admitted":
			admitted = p.Buyer
		case p.State != "waiting" || p.Place < 2 || p.Place > buyers || p.Ahead != p.Place-2 || p.Chance.GetTold() == "" || p.Chance.Told == "sold_out":
			t.Errorf("who waits is told %v", m)
		default:
			told[p.Buyer]++
		}
		return admitted != "" && len(told) == buyers-1
	})
	ok("hold", fmt.Sprintf(`{"request_id":"h","buyer":%q,"items":[{"lot":"ga","quantity":1}]}`, admitted))
	ok("confirm", fmt.Sprintf(`{"request_id":"k","buyer":%q,"hold":"h1","payment_ref":"p"}`, admitted))
	soldOut := map[string]bool{}
	heard(t, sub, newChanged, func(m *pb.LineChanged) bool {
		if m.Place.State != "waiting" || soldOut[m.Place.Buyer] {
			t.Errorf("%s is told %v", m.Place.Buyer, m)
		}
		if m.Place.Chance.GetTold() == "sold_out" {
			if soldOut[m.Place.Buyer] = true; m.Place.EtaMs != 0 {
				t.Errorf("nobody's turn comes, and %s is told %v", m.Place.Buyer, m)
			}
		}
		return len(soldOut) == buyers-1
	})
	ok("close", `{"request_id":"x"}`)
	over := map[string]bool{}
	heard(t, sub, newChanged, func(m *pb.LineChanged) bool {
		if m.Place.State != "over" || over[m.Place.Buyer] || m.Place.Buyer == admitted {
			t.Errorf("at the end there is %v", m)
		}
		over[m.Place.Buyer] = true
		return len(over) == buyers-1
	})
	if st := w.server.Stats(); st.LinesLost != 0 || st.Followed != 0 {
		t.Errorf("%d messages are lost, %d are followed", st.LinesLost, st.Followed)
	}
}

// TestWhoWaitsForTicketsIsToldTheEnd: also of an event without a line, when it closes and when it is cancelled. Who waits in both is told once.
func TestWhoWaitsForTicketsIsToldTheEnd(t *testing.T) {
	w, _, _ := serveLines(t, engine.Instant(time.Now().UnixNano()))
	sub := w.listen(t, transport.SubjectLine("*")+".*")
	published := w.listen(t, transport.SubjectLine("*"))
	ok := func(event, verb, body string) {
		t.Helper()
		if r := w.askJSON(t, transport.Subject(event, verb), body); r.Error != nil {
			t.Fatal(r.Error)
		}
	}
	ends := map[string]string{"list-1": "close", "list-2": "cancel", "line-1": "close", "line-2": "cancel"}
	for event, end := range ends {
		hasLine, line := event[:4] == "line", ""
		if hasLine {
			line = `"line":{"mode":"line"},`
		}
		ok(event, "create", `{"request_id":"c","currency":"EUR","open":true,`+line+`"lots":[{"lot":"ga","face_minor":4500,"capacity":1}]}`)
		if hasLine {
			ok(event, "join", `{"request_id":"j0","buyer":"b0"}`)
			ok(event, "join", `{"request_id":"j1","buyer":"b1"}`)
		}
		ok(event, "hold", `{"request_id":"h","buyer":"b0","items":[{"lot":"ga","quantity":1}]}`)
		ok(event, "confirm", `{"request_id":"k","buyer":"b0","hold":"h1","payment_ref":"p"}`)
		for i := range 3 {
			ok(event, "wait", fmt.Sprintf(`{"request_id":"w%d","buyer":"b%d","wishes":[{"lot":"ga","quantity":1}]}`, i, i+1))
		}
		ok(event, end, `{"request_id":"x"}`)
	}
	over := map[string]bool{}
	heard(t, sub, newChanged, func(m *pb.LineChanged) bool {
		if m.Waiter.GetState() != "over" {
			return false // before the end
		}
		event, who := m.Waiter.Event, m.Waiter.Event+" "+m.Waiter.Buyer
		if over[who] || (m.Place != nil) != (event[:4] == "line" && m.Waiter.Buyer == "b1") || m.Place != nil && m.Place.State != "over" {
			t.Errorf("at the end there is %v", m)
		}
		over[who] = true
		return len(over) == 3*len(ends)
	})
	for range 2 { // the last of each line
		if m := heard(t, published, newNow, func(m *pb.LineNow) bool { return m.State == "closed" || m.State == "cancelled" }); m.Event[:4] != "line" {
			t.Errorf("an event without a line has one published: %v", m)
		}
	}
}

// TestWhoHasComeBackIsNext: whoever was skipped and is back has nobody before them, and is before all others.
func TestWhoHasComeBackIsNext(t *testing.T) {
	w, _, _ := serveLines(t, engine.Instant(time.Now().UnixNano()))
	sub := w.listen(t, transport.SubjectLine("e1"))
	ok := func(verb, body string) *pb.Reply {
		t.Helper()
		r := w.askJSON(t, transport.Subject("e1", verb), body)
		if r.Error != nil {
			t.Fatal(r.Error)
		}
		return r
	}
	ok("create", `{"request_id":"c","currency":"EUR","open":true,"line":{"mode":"line","shoppers_max":1},"lots":[{"lot":"ga","face_minor":4500,"capacity":9}]}`)
	for i := range 5 {
		ok("join", fmt.Sprintf(`{"request_id":"j%d","buyer":"b%d","wants":1}`, i, i))
	}
	ok("absent", `{"request_id":"a","buyer":"b1"}`)
	ok("leave", `{"request_id":"l","buyer":"b0"}`)
	ok("present", `{"request_id":"p","buyer":"b1"}`)
	heard(t, sub, newNow, func(m *pb.LineNow) bool { return m.Line.Served == 3 && m.Line.Skipped == 0 })
	for buyer, want := range map[string]int64{"b1": 0, "b3": 1, "b4": 2} {
		if p := ok("place", fmt.Sprintf(`{"buyer":%q}`, buyer)).Place; p.State != "waiting" || p.Ahead != want || p.Chance.GetTold() == "" {
			t.Errorf("%s is at %v, want %d ahead", buyer, p, want)
		}
	}
}
