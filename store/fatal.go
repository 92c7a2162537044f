package store

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// life is the part of a store that may end: once dead it stays dead.
type life struct {
	dead  atomic.Bool
	done  chan struct{} // closed at death
	once  sync.Once
	err   error // why; read it after done is closed
	fatal func(error)
	wake  atomic.Pointer[func()] // makes waiting goroutines see that the store is dead; nil before there are any
	// opening is true until Open returns. A death while opening is Open's error, not the process's end.
	opening atomic.Bool
}

func newLife(fatal func(error)) *life {
	l := &life{done: make(chan struct{}), fatal: fatal}
	l.opening.Store(true)
	return l
}

// die ends the store: after it no run is released. The first caller's error is the one that counts.
func (l *life) die(err error) {
	l.once.Do(func() {
		l.err = err
		l.dead.Store(true)
		close(l.done)
		if wake := l.wake.Load(); wake != nil {
			(*wake)()
		}
		if !l.opening.Load() {
			l.fatal(err)
		}
	})
}

// check is nil while the store lives.
func (l *life) check() error {
	if !l.dead.Load() {
		return nil
	}
	<-l.done
	return fmt.Errorf("%w: %w", ErrDead, l.err)
}

// guard is deferred by goroutines that call Pebble: it panics where a write-ahead log cannot be rotated, and that is the same end.
func (l *life) guard(doing string) {
	if r := recover(); r != nil {
		if err, ok := r.(error); ok {
			l.die(fmt.Errorf("%s: %w", doing, err))
		} else {
			l.die(fmt.Errorf("%s: %v", doing, r))
		}
	}
}

// pebbleLog is Pebble's logger.
type pebbleLog struct {
	log  *slog.Logger
	life *life
}

func (p pebbleLog) Infof(format string, args ...any) {
	p.log.Debug("pebble: " + fmt.Sprintf(format, args...))
}

func (p pebbleLog) Errorf(format string, args ...any) {
	p.log.Error("pebble: " + fmt.Sprintf(format, args...))
}

// Fatalf is how Pebble says that it cannot go on, and sometimes the only way it says so: db.Apply returns nil after it. So it must not return to
// Pebble: if Config.Fatal did not end the process, the goroutine ends here, with its deferred unlocks run.
func (p pebbleLog) Fatalf(format string, args ...any) {
	p.life.die(fmt.Errorf("pebble: "+format, args...))
	if plantedBug(plantedFatalfReturns) {
		return
	}
	runtime.Goexit()
}

// listener turns what Pebble only announces into an end. Pebble would try a failed flush again, at once and for ever: its goroutine ends here.
func listener(l *life, log *slog.Logger, stats *counters) *pebble.EventListener {
	e := &pebble.EventListener{
		BackgroundError: func(err error) {
			l.die(fmt.Errorf("pebble in the background: %w", err))
			runtime.Goexit()
		},
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			l.die(fmt.Errorf("pebble found damage in %s: %w: %w", i.Path, ErrDamaged, i.Details))
		},
		DiskSlow: func(i pebble.DiskSlowInfo) {
			log.Warn("store: a disk operation is slow", "operation", i.OpType.String(), "path", i.Path, "took", i.Duration)
		},
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) {
			stats.stalls.Add(1)
			log.Warn("store: writes stall", "reason", i.Reason)
		},
		FlushEnd: func(i pebble.FlushInfo) {
			if i.Err == nil {
				stats.flushes.Add(1)
			}
		},
		LowDiskSpace: func(i pebble.LowDiskSpaceInfo) {
			log.Warn("store: little disk space left", "info", i.String())
		},
	}
	e.EnsureDefaults(nil)
	return e
}
