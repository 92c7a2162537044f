package actors

import (
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// What the day is like.
const (
	simSlowest     = 20 * time.Millisecond   // of the disk
	simFreedWithin = time.Second             // after the deadline, in event time
	simCliff       = 100_000                 // holds that end in the same nanosecond
	simUnmarked    = 1100 * time.Millisecond // before a fall, that may count as outage: node time is persisted once a second
)

// simEvents are on sale: short holds and long ones, with deadlines spread and not.
var simEvents = []struct {
	id     string
	ttl    time.Duration
	spread time.Duration
}{
	{"quick", 5 * time.Second, 0},
	{"shop", 2 * time.Minute, 15 * time.Second},
	{"slow", 20 * time.Minute, 0},
	{"box-office", 3 * time.Hour, 10 * time.Minute},
	{"cliff", 2 * time.Minute, 0},
}

// simHold is a hold as its buyer knows it.
type simHold struct {
	id, buyer string
	deadline  engine.Instant // in event time: what the buyer was told, without the outages before that
}

// simEvent is what the buyers of an event know.
type simEvent struct {
	key      engine.Key
	holds    []simHold // that nobody has paid or given back, by deadline
	using    int       // holds that are being paid or given back
	granting bool      // holds are being taken
	live     int       // holds that the log has
}

// sim is a long time in the life of an engine: sales go on, processes fall and start again, the wall clock is set. Everything in it is drawn from one seed,
// and no time passes but simulated time.
type sim struct {
	t      *testing.T
	dice   *rand.Rand
	disk   *simDisk
	wall   atomic.Int64 // what people have set the clock to, less what it should say
	writer *simWriter
	node   *Node

	mu     sync.Mutex // guards what follows: the disk's goroutine reads it
	events []*simEvent
	down   engine.Instant // outages that the log knows of

	first   engine.Instant // event time of the first start
	upFor   time.Duration  // processes before this one
	upFrom  time.Time
	falls   int
	ids     int
	granted int
	ended   int
	probes  int
	cliffs  int
	jumps   int
	longest time.Duration // from a deadline to the end of its hold, in event time
}

// TestNoHoldEndsEarlyOrLateThroughOutages lets holds live through falls of the process, restarts from snapshots and logs, and a wall clock that is set both
// ways: none may end before the moment that its buyer was told, nor later than a second after it, in event time, which stands still in outages. A buyer who
// pays a millisecond before is in time, at the moment itself too late. HOLDFAST_SIM_HOURS makes it longer than 4 hours, HOLDFAST_SIM_SEED another day.
func TestNoHoldEndsEarlyOrLateThroughOutages(t *testing.T) {
	length, seed := 4*time.Hour, uint64(1)
	if text := os.Getenv("HOLDFAST_SIM_HOURS"); text != "" {
		hours, err := strconv.ParseFloat(text, 64)
		if err != nil || hours <= 0 {
			t.Fatalf("HOLDFAST_SIM_HOURS=%s: give hours, as in 24", text)
		}
		length = time.Duration(hours * float64(time.Hour))
	}
	if text := os.Getenv("HOLDFAST_SIM_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("HOLDFAST_SIM_SEED=%s: %v", text, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s := &sim{t: t, dice: rand.New(rand.NewPCG(seed, 0)), disk: newSimDisk(t)}
		s.disk.kept = s.watch
		began := time.Now()
		s.day(length)
		t.Logf("seed %d: %v of sales: %d holds, of which %d ended by their deadline, the latest %v after it; %d cliffs of %d; %d outages, up for %v; "+
			"the wall clock set %d times; %d payments around a deadline; %d facts", seed, time.Since(began).Round(time.Second), s.granted, s.ended, s.longest,
			s.cliffs, simCliff, s.falls, s.upFor.Round(time.Second), s.jumps, s.probes, s.disk.facts)
		if s.ended == 0 || s.falls == 0 || s.jumps == 0 || s.probes == 0 || s.cliffs == 0 {
			t.Error("not everything that was to be tried was tried")
		}
	})
}

