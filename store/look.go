package store

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// lookInto opens the log of a folder without changing anything, and lets use read it. Where Pebble would end the process it ends a goroutine, and the
// error says why.
func lookInto(f *folder, c *Config, use func(db *pebble.DB) error) error {
	l := newLife(func(error) {})
	var stats counters
	o := pebbleOptions(c, readOnlyFS{f.fs}, l, &stats)
	o.ReadOnly, o.ErrorIfNotExists = true, true
	done := make(chan error, 1)
	go func() {
		err := errors.New("the look ended early")
		defer func() { done <- err }()
		defer l.guard("look into the log")
		var db *pebble.DB
		if db, err = pebble.Open(f.path(nameLog), o); err != nil {
			return
		}
		if err = use(db); err == nil {
			err = db.Close()
		} else {
			err = errors.Join(err, db.Close())
		}
	}()
	var err error
	select {
	case err = <-done:
	case <-l.done: // a read that failed never returns
	}
	if dead := l.check(); dead != nil {
		return dead
	}
	return err
}
