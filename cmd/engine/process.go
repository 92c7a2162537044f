package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
	"github.com/holdfast-engine/holdfast/store"
	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/gateway/stripe"
	"github.com/holdfast-engine/holdfast/transport/notice"
	"github.com/holdfast-engine/holdfast/transport/ticket"
	"github.com/holdfast-engine/holdfast/transport/webhook"
)

// processConfig says what a running engine consists of.
type processConfig struct {
	data   string // data folder
	listen string // of the embedded NATS server; not used with natsURL
	http   string
	// natsURL is a NATS system that is there already; empty embeds one.
	natsURL string
	// natsConfig is the configuration of the embedded NATS server: users, accounts, TLS. Empty is one without users, on loopback.
	natsConfig string
	// access is who the engine is to NATS, accountsFile who it is in each of several accounts.
	access       transport.Access
	accountsFile string
	// httpAccess says who may look at the HTTP side where others than this machine can reach it.
	httpAccess httpAccess
	shop       http.Handler // the demo's page, below /shop/; nil serves none
	bounds     bounds
	// backups is the folder for backups of the running engine; empty is one beside data. backupsCopy copies tables instead of linking them.
	backups     string
	backupsCopy bool
	// vaultKey is the file with the master key of the vault; empty is one beside data.
	vaultKey string
	gateways gatewaySettings
	// wallets stands for the engine's own in tests.
	wallets actors.Wallets
	logger  *slog.Logger
	// drain is how long a stop waits for answers that are under way; 0 is drainDefault.
	drain time.Duration
	// fatal ends the process; nil is the store's own: say what happened and what to do, then exit with status 1.
	fatal func(error)
}

// process is a running engine: the three rooms, joined. Its parts are started from the disk outwards and closed the other way round, so that
// nothing is taken that cannot be answered and everything that was taken is.
type process struct {
	config  processConfig
	store   *store.Store
	node    *actors.Node
	servers []*transport.Server // one an account
	watch   transport.Watch     // tells the servers of purchases that have changed
	// accounts are the connections to NATS by the names of the accounts.
	accounts map[string]*transport.Connection
	tickets  *ticket.Ring
	notices  *notice.Reader // nil if there are none
	// kpiCursor is where measurement is in the log; nil if nobody measures, or its place was given up.
	kpiCursor *store.Cursor
	webhooks  *webhook.Hooks   // nil without notices
	denied    transport.Denied // by the embedded NATS server
	backups   *backups

	stripeHooks  *stripe.Hooks // nil without webhooks
	outsideCount atomic.Uint64 // changes of charges that were made elsewhere

	inspecting sync.Mutex // held while an event is inspected

	natsURL   string
	httpURL   string
	recovered *engine.Recovered

	began   time.Time
	figures figures
	up      atomic.Pointer[running]        // nil until everything has started
	metrics atomic.Pointer[actors.Metrics] // nil until the node has started
	hooks   atomic.Pointer[stripe.Hooks]   // nil without webhooks, and until the node has started
	state   atomic.Pointer[string]         // why the engine is not ready; nil when the parts themselves are to be asked
	closers []closer
}

// closer undoes one part of the start.
type closer struct {
	what  string
	close func(context.Context) error
}

func (p *process) onClose(what string, undo func(context.Context) error) {
	p.closers = append(p.closers, closer{what, undo})
}

func (p *process) setState(why string) {
	if why == "" {
		p.state.Store(nil)
		return
	}
	p.state.Store(&why)
}

