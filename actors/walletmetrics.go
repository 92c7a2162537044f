package actors

import (
	"fmt"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// addMetrics registers what the wallets show. No buyer is in it.
func (w *walletRoom) addMetrics(m *Metrics) {
	m.Gauge("holdfast_wallet_buyers", "Buyers of whom something is kept, in the shards that have been asked for since the start.",
		func() float64 { return float64(w.buyers.Load()) })
	m.Gauge("holdfast_wallet_erasing", "Buyers who are to be forgotten and are not yet: a charge is open, or their key could not be destroyed.",
		func() float64 { return float64(w.eraser.waiting()) })
	m.Gauge("holdfast_wallet_methods_lost", "Saved methods whose secrets were not in the vault, since the start: a crash before they were acknowledged, or damage.",
		func() float64 { return float64(w.lost.Load()) })
	m.Gauge("holdfast_wallet_purchases", "Orders, and changes of orders, that the wallets have been told of since the start.",
		func() float64 { return float64(w.projects.purchases.Load()) })
}

// walletCommand counts a command for a wallet; those of the shell have no name and are not counted.
func (m *Metrics) walletCommand(v wallet.Verb, code engine.Code) {
	if name := v.String(); name != "" {
		m.wallets.set.GetOrCreateCounter(fmt.Sprintf("holdfast_wallet_commands_total{verb=%q,code=%q}", name, code)).Inc()
	}
}
