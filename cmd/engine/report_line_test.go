package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// TestReportTellsOfTheLine lets four people through a lobby of two tracks: one buys, one is away at their turn, one gives their place up, one still shops.
func TestReportTellsOfTheLine(t *testing.T) {
	ev := engine.New(engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "night-one"})
	now, facts := engine.Instant(time.Now().UnixNano()), engine.Facts{}
	do := func(cmd *engine.Command) *engine.Outcome {
		t.Helper()
		now += engine.Instant(time.Second)
		cmd.RequestID = strconv.FormatInt(int64(now), 10)
		out := ev.Step(cmd, now, &facts)
		if out.Code != engine.CodeOK {
			t.Fatalf("%s is refused: %s", cmd.Verb, out.AppendMessage(nil))
		}
		return out
	}
	seed := line.Seed{1, 2, 3}
	do(&engine.Command{Verb: engine.VerbCreate, Spec: &engine.EventSpec{
		Currency: "EUR", HoldTTLMs: 120_000, Lots: []engine.LotSpec{{Lot: "ga", FaceMinor: 4500, Capacity: 100}},
		Line: &engine.LineSpec{Mode: engine.LineModeLine, GraceMs: 2000, Tracks: []engine.TrackSpec{{Track: "general", ShareBp: 7500}, {Track: "member", ShareBp: 2500}}},
	}})
	do(&engine.Command{Verb: engine.VerbSeed, Line: &engine.LineCommand{Commit: line.Commit(seed)}})
	if got := lineOf(ev, nil); got.Phase != "lobby" || got.Commit != line.Commit(seed).String() || got.Seed != "" || got.verdict() != "0 joined the line, and nobody has been served yet." {
		t.Errorf("in the lobby the report says %+v, %s", got, got.verdict())
	}
	for buyer, track := range map[string]string{"ann": "", "bob": "", "cid": "", "dot": "member"} {
		do(&engine.Command{Verb: engine.VerbJoin, Buyer: buyer, Line: &engine.LineCommand{Track: track}})
	}
	do(&engine.Command{Verb: engine.VerbLeave, Buyer: "cid"})
	do(&engine.Command{Verb: engine.VerbAbsent, Buyer: "bob"})
	do(&engine.Command{Verb: engine.VerbOpen})
	do(&engine.Command{Verb: engine.VerbReveal, Line: &engine.LineCommand{Seed: seed}})
	for ev.Unsettled() {
		do(&engine.Command{Verb: engine.VerbSettle})
	}
	held := do(&engine.Command{Verb: engine.VerbHold, Buyer: "ann", Items: []engine.Item{{Lot: "ga", Quantity: 2}}}).Hold.ID
	do(&engine.Command{Verb: engine.VerbConfirm, Buyer: "ann", Hold: string(engine.AppendHoldID(nil, held, 0)), PaymentRef: "inv-1"})
	now += engine.Instant(5 * time.Second)
	do(&engine.Command{Verb: engine.VerbExpire})

	got := lineOf(ev, &engine.ListView{Waiting: 3, Bought: 1})
	if got.Overtaken != 0 || got.All.Joined != 4 || got.All.Served != 2 || got.All.NoShows != 1 || got.All.Left != 1 || got.All.Ordered != 1 || got.Tickets != 2 || got.Seed == "" || got.Root == "" {
		t.Errorf("the report says %+v", got)
	}
	if len(got.Tracks) != 2 || got.Tracks[1].Track != "member" || got.Tracks[1].PromisedBp != 2500 || got.Tracks[1].Given() != "50.0 %" || got.Tracks[1].Promised() != "25.0 %" {
		t.Errorf("its tracks are %+v", got.Tracks)
	}
	r := &report{Event: "night-one", Made: time.Now(), Line: got, Figures: &measure.Answer{Rows: []measure.Row{{}}}}
	r.Verdict = r.judge()
	var page strings.Builder
	if err := r.writeHTML(&page, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Nobody of the 4 in the line was overtaken outside its rules", "<td>Overtaken outside the rules</td><td class=\"n\">0</td>", "33.3 % (1 of 3)", "25.0 % (1 of 4)", "50.0 % (1 of 2)", "too few",
		got.Root, got.Seed, got.Commit, "3 waiting, 0 offered, 1 bought", "1 ordered, 1 shopping, 0 waiting, 0 skipped, 0 lapsed, 1 gone, 1 left",
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	text, err := json.Marshal(r)
	if err != nil || strings.Contains(string(text), `"ann"`) || strings.Contains(page.String(), ">ann<") {
		t.Errorf("the report names a buyer, or is no JSON: %v", err)
	}

	fair := line.FairReport{All: line.FairTrack{Joined: 9, Served: 5, Overtook: 2}, Difference: 0.031, Error: 0.01}
	got.takeFairness(&fair, nil)
	if said := got.verdict(); !strings.HasPrefix(said, "THE LINE WAS NOT FAIR: 2 ") || got.Facts()[8].Text != "+3.1 points, ± 2.0" {
		t.Errorf("of an unfair line it says %s, and %+v", said, got.Facts())
	}
}