// startProcess starts an engine and returns when it answers. If a part does not start, what was started is closed again.
func startProcess(ctx context.Context, c processConfig) (*process, error) {
	if c.logger == nil {
		c.logger = slog.New(slog.DiscardHandler)
	}
	if c.drain == 0 {
		c.drain = drainDefault
	}
	data, err := filepath.Abs(c.data)
	if err != nil {
		return nil, fmt.Errorf("--data %s: %w", c.data, err)
	}
	c.data = data
	if c.vaultKey != "" {
		if c.vaultKey, err = filepath.Abs(c.vaultKey); err != nil {
			return nil, fmt.Errorf("--vault-key %s: %w", c.vaultKey, err)
		}
		if inside(c.vaultKey, data) {
			return nil, fmt.Errorf("--vault-key %s lies in the data folder: whoever has the folder would have what is sealed in it; name a file outside", c.vaultKey)
		}
	}
	p := &process{config: c, began: time.Now()}
	p.setState("starting")
	for _, start := range []func(context.Context) error{p.startHTTP, p.startStore, p.startBackups, p.openMeasure, p.startNode, p.startMeasure, p.startWallets, p.startTransport, p.startNotices, p.startWatch} {
		if err := start(ctx); err != nil {
			return nil, errors.Join(err, p.stop())
		}
	}
	p.setState("")
	up := &running{}
	for _, s := range p.servers {
		up.accounts = append(up.accounts, s.Account())
	}
	p.up.Store(up)
	return p, nil
}

// stop takes nothing more, answers what was taken, makes all of it durable and lets go of everything. It goes on when a part fails.
func (p *process) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), p.config.drain)
	defer cancel()
	p.setState("stopping")
	var failed []error
	for _, c := range slices.Backward(p.closers) {
		if err := c.close(ctx); err != nil {
			failed = append(failed, fmt.Errorf("stop %s: %w", c.what, err))
		}
	}
	p.closers = nil
	return errors.Join(failed...)
}

// startStore opens the data folder and recovers what is in it.
func (p *process) startStore(context.Context) error {
	p.setState("recovering the log")
	if err := checkDataFolder(p.config.data); err != nil {
		return err
	}
	c := p.config.bounds.store
	c.Dir = p.config.data
	if c.VaultKey = p.config.vaultKey; c.VaultKey == "" {
		c.VaultKey = vaultKeyBeside(p.config.data)
	}
	c.New, c.Open = wallet.NewAggregate, wallet.OpenSnapshot
	c.Logger = p.config.logger
	c.Fatal = p.config.fatal
	c.Alarm = func(err error) { p.config.logger.Error("alarm", "alarm", err.Error()) }
	c.Observe = p.observe
	// Aggregates prove their state by a schedule of their own: see docs/decisions/0003-proofs-on-a-schedule.md.
	c.Prove = nil

	finished := p.reportSlowRecovery()
	defer finished()
	s, err := store.Open(c)
	if err != nil {
		return openHelp(err, p.config.data)
	}
	p.store = s
	p.onClose("the store", func(context.Context) error { return s.Close() })
	p.recovered, err = s.Recover()
	if err != nil {
		return openHelp(err, p.config.data)
	}
	return nil
}

// openHelp adds what to do next to an error of opening or recovering a data folder.
func openHelp(err error, data string) error {
	switch {
	case errors.Is(err, store.ErrDamaged):
		return fmt.Errorf("%w; `engine verify %s` says what is wrong; nothing was changed", err, data)
	case errors.Is(err, store.ErrNewer):
		return fmt.Errorf("%w; nothing was changed: start it with the version that wrote it, or a newer one", err)
	}
	return err
}

// recoverySlowAfter is how long a start may take before it says that it is under way.
const recoverySlowAfter = time.Second

// reportSlowRecovery says every second that recovery goes on. The function it returns ends that.
func (p *process) reportSlowRecovery() (finished func()) {
	done := make(chan struct{})
	began := time.Now()
	go func() {
		tick := time.NewTicker(recoverySlowAfter)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				p.config.logger.Info("recovering the log", "data", p.config.data, "seconds", int(time.Since(began).Seconds()))
			}
		}
	}()
	return func() { close(done) }
}

// startNode hands the recovered events to their actors.
func (p *process) startNode(context.Context) error {
	c := p.config.bounds.actors
	c.Logger = p.config.logger
	c.Watcher = &p.watch
	gateways, err := p.openGateways()
	if err != nil {
		return err
	}
	c.Wallets = p.config.wallets
	c.Gateways, c.Vault, c.Installation = gateways, p.store.Vault(), p.store.Installation()
	limits := p.config.bounds.event
	c.NewEvent = func(key engine.Key) *engine.Event { return engine.NewWithLimits(key, limits) }
	c.Fatal = p.config.fatal
	if c.Fatal == nil {
		c.Fatal = exitAtOnce
	}
	n, err := actors.Start(c, p.store, p.store, p.recovered)
	if err != nil {
		return err
	}
	p.node = n
	p.onClose("the actors", n.Stop)
	p.addMetrics(n.Metrics())
	p.takeHooks()
	return nil
}

