package engine

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// codes is a command that sets codes.
func codes(specs ...CodeSpec) *Command {
	return &Command{Verb: VerbCodes, Line: &LineCommand{Codes: specs}}
}

// using gives a code with a command.
func using(code string, cmd *Command) *Command {
	if cmd.Line == nil {
		cmd.Line = &LineCommand{}
	}
	cmd.Line.Code = code
	return cmd
}

// goldenCodes is the life of an event with codes, with a fact of every kind that is about them, and every fact that may have one.
func goldenCodes(t testing.TB) (w *world, lines []string) {
	t.Helper()
	w = &world{t: t, e: NewWithLimits(testKey(), Limits{Line: 100}), now: start}
	step := func(code Code, cmd *Command) {
		t.Helper()
		w.facts.Reset()
		if out := w.step(cmd); out.Code != code {
			t.Fatalf("%s: %s: %s", cmd.Verb, out.Code, out.AppendMessage(nil))
		}
		lines = append(lines, fmt.Sprintf("%s %d %d %s", cmd.Verb, w.now-start, w.facts.Count, hex.EncodeToString(w.facts.Buf)))
		w.now += second / 4
	}
	spec := testSpec()
	spec.Lots[0].Capacity, spec.Lots[0].TaxMinor, spec.Lots[1].CodeOnly = 5, 750, true
	spec.Line = &LineSpec{Mode: LineModeLine, OfferTTLMs: 60_000, Tracks: []TrackSpec{{Track: "general", ShareBp: 5000}, {Track: "fans", ShareBp: 5000, CodeOnly: true}}}
	step(CodeOK, &Command{Verb: VerbCreate, Spec: spec})
	step(CodeOK, codes(
		CodeSpec{Name: "fans", Code: "FANS-2026-X", Uses: 5, Lots: []string{"ga", "stalls"}, DiscountBp: 1000, Track: "fans", OpensAt: start, EndsAt: start + 3600*second},
		CodeSpec{Name: "voucher", Hash: HashCode(SingleAccount, "e1", "voucher-7"), Uses: 1, DiscountMinor: 500, Ended: true},
	))
	step(CodeOK, codes(CodeSpec{Name: "voucher", Set: SetCodeEnded | SetCodeUses, Uses: 2}, CodeSpec{Name: "fans"}))
	for _, buyer := range []string{"b1", "b2", "b3"} {
		step(CodeOK, using("fans-2026-x", &Command{Verb: VerbJoin, Buyer: buyer, Line: &LineCommand{Wants: 2}}))
	}
	step(CodeOK, about(VerbJoin, "b4"))
	step(CodeCodeUnknown, using("Fans2025", hold("b1", "ga", 1)))
	step(CodeOK, using("FANS-2026-X", hold("b1", "ga", 2)))
	step(CodeOK, &Command{Verb: VerbConfirm, Buyer: "b1", Hold: "h1", PaymentRef: "inv-1"})
	step(CodeOK, using("FANS-2026-X", &Command{Verb: VerbHold, Buyer: "b2", Items: []Item{{Lot: "stalls", Seats: []string{"A/1/4", "A/1/5"}}, {Lot: "ga", Quantity: 1}}}))
	step(CodeOK, using("voucher-7", &Command{Verb: VerbOffer, Buyer: "b4", Items: []Item{{Lot: "ga", Quantity: 1}}, Payment: &PaymentCommand{Note: goodCard()}}))
	step(CodeOK, &Command{Verb: VerbBuy, Buyer: "b4", Payment: &PaymentCommand{Offer: "f1", Note: goodCard()}})
	step(CodeOK, using("FANS-2026-X", hold("b3", "ga", 1)))
	step(CodeOK, &Command{Verb: VerbUpdate, Spec: &EventSpec{Line: &LineSpec{Set: SetLineMode}, Lots: []LotSpec{{Lot: "ga", FaceMinor: 5000, Set: SetLotFace}}}})
	step(CodeOK, using("FANS-2026-X", waits("b5", Wish{Lot: "ga", Quantity: 1})))
	step(CodeOK, &Command{Verb: VerbCapacity, Lot: "ga", Quantity: 6}) // offered to b5, at the new price
	step(CodeOK, &Command{Verb: VerbRefund, Order: "o1", Payment: &PaymentCommand{}})
	step(CodeOK, &Command{Verb: VerbProve})
	return w, lines
}

// TestCodesAreWrittenAsEver compares the facts of codes with what was written when they were new: facts, their words, snapshot and hash. None has a code.
func TestCodesAreWrittenAsEver(t *testing.T) {
	w, lines := goldenCodes(t)
	lines = wantsGoldenFacts(t, w, lines, "codes.txt")
	all := strings.ToLower(strings.Join(lines, "\n"))
	for _, code := range []string{"fans-2026-x", "voucher-7", "fans2025"} {
		for _, s := range []string{code, hex.EncodeToString([]byte(code)), hex.EncodeToString([]byte(strings.ToUpper(code)))} {
			if strings.Contains(all, s) {
				t.Errorf("%s is in the log or a snapshot", code)
			}
		}
	}
}
