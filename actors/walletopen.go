package actors

import (
	"fmt"

	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// openNamedMax bounds the open charges that are named.
const openNamedMax = 8

// WalletPolicy is by whose rules one-click checkout is open to a buyer on this node. Without wallets it is the strictest.
func (n *Node) WalletPolicy() wallet.Policy {
	if n.wallets == nil {
		return wallet.Policy{NeedsPurchase: true}
	}
	return n.wallets.policy
}

// OpenCharges names what a buyer cannot be forgotten before, for operators, as in "the charge of order o17 of event night-one": some of it if it is much. It
// is what the eraser looks at; nothing if only the key is still to be destroyed. Safe for concurrent use.
func (n *Node) OpenCharges(account, buyer string) (names []string) {
	if b := n.WalletBuyer(account, buyer); b != nil {
		for i := range b.History {
			if h := &b.History[i]; h.Open && len(names) < openNamedMax {
				names = append(names, fmt.Sprintf("the charge of order %s of event %s", h.Order, h.Event))
			}
		}
	}
	for name, l := range n.payments.lanes {
		l.charges.Range(func(at chargeKey, c *charge) bool {
			if at.account == account && c.buyer == buyer {
				names = append(names, fmt.Sprintf("a charge at %s for event %s", name, at.event))
			}
			return len(names) < openNamedMax
		})
	}
	return names
}
