package enginetest

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// Generator decides what happens next to the event of a [Shell]: which command comes, with which values, and how much time goes by before it. It
// looks into the model, so that its commands meet the event where rules meet: the last ticket, the deadline to the nanosecond, the request id
// that was used before. A generator is not safe for concurrent use.
type Generator struct {
	Awake  bool   // the event is never put to sleep
	Lines  bool   // events have lines
	Codes  bool   // and codes
	Pays   bool   // purchases come too, which the model does not know
	Prefix string // of the request ids, for a second generator of the same event; default "q"

	dice  Dice
	shell *Shell
	model *Model
	paid  paid
	said  []engine.Command // the newest commands with a request id
	count int
}

// NewGenerator returns a generator for the event of s, which m is the model of.
func NewGenerator(dice Dice, s *Shell, m *Model) *Generator {
	return &Generator{Prefix: "q", dice: dice, shell: s, model: m}
}

// Generated commands come from few buyers, so that they get in each other's way.
const (
	generatedBuyers = 5
	generatedSaid   = 24
)

func (g *Generator) below(n int, what string) int { return g.dice.Below(n, what) }

// chance is true n times in a hundred. A shrunk choice is false.
func (g *Generator) chance(n int, what string) bool { return g.below(100, what) >= 100-n }

// weighted returns the index of one of the weights. A shrunk choice is the first.
func (g *Generator) weighted(what string, weights ...int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	n := g.below(sum, what)
	for i, w := range weights {
		if n < w {
			return i
		}
		n -= w
	}
	panic("enginetest: a choice above the sum of its weights")
}

func pick[E any](g *Generator, what string, from ...E) E { return from[g.below(len(from), what)] }

// Turn lets something happen: time goes by, the event sleeps or the process is down, or a command comes. Everything goes through the shell.
func (g *Generator) Turn() error {
	g.time()
	if g.model.exists {
		switch g.weighted("turn", 94, 3, 3) {
		case 1:
			g.shell.Outage(pick[int64](g, "outage", 1, 1e6, 1e9, 60e9, 3600e9))
			return nil
		case 2:
			if g.Awake || g.shell.Event.Unsettled() {
				return nil // a shell lets nobody sleep before everything is settled
			}
			if err := g.shell.Sleep(); err != nil {
				return err
			}
			g.model.Forget()
			return nil
		}
	}
	cmd := g.Command()
	g.paid.saw(g.shell.Event, g.shell.Do(&cmd))
	return nil
}

// time moves the clock, often to where something is about to happen, and half of the time does on the way what a shell would do.
func (g *Generator) time() {
	var step int64
	next, ok := g.model.NextExpiry()
	if g.paid.begun {
		next, ok = g.shell.Event.NextDeadline()
	}
	if wall, scheduled := g.shell.Event.NextSchedule(); scheduled && (!ok || g.chance(30, "to schedule")) {
		next, ok = wall, true
	}
	switch g.weighted("time", 70, 12, 5, 4, 4, 4, 1) {
	case 1:
		step = int64(1 + g.below(1_000_000_000, "ns"))
	case 2:
		if ok {
			step = int64(next - g.shell.Now)
		}
	case 3:
		if ok {
			step = int64(next-g.shell.Now) - 1
		}
	case 4:
		if ok {
			step = int64(next-g.shell.Now) + 1
		}
	case 5:
		step = int64(1+g.below(20, "s")) * 1e9
	case 6:
		step = int64(1+g.below(1800, "s")) * 1e9
	}
	to := g.shell.Now + engine.Instant(max(0, step))
	if g.chance(50, "pass") {
		g.shell.Pass(to)
	} else {
		g.shell.Now = to
	}
}

// Command draws the next command. What it refers to is the generator's own; the event must not keep it.
func (g *Generator) Command() engine.Command {
	if !g.model.exists && g.chance(35, "create first") {
		return g.say(engine.Command{Verb: engine.VerbCreate, Spec: g.Spec()})
	}
	if len(g.said) > 0 && g.chance(12, "repeat") {
		cmd := g.said[g.below(len(g.said), "which")]
		if g.chance(40, "with other content") {
			if g.chance(50, "another command") {
				id := cmd.RequestID
				cmd = g.fresh()
				cmd.RequestID = id
				return cmd
			}
			if variants := Variants(&cmd); len(variants) > 0 {
				return variants[g.below(len(variants), "variant")]
			}
		}
		return cmd
	}
	return g.say(g.fresh())
}

