package enginetest

import (
	"strconv"

	"github.com/holdfast-engine/holdfast/engine"
)

// WorkloadConfig sizes a [Workload]. Zero means the default.
type WorkloadConfig struct {
	Buyers   int    // how many buyers there are; default 1000
	Tickets  int64  // counted tickets on sale, in two tiers; default 5000
	Rows     int64  // rows of seats; default 20
	RowSeats int64  // seats a row; default 25
	TTLMs    int64  // life of a hold; default 120,000
	Currency string // default EUR
}

func (c WorkloadConfig) withDefaults() WorkloadConfig {
	if c.Buyers == 0 {
		c.Buyers = 1000
	}
	if c.Tickets == 0 {
		c.Tickets = 5000
	}
	if c.Rows == 0 {
		c.Rows = 20
	}
	if c.RowSeats == 0 {
		c.RowSeats = 25
	}
	if c.TTLMs == 0 {
		c.TTLMs = 120_000
	}
	if c.Currency == "" {
		c.Currency = "EUR"
	}
	return c
}

// Workload is an endless stream of the commands one event sees in an on-sale: buyers hold counted tickets and chosen seats, pay, think better of
// it, extend, click twice, or vanish and let their hold expire; once the event is sold out the storm of refused holds follows by itself.
//
// The stream depends on the seed, the config and the answers given to Observe, and on nothing else. A workload is not safe for concurrent use.
type Workload struct {
	cfg     WorkloadConfig
	random  splitMix
	request uint64
	waiting []workloadHold   // holds granted whose buyer has not decided yet, oldest first
	recent  []engine.Command // the newest accepted or refused commands, some of which are sent again
}

type workloadHold struct {
	buyer, hold string
}

const workloadRecentLen = 64

// NewWorkload returns the workload of a seed.
func NewWorkload(seed uint64, cfg WorkloadConfig) *Workload {
	return &Workload{cfg: cfg.withDefaults(), random: splitMix(seed)}
}

// Create returns the command that creates the workload's event, on sale at once. Its strings and slices are the caller's.
func (w *Workload) Create() engine.Command {
	c := w.cfg
	spec := &engine.EventSpec{
		Name: "Night One", Genre: "concert", Performer: "The Openers", Venue: "Arena", City: "Utrecht", Country: "NL",
		TimeZone: "Europe/Amsterdam", StartsAt: WorkloadStart + 30*24*3600*1e9, Currency: c.Currency,
		HoldTTLMs: c.TTLMs, MaxHoldMs: 5 * c.TTLMs, LimitPerBuyer: 8, Open: true,
		Pools: []engine.PoolSpec{{Pool: "floor", Capacity: c.Tickets}},
		Lots: []engine.LotSpec{
			{Lot: "early", FaceMinor: 3500, Fees: []engine.Fee{{Name: "service", Minor: 250}}, Capacity: c.Tickets / 5, Pools: []string{"floor"}},
			{Lot: "ga", FaceMinor: 4500, Fees: []engine.Fee{{Name: "service", Minor: 250}}, Capacity: c.Tickets, Pools: []string{"floor"}, After: "early"},
			{Lot: "pack", FaceMinor: 16000, Fees: []engine.Fee{{Name: "service", Minor: 800}}, Capacity: c.Tickets / 10 / 4 * 4, Units: 4, Pools: []string{"floor"}},
			{Lot: "stalls", FaceMinor: 9000, Fees: []engine.Fee{{Name: "service", Minor: 450}}},
		},
	}
	for row := range c.Rows {
		spec.Lots[3].Rows = append(spec.Lots[3].Rows, engine.RowSpec{Section: "A", Row: strconv.FormatInt(row+1, 10), Seats: c.RowSeats})
	}
	return engine.Command{Verb: engine.VerbCreate, RequestID: w.nextRequest(), Channel: "back_office", Spec: spec}
}

// WorkloadStart is a node time to begin a workload at: 2026-05-01T10:00:00Z.
const WorkloadStart = engine.Instant(1_777_629_600 * 1e9)

// Next returns the next command of the stream. Its strings and slices are the caller's: they are never written again.
func (w *Workload) Next() engine.Command {
	if len(w.waiting) > 0 && w.random.percent(45) {
		return w.decide()
	}
	switch {
	case w.random.percent(2):
		return engine.Command{Verb: engine.VerbGet}
	case len(w.recent) > 0 && w.random.percent(3): // a click too many, or a reply that was lost
		return w.recent[w.random.below(uint64(len(w.recent)))]
	}
	return w.hold()
}

