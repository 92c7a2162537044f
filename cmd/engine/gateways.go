package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
	"github.com/holdfast-engine/holdfast/transport/gateway/stripe"
)

// gatewaySettings say through which payment services the engine charges.
type gatewaySettings struct {
	names []string // empty is the sandbox alone

	sandbox    sandbox.Config
	sandboxURL string // of a sandbox that runs as a process of its own
	stripe     stripeSettings

	// extra is gateways that the program brings itself, beside those that are named: those of a demo, or of a test.
	extra []actors.Gateway
}

// Names of gateways.
const (
	gatewaySandbox = "sandbox"
	gatewayNone    = "none"
)

// sandboxLedgerName is the file in the data folder in which the sandbox inside the engine keeps what it did.
const sandboxLedgerName = "sandbox.jsonl"

func (s *gatewaySettings) addTo(f *pflag.FlagSet) {
	f.StringSliceVar(&s.names, "gateway", []string{gatewaySandbox}, "payment gateways to charge through: sandbox, which takes no money, stripe, or none")
	f.StringVar(&s.sandboxURL, "gateway-sandbox-url", "", "use the sandbox at this address, which engine sandbox serves, instead of one inside (default inside)")
	f.DurationVar(&s.sandbox.Latency.Median, "gateway-sandbox-latency", 0, "median time of an answer of the sandbox inside, as in 300ms, or at once (default 0s)")
	f.DurationVar(&s.sandbox.Latency.P99, "gateway-sandbox-latency-p99", 0, "99th percentile of that time, or all take the same (default 0s)")
	f.IntVar(&s.sandbox.RatePerSecond, "gateway-sandbox-rate", 0, "requests a second above which the sandbox inside refuses (default 0, no limit)")
	s.stripe.addTo(f)
	f.Uint64Var(&s.sandbox.Seed, "gateway-sandbox-seed", 0, "what the sandbox inside draws latencies and ids from (0 is a seed like any other)")
}

// stripeSettings are what --gateway stripe needs.
type stripeSettings struct {
	keyFile     string
	secretsFile string // of its webhooks
	url         string
}

func (s *stripeSettings) addTo(f *pflag.FlagSet) {
	f.StringVar(&s.keyFile, "gateway-stripe-key-file", "", "file with the secret or restricted key of the account at Stripe, mode 0600; with --gateway stripe")
	f.StringVar(&s.secretsFile, "gateway-stripe-webhook-file", "", "file with the signing secrets of POST /webhooks/stripe, one a line, mode 0600 (default no webhooks: charges are looked up)")
	f.StringVar(&s.url, "gateway-stripe-url", stripe.BaseDefault, "address of Stripe, or of a stand-in on loopback")
}

// laneFlags are the settings of all lanes.
func laneFlags(f *pflag.FlagSet, c *actors.LaneConfig) {
	f.Float64Var(&c.Rate, "lane-rate", actors.LaneRateDefault, "calls a second to each payment gateway, unless engine lane set has said another number")
	f.IntVar(&c.Concurrency, "lane-concurrency", actors.LaneConcurrencyDefault, "calls to a payment gateway that wait for its answer at once")
	f.DurationVar(&c.EtaMax, "lane-eta-max", actors.LaneEtaMaxDefault*time.Second, "purchases that would have to wait longer for their turn are refused payment_busy, as in 10m")
	f.IntVar(&c.QueueMax, "lane-queue-max", actors.LaneQueueMaxDefault, "purchases that wait for their turn at one gateway; more are refused payment_busy")
}

// openGateways makes the gateways that are named.
func (p *process) openGateways() ([]actors.Gateway, error) {
	s := &p.config.gateways
	names := s.names
	if len(names) == 0 {
		names = []string{gatewaySandbox}
	}
	if len(names) > 1 && slices.Contains(names, gatewayNone) {
		return nil, errors.New("--gateway none: name no other gateway with it")
	}
	gateways := slices.Clone(s.extra)
	for _, name := range names {
		switch name {
		case gatewayNone:
		case gatewaySandbox:
			g, err := p.openSandbox()
			if err != nil {
				return nil, err
			}
			gateways = append(gateways, g)
		case stripe.Name:
			g, err := p.openStripe()
			if err != nil {
				return nil, err
			}
			gateways = append(gateways, g)
		default:
			return nil, fmt.Errorf("--gateway %s: there is none of that name: use %s", name, strings.Join([]string{gatewaySandbox, stripe.Name, gatewayNone}, " or "))
		}
	}
	return gateways, nil
}

// openSandbox makes the sandbox inside the engine, which keeps its ledger in the data folder, or connects to one of its own.
func (p *process) openSandbox() (actors.Gateway, error) {
	s := &p.config.gateways
	if s.sandboxURL != "" {
		g, err := sandbox.Dial(s.sandboxURL, gatewaySandbox)
		if err != nil {
			return nil, fmt.Errorf("--gateway-sandbox-url: %w", err)
		}
		p.onClose("the sandbox", func(context.Context) error {
			g.Close()
			return nil
		})
		return g, nil
	}
	c := s.sandbox
	c.Name = gatewaySandbox
	c.File = filepath.Join(p.config.data, sandboxLedgerName)
	g, err := sandbox.New(c)
	if err != nil {
		return nil, err
	}
	p.onClose("the sandbox", func(context.Context) error { return g.Close() })
	return g, nil
}
