package load

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// LotID is the one lot of the events that a load makes.
const LotID = "ga"

// eventsAtOnce is how many events are created or closed at the same time.
const eventsAtOnce = 64

// OwnEvents says which events a load makes for itself.
type OwnEvents struct {
	Count   int
	Tickets int64 // of each
	HoldTTL time.Duration
	Line    bool // they sell through a line: who joins waits for a turn
	// Name begins their ids, which end in a number. An id is never used again, so choose a new one every time.
	Name string
}

// IDs returns the names of the events.
func (o OwnEvents) IDs() []string {
	ids := make([]string, o.Count)
	for i := range ids {
		ids[i] = o.Name + "-" + strconv.Itoa(i+1)
	}
	return ids
}

// Create puts the events on sale.
func (o OwnEvents) Create(ctx context.Context, nc *nats.Conn) error {
	if o.Count < 1 || o.Count > EventsMax {
		return fmt.Errorf("load: %d events: give 1 to %d", o.Count, EventsMax)
	}
	var line *pb.LineSpec
	if o.Line {
		line = &pb.LineSpec{Mode: ptr(engine.LineModeLine.String())}
	}
	return o.each(ctx, nc, "create", func(c *client.Client, id string) error {
		_, err := c.Create(ctx, id, &pb.CreateCommand{
			RequestId: "create-" + id, Name: "Load " + id, Currency: "EUR", HoldTtlMs: o.HoldTTL.Milliseconds(), Open: true, Line: line,
			Lots: []*pb.LotSpec{{Lot: LotID, FaceMinor: ptr(int64(4500)), Fees: []*pb.Fee{{Name: "service", Minor: 250}}, Capacity: o.Tickets}},
		})
		return err
	})
}

// Close ends their sale for good. Their holds expire, and they stay known: an id is never used again.
func (o OwnEvents) Close(ctx context.Context, nc *nats.Conn) error {
	return o.each(ctx, nc, "close", func(c *client.Client, id string) error {
		_, err := c.CloseEvent(ctx, id, &pb.CloseCommand{RequestId: "close-" + id})
		if errors.Is(err, client.ErrEventUnknown) {
			return nil // the load ended before it was made
		}
		return err
	})
}

// each calls f for every event, some at once, until one fails.
func (o OwnEvents) each(ctx context.Context, nc *nats.Conn, what string, f func(c *client.Client, id string) error) (err error) {
	c, err := client.New(nc, client.Options{})
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	ids := make(chan string)
	var failed sync.Once
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for range min(eventsAtOnce, o.Count) {
		workers.Go(func() {
			for id := range ids {
				if e := f(c, id); e != nil {
					failed.Do(func() {
						err = fmt.Errorf("load: %s the event %s: %w", what, id, e)
						close(stop)
					})
				}
			}
		})
	}
	all := o.IDs()
	for i := 0; i < len(all) && ctx.Err() == nil; i++ {
		select {
		case ids <- all[i]:
		case <-stop:
			i = len(all)
		}
	}
	close(ids)
	workers.Wait()
	if err == nil && ctx.Err() != nil {
		err = fmt.Errorf("load: %s events: %w", what, ctx.Err())
	}
	return err
}

// Look reads an event that is there: what lot to buy from, the first unless lot names another, and how long its holds live.
func Look(ctx context.Context, nc *nats.Conn, event, lot string) (string, time.Duration, error) {
	c, err := client.New(nc, client.Options{})
	if err != nil {
		return "", 0, fmt.Errorf("load: %w", err)
	}
	v, err := c.Get(ctx, event)
	if err = errors.Join(err, c.Close()); err != nil {
		return "", 0, fmt.Errorf("load: look at the event %s: %w", event, err)
	}
	var lots []string
	for _, l := range v.GetLots() {
		if lots = append(lots, l.GetLot()); lot == "" || l.GetLot() == lot {
			return l.GetLot(), time.Duration(v.GetHoldTtlMs()) * time.Millisecond, nil
		}
	}
	return "", 0, fmt.Errorf("load: event %s has no lot %s: it has %q", event, lot, lots)
}

func ptr[T any](v T) *T { return &v }
