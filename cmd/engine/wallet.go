package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/engine/wallet"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
	"github.com/holdfast-engine/holdfast/transport/gateway/stripe"
)

// walletSettings say whose wallets are meant.
type walletSettings struct {
	data     string
	vaultKey string
	account  string
	log      logSettings
}

func walletCommand() *cobra.Command {
	s := &walletSettings{}
	cmd := &cobra.Command{
		Use:   "wallet",
		Short: "Bring buyers' saved methods, show them, export them, forget a buyer",
		Long: `A wallet has a buyer's saved methods of payment (a gateway's tokens, never card numbers), agreements, known devices and purchases.

Works in the data folder of an engine that is stopped; what is secret there is sealed, and the folder's key file is needed (--vault-key). show, export and erase also ask a running
engine, as an operator: with --nats or another flag of access and no --data, and where the default folder is in use.`,
		Example: `  engine wallet import buyers.csv --data /srv/holdfast --dry-run
  engine wallet show anna --data /srv/holdfast
  engine wallet show anna --nats nats://127.0.0.1:4222 --as maria`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := cmd.PersistentFlags()
	f.StringVar(&s.data, "data", dataDefault, "data folder of an engine that is stopped")
	f.StringVar(&s.vaultKey, "vault-key", "", "file with the key that closes saved methods (default DATA-vault.key, beside the data folder)")
	f.StringVar(&s.account, "account", engine.SingleAccount, "account of the buyers; a running engine knows it by the connection")
	s.log.addTo(f, "warn")
	cmd.AddCommand(s.importing(), s.show(), s.export(), s.erase())
	return cmd
}

// open starts the parts of an engine that wallets need, without NATS, HTTP and gateways.
func (s *walletSettings) open(ctx context.Context, stderr io.Writer) (*process, error) {
	logger, err := s.log.logger(stderr)
	if err != nil {
		return nil, err
	}
	data, err := filepath.Abs(s.data)
	if err != nil {
		return nil, fmt.Errorf("--data %s: %w", s.data, err)
	}
	if _, err := os.Stat(filepath.Join(data, "FORMAT")); err != nil {
		return nil, fmt.Errorf("--data %s is no data folder: start an engine on it once: %w", s.data, err)
	}
	p := &process{config: processConfig{data: data, vaultKey: s.vaultKey, logger: logger, drain: drainDefault, bounds: defaultBounds()}}
	p.config.gateways.names = []string{gatewayNone} // nothing is charged from here
	for _, start := range []func(context.Context) error{p.startStore, p.startNode, p.startWallets} {
		if err := start(ctx); err != nil {
			return nil, errors.Join(err, p.stop())
		}
	}
	return p, nil
}

// with opens the wallets for what use does.
func (s *walletSettings) with(ctx context.Context, stderr io.Writer, use func(p *process) error) error {
	p, err := s.open(ctx, stderr)
	if err != nil {
		return err
	}
	return errors.Join(use(p), p.stop())
}

// capabilitiesOf is what the gateways that this program knows can do, whether or not it is set up for them.
func capabilitiesOf(gateway string, kind payment.MethodKind) (payment.Capabilities, bool) {
	switch gateway {
	case gatewaySandbox:
		return (*sandbox.Gateway)(nil).Capabilities(kind), true
	case stripe.Name:
		return (*stripe.Gateway)(nil).Capabilities(kind), true
	}
	return 0, false
}

// walletAsk gives a command to a node's wallets and waits until the answer is durable.
type walletAsk struct {
	done chan struct{}
	out  wallet.Outcome
	copy func(*wallet.Outcome)
}

// Outcome implements wallet.Replier.
func (a *walletAsk) Outcome(_ *wallet.Request, _ int, out *wallet.Outcome) {
	a.out = *out
	a.out.Views = nil
	if a.copy != nil {
		a.copy(out)
	}
}

// Durable implements wallet.Replier.
func (a *walletAsk) Durable(*wallet.Request) { close(a.done) }

// askWallet gives one command to the wallets. copied, if not nil, gets the outcome while it is valid.
func askWallet(ctx context.Context, n *actors.Node, account string, c wallet.Command, copied func(*wallet.Outcome)) (*wallet.Outcome, error) {
	a := &walletAsk{done: make(chan struct{}), copy: copied}
	code := n.SubmitWallet(&wallet.Request{Account: account, Commands: []wallet.Command{c}, Reply: a})
	if code != engine.CodeOK {
		return nil, &walletRefusal{code: code, text: "the wallets do not take the command now"}
	}
	select {
	case <-a.done:
		return &a.out, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// walletRefusal is a refusal of the wallets.
type walletRefusal struct {
	code         engine.Code
	field, text  string
	retryAfterMs int64
}

func (r *walletRefusal) Error() string { return r.code.String() + ": " + r.text }

// refusedWallet makes an error of a refusal.
func refusedWallet(out *wallet.Outcome) error {
	if out.Code == engine.CodeOK {
		return nil
	}
	return &walletRefusal{code: out.Code, field: out.Field, text: out.Text, retryAfterMs: out.RetryAfterMs}
}

func (s *walletSettings) erase() *cobra.Command {
	wait := time.Minute
	cmd := &cobra.Command{
		Use:   "erase BUYER",
		Short: "Forget a buyer, for good",
		Long: `Destroys the buyer's key, and everything that was sealed under it: no file of the data folder has it afterwards. Orders and refunds stay in the events, under the
buyer's id alone, as the law wants for their time. Backups that were made before keep what they have.

It waits while a charge of the buyer is open. If it is still open when the time is over the wish is kept: the engine forgets the buyer when the charge has ended.

` + accessHelp,
		Example: "  engine wallet erase anna --data /srv/holdfast\n  engine wallet erase anna --nats nats://127.0.0.1:4222 --as maria",
		Args:    cobra.ExactArgs(1),
	}
	running := s.running(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := s.ask(cmd, running,
			func(p *process) error {
				ctx, cancel := context.WithTimeout(cmd.Context(), wait)
				defer cancel()
				return eraseBuyer(ctx, p, s.account, args[0])
			},
			func() error { return eraseAtEngine(cmd.Context(), running, args[0], wait) })
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s is forgotten: the key is destroyed\n", args[0])
		return nil
	}
	cmd.Flags().DurationVar(&wait, "wait", wait, "how long to wait for open charges, as in 10s")
	return cmd
}

// eraseBuyer asks until the buyer is forgotten.
func eraseBuyer(ctx context.Context, p *process, account, buyer string) error {
	id := newRequestID()
	for {
		out, err := askWallet(ctx, p.node, account, wallet.Command{Verb: wallet.VerbErase, RequestID: id, Buyer: buyer}, nil)
		if err != nil {
			return err
		}
		if out.Code != engine.CodeEraseWaits {
			return refusedWallet(out)
		}
		select {
		case <-ctx.Done():
			return errors.New("erase_waits: a charge of the buyer is still open; the engine forgets the buyer when it has ended")
		case <-time.After(time.Duration(out.RetryAfterMs) * time.Millisecond):
		}
	}
}
