package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/client"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// demoSettings are the flags of demo.
type demoSettings struct {
	buyers  int
	tickets int64
	seed    uint64
	exit    bool
	line    bool
	log     logSettings
}

const (
	demoBuyersDefault  = 20_000
	demoTicketsDefault = 5_000
	// demoRushMax is how long new buyers keep coming in a demo of the default size or a larger one; a smaller one is over sooner.
	demoRushMax = 8 * time.Second
	demoRushMin = 500 * time.Millisecond
)

// demoShops are the connections buyers come through, as calling services of a real on-sale would.
var demoShops = []string{"web", "app", "partner", "kiosk"}

func demoCommand() *cobra.Command {
	var s demoSettings
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "A whole on-sale in a temporary folder: look first",
		Long: `Runs an engine in a temporary folder on free ports, puts a night with counted and seated lots on sale, and lets a crowd loose on it over real
NATS connections: people who click twice, change their mind, pay too late, forget to pay, fight for the same seats, want more than their limit, or walk
away and let their hold expire. They buy with one click, step by step, or pay elsewhere; cards are declined, banks ask, answers of the gateway are lost.

When the last hold has ended, it checks the ledger: what every buyer was told, order by order, against what the engine counts, lot by lot and pool by
pool; and reconciles the money: buyers' books, the engine's orders, and the truth of the sandbox gateway. Then it stays up, so that you can look around,
and serves a shop page on which you can buy yourself while another crowd competes; Ctrl-C leaves and removes the folder.

With --line 100,000 people gather in a lobby, are drawn, and shop with passes, place by place; when all is sold, some go on the waiting list, and what is given back is offered
to them or bought for them. Places are recomputed from what was published, receipts are verified, everybody's last answer is compared with the engine's, and the fairness report is printed.`,
		Example: `  engine demo                               20,000 buyers, 5,000 tickets
  engine demo --exit                        leave when it is over: status 0 if the ledger is in balance, 1 if not
  engine demo --buyers 2000 --tickets 500   a small one
  engine demo --seed 7                      another crowd
  engine demo --line --exit                 100,000 buyers in a line for 5,000 tickets`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.line && !cmd.Flags().Changed("buyers") {
				s.buyers = demoLineBuyersDefault
			}
			return demo(cmd.Context(), s, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false // what everybody needs comes first
	f.BoolVar(&s.line, "line", false, "sell through a line: lobby, draw, passes, waiting list")
	f.IntVar(&s.buyers, "buyers", demoBuyersDefault, "people in the crowd; with --line 100000 unless given")
	f.Int64Var(&s.tickets, "tickets", demoTicketsDefault, "tickets in the house")
	f.Uint64Var(&s.seed, "seed", 1, "what the crowd's dice start from: the same seed is the same crowd")
	f.BoolVar(&s.exit, "exit", false, "leave when the sale is over, with status 0 if the ledger is in balance and 1 if not")
	s.log.addTo(f, "warn")
	return cmd
}

// errOffBalance ends a demo whose ledger does not balance. What is off has been printed.
var errOffBalance = errors.New("the ledger is not in balance")

func demo(ctx context.Context, s demoSettings, stdout, stderr io.Writer) (err error) {
	if err := checkPlan(int64(s.buyers), s.tickets); err != nil {
		return err
	}
	logger, err := s.log.logger(stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "holdfast-demo-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w; TMPDIR names another place", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	gateway, err := sandbox.New(demoSandbox(s.seed))
	if err != nil {
		return err
	}
	page, err := newShopPage()
	if err != nil {
		return err
	}
	config := demoProcess(dir, gateway, page, logger)
	if s.line && s.exit { // visitors of the shop page take their time
		config.bounds.transport.Presence = demoPresence
	}
	p, err := startProcess(ctx, config)
	if err != nil {
		return err
	}
	balanced, err := demoSales(ctx, s, p, gateway, page, stdout)
	if err := stopWith(p, err); err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil // the one who started the demo ended it
		}
		return err
	}
	if s.exit {
		sound, err := demoVerify(stdout, p)
		if err != nil {
			return err
		}
		if balanced = balanced && sound; s.line && sound {
			fair, err := demoCheckLine(ctx, stdout, p)
			if err != nil {
				return err
			}
			balanced = balanced && fair
		}
	}
	if !balanced {
		return errOffBalance
	}
	return nil
}

