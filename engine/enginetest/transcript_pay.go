package enginetest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// goodCard is what the shell knows of a buyer unless a line says otherwise: one who can buy with one click, with a saved card.
func goodCard() engine.Annotation {
	return engine.Annotation{
		Known: true, Method: "m1", Gateway: "sandbox", Kind: payment.MethodCard, Agreement: "v1", WaitAgreement: "v1", OneClickOn: true, OneClickShare: engine.OneClickEveryone,
		Can: payment.Reusable | payment.SeparateCapture | payment.Instant | payment.Voidable,
	}
}

// readPurchaseCommand reads what follows the verb of a command about purchases.
func readPurchaseCommand(w *words, cmd *engine.Command, currency string) (err error) {
	p := &engine.PaymentCommand{Note: goodCard()}
	cmd.Payment = p
	switch cmd.Verb {
	case engine.VerbOffer, engine.VerbBuy:
		cmd.Buyer = w.next()
		if w.take("hold") {
			cmd.Hold = holdWord(w.next())
		}
		if w.take("offer") {
			p.Offer = "f" + w.next()
		}
		return readItems(w, cmd)
	case engine.VerbPurchase, engine.VerbComplete, engine.VerbUndo:
		cmd.Buyer = w.next()
		if w.take("purchase") {
			p.Purchase = "p" + w.next()
		}
	case engine.VerbOneClick:
		for len(w.rest) > 0 && !optionWord(w.rest[0]) && err == nil {
			switch {
			case w.take("switched", "on"):
				p.HasOn, p.On = true, true
			case w.take("switched", "off"):
				p.HasOn = true
			case w.take("share"):
				p.HasShare = true
				p.PercentShare, err = strconv.ParseInt(w.next(), 10, 64)
			default:
				return w.end()
			}
		}
	case engine.VerbIntend, engine.VerbResult, engine.VerbResolve:
		var id uint64
		if id, err = strconv.ParseUint(w.next(), 10, 64); err != nil {
			return err
		}
		if p.At, p.Purchase = engine.PurchaseID(id), "p"+strconv.FormatUint(id, 10); cmd.Verb != engine.VerbResolve {
			if p.Operation, err = readOperation(w.next()); err != nil {
				return err
			}
		}
		if cmd.Verb != engine.VerbIntend {
			p.Result, err = readResult(w, currency)
		} else if w.take("attempt") {
			id, err = strconv.ParseUint(w.next(), 10, 32)
			p.Attempt = uint32(id)
		}
	}
	return err
}

func readOperation(word string) (payment.Operation, error) {
	for o := payment.Authorise; o <= payment.Cancel; o++ {
		if o.String() == word {
			return o, nil
		}
	}
	return 0, fmt.Errorf("no operation %q", word)
}

// amountAsked stands for the amount that was asked for, until the purchase is looked at.
const amountAsked = -1

// readResult reads "authorised ch_1 of 94.99", "declined_soft insufficient_funds": without an amount it is the one that was asked for.
func readResult(w *words, currency string) (*payment.Result, error) {
	r := &payment.Result{AmountMinor: amountAsked, Currency: currency}
	word := w.next()
	for r.Answer.String() != word {
		if r.Answer++; r.Answer > payment.Failed {
			return nil, fmt.Errorf("no answer %q", word)
		}
	}
	for len(w.rest) > 0 {
		switch {
		case w.take("of"):
			var err error
			if r.AmountMinor, err = readMoney(w.next(), currency); err != nil {
				return nil, err
			}
		case w.take("in"):
			r.Currency = w.next()
		case optionWord(w.rest[0]):
			return r, nil
		case strings.HasPrefix(w.rest[0], "ch_"):
			r.Ref = w.next()
		default:
			word := w.next()
			for r.Decline.String() != word {
				if r.Decline++; int(r.Decline) >= payment.Declines {
					return nil, fmt.Errorf("no reason to decline %q", word)
				}
			}
		}
	}
	return r, nil
}

// fillAmount puts the amount that was asked for into a gateway's answer that says none.
func (t *Transcript) fillAmount(cmd *engine.Command) {
	if cmd.Payment == nil || cmd.Payment.Result == nil || cmd.Payment.Result.AmountMinor != amountAsked {
		return
	}
	cmd.Payment.Result.AmountMinor = 0
	var facts engine.Facts
	out := t.shell.Event.Step(&engine.Command{Verb: engine.VerbPurchase, Payment: &engine.PaymentCommand{Purchase: cmd.Payment.Purchase}}, t.shell.Now, &facts)
	if out.Shows&engine.ShowsPurchase != 0 {
		cmd.Payment.Result.AmountMinor = out.Purchase.TotalMinor
	}
}

// readPaying reads the method of an offer or a buy: "m2 redirect back https://shop.example".
func readPaying(w *words, p *engine.PaymentCommand) {
	n := &p.Note
	p.Method = w.next()
	n.Method = p.Method
	for {
		switch {
		case w.take("redirect"):
			n.Kind, n.Can = payment.MethodRedirect, payment.Instant|payment.Redirect
		case w.take("debit"):
			n.Kind, n.Can = payment.MethodDelayedDebit, payment.Reusable
		case w.take("captured", "at", "once"):
			n.Can &^= payment.SeparateCapture | payment.Voidable
		case w.take("not", "saved"):
			n.Method = ""
		case w.take("back"):
			p.ReturnURL = w.next()
		default:
			return
		}
	}
}