// say completes a command, and keeps it for later repeats.
func (g *Generator) say(cmd engine.Command) engine.Command {
	if cmd.Verb.IsRead() || !cmd.Verb.OfCallers() || cmd.Verb == engine.VerbTouch || cmd.RequestID != "" {
		return cmd
	}
	g.count++
	cmd.RequestID = g.Prefix + strconv.Itoa(g.count)
	switch g.weighted("extras", 330, 36, 10, 4, 10, 10) {
	case 1:
		cmd.Channel = pick(g, "channel", "web", "app", "box_office")
		cmd.Device = engine.Device(g.below(5, "device"))
	case 2:
		cmd.Channel = g.badID()
	case 3:
		cmd.Device = engine.Device(5 + g.below(251, "device"))
	case 4:
		if cmd.RequestID = g.badID(); engine.ValidID(cmd.RequestID) {
			cmd.RequestID = g.Prefix + cmd.RequestID // the ids of two generators never meet
		}
	case 5:
		cmd.RequestID = "5555555555554444"
	}
	if len(g.said) == generatedSaid {
		i := g.below(generatedSaid, "forget")
		g.said = slices.Delete(g.said, i, i+1)
	}
	g.said = append(g.said, cmd)
	return cmd
}

func (g *Generator) fresh() engine.Command {
	if g.Pays && g.model.state == engine.EventOnSale && g.chance(60, "pay") {
		return g.paying()
	}
	if g.Codes && g.chance(15, "codes") {
		return g.codesSet()
	}
	if g.Lines && g.chance(50, "line") {
		return g.inLine()
	}
	if buyer := g.admitted(); buyer != "" && g.chance(25, "pass") {
		return g.withPass(buyer)
	}
	if g.model.state == engine.EventDraft && g.chance(3, "open") || g.model.state == engine.EventPaused && g.chance(15, "open again") {
		return engine.Command{Verb: engine.VerbOpen}
	}
	if g.chance(25, "any verb") {
		return g.command(g.below(19, "verb"))
	}
	return g.command(g.weighted("verb", 42, 12, 6, 6, 5, 6, 5, 4, 2, 2, 2, 1, 2, 5, 5, 2, 7, 1, 5))
}

// command draws a command of one of 19 kinds.
func (g *Generator) command(kind int) engine.Command {
	if kind >= 14 && kind <= 16 && len(g.model.orders) == 0 && g.chance(70, "nothing was sold yet") {
		return g.block(engine.VerbBlock)
	}
	switch kind {
	case 0:
		return g.hold()
	case 1:
		return g.confirm()
	case 2:
		return g.onHold(engine.VerbRelease)
	case 3:
		return g.onHold(engine.VerbExtend)
	case 4:
		return g.capacity()
	case 5:
		return g.block(engine.VerbBlock)
	case 6:
		return g.order()
	case 7:
		return engine.Command{Verb: engine.VerbUpdate, Spec: g.update()}
	case 8:
		return engine.Command{Verb: engine.VerbOpen}
	case 9:
		return engine.Command{Verb: engine.VerbPause}
	case 10:
		if g.model.exists && !g.model.Closed() && (g.chance(70, "do not close") || g.paid.begun && g.chance(80, "do not close yet")) {
			return engine.Command{Verb: engine.VerbGet}
		}
		return engine.Command{Verb: engine.VerbClose}
	case 11:
		return engine.Command{Verb: engine.VerbCreate, Spec: g.Spec()}
	case 12:
		return engine.Command{Verb: engine.VerbGet}
	case 14:
		return g.gate(engine.VerbAdmit)
	case 15:
		return g.gate(engine.VerbReissue)
	case 16:
		return g.refund()
	case 17:
		if g.model.exists && g.model.state != engine.EventCancelled && g.chance(60, "do not cancel") {
			return g.refund()
		}
		return g.cancel()
	case 18:
		return g.touch()
	}
	return g.shellCommand()
}

func (g *Generator) shellCommand() engine.Command {
	switch g.weighted("shell", 30, 20, 20, 20, 10, 3, 5) {
	case 0:
		return engine.Command{Verb: engine.VerbExpire}
	case 1:
		return engine.Command{Verb: engine.VerbSettle}
	case 2:
		return engine.Command{Verb: engine.VerbProve}
	case 3:
		return engine.Command{Verb: engine.VerbSchedule, Wall: g.shell.Now + engine.Instant(pick[int64](g, "wall", 0, -1e9, 1e9, 3600e9))}
	case 5:
		return engine.Command{Verb: engine.VerbRestore, Incarnation: g.model.incarnation + pick(g, "incarnation", 0, 1, 1e9, engine.IncarnationMax)}
	case 6:
		timed := engine.Timed{
			Class: engine.TimedClass(g.below(engine.TimedClasses, "class")), Failure: uint8(g.below(engine.TimedFailures, "failure")),
			Buckets: []engine.TimedBucket{{Index: int32(g.below(100, "bucket")) - 50, Count: 1}},
		}
		return engine.Command{Verb: engine.VerbTime, Touch: &engine.TouchCommand{Times: []engine.Timed{timed}}}
	}
	down := pick[int64](g, "down", 0, -1, math.MinInt64, 1, 1e9)
	g.shell.Now += engine.Instant(max(down, 0))
	return engine.Command{Verb: engine.VerbResume, Down: down}
}