// demoProcess is an engine on free ports of this machine, with a gateway that takes no money.
func demoProcess(dir string, gateway *sandbox.Gateway, page *shopPage, logger *slog.Logger) processConfig {
	b := defaultBounds()
	b.actors.Lane.Rate, b.actors.Lane.Concurrency = demoLaneRate, demoLaneConcurrency
	b.measure.checkpointEvery = time.Second // so that whoever kills it sees one
	return processConfig{
		data: filepath.Join(dir, "data"), listen: "127.0.0.1:0", http: "127.0.0.1:0", shop: page, logger: logger, bounds: b,
		gateways: gatewaySettings{names: []string{gatewayNone}, extra: []actors.Gateway{gateway}},
	}
}

// The demo's lane is one of a large shop: a gateway's default would take minutes for what its crowd buys in seconds.
const (
	demoLaneRate        = 1000 // calls a second
	demoLaneConcurrency = 256
)

// demoSandbox is a gateway like those that there are: it takes a moment, now and then a long one, and says nothing after a timeout.
func demoSandbox(seed uint64) sandbox.Config {
	return sandbox.Config{
		Name: demoGateway, Seed: seed, Latency: sandbox.Latency{Median: 30 * time.Millisecond, P99: 300 * time.Millisecond}, Timeout: 300 * time.Millisecond,
	}
}

// demoSales sells one night to the crowd, and another one on the shop page for as long as the demo stays up. It reports whether the first one's
// books balance.
func demoSales(ctx context.Context, s demoSettings, p *process, gateway *sandbox.Gateway, page *shopPage, stdout io.Writer) (balanced bool, err error) {
	clients, err := connectShops(p)
	defer func() {
		for _, c := range clients {
			err = errors.Join(err, c.Close())
		}
	}()
	if err != nil {
		return false, err
	}
	onSale := demoFirstSale(s, p, clients, gateway)
	if s.exit {
		return onSale(ctx, stdout)
	}
	second := newSale(makeShopPlan(s.tickets), s.buyers, s.seed+1, 0, demoShopRush)
	how := "with one click and step by step"
	if s.line {
		second = newSale(makeShopLinePlan(s.tickets), min(s.buyers, int(s.tickets)), s.seed+1, 0, demoShopRush)
		how = "through a line, whose lobby is open"
	}
	second.join(clients, gateway)
	closeShop, err := page.open(ctx, second, p.introduce)
	if err != nil {
		return false, err
	}
	defer closeShop()
	fmt.Fprintf(stdout, "The dashboard: %s/?event=%s shows the sale as it goes: open it now.\nThe shop page: %s%s sells Night Two, %s.\n\n", p.httpURL, demoEvent, p.httpURL, shopPath, how)
	if balanced, err = onSale(ctx, stdout); err == nil && ctx.Err() == nil {
		lookAround(stdout, p, s.line)
		<-ctx.Done()
		fmt.Fprintln(stdout, "\nleaving; the folder is removed")
	}
	return balanced, err
}

// demoFirstSale is the sale that is shown: to whoever comes, or through a line.
func demoFirstSale(s demoSettings, p *process, clients []*client.Client, gateway *sandbox.Gateway) func(context.Context, io.Writer) (balanced bool, err error) {
	if s.line {
		sale := newLineSale(makeLinePlan(s.tickets), s.buyers, s.seed)
		sale.join(clients, gateway)
		sale.natsURL, sale.reports = p.natsURL, clients[len(demoShops)+1]
		return func(ctx context.Context, stdout io.Writer) (bool, error) { return demoInLine(ctx, p, sale, stdout) }
	}
	sale := newSale(makePlan(s.tickets), s.buyers, s.seed, demoRush(s.buyers)/16, demoRush(s.buyers))
	sale.join(clients, gateway)
	return func(ctx context.Context, stdout io.Writer) (bool, error) { return demoOnSale(ctx, p, sale, stdout) }
}

