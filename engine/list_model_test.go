package engine_test

import (
	"cmp"
	"strconv"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
	"github.com/holdfast-engine/holdfast/engine/fifo"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// playList lets many want the few tickets of two lots with a pool in common, one at a time, while others wait for several at once: who does is passed over again and again.
func playList(dice enginetest.Dice, turns int) (*enginetest.Shell, *enginetest.Twin, error) {
	shell := enginetest.NewShell(eventKey(), engine.Limits{}, enginetest.WorkloadStart)
	twin := enginetest.NewTwin(shell)
	var wrong error
	shell.Each = func(cmd *engine.Command, out *engine.Outcome) {
		if wrong == nil {
			wrong = twin.Check(cmd, out)
		}
	}
	asked, holds := 0, map[string]string{}
	do := func(cmd engine.Command) *engine.Outcome {
		asked++
		cmd.RequestID = "q" + strconv.Itoa(asked)
		return shell.Do(&cmd)
	}
	do(engine.Command{Verb: engine.VerbCreate, Spec: &engine.EventSpec{
		Name: "Night One", Currency: "EUR", Open: true, HoldTTLMs: 60_000, HasSpread: true, Pools: []engine.PoolSpec{{Pool: "hall", Capacity: 6}},
		Lots: []engine.LotSpec{{Lot: "a", FaceMinor: 1000, Capacity: 5, Pools: []string{"hall"}}, {Lot: "b", FaceMinor: 2000, Capacity: 5, Pools: []string{"hall"}}},
		Line: &engine.LineSpec{OfferTTLMs: 20_000, AsideMs: 30_000},
	}})
	for ; turns > 0 && wrong == nil; turns-- {
		buyer, lot := "b"+strconv.Itoa(dice.Below(40, "buyer")), []string{"a", "b"}[dice.Below(2, "lot")]
		switch n := dice.Below(100, "what"); {
		case n < 40:
			if out := do(engine.Command{Verb: engine.VerbHold, Buyer: buyer, Items: []engine.Item{{Lot: lot, Quantity: 1}}}); out.Code == engine.CodeOK {
				holds[buyer] = string(engine.AppendHoldID(nil, out.Hold.ID, 0))
			}
		case n < 43:
			do(engine.Command{Verb: engine.VerbExtend, Buyer: buyer, Hold: cmp.Or(holds[buyer], "h0")})
		case n < 65:
			do(engine.Command{Verb: engine.VerbRelease, Buyer: buyer, Hold: cmp.Or(holds[buyer], "h0")})
		case n < 78:
			cmd := engine.Command{Verb: engine.VerbWait, Buyer: buyer, Line: &engine.LineCommand{Wishes: []engine.Wish{{Lot: lot, Quantity: int64(1 + dice.Below(5, "quantity"))}}}}
			if dice.Below(3, "more") == 0 {
				cmd.Line.Wishes = append(cmd.Line.Wishes, engine.Wish{Lot: "a", Quantity: int64(6 + dice.Below(2, "quantity"))})
			}
			if dice.Below(3, "auto") == 0 {
				cmd.Line.AutoBuy, cmd.Payment = true, &engine.PaymentCommand{Note: engine.Annotation{
					Known: true, Method: "m1", Gateway: "sandbox", Kind: payment.MethodCard, Agreement: "v1", Can: payment.Reusable | payment.Instant,
				}}
			}
			do(cmd)
		case n < 80:
			do(engine.Command{Verb: engine.VerbUpdate, Spec: &engine.EventSpec{Lots: []engine.LotSpec{{Lot: lot, Set: engine.SetLotFace, FaceMinor: int64(500 + 500*dice.Below(5, "face"))}}}})
		case n < 84:
			do(engine.Command{Verb: engine.VerbLeave, Buyer: buyer, Line: &engine.LineCommand{List: true}})
		case n < 86:
			if out := do(engine.Command{Verb: engine.VerbPlace, Buyer: buyer}); out.Shows&engine.ShowsWaiter != 0 && out.Waiter.Hold != 0 {
				holds[buyer] = string(engine.AppendHoldID(nil, out.Waiter.Hold, 0))
			}
		case n < 88:
			do(engine.Command{Verb: engine.VerbBlock, Lot: lot, Quantity: 1})
		case n < 90:
			do(engine.Command{Verb: engine.VerbUnblock, Lot: lot, Quantity: 1})
		case n < 91:
			do(engine.Command{Verb: engine.VerbGet})
		case n < 92:
			if err := shell.Sleep(); err != nil {
				return shell, twin, err
			}
			twin.Slept()
		case n < 94:
			shell.Outage(int64(1+dice.Below(20, "outage")) * 1e9)
		default:
			shell.Pass(shell.Now + engine.Instant(1+dice.Below(20, "time"))*1e9)
		}
	}
	return shell, twin, wrong
}

// TestTheLargeRequestIsServedAsTheModelDoes compares every answer about a waiting list with the model's, where many are passed over until tickets are kept for them, and lets a
// checker that knows only the log find each offer to be the next.
func TestTheLargeRequestIsServedAsTheModelDoes(t *testing.T) {
	runs, seed := number(t, "HOLDFAST_MODEL_RUNS", number(t, "HOLDFAST_RAPID_CHECKS", 15)), uint64(number(t, "HOLDFAST_MODEL_SEED", 1))
	offers, kept, longer := 0, 0, 0
	for i := range uint64(runs) {
		shell, twin, err := playList(enginetest.SeededDice(seed+i), 800)
		if err != nil {
			t.Fatalf("seed %d: %v", seed+i, err)
		}
		checker := fifo.New(eventKey())
		for _, run := range shell.Log {
			if err := checker.Read(run); err != nil {
				t.Fatalf("seed %d: %v", seed+i, err)
			}
		}
		if r := checker.Report(); r.Inversions > 0 || r.Offers != int64(twin.Model.Offers) {
			t.Fatalf("seed %d: %d offers, the model has made %d: %q", seed+i, r.Offers, twin.Model.Offers, r.Wrong)
		}
		offers, kept, longer = offers+twin.Model.Offers, kept+twin.Model.Kept, longer+twin.Model.KeptLonger
	}
	if offers < 20*runs || kept < 4*runs || longer < runs/4 {
		t.Errorf("only %d offers in %d lives, and %d times were tickets kept, %d times for longer", offers, runs, kept, longer)
	}
	t.Logf("%d offers in %d lives, %d times tickets were kept, %d times for longer", offers, runs, kept, longer)
}

// watchedList is a shell whose every answer is compared with the model's, and the state with that of a replica.
func watchedList(t *testing.T, spec *engine.EventSpec) (do func(cmd engine.Command) *engine.Outcome, shell *enginetest.Shell) {
	t.Helper()
	shell = enginetest.NewShell(eventKey(), engine.Limits{}, enginetest.WorkloadStart)
	twin := enginetest.NewTwin(shell)
	shell.Each = func(cmd *engine.Command, out *engine.Outcome) {
		if err := twin.Check(cmd, out); err != nil {
			t.Fatal(err)
		}
	}
	asked := 0
	do = func(cmd engine.Command) *engine.Outcome {
		if asked++; asked%50 == 0 {
			if err := shell.Sleep(); err != nil {
				t.Fatal(err)
			}
			twin.Slept()
		}
		cmd.RequestID = "q" + strconv.Itoa(asked)
		return shell.Do(&cmd)
	}
	if out := do(engine.Command{Verb: engine.VerbCreate, Spec: spec}); out.Code != engine.CodeOK {
		t.Fatalf("create is refused: %s", out.Code)
	}
	return do, shell
}

func wishes(buyer string, wishes ...engine.Wish) engine.Command {
	return engine.Command{Verb: engine.VerbWait, Buyer: buyer, Line: &engine.LineCommand{Wishes: wishes}}
}

// TestTheLargeRequestIsServedHoweverSlowlyTicketsComeBack lets one ticket come back each quarter of an hour, where tickets are kept for ten minutes at first, while later
// ones wait for one each without end, and buy it at once.
func TestTheLargeRequestIsServedHoweverSlowlyTicketsComeBack(t *testing.T) {
	for wants, rounds := range map[int64]int{2: 3, 3: 4, 8: 5, 32: 7} { // the last time of keeping is 40, 80, 160, 640 minutes
		do, shell := watchedList(t, &engine.EventSpec{
			Name: "Night One", Currency: "EUR", Open: true, Lots: []engine.LotSpec{{Lot: "ga", FaceMinor: 1000}}, Line: &engine.LineSpec{AsideMs: 600_000, OfferTTLMs: 3_600_000},
		})
		do(wishes("large", engine.Wish{Lot: "ga", Quantity: wants}))
		waiter := func(buyer string) *engine.WaiterView {
			return do(engine.Command{Verb: engine.VerbPlace, Buyer: buyer}).Waiter
		}
		others := []string(nil)
		bought, freed := 0, int64(0)
		for waiter("large").State == engine.WaitWaiting && freed < 500 {
			freed++
			others = append(others, "b"+strconv.FormatInt(freed, 10))
			do(wishes(others[len(others)-1], engine.Wish{Lot: "ga", Quantity: 1}))
			do(engine.Command{Verb: engine.VerbCapacity, Lot: "ga", Quantity: freed})
			for range 2 { // at once, and of what was kept in between
				for len(others) > 0 {
					hold := waiter(others[0]).Hold
					if hold == 0 {
						break
					}
					if out := do(engine.Command{Verb: engine.VerbConfirm, Buyer: others[0], Hold: string(engine.AppendHoldID(nil, hold, 0)), PaymentRef: "inv"}); out.Code != engine.CodeOK {
						t.Fatal(out.Code)
					}
					others, bought = others[1:], bought+1
				}
				shell.Pass(shell.Now + 450e9)
			}
		}
		if bought != rounds*engine.PassedOverMax {
			t.Errorf("%d tickets: %d came back, and %d others have bought one, not %d times %d", wants, freed, bought, rounds, engine.PassedOverMax)
		}
	}
}

// TestKindsOfWishesComeBackAsTheModelSays lets many wish for as many kinds as there may be, and then leave and come again: nobody is refused who wishes for what others
// wait for, or for a kind that was given back.
func TestKindsOfWishesComeBackAsTheModelSays(t *testing.T) {
	const lots = engine.WishKindsMax / engine.WishQuantityMax
	spec := &engine.EventSpec{Name: "Night One", Currency: "EUR", Open: true}
	for i := range lots + 8 {
		spec.Lots = append(spec.Lots, engine.LotSpec{Lot: "l" + strconv.Itoa(i), FaceMinor: 1000})
	}
	do, _ := watchedList(t, spec)
	do(engine.Command{Verb: engine.VerbPause}) // one waits in a pause too, and the model has less to look for
	dice := enginetest.SeededDice(1)
	kind := func(n int) engine.Wish {
		return engine.Wish{Lot: "l" + strconv.Itoa(n/engine.WishQuantityMax), Quantity: int64(n%engine.WishQuantityMax) + 1}
	}
	for i := range engine.WishKindsMax / engine.WishesMax {
		var of []engine.Wish
		for j := range engine.WishesMax {
			of = append(of, kind(i*engine.WishesMax+j))
		}
		if out := do(wishes("b"+strconv.Itoa(i), of...)); out.Code != engine.CodeOK {
			t.Fatalf("buyer %d is refused: %s", i, out.AppendMessage(nil))
		}
	}
	refused, taken := 0, 0
	for i := range 300 {
		buyer, old, other := "b"+strconv.Itoa(dice.Below(60, "buyer")), kind(dice.Below(240, "old")), kind(engine.WishKindsMax+dice.Below(256, "other"))
		switch dice.Below(12, "what") {
		case 0:
			do(engine.Command{Verb: engine.VerbLeave, Buyer: buyer, Line: &engine.LineCommand{List: true}})
		case 1:
			do(wishes(buyer, old))
		default:
			out := do(wishes("n"+strconv.Itoa(i), other, old))
			if out.Code == engine.CodeOK {
				taken++
			} else if refused++; out.Code != engine.CodeTooMany {
				t.Fatalf("a wish is refused: %s", out.AppendMessage(nil))
			}
		}
	}
	if refused < 10 || taken < 10 {
		t.Errorf("%d wishes for a new kind were refused, %d were taken", refused, taken)
	}
	t.Logf("%d wishes for a new kind were refused, %d were taken", refused, taken)
}