// readBut reads what is wrong with a buyer, a method or a gateway: the names of the wire.
func readBut(w *words, p *engine.PaymentCommand, currency string) (err error) {
	n := &p.Note
	word := w.next()
	switch word {
	case "one_click_off":
		n.OneClickOn = false
		return nil
	case "bucket":
		var bucket uint64
		bucket, err = strconv.ParseUint(w.next(), 10, 16)
		n.Bucket = uint16(bucket)
		return err
	case "no_agreement":
		n.Agreement, n.WaitAgreement = "", ""
		return nil
	case "cap":
		n.CapMinor, err = readMoney(w.next(), currency)
		return err
	case "payment_unavailable":
		n.Breaker, n.RetryAfterMs = true, 5000
		return nil
	case "payment_busy":
		n.Busy, n.RetryAfterMs = true, 60_000
		return nil
	}
	for e := engine.EligibleUnknown; e <= engine.EligibleNoAgreement; e++ {
		if e.String() == word {
			if w.take("of", "the", "method") {
				n.MethodWhy = e
			} else {
				n.Eligible = e
			}
			return nil
		}
	}
	for s := engine.StepUpNewDevice; s <= engine.StepUpAboveAgreement; s++ {
		if s.String() == word {
			n.StepUp = s
			return nil
		}
	}
	return fmt.Errorf("nothing is wrong with a buyer who is %q", word)
}

func sayPurchase(out *engine.Outcome) string {
	p := out.Purchase
	text := fmt.Sprintf("purchase %s of %s %s: %s", sayID(uint64(p.ID), p.Incarnation), p.Buyer, p.State, money(p.TotalMinor, p.Currency))
	if p.Flow == engine.FlowStandard {
		text += ", standard flow"
	}
	if p.Method != "" {
		text += ", " + p.Method
	}
	if p.Decline != payment.DeclineNone {
		text += ", " + p.Decline.String()
	}
	if p.HoldLives {
		text += ", the hold lives until " + clockTime(p.HoldUntil)
	}
	if p.PayUntil != 0 {
		text += ", until " + clockTime(p.PayUntil)
	}
	if p.Charge != engine.ChargeNone {
		text += ", charge " + p.Charge.String()
	}
	if p.Undone {
		text += ", undone"
	}
	if p.UndoUntil != 0 {
		text += ", to undo until " + clockTime(p.UndoUntil)
	}
	if out.Shows&engine.ShowsOrder != 0 {
		text += "\n  " + sayOrder(&out.Order)
	}
	return text
}

func sayOffer(o *engine.OfferView) string {
	amounts := fmt.Sprintf("%s = %s + %s fees", money(o.TotalMinor, o.Currency), money(o.FaceMinor, o.Currency), money(o.FeesMinor, o.Currency))
	if !o.OneClick {
		return "no button, " + o.Reason + ": " + amounts
	}
	text := fmt.Sprintf("offer %s to %s: %s%s", sayID(uint64(o.ID), o.Incarnation), o.Buyer, sayItems(o.Items, o.Currency), amounts)
	if o.Method != "" {
		text += ", with " + o.Method
	}
	return text + ", until " + clockTime(o.ExpiresAt)
}

// saySignals says what the event wants of the lane, whom it tells, and what an operator has to know.
func saySignals(s *engine.Signals, currency string) []string {
	var lines []string
	for i := range s.Changes {
		lines = append(lines, fmt.Sprintf("tells %s: purchase %d %s", s.Changes[i].Buyer, s.Changes[i].Purchase, s.Changes[i].State))
	}
	for i := range s.Work {
		lines = append(lines, "lane: "+sayWork(&s.Work[i], currency))
	}
	for _, a := range s.Alarms {
		lines = append(lines, fmt.Sprintf("alarm: %s of purchase %d", a.Why, a.Purchase))
	}
	for _, p := range s.Places {
		text := fmt.Sprintf("tells %s: %s", p.Buyer, p.State)
		if p.Until != 0 {
			text += " until " + clockTime(p.Until)
		}
		lines = append(lines, text)
	}
	for i := range s.Waits {
		lines = append(lines, sayWaitChange(&s.Waits[i]))
	}
	if s.Over {
		lines = append(lines, "tells all who still wait: over")
	}
	switch s.Line {
	case engine.LineWantsNothing:
	case engine.LineWantsSeed:
		lines = append(lines, "line: wants a seed")
	case engine.LineWantsValue:
		lines = append(lines, "line: wants the public value")
	case engine.LineWantsReveal:
		lines = append(lines, "line: wants the seed revealed")
	}
	return lines
}

func sayWork(w *engine.Work, currency string) string {
	text := fmt.Sprintf("%s purchase %d, %s", w.Operation, w.Purchase, money(w.AmountMinor, currency))
	if w.Refund != 0 {
		text = fmt.Sprintf("%s %d of purchase %d, %s", w.Operation, w.Refund, w.Purchase, money(w.AmountMinor, currency))
	}
	if w.Ref != "" {
		text += ", " + w.Ref
	}
	if w.Attempt != 0 {
		text += fmt.Sprintf(", attempt %d", w.Attempt)
	}
	if w.Intended != 0 {
		text += ", asked at " + clockTime(w.Intended)
	}
	if w.ReturnURL != "" {
		text += ", back to " + w.ReturnURL
	}
	return text
}

// work lists everything that the event waits for the lane to do, as after a start.
func (t *Transcript) work() string {
	open := t.shell.Event.OpenWork(nil)
	if t.shell.Event.HasOpenWork() != (len(open) > 0) {
		return "WRONG: THE EVENT DOES NOT KNOW THAT IT WAITS"
	}
	if len(open) == 0 {
		return "nothing to do"
	}
	lines := make([]string, len(open))
	for i := range open {
		lines[i] = sayWork(&open[i], open[i].Currency)
	}
	return strings.Join(lines, "\n")
}