// demoShopRush is how long new buyers keep coming to the sale of the shop page: long enough to buy something oneself.
const demoShopRush = 2 * time.Minute

// connectShops connects the services that buyers come through, the office, and the service that reports touches. It returns also what it connected before it failed.
func connectShops(p *process) (clients []*client.Client, err error) {
	for range len(demoShops) + 2 {
		c, err := client.Connect(p.natsURL, client.Options{})
		if err != nil {
			return clients, fmt.Errorf("connect a shop: %w", err)
		}
		clients = append(clients, c)
	}
	return clients, nil
}

// join gives a sale its connections: one a shop, then the office's, then that of touches.
func (s *sale) join(clients []*client.Client, gateway *sandbox.Gateway) {
	s.sandbox = gateway
	for i, channel := range demoShops {
		s.shops = append(s.shops, &shop{client: clients[i], event: s.plan.event, channel: channel, counts: &s.counts, reports: clients[len(demoShops)+1]})
	}
	s.office = &shop{client: clients[len(demoShops)], event: s.plan.event, channel: "box_office", counts: &s.counts}
}

// demoOnSale runs the sale and reports whether its books balance.
func demoOnSale(ctx context.Context, p *process, sale *sale, stdout io.Writer) (balanced bool, err error) {
	fmt.Fprintf(stdout, "An engine in %s, NATS at %s, HTTP at %s.\nOn sale: %s tickets in %d lots, to %s buyers over %d NATS connections; a hold lives %v.\n\n",
		p.config.data, p.natsURL, p.httpURL, thousands(sale.plan.tickets()), len(sale.plan.lots), thousands(int64(sale.buyers)), len(sale.shops), demoHoldTTL)
	if err := sale.prepare(ctx); err != nil {
		return false, err
	}
	if err := p.introduce(ctx, sale.customers()); err != nil {
		return false, err
	}
	over, drawn := make(chan struct{}), make(chan struct{})
	display := newDisplay(stdout, sale)
	go func() {
		defer close(drawn)
		display.run(over)
	}()
	err = sale.run(ctx)
	close(over)
	<-drawn
	if err != nil {
		return false, err
	}
	sale.counts.reporting.Wait()
	if err := sale.readBack(ctx); err != nil {
		return false, err
	}
	kept, err := p.settled(ctx, sale)
	if err != nil {
		return false, err
	}
	balanced = sale.report(stdout, display)
	truth := sale.sandbox.Truth()
	r := reconcile(sale.ledger.ordered(), sale.ledger.paid(), kept, &truth, "hf."+p.store.Installation()+"."+engine.SingleAccount+"."+sale.plan.event+".")
	r.print(stdout)
	return balanced && len(r.off) == 0, nil
}

// demoRush is how long new buyers keep coming.
func demoRush(buyers int) time.Duration {
	return min(max(demoRushMax*time.Duration(buyers)/demoBuyersDefault, demoRushMin), demoRushMax)
}

