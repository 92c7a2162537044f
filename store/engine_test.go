package store

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
)

// sale drives one real event: every turn with facts is a run in the store.
type sale struct {
	shell *enginetest.Shell
	work  *enginetest.Workload
	sent  int
}

func newSale(id string, seed uint64) *sale {
	s := &sale{
		shell: enginetest.NewShell(engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: id}, engine.DefaultLimits(), enginetest.WorkloadStart),
		work:  enginetest.NewWorkload(seed, enginetest.WorkloadConfig{Buyers: 200, Tickets: 400, TTLMs: 60_000}),
	}
	create := s.work.Create()
	s.work.Observe(&create, s.shell.Do(&create))
	return s
}

// drive gives the event n commands, a second apart, and appends what they decided.
func (s *sale) drive(j *Store, n int) {
	s.work.Drive(s.shell, n, 1e9)
	for ; s.sent < len(s.shell.Log); s.sent++ {
		run := *s.shell.Log[s.sent]
		run.Partition = engine.PartitionOf(run.Key.ID)
		j.Append(&run)
	}
}

func checkEvents(t *testing.T, sales []*sale, rec *engine.Recovered) {
	t.Helper()
	hashes, seqs := make(map[engine.Key]uint64), make(map[engine.Key]engine.Seq)
	for _, r := range rec.Awake {
		hashes[r.Key], seqs[r.Key] = r.State.StateHash(), r.State.Seq()
		if err := r.State.Check(); err != nil {
			t.Errorf("event %s: %v", r.Key.ID, err)
		}
	}
	for _, a := range rec.Asleep {
		hashes[a.Key], seqs[a.Key] = a.StateHash, a.Seq
	}
	for _, s := range sales {
		if ev := s.shell.Event; hashes[s.shell.Key] != ev.StateHash() || seqs[s.shell.Key] != ev.Seq() {
			t.Errorf("event %s was recovered at fact %d with hash %016x, it was at %d with %016x",
				s.shell.Key.ID, seqs[s.shell.Key], hashes[s.shell.Key], ev.Seq(), ev.StateHash())
		}
	}
}

// TestRealEventsAreRecoveredAsTheyWere runs on-sales through the store, with passes, sleep and restarts, and compares state hashes: live, recovered,
// and replayed from the snapshots before the last.
func TestRealEventsAreRecoveredAsTheyWere(t *testing.T) {
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 11))
		b := newBench(t, func(c *Config) {
			c.FS = vfs.NewMem()
			c.New, c.Open = engine.NewAggregate, engine.OpenSnapshot
			c.TailSegmentBytes, c.BatchBytes = 256<<10, 64<<10
		})
		sales := []*sale{newSale("night-one", seed), newSale("night-two", seed+100), newSale("matinee", seed+200)}
		for range 40 {
			s := sales[rng.IntN(len(sales))]
			switch rng.IntN(6) {
			case 0:
				if err := b.s.settle(); err != nil {
					t.Fatal(err)
				}
				b.pass()
			case 1:
				if s.sent == 0 {
					continue // the log knows nothing of it yet
				}
				if err := b.s.settle(); err != nil {
					t.Fatal(err)
				}
				ev := s.shell.Event
				done := make(chan error, 1)
				b.s.Sleep(&engine.Snapshot{
					Asleep: engine.Asleep{Key: s.shell.Key, Seq: ev.Seq(), LastAt: ev.LastAt(), StateHash: ev.StateHash()}, State: ev.AppendSnapshot(nil),
				}, func(err error) { done <- err })
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			case 2:
				b.reopen()
				checkEvents(t, begun(sales), b.rec)
			case 3:
				s.shell.Do(&engine.Command{Verb: engine.VerbProve})
				s.drive(b.s, 1)
			default:
				s.drive(b.s, 200)
			}
		}
		for _, s := range sales {
			s.drive(b.s, 50)
			a, err := b.s.Rebuild(s.shell.Key)
			if err != nil || a.StateHash() != s.shell.Event.StateHash() {
				t.Errorf("event %s was rebuilt with another state: %v", s.shell.Key.ID, err)
			}
		}
		b.reopen()
		checkEvents(t, sales, b.rec)
		b.close()
		if rep := b.verify(); len(rep.Aggregates) != len(sales) {
			t.Errorf("verify found %d events", len(rep.Aggregates))
		}
	}
}

// begun are the sales that the log knows of.
func begun(all []*sale) []*sale {
	var some []*sale
	for _, s := range all {
		if s.sent > 0 {
			some = append(some, s)
		}
	}
	return some
}
