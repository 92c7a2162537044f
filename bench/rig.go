package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/engine/wallet"
	"github.com/holdfast-engine/holdfast/store"
	"github.com/holdfast-engine/holdfast/transport"
)

// RigConfig says what a [Rig] is made of. Only Dir must be set; the rooms' own configurations may carry bounds, their wiring is the rig's.
type RigConfig struct {
	Dir       string
	Store     store.Config
	Actors    actors.Config
	Transport transport.Config
	// Measure makes KPIs of the log, as engine serve does.
	Measure bool
	// Gateway is charged through, if it is not nil, by buyers who all have a saved card.
	Gateway *Gateway
	// Lobbies lets lines have lobbies: the seeds of their draws are in the store's vault.
	Lobbies bool
	// Fatal is called where the process would stop; nil panics.
	Fatal func(error)
}

// Rig is the whole engine in this process, joined as cmd/engine joins it: store, actors and transport on an embedded NATS server that listens on a
// free port of the loopback interface.
type Rig struct {
	URL       string
	Store     *store.Store
	Recovered *engine.Recovered
	Node      *actors.Node
	Server    *transport.Server

	watch  transport.Watch
	nats   *natsserver.Server
	nc     *nats.Conn // the engine's
	caller *nats.Conn // the rig's own, for create and get

	observer atomic.Pointer[actors.Metrics] // who is told of group commits; nil until the node has started

	mu      sync.Mutex
	durable *hdrhistogram.Histogram // group commits: until both copies were durable, in microseconds
}

// StartRig opens the data folder, recovers what is in it and serves. On an error everything is closed again.
func StartRig(c RigConfig) (_ *Rig, err error) {
	r := &Rig{durable: newLatencies()}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	fatal := c.Fatal
	if fatal == nil {
		fatal = func(err error) { panic(err) }
	}
	quiet := slog.New(slog.DiscardHandler)

	c.Store.Dir, c.Store.Fatal, c.Store.Logger = c.Dir, fatal, quiet
	c.Store.New, c.Store.Open = wallet.NewAggregate, wallet.OpenSnapshot
	c.Store.Observe = r.observe
	if c.Gateway != nil || c.Lobbies {
		c.Store.VaultKey = c.Dir + "-vault.key"
	}
	if r.Store, err = store.Open(c.Store); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	if r.Recovered, err = r.Store.Recover(); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	c.Actors.Fatal, c.Actors.Logger = fatal, quiet
	if c.Gateway != nil {
		if c.Actors.Vault, err = newKnownBuyers(r.Store.Vault()); err != nil {
			return r, err
		}
		c.Actors.Gateways, c.Actors.Wallets, c.Actors.Installation = []actors.Gateway{c.Gateway}, Buyers{c.Gateway}, r.Store.Installation()
		c.Actors.Watcher, c.Transport.Watch = &r.watch, &r.watch
	} else if c.Lobbies {
		c.Actors.Vault, c.Actors.Watcher, c.Transport.Watch = r.Store.Vault(), &r.watch, &r.watch
	}
	if c.Measure {
		if c.Actors.Measure, err = r.measure(); err != nil {
			return r, err
		}
	}
	if r.Node, err = actors.Start(c.Actors, r.Store, r.Store, r.Recovered); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	r.observer.Store(r.Node.Metrics())
	if r.nats, r.URL, err = transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0", DataDir: c.Dir}); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	if r.nc, err = transport.Connect(r.URL); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	if r.Server, err = transport.Serve(c.Transport, r.nc, r.Node); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	if r.caller, err = nats.Connect(r.URL, nats.Name("bench rig")); err != nil {
		return r, fmt.Errorf("bench: connect: %w", err)
	}
	return r, nil
}

// measure is what KPIs need of the store.
func (r *Rig) measure() (*actors.MeasureConfig, error) {
	cursor, err := r.Store.Cursor("kpi")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	checkpoint, err := r.Store.Projection("kpi")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	return &actors.MeasureConfig{Log: cursor, Checkpoint: checkpoint, Accounts: []string{engine.SingleAccount}, Policy: measure.PolicyDefault()}, nil
}

func (r *Rig) observe(s store.BatchStats) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.durable.RecordValue(min(max(1, s.DurableNs/1000), latencyMax.Microseconds()))
	if m := r.observer.Load(); m != nil {
		m.OfferCommit(actors.Commit{Runs: s.Runs, Facts: s.Facts, Bytes: s.Bytes, FsyncNs: s.DurableNs, TailFsyncNs: s.TailSyncNs})
	}
}

