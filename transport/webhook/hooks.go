package webhook

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Streams finds the JetStream that has an account's notices: a [notice.Streams].
type Streams interface {
	// JetStream returns nil if the account has no notices, and fails while JetStream does not answer.
	JetStream(ctx context.Context, account string) (jetstream.JetStream, error)
}

// Config says how notices are delivered. Safe, Streams and Logger must be given.
type Config struct {
	Safe    Safe
	Streams Streams
	Logger  *slog.Logger
	Now     func() time.Time // nil is the clock of the machine
	// Loopback lets endpoints be on this machine, and speak HTTP there: for tests and trials.
	Loopback bool
	RootCAs  *x509.CertPool                  // whom to believe; nil is whom the machine believes
	Resolver resolver                        // nil is the machine's
	Pause    func(attempt int) time.Duration // until the next attempt; nil is from seconds to a day
}

// Hooks delivers the notices of accounts to their endpoints. Safe for concurrent use.
type Hooks struct {
	c      Config
	client *http.Client
	ctx    context.Context //nolint:containedctx // the end of the hooks is the end of what they started
	cancel context.CancelFunc

	delivered, failed, dead atomic.Uint64 // of all endpoints since the start, those that were removed too

	mu      sync.Mutex
	workers map[string][]*worker // by account
	running sync.WaitGroup
}

// View is an endpoint as operators see it.
type View struct {
	ID, Host  string // the URL's path may hold a secret: it is not shown
	Kinds     []string
	Made      time.Time
	Delivered uint64 // since the start
	Failed    uint64 // attempts since the start
	Waiting   uint64 // notices that are to be delivered; 0 also if JetStream does not say
	Error     string // of the last attempt that failed; empty if none did since one succeeded
}

// ErrNone says that there is no such endpoint.
var ErrNone = errors.New("there is no such endpoint")

// New makes hooks that deliver nothing yet: [Hooks.Start] begins with an account.
func New(c Config) *Hooks {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.Pause == nil {
		c.Pause = pauseDefault
	}
	h := &Hooks{c: c, workers: make(map[string][]*worker)}
	h.client = newClient(&h.c)
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Start begins to deliver an account's notices to the endpoints that it has.
func (h *Hooks) Start(account string) error {
	list, err := readEndpoints(h.c.Safe, account)
	if err != nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range list {
		h.start(account, &list[i])
	}
	return nil
}

// start begins to deliver to an endpoint. REQUIRES: h.mu.
func (h *Hooks) start(account string, e *Endpoint) {
	w := &worker{hooks: h, account: account, endpoint: *e, done: make(chan struct{})}
	w.ctx, w.cancel = context.WithCancel(h.ctx)
	h.workers[account] = append(h.workers[account], w)
	h.running.Go(w.run)
}

// Close stops delivering. What is on its way is given up, and comes again after the next start.
func (h *Hooks) Close(ctx context.Context) error {
	h.cancel()
	done := make(chan struct{})
	go func() {
		h.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		h.client.CloseIdleConnections()
		return nil
	case <-ctx.Done():
		return fmt.Errorf("webhooks: %w", ctx.Err())
	}
}

// write keeps the endpoints of an account as its workers have them. REQUIRES: h.mu.
func (h *Hooks) write(account string, list []*worker) error {
	endpoints := make([]Endpoint, len(list))
	for i, w := range list {
		endpoints[i] = w.endpoint
	}
	plain, err := json.Marshal(endpoints)
	if err == nil {
		err = h.c.Safe.WriteEndpoints(account, plain)
	}
	if err != nil {
		return fmt.Errorf("webhooks: keep the endpoints: %w", err)
	}
	return nil
}

// Add makes an endpoint, durably, and delivers to it what is published from now on. It returns its id, and its secret, which is shown never again. Errors wrap [ErrInvalid]
// if it cannot be what was asked for.
func (h *Hooks) Add(account, address string, kinds []string) (id, secret string, err error) {
	e, err := newEndpoint(address, kinds, h.c.Now().UTC(), h.c.Loopback)
	if err != nil {
		return "", "", err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.workers[account]) >= EndpointsMax {
		return "", "", fmt.Errorf("%w: the account has %d endpoints, and may have no more", ErrInvalid, EndpointsMax)
	}
	if err := h.write(account, append(slices.Clone(h.workers[account]), &worker{endpoint: e})); err != nil {
		return "", "", err
	}
	h.start(account, &e)
	return e.ID, e.Secret, nil
}

// find returns an endpoint's worker. REQUIRES: h.mu.
func (h *Hooks) find(account, id string) (*worker, error) {
	for _, w := range h.workers[account] {
		if w.endpoint.ID == id {
			return w, nil
		}
	}
	return nil, fmt.Errorf("%w as %s", ErrNone, id)
}

// Remove forgets an endpoint, with what was to be delivered to it. Its dead letters stay for as long as such are kept.
func (h *Hooks) Remove(ctx context.Context, account, id string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, err := h.find(account, id)
	if err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(h.workers[account]), func(other *worker) bool { return other == w })
	if err := h.write(account, rest); err != nil {
		return err
	}
	h.workers[account] = rest
	w.stop(ctx)
	return nil
}

// Replay delivers to an endpoint again what was published since a moment, as far as the stream still has it, and then goes on.
func (h *Hooks) Replay(ctx context.Context, account, id string, since time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, err := h.find(account, id)
	if err != nil {
		return err
	}
	again := w.endpoint
	again.Since, again.Round = since.UTC(), again.Round+1
	rest := slices.DeleteFunc(slices.Clone(h.workers[account]), func(other *worker) bool { return other == w })
	if err := h.write(account, append(slices.Clone(rest), &worker{endpoint: again})); err != nil {
		return err
	}
	h.workers[account] = rest
	w.stop(ctx)
	h.start(account, &again)
	return nil
}

// List shows the endpoints of an account.
func (h *Hooks) List(ctx context.Context, account string) []View {
	h.mu.Lock()
	list := slices.Clone(h.workers[account])
	h.mu.Unlock()
	views := make([]View, 0, len(list))
	for _, w := range list {
		v := View{
			ID: w.endpoint.ID, Host: hostOf(w.endpoint.URL), Kinds: w.endpoint.Kinds, Made: w.endpoint.Made,
			Delivered: w.delivered.Load(), Failed: w.failed.Load(), Waiting: w.waiting(ctx),
		}
		if last := w.lastError.Load(); last != nil {
			v.Error = *last
		}
		views = append(views, v)
	}
	return views
}

// Stats is what all endpoints together have seen since the start.
type Stats struct{ Delivered, Failed, Dead uint64 }

// Stats returns figures.
func (h *Hooks) Stats() Stats {
	return Stats{Delivered: h.delivered.Load(), Failed: h.failed.Load(), Dead: h.dead.Load()}
}
