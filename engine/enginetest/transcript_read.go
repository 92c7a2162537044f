package enginetest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// words is a line of a transcript, word by word. A comma after a word is a word of its own.
type words struct {
	rest []string
}

func splitWords(line string) *words {
	return &words{strings.Fields(strings.ReplaceAll(line, ",", " , "))}
}

// next takes the next word, "" at the end of the line.
func (w *words) next() string {
	if len(w.rest) == 0 {
		return ""
	}
	word := w.rest[0]
	w.rest = w.rest[1:]
	return word
}

// take takes the given words if they come next.
func (w *words) take(phrase ...string) bool {
	if len(w.rest) < len(phrase) {
		return false
	}
	for i, p := range phrase {
		if w.rest[i] != p {
			return false
		}
	}
	w.rest = w.rest[len(phrase):]
	return true
}

func (w *words) end() error {
	if len(w.rest) > 0 {
		return fmt.Errorf("what does %q mean here?", strings.Join(w.rest, " "))
	}
	return nil
}

// readCommand reads a line that asks the event for something. Amounts are in the event's currency.
func readCommand(line, currency string) (*engine.Command, error) {
	head, below, _ := strings.Cut(line, "\n")
	w := splitWords(head)
	cmd := &engine.Command{}
	verb := w.next()
	v, ok := verbByName(verb)
	if !ok {
		return nil, fmt.Errorf("no command %q", verb)
	}
	cmd.Verb = v
	var err error
	switch v {
	case engine.VerbCreate, engine.VerbUpdate:
		cmd.Spec, err = readSpec(below, currency, v == engine.VerbUpdate)
	case engine.VerbOpen, engine.VerbPause, engine.VerbClose, engine.VerbGet, engine.VerbExpire, engine.VerbSettle, engine.VerbProve, engine.VerbArchive:
	case engine.VerbOffer, engine.VerbBuy, engine.VerbPurchase, engine.VerbComplete, engine.VerbUndo, engine.VerbOneClick, engine.VerbIntend, engine.VerbResult,
		engine.VerbResolve:
		err = readPurchaseCommand(w, cmd, currency)
	case engine.VerbCancel:
		if w.take("because") {
			cmd.Payment = &engine.PaymentCommand{Reason: w.next()}
		}
	case engine.VerbHold:
		cmd.Buyer = w.next()
		err = readItems(w, cmd)
	case engine.VerbExtend, engine.VerbRelease, engine.VerbConfirm:
		cmd.Buyer = w.next()
		if w.take("hold") {
			cmd.Hold = holdWord(w.next())
		}
	case engine.VerbOrder:
		cmd.Buyer = w.next()
		if w.take("order") {
			cmd.Order = orderWord(w.next())
		}
	case engine.VerbAdmit, engine.VerbReissue:
		err = readTicket(w, cmd)
	case engine.VerbRefund:
		err = readRefund(w, cmd, currency)
	case engine.VerbBlock, engine.VerbUnblock, engine.VerbCapacity:
		if w.take("pool") {
			cmd.Pool = w.next()
		} else {
			cmd.Lot = w.next()
		}
		for len(w.rest) > 0 && !optionWord(w.rest[0]) {
			if word := w.next(); strings.Contains(word, "/") {
				cmd.Seats = append(cmd.Seats, word)
			} else if cmd.Quantity, err = strconv.ParseInt(word, 10, 64); err != nil {
				return nil, err
			}
		}
	case engine.VerbTime:
		cmd.Touch, err = readTimes(w)
	case engine.VerbTouch:
		cmd.Touch, err = readTouches(w, currency)
	case engine.VerbJoin, engine.VerbLeave, engine.VerbPlace, engine.VerbAbsent, engine.VerbPresent, engine.VerbDraw, engine.VerbSeed, engine.VerbReveal, engine.VerbRate:
		err = readLineCommand(w, cmd)
	case engine.VerbWait:
		err = readWait(w, cmd, currency)
	case engine.VerbCodes:
		cmd.Line, err = readCodes(below, currency)
	case engine.VerbNone, engine.VerbSchedule, engine.VerbResume, engine.VerbRestore, engine.VerbWhy:
		return nil, fmt.Errorf("no command %q", verb)
	}
	if err != nil {
		return nil, err
	}
	if err := readOptions(w, cmd, currency); err != nil {
		return nil, err
	}
	return cmd, w.end()
}

// readTimes reads how many answers of which classes took a millisecond, in the order of the classes: time hold 3 read 2.
func readTimes(w *words) (*engine.TouchCommand, error) {
	times := &engine.TouchCommand{}
	for class := engine.TimedClass(0); int(class) < engine.TimedClasses; class++ {
		if !w.take(class.String()) {
			continue
		}
		n, err := strconv.ParseUint(w.next(), 10, 32)
		if err != nil {
			return nil, err
		}
		times.Times = append(times.Times, engine.Timed{Class: class, Buckets: []engine.TimedBucket{{Count: uint32(n)}}})
	}
	return times, nil
}