// report prints the ledger check and the summary, and reports whether everything balances.
func (s *sale) report(w io.Writer, d *display) bool {
	shown := s.shown.Load()
	c := &s.counts
	off := s.ledger.balance(&s.plan, shown)
	if c.failures > 0 {
		off = append(off, fmt.Sprintf("%d commands got no answer; the first: %s", c.failures, c.failed))
	}
	var revenue, tickets int64
	orders := s.ledger.ordered()
	for i := range orders {
		revenue += orders[i].total
		tickets += int64(len(orders[i].tickets))
	}
	if len(off) == 0 {
		fmt.Fprintf(w, `
Ledger: in balance.
  %s orders, told to buyers one by one, are what the engine counts, lot by lot and pool by pool; each reads back as it was told
  free + held + paying + sold + blocked = capacity in %d lots and %d pools; no hold is left over
  no seat, ticket or order twice; nobody above %d tickets; every price as in the list; %s clicks twice, each with one effect
`, thousands(int64(len(orders))), len(shown.lots), len(shown.pools), demoLimit, thousands(c.clickedTwice.Load()))
	} else {
		fmt.Fprintf(w, "\nLedger: OFF, in %d ways.\n", len(off))
		for i, what := range off {
			fmt.Fprintf(w, "  %d. %s\n", i+1, what)
		}
	}
	p50, p99 := c.waited()
	seconds := max(s.took.Seconds(), 1e-3)
	click50, click99 := c.clicked()
	fmt.Fprintf(w, `
Summary
  sold       %s of %s tickets in %s orders, %s
  buyers     %s served, %s left without a ticket, %s walked away from a hold, %s gave theirs back
  holds      %s taken, %s replaced by another, %s expired; %s/s on average over %.1f s, %s/s at best
  commands   %s of buyers, %s/s at best; a hold was answered in %s (p50), %s (p99), on disk twice before that
  payments   %s
  touches    %s, of what buyers' clients saw and did
  one click  %s from click to confirmation (p50), %s (p99); not offered to %s
  refused    %s
  state hash %s
`, thousands(tickets), thousands(s.plan.tickets()), thousands(int64(len(orders))), money(revenue, demoCurrency),
		thousands(c.served.Load()), thousands(c.gaveUp.Load()), thousands(c.abandoned.Load()), thousands(c.gaveBack.Load()),
		thousands(c.holds.Load()), thousands(c.replaced.Load()), thousands(c.expired()), thousands(int64(float64(c.holds.Load())/seconds)), s.took.Seconds(), thousands(int64(d.holdsPeak)),
		thousands(c.commands.Load()), thousands(int64(d.commandsPeak)), briefly(p50), briefly(p99),
		s.paymentsText(), thousands(c.touches.Load()), briefly(click50), briefly(click99), thousands(c.notOffered.Load()),
		refusalsText(c.refusedBy(), len(c.refusedBy())), shown.stateHash)
	return len(off) == 0
}

// paymentsText says how the purchases ended.
func (s *sale) paymentsText() string {
	var oneClick, standard int64
	declines := map[string]int64{}
	for _, p := range s.ledger.paid() {
		switch {
		case p.state == engine.PurchaseDeclined.String():
			declines[p.decline]++
		case p.state == engine.PurchaseSold.String() && p.flow == flowOneClick:
			oneClick++
		case p.state == engine.PurchaseSold.String():
			standard++
		}
	}
	return fmt.Sprintf("%s sold with one click, %s step by step; declined: %s; the bank asked %s times; %s taken back in time",
		thousands(oneClick), thousands(standard), refusalsText(declines, len(declines)), thousands(s.counts.authenticated.Load()), thousands(s.counts.undone.Load()))
}

// demoVerify checks the folder of the stopped engine, as `engine verify` does.
func demoVerify(w io.Writer, p *process) (sound bool, err error) {
	report, err := inspect(p.config.data, func(uint64) {})
	if err != nil {
		return false, verifyHelp(err, p.config.data)
	}
	if report.OK {
		_, err = fmt.Fprintf(w, "\nLog: whole. %s facts in %s batches, replayed from disk, come to the same state.\n", thousands(int64(report.Facts)), thousands(int64(report.Batches)))
		return true, err
	}
	return false, report.print(w, true)
}

// lookAround says what can be tried while the demo stays up.
func lookAround(w io.Writer, p *process, line bool) {
	more := ""
	if line {
		more = fmt.Sprintf("  engine line status %[1]s --http %[3]s\n  engine line verify %[1]s --nats %[2]s\n  engine line report %[1]s --nats %[2]s\n",
			demoEvent, p.natsURL, strings.TrimPrefix(p.httpURL, "http://"))
	}
	fmt.Fprintf(w, `
The dashboard: %[3]s/?event=%[1]s

The engine stays up. From another terminal:

  engine event show %[1]s --nats %[2]s
  engine event list --nats %[2]s
  engine kpi --event %[1]s --by flow --http %[4]s
  engine report --event %[1]s --http %[4]s
%[5]s  curl -s %[3]s/metrics | grep holdfast_outcomes_total
  curl -s %[3]s/readyz
  nats --server %[2]s request holdfast.v1.events.%[1]s.get '{}'
  nats --server %[2]s request '$SRV.INFO.holdfast' ''

Ctrl-C leaves and removes the folder.
`, demoEvent, p.natsURL, p.httpURL, strings.TrimPrefix(p.httpURL, "http://"), more)
}