// Durable returns how long group commits took since the last call, from their write until both copies were durable, in microseconds.
func (r *Rig) Durable() *hdrhistogram.Histogram {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.durable
	r.durable = newLatencies()
	return h
}

// Close drains as a SIGTERM does: it stops taking, answers what it took, syncs.
func (r *Rig) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var errs []error
	if r.caller != nil {
		r.caller.Close()
	}
	if r.Server != nil {
		errs = append(errs, r.Server.Drain(ctx))
	}
	if r.Node != nil {
		errs = append(errs, r.Node.Stop(ctx))
	}
	if r.nc != nil {
		r.nc.Close()
	}
	if r.nats != nil {
		r.nats.Shutdown()
		r.nats.WaitForShutdown()
	}
	if r.Store != nil {
		errs = append(errs, r.Store.Close())
	}
	return errors.Join(errs...)
}

// Create puts an event on sale with one lot of counted tickets. Holds live for two minutes, as in a shop: longer than it is measured.
func (r *Rig) Create(event string, capacity int64) error {
	return r.CreateFor(event, capacity, 2*time.Minute)
}

// CreateBought is Create for purchases that can be undone so long.
func (r *Rig) CreateBought(event string, capacity int64, undo time.Duration) error {
	_, err := r.ask(event, "create", fmt.Sprintf(`{"request_id":"create","name":"Night One","currency":"EUR","hold_ttl_ms":120000,"limit_per_buyer":4,"open":true,"undo_ms":%d,
		"lots":[{"lot":%q,"face_minor":4500,"fees":[{"name":"service","minor":250}],"capacity":%d}]}`, undo.Milliseconds(), LotID, capacity))
	return err
}

// CreateFor is Create with another life of holds.
func (r *Rig) CreateFor(event string, capacity int64, life time.Duration) error {
	_, err := r.ask(event, "create", fmt.Sprintf(`{"request_id":"create","name":"Night One","currency":"EUR","hold_ttl_ms":%d,"limit_per_buyer":4,"open":true,
		"lots":[{"lot":%q,"face_minor":4500,"fees":[{"name":"service","minor":250}],"capacity":%d}]}`, life.Milliseconds(), LotID, capacity))
	return err
}

// CreateQueued is CreateBought for purchases that may wait so long for their turn.
func (r *Rig) CreateQueued(event string, capacity int64, queue time.Duration) error {
	_, err := r.ask(event, "create", fmt.Sprintf(`{"request_id":"create","name":"Night One","currency":"EUR","hold_ttl_ms":120000,"limit_per_buyer":4,"open":true,"queue_ms":%d,
		"lots":[{"lot":%q,"face_minor":4500,"fees":[{"name":"service","minor":250}],"capacity":%d}]}`, queue.Milliseconds(), LotID, capacity))
	return err
}

// CreateLine is Create for tickets that are sold through the event's line: on sale at once, so that who joins is served in turn, or with a lobby, for which it waits.
func (r *Rig) CreateLine(event string, capacity int64, lobby bool) error {
	e, err := r.ask(event, "create", fmt.Sprintf(`{"request_id":"create","name":"Night One","currency":"EUR","hold_ttl_ms":120000,"open":%t,"line":{"mode":"line"},
		"lots":[{"lot":%q,"face_minor":4500,"fees":[{"name":"service","minor":250}],"capacity":%d}]}`, !lobby, LotID, capacity))
	for began := time.Now(); lobby && err == nil && e.Line.Phase != "lobby"; e, err = r.ask(event, "get", "{}") {
		if time.Since(began) > 10*time.Second {
			return fmt.Errorf("bench: event %s has no lobby: its line is in phase %q", event, e.Line.Phase)
		}
		time.Sleep(time.Millisecond)
	}
	return err
}

// Line reads an event's line.
func (r *Rig) Line(event string) (LineState, error) {
	e, err := r.ask(event, "get", "{}")
	if err != nil {
		return LineState{}, err
	}
	return e.Line, nil
}

// Open puts an event on sale.
func (r *Rig) Open(event string) error {
	_, err := r.ask(event, "open", `{"request_id":"open"}`)
	return err
}

// Leaves reads the leaves of all entries of an event's lobby, page by page, in hexadecimal.
func (r *Rig) Leaves(event string) ([]string, error) {
	var all []string
	for {
		var reply struct{ Line struct{ Leaves []string } }
		if err := r.request(event, "place", fmt.Sprintf(`{"entries_from":%d}`, len(all)+1), &reply); err != nil {
			return nil, err
		}
		if len(reply.Line.Leaves) == 0 {
			return all, nil
		}
		all = append(all, reply.Line.Leaves...)
	}
}

