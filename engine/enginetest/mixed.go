package enginetest

import (
	"fmt"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// MixedLog is the log of a sale to as many buyers in events on sale at once, 64 commands a run. Of 20 buyers 2 only look; 4 hold and confirm, 2 of them after an extension;
// 2 give their hold back and 2 let it end; 8 buy with one click: 6 of them are sold to, 1 is declined and 1 takes the purchase back; 2 are refused. Everybody's
// client reports the view and, but for those who only look, the selection; those who click report the prompt, the click and when they saw the result.
func MixedLog(buyers, events int) (log []*engine.Run) {
	type sale struct {
		key   engine.Key
		event *engine.Event
		run   *engine.Run
		n     int
	}
	now, asked := WorkloadStart, 0
	sales := make([]*sale, events)
	flush := func(s *sale) {
		if s.run != nil && s.run.Facts.Count > 0 {
			log = append(log, s.run)
		}
		s.run, s.n = nil, 0
	}
	step := func(s *sale, cmd engine.Command) *engine.Outcome {
		if s.run == nil {
			s.run = &engine.Run{Key: s.key, First: s.event.Seq() + 1, At: now}
		}
		if cmd.RequestID == "" && cmd.Verb.OfCallers() && cmd.Verb != engine.VerbTouch {
			asked++
			cmd.RequestID = fmt.Sprintf("request-%d", asked)
		}
		out := s.event.Step(&cmd, s.run.At, &s.run.Facts)
		s.n++
		return out
	}
	for i := range sales {
		key := engine.Key{Account: "shop", Kind: engine.KindEvent, ID: fmt.Sprintf("night-%d", i)}
		sales[i] = &sale{key: key, event: engine.New(key)}
		if out := step(sales[i], engine.Command{Verb: engine.VerbCreate, Spec: &engine.EventSpec{
			Name: key.ID, Genre: "concert", Currency: "EUR", TimeZone: "Europe/Amsterdam", Open: true, Pools: []engine.PoolSpec{{Pool: "hall", Capacity: 1e9}},
			Lots: []engine.LotSpec{
				{Lot: "ga", FaceMinor: 4500, Fees: []engine.Fee{{Name: "service", Minor: 250}}, Capacity: 1e8, Pools: []string{"hall"}},
				{Lot: "balcony", FaceMinor: 6500, Fees: []engine.Fee{{Name: "service", Minor: 250}}, Capacity: 1e8},
				{Lot: "vip", FaceMinor: 16500, Capacity: 0},
			},
		}}); out.Code != engine.CodeOK {
			panic(fmt.Sprintf("enginetest: %s", out.Code))
		}
		flush(sales[i])
	}
	for i := range buyers {
		now += engine.Instant(100 * time.Microsecond)
		s := sales[i%events]
		buyer, device, channel := fmt.Sprintf("buyer-%08d", i), engine.Device(1+i%3), []string{"web", "app"}[i/3%2]
		touch := func(kind engine.TouchKind, more engine.Touch) {
			more.Kind, more.ID, more.Buyer, more.Consent, more.Device, more.Channel = kind, fmt.Sprintf("t-%d-%d", i, kind), buyer, true, device, channel
			if out := step(s, engine.Command{Verb: engine.VerbTouch, Touch: &engine.TouchCommand{Touches: []engine.Touch{more}}}); out.Code != engine.CodeOK {
				panic(fmt.Sprintf("enginetest: %s", out.Code))
			}
		}
		hold := engine.Command{Verb: engine.VerbHold, Buyer: buyer, Device: device, Channel: channel, Items: []engine.Item{{Lot: "ga", Quantity: int64(1 + i%4)}}}
		if i%7 == 0 {
			hold.Items = append(hold.Items, engine.Item{Lot: "balcony", Quantity: 1})
		}
		touch(engine.TouchViewed, engine.Touch{})
		kind := i / events % 20
		if kind < 2 {
			continue
		}
		touch(engine.TouchSelected, engine.Touch{CartMinor: 9500})
		switch {
		case kind < 10:
			out := step(s, hold)
			if out.Code != engine.CodeOK {
				panic(fmt.Sprintf("enginetest: %s", out.Code))
			}
			id := string(engine.AppendHoldID(nil, out.Hold.ID, 0))
			if kind < 4 {
				step(s, engine.Command{Verb: engine.VerbExtend, Buyer: buyer, Hold: id})
			}
			if kind < 6 {
				step(s, engine.Command{Verb: engine.VerbConfirm, Buyer: buyer, Hold: id, PaymentRef: "invoice-17", Device: device, Channel: channel})
			} else if kind < 8 {
				step(s, engine.Command{Verb: engine.VerbRelease, Buyer: buyer, Hold: id})
			}
		case kind < 18:
			touch(engine.TouchPrompted, engine.Touch{})
			out := step(s, engine.Command{Verb: engine.VerbOffer, Buyer: buyer, Device: device, Channel: channel, Items: hold.Items, Payment: &engine.PaymentCommand{Note: goodCard()}})
			offer := string(engine.AppendOfferID(nil, out.Offer.ID, 0))
			touch(engine.TouchClicked, engine.Touch{})
			out = step(s, engine.Command{Verb: engine.VerbBuy, Buyer: buyer, RequestID: "buy-" + buyer, Device: device, Channel: channel, Payment: &engine.PaymentCommand{Note: goodCard(), Offer: offer}})
			if out.Code != engine.CodeOK {
				panic(fmt.Sprintf("enginetest: %s", out.Code))
			}
			at, total := out.Purchase.ID, out.Purchase.TotalMinor
			step(s, engine.Command{Verb: engine.VerbIntend, Payment: &engine.PaymentCommand{At: at, Operation: payment.Authorise}})
			result := &payment.Result{Answer: payment.Authorised, Ref: "ch_1", AmountMinor: total, Currency: "EUR"}
			if kind == 16 {
				result.Answer, result.Decline = payment.DeclinedHard, payment.DeclineExpired
			}
			step(s, engine.Command{Verb: engine.VerbResult, Payment: &engine.PaymentCommand{At: at, Operation: payment.Authorise, Result: result}})
			touch(engine.TouchClickSeen, engine.Touch{ClickID: "buy-" + buyer, ClickToSeenMs: int64(200 + i%1000)})
			if kind == 17 {
				step(s, engine.Command{Verb: engine.VerbUndo, Buyer: buyer, Payment: &engine.PaymentCommand{Purchase: string(engine.AppendPurchaseID(nil, at, 0))}})
			}
		default:
			hold.Items[0].Lot = "vip"
			step(s, hold)
		}
		for s.event.Unsettled() {
			step(s, engine.Command{Verb: engine.VerbSettle})
		}
		if at, ok := s.event.NextDeadline(); ok && at <= now {
			step(s, engine.Command{Verb: engine.VerbExpire})
		}
		if s.n >= 64 {
			flush(s)
		}
	}
	for _, s := range sales {
		flush(s)
	}
	return log
}