func (s *sim) day(length time.Duration) {
	for _, e := range simEvents {
		s.events = append(s.events, &simEvent{key: engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: e.id}})
	}
	s.start()
	s.first = s.now()
	for i, e := range simEvents {
		spec := create("create", 100*simCliff)
		spec.Spec.HoldTTLMs, spec.Spec.MaxHoldMs, spec.Spec.SpreadMs = e.ttl.Milliseconds(), 2*e.ttl.Milliseconds(), e.spread.Milliseconds()
		if a := s.ask(s.events[i], spec); a.code != engine.CodeOK {
			s.t.Fatalf("create %s: %v", e.id, a.code)
		}
	}
	end := time.Now().Add(length)
	nextFall, nextCliff := s.in(min(length/10, 30*time.Minute)), s.in(length/10)
	for now := time.Now(); now.Before(end) && !s.t.Failed(); now = time.Now() {
		switch {
		case now.After(nextCliff):
			s.cliff()
			nextCliff = s.in(max(length/6, 2*time.Hour))
		case now.After(nextFall):
			s.fall()
			nextFall = s.in(min(length/6, 30*time.Minute))
		default:
			s.somebody()
		}
		s.sweep()
	}
	// Whoever still holds something is waited for, with one more outage on the way.
	s.fall()
	for left := 1; left > 0 && !s.t.Failed(); {
		time.Sleep(5 * time.Second)
		s.sweep()
		left = 0
		for _, e := range s.events {
			left += len(e.holds)
		}
	}
	s.stop()
	time.Sleep(time.Second) // the disk comes to rest
}

// in is a moment about so far from now.
func (s *sim) in(about time.Duration) time.Time {
	return time.Now().Add(about/2 + time.Duration(s.dice.Int64N(int64(about))))
}

// now is the present event time.
func (s *sim) now() engine.Instant { return s.node.clock.Now() - s.down }

// start starts a process on what the disk has.
func (s *sim) start() {
	atStart := time.Duration(s.wall.Load())
	s.writer = &simWriter{disk: s.disk, slowest: simSlowest, seed: s.dice.Uint64()}
	cfg := Config{
		SleepAfter: 10 * time.Second, InflightPerEvent: 2 * simCliff,
		Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { s.t.Errorf("fatal: %v", err) },
		Wall:    func() time.Time { return time.Now().Add(atStart) },
		wallNow: func() engine.Instant { return engine.Instant(time.Now().Add(time.Duration(s.wall.Load())).UnixNano()) },
	}
	recovered := s.disk.recovered(s.dice)
	began := time.Now()
	node, err := Start(cfg, s.writer, s.writer, recovered)
	if err != nil {
		s.t.Fatalf("start: %v", err)
	}
	s.mu.Lock()
	s.node, s.down, s.upFrom = node, s.disk.down(), began
	s.mu.Unlock()
}

// stop lets the process end.
func (s *sim) stop() {
	if err := s.node.Stop(context.Background()); err != nil {
		s.t.Errorf("stop: %v", err)
	}
	s.upFor += time.Since(s.upFrom)
}

// fall ends the process, mostly while something is on its way to the disk, and starts another some time later, when the clock may say something else.
func (s *sim) fall() {
	e := s.events[s.dice.IntN(len(s.events)-1)]
	var waiting []engine.Command
	if s.dice.IntN(4) > 0 {
		for range 1 + s.dice.IntN(5) {
			waiting = append(waiting, s.newHold())
		}
		s.during(e, 0, true)
		asked, code := send(s.node, e.key.ID, slices.Clone(waiting)...)
		if code != engine.CodeOK {
			s.t.Fatalf("%s: %v", e.key.ID, code)
		}
		time.Sleep(time.Duration(s.dice.Int64N(int64(2 * simSlowest))))
		s.writer.kill()
		<-asked.durable // a dead process answers nobody: this is only how its goroutines come to their end
	}
	s.stop()
	s.falls++
	s.setWall()
	time.Sleep(time.Duration(float64(time.Second) * (0.1 + 3600*math.Pow(s.dice.Float64(), 6))))
	if s.dice.IntN(2) == 0 {
		s.setWall()
	}
	s.start()
	for _, cmd := range waiting { // each buyer asks again, with the same request id
		s.grant(e, cmd)
	}
}

// setWall sets the wall clock: by a little, as time daemons do, or by hours, as people do, forwards and backwards.
func (s *sim) setWall() {
	by := s.dice.Int64N(int64(20*time.Millisecond)) - int64(10*time.Millisecond)
	if s.dice.IntN(3) == 0 {
		by = s.dice.Int64N(int64(6*time.Hour)) - int64(3*time.Hour)
	}
	s.wall.Add(by)
	s.jumps++
}

