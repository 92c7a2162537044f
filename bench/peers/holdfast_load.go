package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/holdfast-engine/holdfast/bench"
)

// holdfastLoad is a way of asking Holdfast: so many commands outstanding on one connection, so many in a message.
type holdfastLoad struct {
	dir                string
	outstanding, batch int
}

func (l holdfastLoad) String() string {
	text := fmt.Sprintf("%d outstanding", l.outstanding)
	if l.batch > 1 {
		text += fmt.Sprintf(", %d a message", l.batch)
	}
	return text
}

// holdfastMax is more holds a second than Holdfast does here: for so many there are events.
const holdfastMax = 5_000_000

// drive runs a round on an engine of its own, with an empty folder: as the others are emptied after a round.
func (l holdfastLoad) drive(ctx context.Context, d time.Duration) (round bench.Round, err error) {
	dir, err := os.MkdirTemp(l.dir, "holdfast-*")
	if err != nil {
		return round, fmt.Errorf("data folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	h, err := startHoldfast(filepath.Join(dir, "data"))
	if err != nil {
		return round, err
	}
	defer func() { err = errors.Join(err, h.end()) }()
	on, err := openNights(ctx, h, d, holdfastMax, l.batch)
	if err != nil {
		return round, err
	}
	load, err := bench.NewLoad(h.rig.URL, bench.LoadConfig{
		Subjects: bench.EngineSubjects, Events: on.events, Tickets: on.perEvent, Outstanding: l.outstanding, Batch: l.batch, Workload: bench.NewWorkload(1),
	})
	if err != nil {
		return round, err
	}
	defer load.Close()
	warm, err := load.Run(d / warmUp)
	if err != nil {
		return round, err
	}
	if round, err = load.Run(d); err != nil {
		return round, err
	}
	return round, on.verify(ctx, h, warm.All+round.All)
}
