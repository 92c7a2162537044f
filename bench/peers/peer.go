package main

import (
	"context"
	"time"
)

// Request asks for tickets of an event. No two requests of an event that mean different things have the same ID.
type Request struct {
	Event, ID, Buyer string
	Quantity         int
}

// Code says what became of a request: that it was done, or why not. The words are Holdfast's.
type Code string

// The codes that the peers answer with. The first two are accepted, the others refuse.
const (
	Held            Code = "held"
	Confirmed       Code = "confirmed"
	LimitReached    Code = "limit_reached"
	SoldOut         Code = "sold_out"
	HoldExpired     Code = "hold_expired"
	HoldUnknown     Code = "hold_unknown"
	HoldEnded       Code = "hold_ended" // where ended holds are told from those that never were
	RequestMismatch Code = "request_mismatch"
)

// Answer is what a peer says to a [Request]. Hold and Deadline are set if Code is Held, and the same in a repeat.
type Answer struct {
	Code     Code
	Hold     string
	Deadline time.Time
	Repeated bool
}

// Ledger counts the tickets of an event.
type Ledger struct{ Free, Held, Sold int64 }

// Peer holds tickets durably: Holdfast, or something that one might use in its place. What it has answered is as durable as it ever gets; Redis with
// appendfsync everysec is the exception. A buyer may hold and buy [LimitPerBuyer] tickets of an event, and has at most one hold: a new one takes
// the place of the one before. A hold ends at its deadline, and its tickets are on sale again within a second.
type Peer interface {
	// Create puts an event with so many tickets on sale, whose holds live for ttl.
	Create(ctx context.Context, event string, tickets int, ttl time.Duration) error
	// Hold takes tickets out of sale.
	Hold(ctx context.Context, r Request) (Answer, error)
	// Confirm sells what a buyer holds.
	Confirm(ctx context.Context, event, buyer, hold string) (Code, error)
	// Ledger counts the tickets.
	Ledger(ctx context.Context, event string) (Ledger, error)
}

// LimitPerBuyer is how many tickets of an event a buyer may hold and buy, everywhere.
const LimitPerBuyer = 4

// What a sweep of due holds does at once, and how often it comes: a hold ends at the latest a second after its deadline, as in Holdfast.
const (
	sweepMax   = 256
	sweepEvery = 250 * time.Millisecond
)

// sweep calls expire again and again until ctx is done: at once if there was more to do than one call does. An error ends it and is kept for end.
func sweep(ctx context.Context, expire func(context.Context) (more bool, err error)) (end func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ticker := time.NewTicker(sweepEvery)
		defer ticker.Stop()
		for {
			more, err := expire(ctx)
			if err != nil && ctx.Err() == nil {
				ended <- err
				return
			}
			if more && err == nil {
				continue
			}
			select {
			case <-ctx.Done():
				ended <- nil
				return
			case <-ticker.C:
			}
		}
	}()
	return func() error {
		cancel()
		return <-ended
	}
}
