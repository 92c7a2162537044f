package transport_test

import (
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// lineSeed is the seed of the tests' lobbies.
var lineSeed = line.Seed{1, 2, 3, 4}

// lobbyBody makes an event of so many tickets with a lobby.
func lobbyBody(tickets int) string {
	return fmt.Sprintf(`{"request_id":"c","currency":"EUR","line":{"mode":"line","pass_ttl_ms":600000},"lots":[{"lot":"ga","face_minor":4500,"capacity":%d}]}`, tickets)
}

// Buyers gather in the lobby, are drawn when the event opens, and buy with their passes: in JSON and in protobuf.
func TestALineOnTheWire(t *testing.T) {
	w := serveDirect(t, &transporttest.Direct{Now: 1_777_629_600_000_000_000, Seed: lineSeed})
	ok := func(r *pb.Reply) *pb.Reply {
		t.Helper()
		if r.Error != nil {
			t.Fatalf("refused: %v", r.Error)
		}
		return r
	}
	e1 := func(verb string) string { return transport.Subject("e1", verb) }
	commit := line.Commit(lineSeed)
	created := ok(w.askJSON(t, e1("create"), lobbyBody(2))).Event.Line
	if created.Mode != "line" || created.PassTtlMs != 600_000 || created.GraceMs != 120_000 || created.Tracks[0].Track != "general" {
		t.Errorf("the event is shown with the line %v", created)
	}
	var leaves []line.Hash
	for i := range 9 {
		buyer := fmt.Sprint("b", i+1)
		var p *pb.Place
		if i%2 == 0 {
			p = ok(w.askJSON(t, e1("join"), fmt.Sprintf(`{"request_id":"j%d","buyer":%q,"wants":2}`, i, buyer))).Place
		} else {
			p = ok(w.askProto(t, e1("join"), &pb.JoinCommand{RequestId: fmt.Sprint("j", i), Buyer: buyer, Wants: 2})).Place
		}
		leaf := line.Leaf(engine.SingleAccount, "e1", commit, line.Entry(i+1), buyer)
		leaves = append(leaves, leaf)
		if p.Entry != int64(i+1) || p.Place != 0 || p.State != "waiting" || p.Wants != 2 || p.Leaf != hex.EncodeToString(leaf[:]) {
			t.Errorf("joined as %v", p)
		}
	}
	if p := ok(w.askJSON(t, e1("join"), `{"request_id":"again","buyer":"b3"}`)).Place; p.Entry != 3 {
		t.Errorf("who joins again has entry %d", p.Entry)
	}
	opened := ok(w.askJSON(t, e1("open"), `{"request_id":"o"}`)).Event.Line
	if opened.Entries != 9 || opened.Root == "" || opened.Commit != hex.EncodeToString(commit[:]) {
		t.Errorf("the lobby is closed as %v", opened)
	}
	shown := ok(w.askProto(t, e1("place"), &pb.PlaceCommand{EntriesFrom: 3})).Line
	if shown.Phase != "serving" || shown.Seed != hex.EncodeToString(lineSeed[:]) || shown.LeavesFrom != 3 || len(shown.Leaves) != 7 || shown.Leaves[0] != hex.EncodeToString(leaves[2][:]) {
		t.Errorf("the line is shown as %v", shown)
	}
	var tree line.Tree
	for _, leaf := range leaves {
		tree.Append(leaf)
	}
	root := tree.Root()
	if shown.Root != hex.EncodeToString(root[:]) {
		t.Error("the root is not that of the leaves")
	}
	admitted, waiting := "", ""
	for i, place := range line.Places(lineSeed, root, "", leaves) {
		buyer := fmt.Sprint("b", i+1)
		p := ok(w.askJSON(t, e1("place"), fmt.Sprintf(`{"buyer":%q}`, buyer))).Place
		if p.Place != int64(place) {
			t.Errorf("buyer %s has place %d, drawn was %d", buyer, p.Place, place)
		}
		if p.State == "admitted" {
			if admitted = buyer; p.Until == nil || p.Prices[0].TotalMinor != 4500 {
				t.Errorf("admitted as %v", p)
			}
		} else {
			waiting = buyer
		}
	}
	hold := func(buyer string) *pb.Reply {
		return w.askJSON(t, e1("hold"), fmt.Sprintf(`{"request_id":"h-%s","buyer":%q,"items":[{"lot":"ga","quantity":1}]}`, buyer, buyer))
	}
	if r := hold(waiting); r.Error.GetCode() != "pass_required" {
		t.Errorf("without a pass, a hold is answered %v", r)
	}
	if r := hold("stranger"); r.Error.GetCode() != "pass_required" {
		t.Errorf("without a place, a hold is answered %v", r)
	}
	ok(hold(admitted))
}

// Callers join, wait and look in batches of buyers' commands. What only the engine itself may do has no name on the wire.
func TestTheShellsVerbsOfTheLineAreNobodys(t *testing.T) {
	w := serveDirect(t, &transporttest.Direct{Now: 1_777_629_600_000_000_000, Seed: lineSeed})
	if r := w.askJSON(t, transport.Subject("e1", "create"), lobbyBody(2)); r.Error != nil {
		t.Fatal(r.Error)
	}
	batch := w.askJSON(t, transport.Subject("e1", "buyer_batch"), `{"commands":[{"join":{"request_id":"j1","buyer":"b1"}},{"join":{"request_id":"j2","buyer":"b2"}},
		{"place":{"buyer":"b1"}},{"absent":{"request_id":"a","buyer":"b1"}},{"present":{"request_id":"p","buyer":"b1"}},{"leave":{"request_id":"l","buyer":"b2"}},
		{"wait":{"request_id":"w","buyer":"b1","wishes":[{"lot":"ga","quantity":2}]}}]}`)
	for i, want := range []string{"waiting", "waiting", "waiting", "waiting", "waiting", "left"} {
		if r := batch.Results[i]; r.Error != nil || r.Place.State != want {
			t.Errorf("result %d is %v", i, r)
		}
	}
	if r := batch.Results[6]; r.Error.GetCode() != "not_on_sale" {
		t.Errorf("who waits before the sale is answered %v", r)
	}
	if r := w.askJSON(t, transport.Subject("e1", "buyer_batch"), `{"commands":[{"draw":{"request_id":"d","value":"1"}}]}`); r.Error.GetCode() != "unknown_verb" {
		t.Errorf("a draw in a batch of buyers is answered %v", r)
	}
	for _, verb := range []string{"seed", "reveal", "rate", "settle", "schedule"} {
		if r := w.askJSON(t, transport.Subject("e1", verb), `{"request_id":"x"}`); r.Error.GetCode() != "unknown_verb" {
			t.Errorf("%s is answered %v", verb, r)
		}
		if r := w.askJSON(t, transport.Subject("e1", "batch"), fmt.Sprintf(`{"commands":[{%q:{"request_id":"x"}}]}`, verb)); r.Error.GetCode() != "unknown_field" {
			t.Errorf("%s in a batch is answered %v", verb, r)
		}
		for _, field := range []string{"seed", "commit", "per_min"} {
			if r := w.askJSON(t, transport.Subject("e1", "draw"), fmt.Sprintf(`{"request_id":"x","value":"1",%q:"1"}`, field)); r.Error.GetCode() != "unknown_field" {
				t.Errorf("a draw with %s is answered %v", field, r)
			}
		}
	}
	// In protobuf the verbs' numbers are unknown fields: an entry with one has no command.
	for _, verb := range []engine.Verb{engine.VerbSeed, engine.VerbReveal, engine.VerbRate} {
		n := byte(verb)
		body := []byte{2<<3 | 2, 4, n<<3&0x7f | 2 | 0x80, n >> 4, 1, 0}
		if r := decodeReply(t, w.ask(t, transport.Subject("e1", "batch"), body).Data); r.Error.GetCode() != "unknown_verb" && r.Error.GetCode() != "malformed" {
			t.Errorf("%s in a protobuf batch is answered %v", verb, r)
		}
	}
	for _, bad := range []struct{ verb, body, code, field string }{
		{"place", `{}`, "invalid", "buyer"},
		{"place", `{"entries_from":-1}`, "invalid", "entries_from"},
		{"place", `{"entries_from":4294967296}`, "invalid", "entries_from"},
		{"join", `{"request_id":"x","buyer":"b9","wants":201}`, "invalid", "wants"},
		{"join", `{"request_id":"x","buyer":"b9","wants":-1}`, "invalid", "wants"},
		{"join", `{"request_id":"x","buyer":"b9","track":"vip"}`, "track_unknown", "track"},
		{"join", `{"request_id":"x","buyer":"4111111111111111"}`, "card_number", "buyer"},
		{"wait", `{"request_id":"x","buyer":"b9","wishes":[{"lot":"ga","quantity":1},{"lot":"a","quantity":1},{"lot":"b","quantity":1},{"lot":"c","quantity":1},{"lot":"d","quantity":1}]}`, "too_large", "wishes[4]"},
		{"wait", `{"request_id":"x","buyer":"b9","wishes":[{"lot":"ga","quantity":9223372036854775807}]}`, "invalid", "wishes[0].quantity"},
		{"wait", `{"request_id":"x","buyer":"b9","wishes":[]}`, "invalid", "wishes"},
		{"draw", `{"request_id":"x","value":"4111 1111 1111 1111"}`, "card_number", "value"},
		{"create", `{"request_id":"x","currency":"EUR","line":{"mode":"lottery"}}`, "invalid", "line.mode"},
		{"update", `{"request_id":"y","line":{"tracks":[{"track":"general","share_bp":10001}]}}`, "invalid", "line.tracks[0].share_bp"},
	} {
		r := w.askJSON(t, transport.Subject("e1", bad.verb), bad.body)
		if r.Error.GetCode() != bad.code || r.Error.GetField() != bad.field {
			t.Errorf("%s %s is answered %v", bad.verb, bad.body, r)
		}
	}
	if r := w.askJSON(t, transport.Subject("e1", "place"), `{"entries_from":4294967295}`); r.Error != nil || len(r.Line.GetLeaves()) != 0 {
		t.Errorf("entries beyond the last one are answered %v", r)
	}
}
