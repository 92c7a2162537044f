package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/holdfast-engine/holdfast/engine"
)

// History is what a few callers do to a few small events at the same time, over NATS connections of their own, and what they see.
type History struct {
	Program    string
	Dir        string // the engine's folder and log
	Seed       uint64
	Clients    int // 8 or fewer: deciding is exponential in them
	Events     int
	Operations int
	Kills      int // kill -9 so many times in the middle of it; callers ask again with the same request id
	// SleepAfter, if not 0, is how long an event must be idle before it leaves memory, with the refusals it remembers.
	SleepAfter time.Duration

	started time.Time
	done    atomic.Int64 // operations answered
	dead    atomic.Bool  // the engine was killed at least once
	strays  atomic.Uint64

	mu      sync.Mutex
	process *Process       // nil while it is down
	recent  []*LinearInput // with a request id, oldest first
	holds   map[string][]string
	paid    map[string]*linearPaid     // by event and buyer
	orders  map[string][]linearOrdered // by event, the newest last
}

// linearRecent is how many of the newest commands are repeated by others.
const linearRecent = 12

// Run makes a history.
func (h *History) Run(ctx context.Context) (history []porcupine.Operation, err error) {
	h.holds, h.paid, h.orders = map[string][]string{}, map[string]*linearPaid{}, map[string][]linearOrdered{}
	if err := h.wallets(ctx); err != nil {
		return nil, err
	}
	if err := h.serve(); err != nil {
		return nil, err
	}
	defer func() {
		if h.process != nil {
			err = errors.Join(err, h.process.Stop())
		}
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h.started = time.Now()
	var wg sync.WaitGroup
	errs := make([]error, h.Clients+1)
	parts := make([][]porcupine.Operation, h.Clients)
	for i := range h.Clients {
		wg.Go(func() {
			parts[i], errs[i] = h.caller(ctx, i)
			if errs[i] != nil {
				cancel()
			}
		})
	}
	killer := make(chan struct{})
	go func() {
		defer close(killer)
		if errs[h.Clients] = h.kill(ctx); errs[h.Clients] != nil {
			cancel()
		}
	}()
	wg.Wait()
	cancel()
	<-killer
	for _, p := range parts {
		history = append(history, p...)
	}
	countTries(history)
	if n := h.strays.Load(); n > 0 {
		err = fmt.Errorf("%d replies answered nothing that was asked", n)
	}
	return history, errors.Join(append(errs, err)...)
}

func (h *History) serve() error {
	flags := []string{"--reserve-bytes", "16MiB", "--lane-rate", "10000", "--no-notices"}
	if h.SleepAfter > 0 {
		flags = append(flags, "--sleep-after", h.SleepAfter.String())
	}
	p, err := Serve(h.Program, filepath.Join(h.Dir, "data"), filepath.Join(h.Dir, "engine.log"), flags...)
	if err != nil {
		return err
	}
	h.mu.Lock()
	h.process = p
	h.mu.Unlock()
	return nil
}

// kill lets the engine die at even distances, and starts it again.
func (h *History) kill(ctx context.Context) error {
	for n := range h.Kills {
		for h.done.Load() < int64(h.Operations*(n+1)/(h.Kills+1)) {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Millisecond):
			}
		}
		h.mu.Lock()
		p := h.process
		h.process = nil
		h.mu.Unlock()
		h.dead.Store(true)
		if err := p.Kill(); err != nil {
			return err
		}
		if err := h.serve(); err != nil {
			return err
		}
	}
	return nil
}

