package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store"
)

// running gives a command the flags by which it asks a running engine.
func (s *walletSettings) running(cmd *cobra.Command) *adminSettings {
	a := new(adminSettings)
	a.askerFlags(cmd.Flags())
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return a.prepare(cmd) }
	return a
}

// ask has a command carried out in the data folder or by a running engine. A folder that was named is never passed over in silence: who is erased in another
// engine than the one that was meant is gone for good.
func (s *walletSettings) ask(cmd *cobra.Command, a *adminSettings, stopped func(*process) error, running func() error) error {
	changed := cmd.Flags().Changed
	named, engineNamed := changed("data"), slices.ContainsFunc(callerFlags, changed)
	if named || !engineNamed {
		err := s.with(cmd.Context(), cmd.ErrOrStderr(), stopped)
		if !errors.Is(err, store.ErrInUse) {
			return err
		}
		if named && !engineNamed {
			return fmt.Errorf("%w; or ask the engine that has it: --nats %s", err, natsDefault)
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s is in use: asking the engine at %s\n", s.data, a.access.url)
	}
	if changed("account") {
		return errors.New("--account: a running engine knows the account by the connection; leave it out")
	}
	return running()
}

// reading completes a command that shows what is held about a buyer.
func (s *walletSettings) reading(cmd *cobra.Command, verb string, print func(io.Writer, *exportedWallet) error) *cobra.Command {
	a := s.running(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var e *exportedWallet
		err := s.ask(cmd, a,
			func(p *process) (err error) {
				e, err = exportBuyer(cmd.Context(), p, s.account, args[0], stoppedPolicy())
				return err
			},
			func() error {
				r, err := a.askAdmin(cmd.Context(), verb, map[string]any{"buyer": args[0]})
				if err != nil {
					return err
				}
				e = new(exportedWallet)
				if err := json.Unmarshal([]byte(r.Wallet), e); err != nil {
					return fmt.Errorf("the engine's answer cannot be read: %w", err)
				}
				return nil
			})
		if err != nil {
			return err
		}
		return print(cmd.OutOrStdout(), e)
	}
	return cmd
}

// eraseAgainAfter is when a running engine is asked again whether a buyer is forgotten: each time is in its audit.
const eraseAgainAfter = 5 * time.Second

// eraseAtEngine asks a running engine until the buyer is forgotten, or for as long as wait: the engine goes on then.
func eraseAtEngine(ctx context.Context, a *adminSettings, buyer string, wait time.Duration) error {
	for over := time.Now().Add(wait); ; {
		_, r, err := a.askOnce(ctx, "wallet-erase", map[string]any{"buyer": buyer})
		switch {
		case err != nil:
			return err
		case r.Error == nil:
			return nil
		case r.Error.Code != engine.CodeEraseWaits.String() || time.Now().Add(eraseAgainAfter).After(over):
			return r.Error
		}
		select {
		case <-ctx.Done():
			return r.Error
		case <-time.After(eraseAgainAfter):
		}
	}
}