// Receipt asks for the receipt of a buyer's entry in an event's lobby, in JSON.
func (r *Rig) Receipt(event, buyer string) ([]byte, error) {
	var reply struct {
		Place struct{ Receipt json.RawMessage }
	}
	err := r.request(event, "place", fmt.Sprintf(`{"buyer":%q,"receipt":true}`, buyer), &reply)
	return reply.Place.Receipt, err
}

// LineState is what an event says of its line. Hashes and the seed are in hexadecimal.
type LineState struct {
	Phase   string `json:"phase"`
	Commit  string `json:"commit"`
	Root    string `json:"root"`
	Seed    string `json:"seed"`
	Joined  int64  `json:"joined"` // entries, by state
	Waiting int64  `json:"waiting"`
}

// Sales listens for the purchases of an event. What it returns waits for so many that were sold, and tells when each buyer's was.
func (r *Rig) Sales(event string) func(count int64, within time.Duration) (map[string]time.Time, error) {
	sold, all := make(map[string]time.Time), make(chan string, 1<<16)
	sub, err := r.caller.Subscribe("holdfast.v1.purchases."+event+".*", func(m *nats.Msg) {
		if strings.Contains(string(m.Data), `"state":"sold"`) {
			all <- m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
		}
	})
	return func(count int64, within time.Duration) (map[string]time.Time, error) {
		if err != nil {
			return nil, fmt.Errorf("bench: listen for sales: %w", err)
		}
		defer func() { _ = sub.Unsubscribe() }()
		over := time.After(within)
		for int64(len(sold)) < count {
			select {
			case buyer := <-all:
				sold[buyer] = time.Now()
			case <-over:
				return sold, nil
			}
		}
		return sold, nil
	}
}

// Settled waits until the lane has nothing to do any more, looking at it every few milliseconds.
func (r *Rig) Settled(within time.Duration) error {
	for began := time.Now(); time.Since(began) < within; time.Sleep(5 * time.Millisecond) {
		busy := int64(0)
		for _, l := range r.Node.Lanes() {
			busy += l.Waiting + l.Finishing + l.Later + l.InFlight
		}
		if busy == 0 {
			return nil
		}
	}
	return fmt.Errorf("bench: the lane is still busy after %v", within)
}

// State is what an event says of itself.
type State struct {
	Holds int64 // live
	Free  int64 // tickets of its one lot
	Held  int64
	Hash  string // of the whole state
}

// State reads an event.
func (r *Rig) State(event string) (State, error) {
	e, err := r.ask(event, "get", "{}")
	if err != nil {
		return State{}, err
	}
	if len(e.Lots) != 1 {
		return State{}, fmt.Errorf("bench: event %s has %d lots, not one", event, len(e.Lots))
	}
	return State{Holds: e.HoldsLive, Free: e.Lots[0].Free, Held: e.Lots[0].Held, Hash: e.StateHash}, nil
}

type eventReply struct {
	HoldsLive int64  `json:"holds_live"`
	StateHash string `json:"state_hash"`
	Line      LineState
	Lots      []struct {
		Free int64 `json:"free"`
		Held int64 `json:"held"`
	} `json:"lots"`
}

// ask sends a command in JSON and returns the event in its answer.
func (r *Rig) ask(event, verb, body string) (*eventReply, error) {
	var reply struct{ Event *eventReply }
	err := r.request(event, verb, body, &reply)
	if err == nil && reply.Event == nil {
		err = fmt.Errorf("bench: %s %s was answered without an event", verb, event)
	}
	return reply.Event, err
}

// request sends a command in JSON, which must be accepted, and reads the answer into reply.
func (r *Rig) request(event, verb, body string, reply any) error {
	m, err := r.caller.Request(transport.Subject(event, verb), []byte(body), 30*time.Second)
	if err != nil {
		return fmt.Errorf("bench: %s %s: %w", verb, event, err)
	}
	var refused struct{ Error *struct{ Code string } }
	if err := errors.Join(json.Unmarshal(m.Data, reply), json.Unmarshal(m.Data, &refused)); err != nil || refused.Error != nil {
		return errors.Join(fmt.Errorf("bench: %s %s was answered %s", verb, event, m.Data), err)
	}
	return nil
}