// Observe tells the workload what a command of its own was answered, so that buyers can go on with the holds they got. Answers may come late
// and in any order, but a stream is only the same again if its answers come at the same places.
func (w *Workload) Observe(cmd *engine.Command, out *engine.Outcome) {
	if cmd.RequestID != "" && cmd.Verb != engine.VerbCreate {
		if len(w.recent) < workloadRecentLen {
			w.recent = append(w.recent, *cmd)
		} else {
			w.recent[w.request%workloadRecentLen] = *cmd
		}
	}
	if cmd.Verb != engine.VerbHold || out.Code != engine.CodeOK || out.Repeated {
		return
	}
	if w.random.percent(25) {
		return // this buyer has wandered off: the hold will expire
	}
	w.waiting = append(w.waiting, workloadHold{cmd.Buyer, string(engine.AppendHoldID(nil, out.Hold.ID, out.Hold.Incarnation))})
}

func (w *Workload) hold() engine.Command {
	cmd := engine.Command{
		Verb: engine.VerbHold, RequestID: w.nextRequest(), Buyer: "b" + strconv.FormatUint(w.random.below(uint64(w.cfg.Buyers)), 10),
		Channel: "web", Device: engine.Device(w.random.below(4)),
	}
	if len(w.waiting) > 0 && w.random.percent(5) { // a second tab, or a change of mind: the hold before is replaced
		cmd.Buyer = w.waiting[w.random.below(uint64(len(w.waiting)))].buyer
	}
	switch n := w.random.below(100); {
	case n < 40:
		cmd.Items = []engine.Item{{Lot: "ga", Quantity: int64(1 + w.random.below(4))}}
	case n < 60:
		cmd.Items = []engine.Item{{Lot: "early", Quantity: int64(1 + w.random.below(2))}}
	case n < 65:
		cmd.Items = []engine.Item{{Lot: "pack", Quantity: 1}}
	case n < 75:
		cmd.Items = []engine.Item{{Lot: "ga", Quantity: int64(2 + w.random.below(4))}}
		cmd.Fill, cmd.AtLeast = engine.FillAtLeast, 1
	default:
		cmd.Items = []engine.Item{{Lot: "stalls", Seats: w.seats()}}
	}
	if w.random.percent(10) {
		cmd.MaxPrice, cmd.HasMaxPrice = 15_000, true
	}
	return cmd
}

// seats picks one to four neighbours of a row, the front rows more often.
func (w *Workload) seats() []string {
	row := min(w.random.below(uint64(w.cfg.Rows)), w.random.below(uint64(w.cfg.Rows)))
	count := min(1+w.random.below(4), uint64(w.cfg.RowSeats))
	first := w.random.below(uint64(w.cfg.RowSeats) - count + 1)
	seats := make([]string, count)
	for i := range seats {
		seats[i] = "A/" + strconv.FormatUint(row+1, 10) + "/" + strconv.FormatUint(first+uint64(i)+1, 10)
	}
	return seats
}

// decide lets the buyer who has waited longest pay, extend or give up.
func (w *Workload) decide() engine.Command {
	h := w.waiting[0]
	w.waiting = w.waiting[1:]
	cmd := engine.Command{RequestID: w.nextRequest(), Buyer: h.buyer, Hold: h.hold, Channel: "web"}
	switch n := w.random.below(100); {
	case n < 75:
		cmd.Verb, cmd.PaymentRef = engine.VerbConfirm, "inv-"+cmd.RequestID
	case n < 92:
		cmd.Verb = engine.VerbRelease
	default:
		cmd.Verb = engine.VerbExtend
		w.waiting = append(w.waiting, h)
	}
	return cmd
}

func (w *Workload) nextRequest() string {
	w.request++
	return "w" + strconv.FormatUint(w.request, 10)
}

// splitMix is a small random source of its own, so that a workload is the same under every version of Go.
//
// Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014.
type splitMix uint64

func (s *splitMix) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1. The bias of the remainder does not matter here.
func (s *splitMix) below(n uint64) uint64 { return s.next() % n }

func (s *splitMix) percent(n uint64) bool { return s.below(100) < n }

// Drive lets n commands of the workload come to the event of s, which must exist, one every step of node time, with everything on the way that
// the event wants done. It is how store and bench fill a log without a server.
func (w *Workload) Drive(s *Shell, n int, step engine.Instant) {
	for range n {
		s.Pass(s.Now + step)
		cmd := w.Next()
		w.Observe(&cmd, s.Do(&cmd))
	}
}
