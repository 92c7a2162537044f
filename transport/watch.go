package transport

import (
	"strings"
	"sync"

	"github.com/holdfast-engine/holdfast/engine"
)

// Watch hands the changes of purchases to the servers of their accounts. The zero value knows no server; servers join it by [Config].Watch.
// It is safe for concurrent use.
type Watch struct {
	mu      sync.RWMutex
	servers map[string]*Server
	closed  map[string][]lobbyClose // by account: lobbies that were closed while nobody served it
}

func (w *Watch) join(s *Server) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.servers == nil {
		w.servers = make(map[string]*Server)
	}
	w.servers[s.config.Account] = s
	for _, c := range w.closed[s.config.Account] {
		s.lines.closeLobby(c.event, c.published)
	}
	delete(w.closed, s.config.Account)
}

func (w *Watch) leave(s *Server) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.servers[s.config.Account] == s {
		delete(w.servers, s.config.Account)
	}
}

// of returns the server of an account; nil if there is none.
func (w *Watch) of(account string) *Server {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.servers[account]
}

// PurchaseShown is to be called when a purchase has got a final state that is not durable yet, with what its event shows of it: answers to callers that wait
// for it, and what is published, are written at once, and kept until PurchaseChanged is called with what it returns as [engine.PurchaseChange.Shown]. It does not block.
func (w *Watch) PurchaseShown(account, event string, c *engine.PurchaseChange, out *engine.Outcome) any {
	s := w.of(account)
	if s == nil {
		return nil
	}
	s.parking.shown(parkedAt{event, c.Purchase, c.Incarnation}, out)
	return newShownPush(event, c.Buyer, out)
}

// PurchaseChanged is to be called when a purchase has got another state, durably and in the order of the log. It does not block: callers that wait
// for the purchase are answered, and the change is published, by goroutines of the server's own.
func (w *Watch) PurchaseChanged(account, event string, c engine.PurchaseChange) {
	s := w.of(account)
	if s == nil {
		return
	}
	if settled(c.State) {
		s.parking.changed(parkedAt{event, c.Purchase, c.Incarnation})
	}
	s.pushes.add(event, c)
}

// LineMoved is to be called with what has become of places in a line and on a waiting list, durably and in the order of the log. It does not block and keeps
// neither slice.
func (w *Watch) LineMoved(account, event string, places []engine.PlaceChange, waits []engine.WaitChange) {
	if s := w.of(account); s != nil {
		s.lines.moved(event, places, waits)
	}
}

// LineOver is to be called when an event has ended that had a line or a waiting list, durably. It does not block.
func (w *Watch) LineOver(account, event string) {
	if s := w.of(account); s != nil {
		s.lines.over(event)
	}
}

// LobbyClosed is to be called when an event's lobby is closed, durably. It does not block, and calls published once the NATS server has the line with its root. While that cannot be done, or the
// account has no server, it waits.
func (w *Watch) LobbyClosed(account, event string, published func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.servers[account]; s != nil {
		s.lines.closeLobby(event, published)
		return
	}
	if w.closed == nil {
		w.closed = make(map[string][]lobbyClose)
	}
	account = strings.Clone(account)
	w.closed[account] = append(w.closed[account], lobbyClose{strings.Clone(event), published})
}

// settled reports whether a caller that waits for a purchase wants to know its state now: it is final, or the buyer has something to do.
func settled(s engine.PurchaseState) bool { return s.Final() || s == engine.PurchaseActionRequired }