func verbByName(name string) (engine.Verb, bool) {
	for v := engine.VerbNone + 1; int(v) < engine.Verbs; v++ {
		if v.String() == name {
			return v, true
		}
	}
	return engine.VerbNone, false
}

// readTicket reads "anna ticket 3 code 1 gate north", of which the buyer, the code and the gate may be left out.
func readTicket(w *words, cmd *engine.Command) (err error) {
	cmd.Payment = &engine.PaymentCommand{}
	if len(w.rest) > 0 && w.rest[0] != "ticket" {
		cmd.Buyer = w.next()
	}
	if w.take("ticket") {
		cmd.Payment.Ticket = ticketWord(w.next())
	}
	if w.take("code") {
		var code uint64
		code, err = strconv.ParseUint(w.next(), 10, 32)
		cmd.Payment.Code = uint32(code)
	}
	if w.take("gate") {
		cmd.Payment.Gate = w.next()
	}
	return err
}

// readRefund reads "anna order 1 tickets 2 3 keeping fees, blocked, by buyer, because goodwill", of which all but the order may be left out.
func readRefund(w *words, cmd *engine.Command, currency string) (err error) {
	p := &engine.PaymentCommand{}
	cmd.Payment = p
	if len(w.rest) > 0 && w.rest[0] != "order" {
		cmd.Buyer = w.next()
	}
	if w.take("order") {
		cmd.Order = orderWord(w.next())
	}
	for len(w.rest) > 0 && !optionWord(w.rest[0]) && err == nil {
		switch {
		case w.take(","):
		case w.take("tickets"):
			for len(w.rest) > 0 && w.rest[0][0] >= '0' && w.rest[0][0] <= '9' {
				p.Tickets = append(p.Tickets, ticketWord(w.next()))
			}
		case w.take("amount"):
			p.HasAmount = true
			p.AmountMinor, err = readMoney(w.next(), currency)
		case w.take("keeping", "fees"):
			p.KeepFees = true
		case w.take("blocked"):
			p.Block = true
		case w.take("by", "buyer"):
			p.ByBuyer = true
		case w.take("because"):
			p.Reason = w.next()
		default:
			return w.end()
		}
	}
	return err
}

func ticketWord(word string) string {
	if _, _, ok := engine.ParseTicketID("t" + word); ok {
		return "t" + word
	}
	return word
}

// holdWord reads a hold as people write it (its number, with its incarnation if it has one: 2-25) or, to be hostile, as anything else.
func holdWord(word string) string {
	if n, err := strconv.ParseUint(word, 10, 64); err == nil {
		return string(engine.AppendHoldID(nil, engine.HoldID(n), 0))
	}
	if _, _, ok := engine.ParseHoldID("h" + word); ok {
		return "h" + word
	}
	return word
}

func orderWord(word string) string {
	if n, err := strconv.ParseUint(word, 10, 64); err == nil {
		return string(engine.AppendOrderID(nil, engine.OrderID(n), 0))
	}
	if _, _, ok := engine.ParseOrderID("o" + word); ok {
		return "o" + word
	}
	return word
}

// readItems reads "ga x2, stalls A/1/4 A/1/5".
func readItems(w *words, cmd *engine.Command) error {
	for len(w.rest) > 0 && !optionWord(w.rest[0]) {
		item := engine.Item{Lot: w.next()}
		for len(w.rest) > 0 && !optionWord(w.rest[0]) {
			if w.take(",") {
				break
			}
			if known, err := readParty(w, &item); err != nil {
				return err
			} else if known {
				continue
			}
			word := w.next()
			if strings.Contains(word, "/") {
				item.Seats = append(item.Seats, word)
				continue
			}
			n, err := strconv.ParseInt(strings.TrimPrefix(word, "x"), 10, 64)
			if err != nil || !strings.HasPrefix(word, "x") {
				return fmt.Errorf("%q is neither a quantity like x2 nor a seat like A/1/4", word)
			}
			item.Quantity = n
		}
		cmd.Items = append(cmd.Items, item)
	}
	return nil
}

// readParty reads a word about the seats that the engine picks, if one comes next.
func readParty(w *words, item *engine.Item) (known bool, err error) {
	known = true
	switch {
	case w.take("split"):
		item.Split = true
	case w.take("restricted"):
		item.Restricted = true
	case w.take("accessible"):
		item.Accessible, err = strconv.ParseInt(w.next(), 10, 64)
	case w.take("companion"):
		item.Companion, err = strconv.ParseInt(w.next(), 10, 64)
	default:
		known = false
	}
	return known, err
}

// optionWord reports whether a word begins an option, which is never a lot's name in a transcript.
func optionWord(word string) bool {
	switch word {
	case "at", "via", "on", "id", "paid", "or", "paying", "but", "again", "late", "linked", "waiting", "agreed", "using":
		return true
	}
	return false
}

