package actors

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// TestLongHoldsEndInTimeWhileTheClockIsDrawn has one hold of five hours and nobody else, asleep and awake, under a wall clock that was set by a day: node time
// gains or loses 9 s meanwhile. The hold ends within a second after its deadline all the same, and not before.
func TestLongHoldsEndInTimeWhileTheClockIsDrawn(t *testing.T) {
	for name, c := range map[string]struct {
		set        time.Duration
		sleepAfter time.Duration
	}{
		"asleep, forward": {24 * time.Hour, time.Minute}, "asleep, backward": {-24 * time.Hour, time.Minute},
		"awake, forward": {24 * time.Hour, -1}, "awake, backward": {-24 * time.Hour, -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var set atomic.Int64
				disk := newSimDisk(t)
				var live int
				var endedAt engine.Instant
				disk.kept = func(run *engine.Run, holds int) {
					if holds < live {
						endedAt = run.At
					}
					live = holds
				}
				w := &simWriter{disk: disk, slowest: time.Millisecond}
				n, err := Start(Config{
					SleepAfter: c.sleepAfter, Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { t.Errorf("fatal: %v", err) },
					wallNow: func() engine.Instant { return engine.Instant(time.Now().UnixNano() + set.Load()) },
				}, w, w, &engine.Recovered{})
				if err != nil {
					t.Fatal(err)
				}
				spec := create("c1", 10)
				spec.Spec.HoldTTLMs, spec.Spec.MaxHoldMs = (5 * time.Hour).Milliseconds(), (10 * time.Hour).Milliseconds()
				if a := ask(t, n, "e1", spec); a.code != engine.CodeOK {
					t.Fatal(a.code)
				}
				told := ask(t, n, "e1", hold("h1", "anna")).expires
				set.Store(int64(c.set))
				for n.clock.Now() < told+engine.Instant(simFreedWithin) {
					time.Sleep(500 * time.Millisecond)
				}
				synctest.Wait()
				if late := time.Duration(endedAt - told); live != 0 || late < 0 || late > simFreedWithin {
					t.Errorf("%d holds are live a second after the deadline; it ended %v after it", live, late)
				}
				if err := n.Stop(t.Context()); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Second) // the disk comes to rest
			})
		})
	}
}