// dial connects to the engine as soon as there is one.
func (h *History) dial(ctx context.Context) (*Client, error) {
	for {
		h.mu.Lock()
		p := h.process
		h.mu.Unlock()
		if p != nil {
			if c, err := Dial(p.Ready.NATS); err == nil {
				return c, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the engine did not come back: %w", ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// caller works through its share, one operation after the other.
func (h *History) caller(ctx context.Context, i int) ([]porcupine.Operation, error) {
	random := rand.New(rand.NewPCG(h.Seed, uint64(i)))
	client, err := h.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if client != nil {
			client.Close()
		}
	}()
	var ops []porcupine.Operation
	for n := range h.Operations / h.Clients {
		in := h.next(random, i, n)
		op := porcupine.Operation{ClientId: i, Input: in}
		out := new(LinearOutput)
		cmd := in.command()
		op.Call = int64(time.Since(h.started))
		for {
			out.Reply, err = client.Ask(ctx, cmd)
			if !errors.Is(err, ErrUnknown) {
				break
			}
			out.Retried = true
			h.strays.Add(client.Strays())
			client.Close()
			if client, err = h.dial(ctx); err != nil {
				return ops, err
			}
		}
		op.Return = int64(time.Since(h.started))
		if err != nil {
			return ops, err
		}
		out.Forgot = h.SleepAfter > 0 || h.dead.Load()
		op.Output = out
		ops = append(ops, op)
		h.done.Add(1)
		h.told(in, out.Reply)
	}
	h.strays.Add(client.Strays())
	return ops, nil
}

// next decides what a caller does: callers share buyers, holds and request ids.
func (h *History) next(random *rand.Rand, i, n int) *LinearInput {
	h.mu.Lock()
	defer h.mu.Unlock()
	event := "linear-" + strconv.Itoa(random.IntN(h.Events))
	if i == 0 && n < h.Events { // somebody creates the events; the others may come too early
		return &LinearInput{Event: "linear-" + strconv.Itoa(n), Verb: engine.VerbCreate, ID: "create", Undoable: (h.Seed+uint64(n))%2 == 0}
	}
	if len(h.recent) > 0 && random.IntN(100) < 8 {
		other := h.recent[random.IntN(len(h.recent))]
		other.Twice = true
		again := *other
		if again.GA > 0 && again.Offer == "" && random.IntN(4) == 0 {
			again.GA++ // the same request id for something else
		}
		return &again
	}
	in := &LinearInput{Event: event, ID: fmt.Sprintf("c%d-%d", i, n), Buyer: random.IntN(linearBuyers)}
	known := h.holds[event+" "+strconv.Itoa(in.Buyer)]
	if len(known) > 0 {
		in.Hold = known[max(0, len(known)-1-random.IntN(2))]
	}
	if random.IntN(100) < 40 && h.pay(random, in) {
		return h.repeatable(in)
	}
	switch k := random.IntN(100); {
	case k < 16:
		in.Verb, in.ID = engine.VerbGet, ""
		return in
	case k < 28 && in.Hold != "":
		in.Verb = engine.VerbRelease
	case k < 34 && in.Hold != "":
		in.Verb = engine.VerbConfirm
	case k < 38 && in.Hold != "":
		in.Verb = engine.VerbExtend
	case k < 42:
		in.Verb, in.GA = engine.VerbBlock, 1+random.IntN(4)
	case k < 46:
		in.Verb, in.GA = engine.VerbUnblock, 1+random.IntN(4)
	case k < 52:
		in.Verb, in.GA = engine.VerbCapacity, linearGA/2+random.IntN(n/4+linearGA) // grows, as tickets are sold
	case k < 53:
		in.Verb = engine.VerbPause
	case k < 58:
		in.Verb = engine.VerbOpen
	default:
		in.Verb, in.Best = engine.VerbHold, random.IntN(3) == 0
		in.want(random)
	}
	if in.Verb != engine.VerbHold && in.Verb != engine.VerbRelease && in.Verb != engine.VerbConfirm && in.Verb != engine.VerbExtend {
		in.Hold = ""
	}
	return h.repeatable(in)
}

// repeatable lets others ask for the same, with the same request id.
func (h *History) repeatable(in *LinearInput) *LinearInput {
	if in.ID == "" {
		return in
	}
	if h.recent = append(h.recent, in); len(h.recent) > linearRecent {
		h.recent = h.recent[1:]
	}
	return in
}

// want draws tickets.
func (in *LinearInput) want(random *rand.Rand) {
	in.GA, in.Pairs, in.Seats = random.IntN(4), random.IntN(8)/6, uint16(random.IntN(1<<linearSeats))
	in.Seats &= uint16(random.IntN(1 << linearSeats)) // few
	if in.GA+in.Pairs == 0 && in.Seats == 0 {
		in.GA = 1
	}
}
