package main

import (
	"context"
	"fmt"
)

// walletCursor is the name of the cursor by which the wallets learn of purchases.
const walletCursor = "wallet"

// startWallets lets the wallets follow the log for orders and what becomes of them.
func (p *process) startWallets(context.Context) error {
	cursor, err := p.store.Cursor(walletCursor)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.node.ProjectPurchases(ctx, cursor); err != nil {
			p.config.logger.Error("the wallets learn of no more purchases: sales go on, and the log is kept from here until the next start", "err", err)
		}
	}()
	p.onClose("purchases on their way to wallets", func(ctx context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("a purchase is still on its way: %w", ctx.Err())
		}
	})
	return nil
}
