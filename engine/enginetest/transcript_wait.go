package enginetest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// readWait reads "anna ga x2 or stalls x1 together, most 95.00, auto m1".
func readWait(w *words, cmd *engine.Command, currency string) (err error) {
	l := &engine.LineCommand{}
	cmd.Line, cmd.Buyer = l, w.next()
	for len(w.rest) > 0 && err == nil {
		switch {
		case w.take(","), w.take("or"):
		case w.take("most"):
			cmd.HasMaxPrice = true
			cmd.MaxPrice, err = readMoney(w.next(), currency)
		case w.take("auto"):
			l.AutoBuy = true
			cmd.Payment = &engine.PaymentCommand{Method: w.next()}
			cmd.Payment.Note = goodCard()
			cmd.Payment.Note.Method = cmd.Payment.Method
		case optionWord(w.rest[0]):
			return nil
		default:
			wish := engine.Wish{Lot: w.next()}
			if wish.Quantity, err = strconv.ParseInt(strings.TrimPrefix(w.next(), "x"), 10, 64); err == nil {
				wish.Together = w.take("together")
				l.Wishes = append(l.Wishes, wish)
			}
		}
	}
	return err
}

// sayList writes how many are where on a waiting list.
func sayList(v *engine.ListView) string {
	text := "waiting list:"
	for _, n := range []struct {
		n    int64
		what string
	}{
		{v.Waiting, "waiting"},
		{v.Offered, "offered"},
		{v.Bought, "bought"},
		{v.Lapsed, "lapsed"},
		{v.Released, "released"},
		{v.Unpaid, "unpaid"},
		{v.Left, "left"},
		{v.Took, "took"},
		{v.Unfit, "unfit"},
	} {
		if n.n > 0 {
			text += fmt.Sprintf(" %d %s", n.n, n.what)
		}
	}
	return text
}

// sayWaiter writes where a buyer is on the waiting list.
func sayWaiter(v *engine.WaiterView) string {
	text := fmt.Sprintf("%s is waiter %d, %s", v.Buyer, v.Waiter, v.State)
	if v.First {
		text += ", before all others"
	}
	if v.State == engine.WaitWaiting {
		text += fmt.Sprintf(", %d ahead", v.Ahead)
	}
	if v.Hold != 0 {
		text += fmt.Sprintf(", hold %d until %s", v.Hold, clockTime(v.Until))
	}
	for i := range v.Wishes {
		sep := ", wishes "
		if i > 0 {
			sep = " or "
		}
		wish := &v.Wishes[i]
		if text += fmt.Sprintf("%s%d %s", sep, wish.Quantity, wish.Lot); wish.Together {
			text += " together"
		}
		if wish.Off {
			text += " (not any more)"
		}
	}
	if v.HasMax {
		text += fmt.Sprintf(", at most %d", v.MaxMinor)
	}
	if v.AutoBuy {
		text += ", bought with " + v.Method
	}
	return text
}

// sayWaitChange writes what a buyer on the waiting list is told.
func sayWaitChange(c *engine.WaitChange) string {
	text := fmt.Sprintf("tells %s: %s", c.Buyer, c.State)
	if c.Hold != 0 {
		text += fmt.Sprintf(" hold %d until %s", c.Hold, clockTime(c.Until))
		if c.AutoBuy {
			text += ", to be bought with " + c.Method
		}
	}
	if c.Why != engine.CodeOK {
		text += ": " + c.Why.String()
	}
	return text
}