func (g *Generator) hold() engine.Command {
	cmd := engine.Command{Verb: engine.VerbHold, Buyer: g.buyer()}
	for range 1 + g.weighted("items", 70, 20, 8, 2) {
		cmd.Items = append(cmd.Items, g.item())
	}
	switch g.weighted("fill", 60, 18, 20, 2) {
	case 1:
		cmd.Fill = engine.FillBestEffort
	case 2:
		cmd.Fill, cmd.AtLeast = engine.FillAtLeast, int64(1+g.below(3, "at least"))
	case 3:
		cmd.Fill, cmd.AtLeast = engine.Fill(g.below(5, "fill")), g.number(1, "at least")
	}
	switch g.weighted("max price", 83, 7, 8, 2) {
	case 1:
		cmd.MaxPrice, cmd.HasMaxPrice = int64(g.below(5, "price"))*1000, true
	case 2:
		cmd.MaxPrice, cmd.HasMaxPrice = int64(g.below(200, "price"))*100, true
	case 3:
		cmd.MaxPrice = g.number(1000, "price")
	}
	if g.model.spec.Pay.LimitPerLinked > 0 && g.chance(40, "linked") {
		cmd.Payment = &engine.PaymentCommand{}
		for range 1 + g.below(2, "links") {
			cmd.Payment.Note.Links = append(cmd.Payment.Note.Links, uint64(1+g.below(5, "link")))
		}
	}
	g.using(&cmd)
	if g.chance(1, "no items") {
		cmd.Items = nil
	}
	if g.chance(1, "many items") {
		for range 70 {
			cmd.Items = append(cmd.Items, g.item())
		}
	}
	return cmd
}

func (g *Generator) item() engine.Item {
	item := engine.Item{Lot: g.lotID()}
	l := g.model.lot(item.Lot)
	seats := l != nil && l.seated()
	if g.chance(1, "the wrong way") {
		seats = !seats
	}
	if !seats || g.chance(1, "both ways") {
		item.Quantity = int64(1 + g.weighted("quantity", 40, 30, 12, 8, 5, 5))
		if g.chance(2, "bad quantity") {
			item.Quantity = g.number(1, "quantity")
		}
	}
	switch {
	case seats && g.chance(50, "picked"):
		g.party(&item, l)
	case seats:
		item.Seats = g.seats(l)
	}
	return item
}

// party lets the engine pick the seats of an item.
func (g *Generator) party(item *engine.Item, l *modelLot) {
	item.Quantity = int64(1 + g.weighted("party", 20, 30, 20, 15, 5, 5, 5))
	item.Split = g.chance(30, "split")
	item.Restricted = g.chance(20, "restricted")
	if l != nil && (strings.Contains(l.kinds(), "accessible") || g.chance(3, "accessible all the same")) && g.chance(35, "accessible") {
		item.Split = false
		item.Accessible = int64(1 + g.weighted("accessible seats", 80, 20))
		item.Quantity = max(item.Quantity, item.Accessible)
		item.Companion = min(int64(g.weighted("companions", 50, 40, 10)), item.Quantity-item.Accessible)
	}
	if g.chance(2, "a wrong party") {
		switch g.below(6, "wrong") {
		case 0:
			item.Accessible = g.number(1, "accessible")
		case 1:
			item.Companion = g.number(1, "companion")
		case 2:
			item.Accessible, item.Split = 1, true
		case 3:
			item.Accessible, item.Quantity = 1, 17
		case 4:
			item.Quantity = 257
		case 5:
			item.Seats = g.seats(l)
		}
	}
}

func (g *Generator) seats(l *modelLot) []string {
	var seats []string
	for range 1 + g.weighted("seats", 50, 30, 15, 5) {
		label := "A/1/1"
		if l != nil && l.seated() {
			label = l.labels[g.below(len(l.labels), "seat")]
		}
		if slices.Contains(seats, label) && !g.chance(3, "same seat twice") {
			continue
		}
		if g.chance(5, "bad seat") {
			label = pick(g, "seat", "A/1/99", "A/9/1", "Z/1/1", "A/2/5", "A/1/0", "A/1", "", "A/1/1/1", "A/1/01", "A/1/+1", "A/1/18446744073709551617", "*/*/*", g.badID())
		}
		seats = append(seats, label)
	}
	return seats
}

