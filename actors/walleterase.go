package actors

import (
	"context"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// eraseAgainAfter is when a buyer with an open charge, or whose key could not be destroyed, is looked at again.
const eraseAgainAfter = time.Second

// eraser forgets buyers, one after the other: when no charge of theirs is open it destroys their key, and then tells their shard, whose fact says so. It begins
// when the wish is durable, and goes on after a start.
type eraser struct {
	room   *walletRoom
	mu     sync.Mutex
	wanted map[buyerRoute]struct{}
	wake   chan struct{}
	done   chan struct{}
	cancel context.CancelFunc
}

type buyerRoute struct{ account, buyer string }

func newEraser(w *walletRoom) *eraser {
	return &eraser{room: w, wanted: make(map[buyerRoute]struct{}), wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// add wants a buyer forgotten. The strings are kept.
func (e *eraser) add(account, buyer string) {
	e.mu.Lock()
	e.wanted[buyerRoute{account, buyer}] = struct{}{}
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *eraser) waiting() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.wanted)
}

func (e *eraser) start() {
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	go e.run(ctx)
}

func (e *eraser) stop() {
	e.cancel()
	<-e.done
}

func (e *eraser) run(ctx context.Context) {
	defer close(e.done)
	if e.room.node.recovering { // the events name first what is open
		if pause(ctx, eraseAgainAfter) != nil {
			return
		}
	}
	tick := time.NewTicker(eraseAgainAfter)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.wake:
		case <-tick.C:
		}
		e.mu.Lock()
		list := make([]buyerRoute, 0, len(e.wanted))
		for r := range e.wanted {
			list = append(list, r)
		}
		e.mu.Unlock()
		for _, r := range list {
			if ctx.Err() == nil && e.erase(ctx, r) {
				e.mu.Lock()
				delete(e.wanted, r)
				e.mu.Unlock()
			}
		}
	}
}

// askAgain asks the events how a buyer's open charges are now, and tells the shard.
func (w *walletRoom) askAgain(ctx context.Context, r buyerRoute, b *wallet.Buyer) {
	p := &projector{node: w.node, room: w}
	for i := range b.History {
		h := &b.History[i]
		id, _, ok := engine.ParseOrderID(h.Order)
		if !h.Open || !ok {
			continue
		}
		now, buyer, err := p.ask(ctx, &toldOrder{r.account, h.Event, engine.Told{Kind: engine.ToldSold, Order: id}})
		if err == nil && buyer == r.buyer && !now.Open {
			w.tell(r.account, wallet.Command{Verb: wallet.VerbPurchased, Buyer: r.buyer, Purchase: now})
		}
	}
}

// erase reports whether the buyer needs no more attention.
func (e *eraser) erase(ctx context.Context, r buyerRoute) bool {
	n := e.room.node
	b := e.room.card(r.account, r.buyer)
	if b == nil || !b.Erasing {
		return true // forgotten by now
	}
	if b.ChargeOpen() {
		e.room.askAgain(ctx, r, b) // that the money was taken is told by no fact that the projector reads: the next look knows
		return false
	}
	if n.payments.chargeOpen(r.account, r.buyer) {
		return false
	}
	if err := e.room.vault.Erase(ctx, r.account, r.buyer); err != nil {
		if ctx.Err() == nil {
			n.cfg.Logger.Warn("a buyer's key was not destroyed; it is tried again", "shard", wallet.KeyOf(r.account, r.buyer).ID, "err", err)
		}
		return false
	}
	// The next look finds the buyer gone.
	if code := e.room.tell(r.account, wallet.Command{Verb: wallet.VerbErased, Buyer: r.buyer}); code != engine.CodeOK && code != engine.CodeOverloaded {
		n.cfg.Logger.Warn("a buyer whose key is destroyed is not forgotten yet; it is tried again", "why", code.String())
	}
	return false
}
