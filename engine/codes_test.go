package engine

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestACodeIsNeverUsedTooOften lets buyers do at random whatever takes and gives back uses of codes. In every prefix of the log no code has more uses than it may,
// and what is replayed or opened from a snapshot has used as much.
func TestACodeIsNeverUsedTooOften(t *testing.T) {
	used := int64(0)
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t, nil)
		replica := New(testKey())
		step := func(cmd *Command) *Outcome {
			w.facts.Reset()
			first := w.e.Seq() + 1
			out := *w.step(cmd)
			if w.facts.Count == 0 {
				return &out
			}
			run := Run{Key: testKey(), First: first, At: w.now, Facts: w.facts}
			err := replica.FoldEach(&run, func(*FactView) bool {
				for i := range replica.codesCount() {
					if c := &replica.codes.rows[i]; c.used < 0 || c.used > c.uses || c.placed < 0 || c.placed > c.uses {
						t.Fatalf("seed %d, fact %d: code %s is used %d times and in %d places, of %d", seed, replica.Seq(), c.name, c.used, c.placed, c.uses)
					}
				}
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
			return &out
		}
		spec := testSpec()
		spec.LimitPerBuyer, spec.Lots[1].CodeOnly = 0, true
		spec.Line = &LineSpec{Tracks: []TrackSpec{{Track: "general", ShareBp: 5000}, {Track: "fans", ShareBp: 5000, CodeOnly: true}}}
		if seed%2 == 0 {
			spec.Line.Mode = LineModeLine
		}
		step(&Command{Verb: VerbCreate, Spec: spec})
		step(codes(
			CodeSpec{Name: "one", Code: "code-1", Uses: 2, DiscountBp: 1234, Track: "fans"}, CodeSpec{Name: "two", Code: "code-2", Uses: 3, Lots: []string{"ga", "stalls"}},
			CodeSpec{Name: "three", Code: "code-3", Uses: 1, DiscountMinor: 300, Lots: []string{"ga"}},
		))
		for range 300 {
			buyer := "b" + strconv.Itoa(r.IntN(8))
			code := "code-" + strconv.Itoa(1+r.IntN(4))
			h := HoldID(0)
			if at := w.e.buyerNamed(buyer, hashString(w.e.seed, buyer)); at != 0 && w.e.buyers.at(at-1).hold != 0 {
				h = w.e.holds.at(w.e.buyers.at(at-1).hold - 1).id()
			}
			switch r.IntN(14) {
			case 0, 1, 2:
				step(using(code, hold(buyer, "ga", 1+r.Int64N(2))))
			case 3:
				step(using(code, &Command{Verb: VerbHold, Buyer: buyer, Fill: FillBestEffort, Items: []Item{{Lot: "stalls", Quantity: 1 + r.Int64N(3)}, {Lot: "ga", Quantity: 1}}}))
			case 4:
				step(&Command{Verb: VerbRelease, Buyer: buyer, Hold: holdText(h)})
			case 5, 6:
				step(&Command{Verb: VerbConfirm, Buyer: buyer, Hold: holdText(h), PaymentRef: "inv", Payment: &PaymentCommand{Late: r.IntN(2) == 0}})
			case 7:
				step(&Command{Verb: VerbRefund, Order: "o" + strconv.Itoa(1+r.IntN(int(w.e.orders.rows)+1)), Payment: &PaymentCommand{Block: r.IntN(2) == 0}})
			case 8:
				w.now += Instant(r.Int64N(200)) * second
				step(&Command{Verb: VerbExpire})
			case 9:
				step(using(code, about(VerbJoin, buyer)))
			case 10:
				step(about(VerbLeave, buyer))
			case 11:
				step(using(code, waits(buyer, Wish{Lot: "ga", Quantity: 1})))
				step(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: r.Int64N(30)})
			case 12:
				step(codes(CodeSpec{Name: []string{"one", "two", "three"}[r.IntN(3)], Uses: 1 + r.Int64N(4), Ended: r.IntN(4) == 0, Set: SetCodeUses | SetCodeEnded}))
			case 13:
				out := step(using(code, &Command{Verb: VerbOffer, Buyer: buyer, Items: []Item{{Lot: "ga", Quantity: 1}}, Payment: &PaymentCommand{Note: goodCard()}}))
				if out.Code == CodeOK {
					step(&Command{Verb: VerbBuy, Buyer: buyer, Payment: &PaymentCommand{Offer: string(AppendOfferID(nil, out.Offer.ID, 0)), Note: goodCard()}})
				}
			}
			for w.e.Unsettled() {
				step(&Command{Verb: VerbSettle})
			}
			for i := range w.e.codes.rows {
				used = max(used, w.e.codes.rows[i].used)
			}
		}
		opened, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range []*Event{w.e, replica, opened.(*Event)} {
			if err := e.Check(); err != nil {
				t.Fatal(err)
			}
			if e.StateHash() != w.e.StateHash() {
				t.Fatalf("seed %d: state hash %016x, live %016x", seed, e.StateHash(), w.e.StateHash())
			}
		}
	}
	if used < 3 {
		t.Errorf("codes were used %d times at most", used)
	}
}

