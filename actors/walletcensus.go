package actors

import (
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// WalletBuyer returns a buyer's wallet as it is published; nil if nothing is known. It may read a shard from disk.
func (n *Node) WalletBuyer(account, buyer string) *wallet.Buyer {
	if n.wallets == nil {
		return nil
	}
	return n.wallets.card(account, buyer)
}

// EachWallet calls use with every buyer's wallet of an account, in no order. It reads every shard from disk that has not been asked for since the start, and
// keeps it: for operators who count.
func (n *Node) EachWallet(account string, use func(*wallet.Buyer)) error {
	w := n.wallets
	if w == nil {
		return nil
	}
	w.mu.Lock()
	for key := range w.asleep {
		if key.Account != account {
			continue
		}
		if _, err := w.load(key); err != nil {
			w.mu.Unlock()
			return err
		}
	}
	w.mu.Unlock()
	w.shards.Range(func(key engine.Key, ref *shardRef) bool {
		if key.Account == account {
			ref.cards.Range(func(_ string, b *wallet.Buyer) bool {
				use(b)
				return true
			})
		}
		return true
	})
	return nil
}
