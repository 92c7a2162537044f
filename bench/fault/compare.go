package fault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// Comparison is what a comparison of the engine with a ledger looked at.
type Comparison struct {
	Resolved int // commands without an answer that were asked again
	Repeated int // acknowledged commands that were repeated
	Counted  int // lots and pools recounted
	Places   int // places in lines that were asked for
	Views    int // touches that the KPI of views counted, all so far
	Lost     int // acknowledged commands that the engine no longer knows, or knows otherwise
	Drift    int // lots and pools whose counts are not what the answers imply
}

// Add sums up comparisons.
func (c *Comparison) Add(d Comparison) {
	c.Resolved += d.Resolved
	c.Repeated += d.Repeated
	c.Counted += d.Counted
	c.Places += d.Places
	c.Views = max(c.Views, d.Views)
	c.Lost += d.Lost
	c.Drift += d.Drift
}

const (
	comparedPerBatch   = 64 // repeats in one message
	comparisonsAtOnce  = 8  // events that are compared at once
	resolutionsAtOnce  = 64
	shortBeforeExpiryS = 5 // a hold this close to its deadline may expire while it is looked at
)

// Compare asks again for every command without an answer, repeats what was acknowledged in this round (everything, if all) and every hold that
// is live, and recounts every lot, and the views before and after. Nothing else may use the engine meanwhile. The error lists what differs.
func (l *Ledger) Compare(ctx context.Context, c *Client, all bool) (Comparison, error) {
	var sum Comparison
	if err := l.resolve(ctx, c, &sum); err != nil {
		return sum, err
	}
	before, _ := l.Wrong()
	if err := l.views(ctx, c, &sum); err != nil {
		return sum, err
	}
	if err := l.repeat(ctx, c, l.toRepeat(all), &sum); err != nil {
		return sum, err
	}
	for _, event := range l.Events() {
		if err := l.places(ctx, c, event, &sum); err != nil {
			return sum, err
		}
	}
	after, _ := l.Wrong()
	sum.Lost = after - before
	for _, event := range l.Events() {
		if err := l.recount(ctx, c, event, &sum); err != nil {
			return sum, err
		}
	}
	if err := l.views(ctx, c, &sum, "orders"); err != nil { // repeats count no touch again
		return sum, err
	}
	final, err := l.Wrong()
	sum.Drift = final - after
	return sum, err
}

// Events returns the ids of the events that are known to exist.
func (l *Ledger) Events() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(l.events)) {
		if l.events[id].created {
			ids = append(ids, id)
		}
	}
	return ids
}

// resolve asks again for what got no answer. First the organisers' commands, one after the other: an event that may not exist comes before its buyers.
func (l *Ledger) resolve(ctx context.Context, c *Client, sum *Comparison) error {
	l.mu.Lock()
	var organisers, buyers []*Entry
	for _, e := range l.entries {
		switch {
		case e.Answer != nil:
			continue
		case e.Buyer == "":
			organisers = append(organisers, e)
		default:
			buyers = append(buyers, e)
		}
		l.write(e)
	}
	l.mu.Unlock()
	sum.Resolved += len(organisers) + len(buyers)
	ask := func(e *Entry) error {
		r, err := c.Ask(ctx, &e.Command)
		if err != nil {
			return fmt.Errorf("ask again for %s %s %s: %w", e.Event, e.Verb, e.ID, err)
		}
		l.Answered(e, r)
		return nil
	}
	for _, e := range organisers {
		if err := ask(e); err != nil {
			return err
		}
	}
	return inParallel(buyers, resolutionsAtOnce, ask)
}

// inParallel calls f for each element, some at once.
func inParallel[E any](elements []E, atOnce int, f func(E) error) error {
	work := make(chan E)
	errs := make([]error, atOnce)
	var wg sync.WaitGroup
	for i := range atOnce {
		wg.Go(func() {
			for e := range work {
				if errs[i] == nil {
					errs[i] = f(e)
				}
			}
		})
	}
	for _, e := range elements {
		work <- e
	}
	close(work)
	wg.Wait()
	return errors.Join(errs...)
}

// toRepeat is everything that said yes in this round, or ever, and the grants of live holds.
func (l *Ledger) toRepeat(all bool) []*Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var entries []*Entry
	for _, e := range l.entries {
		if e.Answer != nil && code(e.Answer) == "ok" && !e.idle && (all || e.round == l.round || l.isLiveGrant(e)) {
			entries = append(entries, e)
		}
	}
	return entries
}

func (l *Ledger) isLiveGrant(e *Entry) bool {
	if e.Verb != engine.VerbHold {
		return false
	}
	h := l.truthOf(e.Event).live[e.Buyer]
	return h != nil && h.grant == e
}

// repeat sends commands again, in batches, and compares the answers. The batches of one event go one after the other: a hold that was seen to
// have expired must never be seen held again, and answers that were asked for side by side could cross.
func (l *Ledger) repeat(ctx context.Context, c *Client, entries []*Entry, sum *Comparison) error {
	sum.Repeated += len(entries)
	byEvent := map[string][]*Entry{}
	for _, e := range entries {
		byEvent[e.Event] = append(byEvent[e.Event], e)
	}
	return inParallel(slices.Sorted(maps.Keys(byEvent)), comparisonsAtOnce, func(event string) error {
		for batch := range slices.Chunk(byEvent[event], comparedPerBatch) {
			if err := l.repeatBatch(ctx, c, batch); err != nil {
				return err
			}
		}
		return nil
	})
}