func TestDiscountsAreExact(t *testing.T) {
	for _, c := range []struct {
		bp, minor, face, fees, tax int64
		wantFace, wantTax          int64
	}{
		{1500, 0, 1000, 100, 110, 850, 95},
		{3333, 0, 1, 0, 1, 1, 1}, // rounded down: nothing off
		{10_000, 0, 4500, 250, 750, 0, 39},
		{10_000, 0, 4500, 0, 4500, 0, 0},
		{0, 500, 300, 7, 307, 0, 7},
		{0, MinorMax, MinorMax, 0, MinorMax, 0, 0},
		{1, 0, MinorMax, 0, MinorMax, MinorMax - MinorMax/10_000, MinorMax - MinorMax/10_000},
		{5000, 0, 0, 0, 0, 0, 0},
		{0, 0, 700, 0, 70, 700, 70}, // a code that only opens a lot
	} {
		row := codeRow{bp: c.bp, minor: c.minor}
		face, tax := row.discounted(&priceVersion{face: c.face, tax: c.tax, total: c.face + c.fees})
		if face != c.wantFace || tax != c.wantTax {
			t.Errorf("%+v: face %d, tax %d", c, face, tax)
		}
	}
}

// TestCodesSayWhatTheyAre: a code is the same however it is typed, another in every event and account, and its hash is of what docs/codes.md says.
func TestCodesSayWhatTheyAre(t *testing.T) {
	const want = "0cec75710559a76d1b8e0b8b37cbad7d5811ddbd99175b40538e967a9d670c09" // printf 'holdfast code 1\nshop\ne1\nFANS-2026' | sha256sum
	if got := fmt.Sprintf("%x", HashCode("shop", "e1", " fans-2026\t")); got != want {
		t.Errorf("the hash is %s, want %s", got, want)
	}
	seen := map[CodeHash]string{}
	for _, of := range [][3]string{{"shop", "e1", "FANS"}, {"shop", "e2", "FANS"}, {"shops", "e1", "FANS"}, {"shop", "e1", "FANS2"}, {"shop", "e1", "fäns"}} {
		hash := HashCode(of[0], of[1], of[2])
		if before, ok := seen[hash]; ok {
			t.Errorf("%v and %s are the same", of, before)
		}
		seen[hash] = strings.Join(of[:], " ")
	}
}