func readOptions(w *words, cmd *engine.Command, currency string) error {
	var err error
	for len(w.rest) > 0 && err == nil {
		switch {
		case w.take("or", "fewer"):
			cmd.Fill = engine.FillBestEffort
		case w.take("at", "least"):
			cmd.Fill = engine.FillAtLeast
			cmd.AtLeast, err = strconv.ParseInt(w.next(), 10, 64)
		case w.take("at", "most"):
			cmd.HasMaxPrice = true
			cmd.MaxPrice, err = readMoney(w.next(), currency)
		case w.take("at", "the", "box", "office"):
			cmd.BoxOffice = true
		case w.take("paid"):
			cmd.PaymentRef = w.next()
		case w.take("paying") && cmd.Payment != nil:
			readPaying(w, cmd.Payment)
		case w.take("but") && cmd.Payment != nil:
			err = readBut(w, cmd.Payment, currency)
		case w.take("again") && cmd.Payment != nil:
			cmd.Payment.Again = true
		case w.take("waiting"):
			lineOf(cmd).Wait = true
		case w.take("using"):
			lineOf(cmd).Code = strings.ReplaceAll(w.next(), "_", " ")
		case w.take("agreed") && cmd.Payment != nil:
			cmd.Payment.Auto = true
		case w.take("late"):
			cmd.Payment = &engine.PaymentCommand{Late: true, Equal: w.take("or", "equal")}
		case w.take("linked"):
			if cmd.Payment == nil {
				cmd.Payment = &engine.PaymentCommand{}
			}
			for len(w.rest) > 0 && !optionWord(w.rest[0]) && err == nil {
				var link uint64
				link, err = strconv.ParseUint(w.next(), 10, 64)
				cmd.Payment.Note.Links = append(cmd.Payment.Note.Links, link)
			}
		case w.take("via"):
			cmd.Channel = w.next()
		case w.take("on"):
			cmd.Device, err = readDevice(w.next())
		case w.take("id"):
			cmd.RequestID = w.next()
		default:
			return w.end()
		}
	}
	return err
}

func readDevice(word string) (engine.Device, error) {
	for i, name := range []string{"unknown", "desktop", "mobile", "tablet", "kiosk"} {
		if name == word {
			return engine.Device(i), nil
		}
	}
	return 0, fmt.Errorf("no device %q", word)
}

// readLimits reads "holds 2, orders 3".
func readLimits(w *words) (engine.Limits, error) {
	var l engine.Limits
	fields := map[string]*int{
		"lots": &l.Lots, "pools": &l.Pools, "seats": &l.Seats, "prices": &l.PriceVersions, "holds": &l.Holds, "buyers": &l.Buyers,
		"orders": &l.Orders, "offers": &l.Offers, "purchases": &l.Purchases, "ended": &l.Ended, "requests": &l.Requests, "refusals": &l.Refusals, "touches": &l.Touches, "line": &l.Line,
	}
	for len(w.rest) > 0 {
		field := fields[w.next()]
		if field == nil {
			return l, errors.New("there is no such bound")
		}
		n, err := strconv.Atoi(w.next())
		if err != nil {
			return l, err
		}
		*field = n
		w.take(",")
	}
	return l, nil
}

func readNames(w *words, between string) []string {
	names := []string{w.next()}
	for w.take(between) {
		names = append(names, w.next())
	}
	return names
}

func readMs(word string) (int64, error) {
	d, err := time.ParseDuration(word)
	return d.Milliseconds(), err
}

// readClock reads a time of the day on which every transcript plays.
func readClock(word string) (engine.Instant, error) {
	at, err := time.Parse("2006-01-02 15:04:05", "2026-05-01 "+word)
	return engine.Instant(at.UnixNano()), err
}

// decimals is how many digits a currency of the transcripts has after the point.
func decimals(currency string) int {
	switch currency {
	case "JPY":
		return 0
	case "KWD":
		return 3
	}
	return 2
}

func readMoney(word, currency string) (int64, error) {
	whole, fraction, _ := strings.Cut(word, ".")
	if len(fraction) != decimals(currency) {
		return 0, fmt.Errorf("%q is not an amount of %s", word, currency)
	}
	return strconv.ParseInt(whole+fraction, 10, 64)
}

func money(minor int64, currency string) string {
	d := decimals(currency)
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	digits := fmt.Sprintf("%0*d", d+1, minor)
	if d == 0 {
		return sign + digits + " " + currency
	}
	return sign + digits[:len(digits)-d] + "." + digits[len(digits)-d:] + " " + currency
}

// clockTime shows a moment of the day on which every transcript plays.
func clockTime(at engine.Instant) string {
	return time.Unix(0, int64(at)).UTC().Format("15:04:05.999999999")
}