// somebody does something, after a while.
func (s *sim) somebody() {
	time.Sleep(time.Duration(s.dice.ExpFloat64() * float64(3*time.Second)))
	e := s.events[s.dice.IntN(len(s.events)-1)]
	switch roll := s.dice.IntN(20); {
	case roll < 11:
		for range 1 + s.dice.IntN(8) {
			s.grant(e, s.newHold())
		}
	case roll < 13:
		s.use(e, engine.VerbRelease)
	case roll < 15:
		s.use(e, engine.VerbExtend)
	case roll < 18:
		s.probe(e)
	case roll < 19:
		s.setWall()
	default:
		time.Sleep(time.Duration(s.dice.Int64N(int64(2 * time.Minute)))) // nobody comes: events fall asleep
	}
}

func (s *sim) newHold() engine.Command {
	s.ids++
	return hold("h"+strconv.Itoa(s.ids), "b"+strconv.Itoa(s.ids))
}

// during says what is on its way in an event, whose log may be ahead of what its buyers know.
func (s *sim) during(e *simEvent, using int, granting bool) {
	s.mu.Lock()
	e.using, e.granting = using, granting
	s.mu.Unlock()
}

func (s *sim) ask(e *simEvent, cmd engine.Command) answer { return ask(s.t, s.node, e.key.ID, cmd) }

// grant asks for a hold and notes what its buyer is told.
func (s *sim) grant(e *simEvent, cmd engine.Command) {
	s.during(e, 0, true)
	a := s.ask(e, cmd)
	switch {
	case a.code != engine.CodeOK || a.state != engine.HoldHeld && !a.repeated:
		s.t.Errorf("%s of %s: %v, %v", cmd.RequestID, e.key.ID, a.code, a.state)
	case a.state == engine.HoldHeld: // else it ended before its buyer was told of it
		s.note(e, simHold{id: a.hold, buyer: cmd.Buyer, deadline: a.expires - s.down})
		s.granted++
	}
	s.during(e, 0, false)
}

// note puts a hold where its deadline belongs.
func (s *sim) note(e *simEvent, h simHold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := e.dueBy(h.deadline)
	e.holds = slices.Insert(e.holds, at, h)
}

// dueBy is how many of the holds have a deadline at or before a moment.
func (e *simEvent) dueBy(at engine.Instant) int {
	return sort.Search(len(e.holds), func(i int) bool { return e.holds[i].deadline > at })
}

// drop takes a hold off the list.
func (s *sim) drop(e *simEvent, h simHold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.holds = slices.DeleteFunc(e.holds, func(o simHold) bool { return o == h })
}

// use gives a hold back, or extends it. Only if its deadline has come may it be refused.
func (s *sim) use(e *simEvent, verb engine.Verb) {
	if len(e.holds) == 0 {
		return
	}
	h := e.holds[s.dice.IntN(len(e.holds))]
	s.ids++
	s.during(e, 1, false)
	at := s.now()
	a := s.ask(e, engine.Command{Verb: verb, RequestID: "u" + strconv.Itoa(s.ids), Buyer: h.buyer, Hold: h.id})
	switch {
	case a.code == engine.CodeOK && h.deadline > at:
		s.drop(e, h)
		if verb == engine.VerbExtend {
			h.deadline = a.expires - s.down
			s.note(e, h)
		}
	case a.code != engine.CodeHoldExpired || h.deadline > at:
		s.t.Errorf("%s %s of %s: %v at %d, its deadline is %d", verb, h.id, e.key.ID, a.code, at, h.deadline)
	}
	s.during(e, 0, false)
}

// probe waits for the next deadline, and pays a millisecond before it or when it has come.
func (s *sim) probe(e *simEvent) {
	next := e.dueBy(s.now() + engine.Instant(10*time.Millisecond))
	if next == len(e.holds) || e.holds[next].deadline-s.now() > engine.Instant(2*time.Minute) {
		return
	}
	h, late := e.holds[next], s.dice.IntN(2) == 0
	target := h.deadline
	if !late {
		target -= engine.Instant(time.Millisecond)
	}
	s.until(target)
	at := s.now()
	if !late && at >= h.deadline {
		return // the clock ran past it: it is drawn by 500 ppm
	}
	s.ids++
	s.during(e, 1, false)
	a := s.ask(e, engine.Command{Verb: engine.VerbConfirm, RequestID: "k" + strconv.Itoa(s.ids), Buyer: h.buyer, Hold: h.id, PaymentRef: "p"})
	switch {
	case !late && a.code == engine.CodeOK:
		s.drop(e, h)
	case late && a.code == engine.CodeHoldExpired:
	default:
		s.t.Errorf("%s of %s was paid %v after its deadline: %v", h.id, e.key.ID, time.Duration(at-h.deadline), a.code)
	}
	s.during(e, 0, false)
	s.probes++
}