// repeatBatch sends commands of one event again in one message, and compares the answers.
func (l *Ledger) repeatBatch(ctx context.Context, c *Client, batch []*Entry) error {
	cmds := make([]*Command, len(batch))
	for i, e := range batch {
		cmds[i] = &e.Command
	}
	replies, err := c.AskAll(ctx, cmds)
	if err != nil {
		return fmt.Errorf("repeat %d commands for %s: %w", len(batch), batch[0].Event, err)
	}
	for i, e := range batch {
		l.Answered(e, replies[i])
	}
	return nil
}

// recount compares an event's counts with what its answers imply.
func (l *Ledger) recount(ctx context.Context, c *Client, event string, sum *Comparison) error {
	v, err := c.Show(ctx, event)
	if err != nil {
		return fmt.Errorf("recount %s: %w", event, err)
	}
	// Holds that are about to expire are looked at once more: they were held before the event was shown, or they still are.
	if err := l.repeat(ctx, c, l.aboutToExpire(event), sum); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.truthOf(event)
	lots, pools := t.count(l)
	slack := t.slack
	t.slack = nil
	for _, lot := range v.GetLots() {
		l.compareCounts(event+" lot "+lot.GetLot(), lot, lots[lot.GetLot()], slack[lot.GetLot()])
	}
	for _, p := range v.GetPools() {
		var inPool int64
		for id, units := range slack {
			if slices.Contains(t.lots[id].pools, p.GetPool()) {
				inPool += units
			}
		}
		l.compareCounts(event+" pool "+p.GetPool(), p, pools[p.GetPool()], inPool)
	}
	sum.Counted += len(v.GetLots()) + len(v.GetPools())
	if len(v.GetLots()) != len(lots) || len(v.GetPools()) != len(pools) {
		l.contradict("%s: has %d lots and %d pools, must have %d and %d", event, len(v.GetLots()), len(v.GetPools()), len(lots), len(pools))
	}
	if want := int64(len(t.orders)); v.GetOrders() != want {
		l.contradict("%s: has %d orders, %d were acknowledged", event, v.GetOrders(), want)
	}
	return nil
}

// aboutToExpire returns the grants of live holds that may end while they are looked at, and notes their units as slack.
func (l *Ledger) aboutToExpire(event string) []*Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.truthOf(event)
	var grants []*Entry
	t.slack = map[string]int64{}
	for _, buyer := range slices.Sorted(maps.Keys(t.live)) {
		h := t.live[buyer]
		if h.expires.Sub(now()).Seconds() > shortBeforeExpiryS {
			continue
		}
		grants = append(grants, h.grant)
		for _, it := range h.items {
			t.slack[it.GetLot()] += it.GetQuantity() * it.GetUnits()
		}
	}
	return grants
}

// shown is a lot or a pool as the engine shows it.
type shown interface {
	GetCapacity() int64
	GetFree() int64
	GetHeld() int64
	GetPaying() int64
	GetSold() int64
	GetBlocked() int64
}

// compareCounts compares shown counts with known ones. Up to slack units may have been held when they were shown, and not any more. The lock is held.
func (l *Ledger) compareCounts(what string, v shown, want *counts, slack int64) {
	if err := Conserved(v); err != nil {
		l.contradict("%s: %v", what, err)
	}
	if want == nil {
		l.contradict("%s: was never created", what)
		return
	}
	held := v.GetHeld()
	if held < want.held || held > want.held+slack || v.GetPaying() != 0 || v.GetSold() != want.sold || v.GetBlocked() != want.blocked || v.GetCapacity() != want.capacity {
		l.contradict("%s: the engine shows capacity %d, free %d, held %d, paying %d, sold %d, blocked %d; the answers imply %v (and up to %d expiring)",
			what, v.GetCapacity(), v.GetFree(), held, v.GetPaying(), v.GetSold(), v.GetBlocked(), want, slack)
	}
}

// Conserved checks that the counts of a lot or pool add up to its capacity (G1).
func Conserved(v shown) error {
	free, held, paying, sold, blocked := v.GetFree(), v.GetHeld(), v.GetPaying(), v.GetSold(), v.GetBlocked()
	if free+held+paying+sold+blocked != v.GetCapacity() || min(free, held, paying, sold, blocked) < 0 {
		return fmt.Errorf("%d free + %d held + %d paying + %d sold + %d blocked is not the capacity %d", free, held, paying, sold, blocked, v.GetCapacity())
	}
	return nil
}

// ConservedEvent checks every lot and pool of an event.
func ConservedEvent(v *pb.Event) error {
	var errs []error
	for _, lot := range v.GetLots() {
		if err := Conserved(lot); err != nil {
			errs = append(errs, fmt.Errorf("%s lot %s: %w", v.GetId(), lot.GetLot(), err))
		}
	}
	for _, p := range v.GetPools() {
		if err := Conserved(p); err != nil {
			errs = append(errs, fmt.Errorf("%s pool %s: %w", v.GetId(), p.GetPool(), err))
		}
	}
	return errors.Join(errs...)
}