// TestBoundsOfCodes fills every bound of codes, and goes one further.
func TestBoundsOfCodes(t *testing.T) {
	spec := testSpec()
	for i := range LotsPerCodeMax {
		spec.Lots = append(spec.Lots, LotSpec{Lot: "l" + strconv.Itoa(i), Capacity: 10})
	}
	w := newWorld(t, spec)
	lots := []string{"ga"}
	for i := range LotsPerCodeMax {
		lots = append(lots, "l"+strconv.Itoa(i))
	}
	c := CodeSpec{Name: "lots", Code: "lots-2026", Uses: 1, Lots: lots}
	w.refused(CodeInvalid, codes(c))
	c.Lots = lots[1:]
	w.ok(codes(c))
	w.ok(codes(CodeSpec{Name: "long", Code: strings.Repeat("x", CodeLenMax), Uses: LimitMax, DiscountMinor: MinorMax}))
	w.refused(CodeInvalid, codes(CodeSpec{Name: "longer", Code: strings.Repeat("x", CodeLenMax+1), Uses: 1, DiscountMinor: 1}))
	w.refused(CodeInvalid, codes(CodeSpec{Name: "shorter", Code: strings.Repeat("x", CodeLenMin-1), Uses: 1, DiscountMinor: 1}))
	w.ok(using(strings.Repeat("x", CodeLenMax), hold("a", "ga", 1)))
	w.refused(CodeInvalid, using(strings.Repeat("x", CodeLenMax+1), hold("a", "ga", 1)))
	n := len(w.e.codes.rows)
	for n < CodesMax {
		var list []CodeSpec
		for len(list) < CodesPerCommandMax && n < CodesMax {
			list = append(list, CodeSpec{Name: "c" + strconv.Itoa(n), Code: "text-" + strconv.Itoa(n), Uses: 1, DiscountMinor: 1})
			n++
		}
		w.facts.Reset()
		w.ok(codes(list...))
	}
	if v := w.ok(&Command{Verb: VerbGet}).Event.Codes; len(v.Codes) != CodesShownMax || v.All != CodesMax {
		t.Errorf("%d of %d codes are shown", len(v.Codes), v.All)
	}
	w.refused(CodeTooMany, codes(CodeSpec{Name: "more", Code: "more-2026", Uses: 1, DiscountMinor: 1}))
	list := make([]CodeSpec, CodesPerCommandMax+1)
	for i := range list {
		list[i] = CodeSpec{Name: "c" + strconv.Itoa(1000+i)}
	}
	w.refused(CodeInvalid, codes(list...))
	w.ok(codes(list[1:]...))
	w.e.codes.priced += CodePricesMax - 1 // the first is there: as if so many had been taken
	w.refused(CodeTooMany, using("text-500", hold("b", "ga", 1)))
	w.ok(using(strings.Repeat("x", CodeLenMax), hold("c", "ga", 1)))
	w.e.codes.priced -= CodePricesMax - 1
	if err := w.e.Check(); err != nil {
		t.Fatal(err)
	}
}

// TestWhoGuessesIsForgottenInOrder fills the table of those who guess: the first is forgotten, and may guess again.
func TestWhoGuessesIsForgottenInOrder(t *testing.T) {
	w := newWorld(t, testSpec())
	for range GuessesMax {
		w.refused(CodeCodeUnknown, using("none-2026", hold("first", "ga", 1)))
	}
	out := w.refused(CodeCodeLocked, using("none-2026", hold("first", "ga", 1)))
	if out.RetryAfterMs != guessWindowNs/1e6 {
		t.Errorf("to retry after %d ms", out.RetryAfterMs)
	}
	for i := range GuessersMax - 1 {
		w.facts.Reset()
		w.refused(CodeCodeUnknown, using("none-2026", hold("g"+strconv.Itoa(i), "ga", 1)))
	}
	w.refused(CodeCodeLocked, using("none-2026", hold("first", "ga", 1)))
	w.refused(CodeCodeUnknown, using("none-2026", hold("last", "ga", 1)))
	w.refused(CodeCodeUnknown, using("none-2026", hold("first", "ga", 1)))
	if n := w.e.codes.guesses.count(); n != GuessersMax {
		t.Errorf("%d are known", n)
	}
	w.now += guessWindowNs
	w.refused(CodeCodeUnknown, using("none-2026", hold("first", "ga", 1)))
	if n := w.e.codes.guesses.count(); n != 1 {
		t.Errorf("%d are known after the window", n)
	}
	if err := w.e.Check(); err != nil {
		t.Fatal(err)
	}
}

// TestACodeThatIsNoneTellsNothing: what a wrong code is answered does not depend on whether the lots have tickets, nor a right one's repeat on what was tried since.
func TestACodeThatIsNoneTellsNothing(t *testing.T) {
	spec := testSpec()
	spec.Lots[0].CodeOnly = true
	w := newWorld(t, spec)
	w.ok(codes(CodeSpec{Name: "fans", Code: "fans-2026", Uses: 1, Lots: []string{"ga"}}))
	for _, quantity := range []int64{1, 5, 2000} {
		w.refused(CodeCodeUnknown, using("wrong-2026", hold("a", "ga", quantity)))
	}
	cmd := using(" Fans-2026", hold("b", "ga", 1))
	cmd.RequestID = "x"
	w.ok(cmd)
	cmd.Line.Code = "FANS-2026 "
	if out := w.ok(cmd); !out.Repeated {
		t.Error("the same code typed otherwise is another request")
	}
	cmd.Line.Code = "fans-2027"
	w.refused(CodeRequestMismatch, cmd)
}