// until waits until a moment of event time, and never much longer.
func (s *sim) until(target engine.Instant) {
	for left := target - s.now(); left > 0; left = target - s.now() {
		if left > engine.Instant(10*time.Millisecond) {
			left -= left / 100
		}
		time.Sleep(time.Duration(min(left, engine.Instant(5*time.Second))))
		s.sweep()
	}
}

// cliff lets very many holds end in the same nanosecond.
func (s *sim) cliff() {
	e := s.events[len(s.events)-1]
	s.during(e, 0, true)
	var asked []*caller
	var buyers [][]engine.Command
	for left := simCliff; left > 0; {
		var cmds []engine.Command
		for ; len(cmds) < engine.CommandsPerRequestMax && left > 0; left-- {
			cmds = append(cmds, s.newHold())
		}
		c, code := send(s.node, e.key.ID, cmds...)
		if code != engine.CodeOK {
			s.t.Fatalf("the holds of a cliff: %v", code)
		}
		asked, buyers = append(asked, c), append(buyers, cmds)
	}
	for i, c := range asked {
		<-c.durable
		for j, a := range c.answers {
			if a.code != engine.CodeOK {
				s.t.Fatalf("a hold of a cliff: %v", a.code)
			}
			s.note(e, simHold{id: a.hold, buyer: buyers[i][j].Buyer, deadline: a.expires - s.down})
		}
		s.granted += len(c.answers)
	}
	s.during(e, 0, false)
	first, last := e.holds[0].deadline, e.holds[len(e.holds)-1].deadline
	if first != last {
		s.t.Fatalf("%d holds end from %d to %d: that is no cliff", len(e.holds), first, last)
	}
	if s.dice.IntN(2) == 0 {
		s.fall()
	}
	s.until(last - 1)
	s.sweep()
	s.until(last + engine.Instant(simFreedWithin))
	s.sweep()
	if a := s.ask(e, engine.Command{Verb: engine.VerbGet}); len(a.lots) != 1 || a.lots[0].Held != 0 {
		s.t.Errorf("a second after the deadline of %d holds: %v, %+v", simCliff, a.code, a.lots)
	}
	s.cliffs++
}

// watch is told of every run that becomes durable: which holds it ends, and whether it may.
func (s *sim) watch(run *engine.Run, live int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.key != run.Key {
			continue
		}
		at := run.At - s.down
		if must := len(e.holds) - e.dueBy(at) - e.using; live < must {
			s.t.Errorf("%s has %d live holds in the log at %d, and %d are before their deadline", e.key.ID, live, at, must)
		}
		if live < e.live && e.using == 0 && !e.granting {
			if oldest := len(e.holds) - e.live; oldest >= 0 && oldest < len(e.holds) {
				s.longest = max(s.longest, time.Duration(at-e.holds[oldest].deadline))
			}
		}
		e.live = live
	}
}

// sweep compares what the log has with what buyers were told, and event time with the time that processes were up, while nothing is on its way.
func (s *sim) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.node.clock.Now() - s.down
	for _, e := range s.events {
		must := len(e.holds) - e.dueBy(at)
		may := len(e.holds) - e.dueBy(at-engine.Instant(simFreedWithin))
		if e.live < must || e.live > may {
			s.t.Errorf("%s has %d live holds in the log at %d: %d are before their deadline, %d not yet a second beyond it", e.key.ID, e.live, at, must, may)
			return
		}
		gone := len(e.holds) - e.live
		e.holds = slices.Delete(e.holds, 0, gone)
		s.ended += gone
	}
	up := s.upFor + time.Since(s.upFrom)
	passed, slewed := time.Duration(at-s.first), up*slewMaxPPM/1_000_000+time.Millisecond
	if passed > up+slewed || passed < up-slewed-time.Duration(s.falls)*simUnmarked {
		s.t.Errorf("%v of event time have passed in %v of being up, with %d falls", passed, up, s.falls)
	}
}
