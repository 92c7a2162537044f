package transport

import (
	"strings"

	"github.com/holdfast-engine/holdfast/engine/line"
)

// receipts are those of the joins that have become durable together: one tree, and one signature over its root.
type receipts struct {
	account   string
	leaves    []line.Hash
	grove     *line.Grove
	root      line.Hash
	kid       string
	signature line.Signature
	taken     int
}

// receiptBytesMax is the most that a receipt takes in an answer.
const receiptBytesMax = 2048

// receiptsFor makes the receipts that answers are to have, in the order of the answers. Where nothing can be signed there are none: the joins stand, and their receipts can be asked for.
func receiptsFor(s *Server, answers []*request) *receipts {
	g := &receipts{account: s.config.Account}
	for _, r := range answers {
		for i := range r.placed {
			if r.placed[i].receipt {
				g.leaves = append(g.leaves, r.placed[i].leaf)
			}
		}
	}
	if len(g.leaves) == 0 {
		return g
	}
	g.grove = line.NewGrove(g.leaves)
	g.root = g.grove.Root()
	var err error
	if g.kid, g.signature, err = s.config.Codes.SignReceipts(s.config.Account, uint32(len(g.leaves)), g.root); err != nil {
		s.stats.receiptsFailed.Add(uint64(len(g.leaves)))
		g.grove = nil
	}
	return g
}

// next is the next receipt: of a place of a buyer. It is nil if there are none.
func (g *receipts) next(event, buyer string, p *placed) *line.Receipt {
	if g.grove == nil {
		return nil
	}
	index := g.taken
	g.taken++
	return &line.Receipt{
		Account: g.account, Event: strings.Clone(event), Commit: p.commit, Entry: p.entry, Buyer: strings.Clone(buyer), Index: uint32(index), Size: uint32(len(g.leaves)), Root: g.root,
		Path: g.grove.Path(index), KeyID: g.kid, Signature: g.signature,
	}
}
