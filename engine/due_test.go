package engine

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// Holds of many batches end in the order of their deadlines and, of equal ones, of their ids; none early, none late, and no Expire that neither ends a hold nor
// sorts a batch, with extensions, releases and sleep in between.
func TestHoldsOfManyBatchesEndInOrder(t *testing.T) {
	for _, c := range []struct {
		name     string
		spreadMs int64
		stepNs   Instant // between two grants
	}{
		{"spread", 7_000, 1e6}, {"all at once", 0, 0}, {"few a second", 1_000, 3e8},
	} {
		t.Run(c.name, func(t *testing.T) {
			const holds = 3000
			rng := rand.New(rand.NewPCG(1, 2))
			spec := testSpec()
			spec.HoldTTLMs, spec.MaxHoldMs, spec.SpreadMs, spec.HasSpread = 60_000, 300_000, c.spreadMs, true
			spec.Lots[0].Capacity, spec.Pools = 2*holds, nil
			for i := range spec.Lots {
				spec.Lots[i].Pools = nil
			}
			e := NewWithLimits(testKey(), Limits{Ended: 500})
			var facts Facts
			now := start
			ok := func(cmd *Command) *Outcome {
				facts.Reset()
				out := e.Step(cmd, now, &facts)
				if out.Code != CodeOK {
					t.Fatalf("%s: %s", cmd.Verb, out.AppendMessage(nil))
				}
				return out
			}
			ok(&Command{Verb: VerbCreate, RequestID: "create", Spec: spec})
			due := map[HoldID]wheelKey{}
			ended := 0
			var last wheelKey
			expire := func() {
				for steps := 0; ; steps++ {
					at, any := e.NextDeadline()
					if !any || at > now {
						return
					}
					before := map[HoldID]bool{}
					for slot := range e.holds.rows {
						if row := e.holds.at(slot); row.idState != 0 {
							before[row.id()] = true
						}
					}
					unsorted := e.due.queued
					newest := e.due.any
					ok(&Command{Verb: VerbExpire})
					if facts.Count == 0 && e.due.queued == unsorted && e.due.any == newest {
						t.Fatalf("an Expire at %d, wanted at %d, did nothing", now, at)
					}
					if unsorted-e.due.queued > sortsPerExpire {
						t.Fatalf("an Expire sorted %d batches", unsorted-e.due.queued)
					}
					most := wheelKey{}
					for slot := range e.holds.rows {
						delete(before, e.holds.at(slot).id())
					}
					for id := range before {
						key := due[id]
						if key.before(last) || Instant(key.deadline) > now {
							t.Fatalf("hold %d, due at %d, ended at %d, after one that was due at %d", id, key.deadline, now, last.deadline)
						}
						if most.before(key) {
							most = key
						}
						delete(due, id)
						ended++
					}
					if len(before) > 0 {
						last = most
					}
				}
			}
			var name []byte
			for i := range holds {
				now += c.stepNs
				expire()
				buyer := "b" + strconv.Itoa(i)
				h := hold(buyer, "ga", 1)
				h.RequestID = "r" + strconv.Itoa(i)
				out := ok(h)
				id := out.Hold.ID
				due[id] = wheelKey{uint64(out.Hold.ExpiresAt), uint64(id)}
				name = AppendHoldID(name[:0], id, 0)
				switch rng.IntN(5) {
				case 0:
					ok(&Command{Verb: VerbRelease, RequestID: "x" + strconv.Itoa(i), Buyer: buyer, Hold: string(name)})
					delete(due, id)
				case 1:
					now += 1000
					out := ok(&Command{Verb: VerbExtend, RequestID: "e" + strconv.Itoa(i), Buyer: buyer, Hold: string(name)})
					due[id] = wheelKey{uint64(out.Hold.ExpiresAt), uint64(id)}
				}
				if i%1000 == 500 {
					state := e.AppendSnapshot(nil)
					woken, err := OpenSnapshot(testKey(), state)
					if err != nil {
						t.Fatal(err)
					}
					e = woken.(*Event)
				}
				if i%500 == 0 {
					if err := e.Check(); err != nil {
						t.Fatal(err)
					}
				}
			}
			for len(due) > 0 {
				at, any := e.NextDeadline()
				if !any {
					t.Fatalf("%d holds never end", len(due))
				}
				now = max(now, at)
				expire()
				for id, key := range due {
					if Instant(key.deadline) <= now {
						t.Fatalf("hold %d is due at %d and did not end at %d", id, key.deadline, now)
					}
				}
			}
			if _, any := e.NextDeadline(); any || ended == 0 {
				t.Errorf("%d holds ended; wants to be woken: %v", ended, any)
			}
			if err := e.Check(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Of equal deadlines the lower id ends first, whatever the order in which batches were sorted: an event that was woken from its snapshot, where nothing is
// sorted, ends them as the one does that was awake all the time.
func TestEqualDeadlinesEndAwakeAsAfterSleep(t *testing.T) {
	spec := testSpec()
	spec.HoldTTLMs, spec.MaxHoldMs, spec.SpreadMs = 60_000, 60_000, 0
	spec.Lots[0].Capacity, spec.Pools = 5000, nil
	for i := range spec.Lots {
		spec.Lots[i].Pools = nil
	}
	e := New(testKey())
	var facts Facts
	step := func(e *Event, cmd *Command, now Instant) {
		facts.Reset()
		if out := e.Step(cmd, now, &facts); out.Code != CodeOK {
			t.Fatalf("%s: %s", cmd.Verb, out.AppendMessage(nil))
		}
	}
	holdAt := func(buyer string, now Instant) {
		h := hold(buyer, "ga", 1)
		h.RequestID = "r" + strconv.FormatInt(int64(now), 10) + buyer
		step(e, h, now)
	}
	step(e, &Command{Verb: VerbCreate, RequestID: "create", Spec: spec}, start)
	holdAt("first", start)
	now := start + 1e9
	for i := range 1790 {
		if i == 800 {
			holdAt("first", now) // takes the place of the first hold and inherits its end: its batch is sorted before the others
		}
		holdAt("b"+strconv.Itoa(i), now)
	}
	ttl := Instant(spec.HoldTTLMs) * 1e6
	step(e, &Command{Verb: VerbExpire}, start+ttl)
	woken, err := OpenSnapshot(testKey(), e.AppendSnapshot(nil))
	if err != nil {
		t.Fatal(err)
	}
	asleep := woken.(*Event)
	for at := now + ttl; e.holds.live() > 0; {
		step(e, &Command{Verb: VerbExpire}, at)
		step(asleep, &Command{Verb: VerbExpire}, at)
		if e.StateHash() != asleep.StateHash() || e.holds.live() != asleep.holds.live() {
			t.Fatalf("with %d holds left the state hash is %x, after a sleep it is %x with %d", e.holds.live(), e.StateHash(), asleep.StateHash(), asleep.holds.live())
		}
	}
}