// startTransport embeds a NATS server, or uses the one that was named, connects to it once an account, and answers from then on.
func (p *process) startTransport(ctx context.Context) error {
	accounts, err := p.config.accounts()
	if err != nil {
		return err
	}
	connect, err := p.startNATS()
	if err != nil {
		return err
	}
	p.tickets = ticket.NewRing(vaultSafe{p.store.Vault()}, time.Now)
	process := transport.NewBound(p.config.bounds.processCommandsMax, p.config.bounds.processBytesMax)
	names := make([]string, len(accounts))
	connections := make([]*transport.Connection, len(accounts))
	for i, a := range accounts {
		names[i] = a.config.Account
		if connections[i], err = connect(a.access); err != nil {
			return fmt.Errorf("account %s: %w", a.config.Account, err)
		}
		p.onClose("the NATS connection", func(context.Context) error {
			connections[i].Close()
			return nil
		})
	}
	err = accountsApart(ctx, names, func(ctx context.Context, i int) (string, error) { return transport.AccountOf(ctx, connections[i]) })
	if err != nil {
		return err
	}
	p.onClose("taking commands", p.drainAll)
	p.accounts = make(map[string]*transport.Connection, len(accounts))
	for i, a := range accounts {
		p.accounts[names[i]] = connections[i]
		a.config.Version = discoveryVersion()
		a.config.Process = process
		a.config.Admin = p
		a.config.Codes = p.tickets
		a.config.Watch, a.config.Lines = &p.watch, p.node
		a.config.Wallets = p.node
		a.config.Measurer = &p.figures
		s, err := transport.Serve(a.config, connections[i], p.node)
		if err != nil {
			return fmt.Errorf("account %s: %w", a.config.Account, err)
		}
		p.servers = append(p.servers, s)
	}
	p.addTransportMetrics(p.node.Metrics())
	return nil
}

// drainAll drains the servers of all accounts at once, so that none goes on taking commands while another is drained.
func (p *process) drainAll(ctx context.Context) error {
	errs := make([]error, len(p.servers))
	var wg sync.WaitGroup
	for i, s := range p.servers {
		wg.Go(func() { errs[i] = s.Drain(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// ready is nil when the engine has recovered, can sync, and no event is set aside.
func (p *process) ready() error {
	if why := p.state.Load(); why != nil {
		return errors.New(*why)
	}
	if err := p.store.Ready(); err != nil {
		return err
	}
	for _, s := range p.servers {
		if err := s.Ready(); err != nil {
			return err
		}
	}
	if set := p.node.Quarantined(quarantinedShownMax); len(set) > 0 {
		return fmt.Errorf("events are quarantined, others go on: %v", set)
	}
	return nil
}

// quarantinedShownMax bounds the list in /readyz.
const quarantinedShownMax = 20

// watchEvery is how often the engine looks whether it must refuse new holds; the store looks at the disk as often.
const watchEvery = time.Second

// startWatch refuses new holds while the disk is nearly full or a reader of facts is too far behind. What was held can still be paid.
func (p *process) startWatch(context.Context) error {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				p.watchMeasure()
				p.node.RefuseHolds(p.refuseHoldsFor())
				p.logDenied()
			}
		}
	}()
	p.onClose("the watch", func(context.Context) error {
		close(stop)
		<-done
		return nil
	})
	return nil
}

// refuseHoldsFor is the reason to refuse new holds, or nothing.
func (p *process) refuseHoldsFor() string {
	switch {
	case p.store.Full():
		return "the disk is nearly full: free some space"
	case p.store.HoldsBack():
		return "a reader of facts is too far behind: the log cannot be cut"
	}
	return ""
}