func (g *Generator) confirm() engine.Command {
	cmd := g.onHold(engine.VerbConfirm)
	switch g.weighted("payment", 75, 10, 10, 3, 2) {
	case 0:
		cmd.PaymentRef = "inv-" + strconv.Itoa(g.below(1000, "ref"))
	case 1:
		cmd.BoxOffice = true
	case 3:
		cmd.PaymentRef = pick(g, "ref", "in\x00v", "é", strings.Repeat("p", 129), strings.Repeat("p", 4096), " ", "a b", "4111 1111 1111 1111", "card 4111111111111111")
	case 4:
		cmd.PaymentRef, cmd.BoxOffice = "till-1", true
	}
	return cmd
}

// onHold draws a command about a hold: mostly the buyer's own live one, sometimes any other.
func (g *Generator) onHold(verb engine.Verb) engine.Command {
	cmd := engine.Command{Verb: verb, Buyer: g.buyer()}
	switch n := len(g.model.holds); {
	case n == 0 || g.chance(3, "bad hold"):
		cmd.Hold = pick(g, "hold", "", "x", "0", "1", string(engine.AppendHoldID(nil, engine.HoldID(n+1), 0)), string(engine.AppendHoldID(nil, 0, 0)),
			string(engine.AppendHoldID(nil, math.MaxUint64, 0)), string(engine.AppendOrderID(nil, 1, 0)), g.badID())
	case g.chance(75, "a live one"):
		var live []*modelHold
		for _, h := range g.model.holds {
			if !h.ended() {
				live = append(live, h)
			}
		}
		if len(live) == 0 {
			live = g.model.holds
		}
		h := live[g.below(len(live), "hold")]
		cmd.Buyer, cmd.Hold = h.buyer, string(engine.AppendHoldID(nil, h.id, g.incarnation(h.in)))
	default:
		h := g.model.holds[g.below(n, "hold")]
		cmd.Hold = string(engine.AppendHoldID(nil, h.id, g.incarnation(h.in)))
		if g.chance(50, "of its buyer") {
			cmd.Buyer = h.buyer
		}
	}
	return cmd
}

// incarnation is that of an id, and now and then another.
func (g *Generator) incarnation(in engine.Incarnation) engine.Incarnation {
	if g.chance(2, "another copy's") {
		return pick(g, "incarnation", 0, 1, in+1)
	}
	return in
}

func (g *Generator) order() engine.Command {
	cmd := engine.Command{Verb: engine.VerbOrder, Buyer: g.buyer()}
	n := len(g.model.orders)
	if n == 0 || g.chance(10, "bad order") {
		cmd.Order = pick(g, "order", "", "x", "1", string(engine.AppendOrderID(nil, engine.OrderID(n+1), 0)), string(engine.AppendHoldID(nil, 1, 0)), g.badID())
		return cmd
	}
	o := g.model.orders[g.below(n, "order")]
	cmd.Order = string(engine.AppendOrderID(nil, o.id, g.incarnation(o.in)))
	if g.chance(80, "of its buyer") {
		cmd.Buyer = o.hold.buyer
	}
	return cmd
}

func (g *Generator) block(verb engine.Verb) engine.Command {
	if g.chance(50, "unblock") {
		verb = engine.VerbUnblock
	}
	cmd := engine.Command{Verb: verb}
	g.lotOrPool(&cmd)
	l := g.model.lot(cmd.Lot)
	if l != nil && l.seated() != g.chance(5, "the wrong way") {
		cmd.Seats = g.seats(l)
		if len(l.shut) > 0 && g.chance(50, "blocked seats") {
			cmd.Seats = slices.Clone(l.shut[:1+g.below(len(l.shut), "seats")])
		}
		switch g.weighted("a seat that is not there", 88, 6, 6) {
		case 1:
			cmd.Seats = append(cmd.Seats, "A/9/1")
		case 2:
			cmd.Seats = []string{"A/9/1"}
		}
	} else {
		cmd.Quantity = int64(1 + g.below(4, "units"))
	}
	if g.chance(4, "bad quantity") {
		cmd.Quantity = g.number(1, "units")
	}
	return cmd
}

func (g *Generator) capacity() engine.Command {
	cmd := engine.Command{Verb: engine.VerbCapacity, Quantity: int64(g.below(14, "capacity"))}
	g.lotOrPool(&cmd)
	if g.chance(5, "bad capacity") {
		cmd.Quantity = g.number(1, "capacity")
	}
	return cmd
}

func (g *Generator) lotOrPool(cmd *engine.Command) {
	if g.chance(30, "pool") {
		cmd.Pool = g.poolID()
	} else {
		cmd.Lot = g.lotID()
	}
	switch g.weighted("names", 96, 2, 2) {
	case 1:
		cmd.Lot, cmd.Pool = g.lotID(), g.poolID()
	case 2:
		cmd.Lot, cmd.Pool = "", ""
	}
}
