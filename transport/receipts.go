package transport

import (
	"github.com/holdfast-engine/holdfast/engine/line"
)

// receipts are those of the joins that have become durable together: one tree, and one signature over its root.
type receipts struct {
	account   string
	leaves    []line.Hash
	grove     *line.Grove // nil: there are none
	root      line.Hash
	kid       string
	signature line.Signature
	taken     int
	one       line.Receipt // the last one, with the memory of its path
}

// receiptBytesMax is the most that a receipt takes in an answer.
const receiptBytesMax = 2048

// sign makes the receipts of answers, in their order, and returns of how many answers: no more than belong into one tree. Where nothing can be signed there are none: the joins stand, and their
// receipts can be asked for.
func (g *receipts) sign(s *Server, answers []*request) (n int) {
	g.account, g.leaves, g.grove, g.taken = s.config.Account, g.leaves[:0], nil, 0
	for n < len(answers) && len(g.leaves) < receiptsTogetherMax {
		for i := range answers[n].placed {
			if p := &answers[n].placed[i]; p.receipt {
				g.leaves = append(g.leaves, p.leaf)
			}
		}
		n++
	}
	if len(g.leaves) == 0 {
		return n
	}
	g.grove = line.NewGrove(g.leaves)
	g.root = g.grove.Root()
	var err error
	if g.kid, g.signature, err = s.config.Codes.SignReceipts(s.config.Account, uint32(len(g.leaves)), g.root); err != nil {
		s.stats.receiptsFailed.Add(uint64(len(g.leaves)))
		g.grove = nil
	}
	return n
}

// next is the next receipt, of a place of a buyer: valid until the one after it, and as long as the names are. It is nil if there are none.
func (g *receipts) next(event, buyer string, p *placed) *line.Receipt {
	if g.grove == nil {
		return nil
	}
	g.one = line.Receipt{
		Account: g.account, Event: event, Commit: p.commit, Entry: p.entry, Buyer: buyer, Index: uint32(g.taken), Size: uint32(len(g.leaves)), Root: g.root,
		Path: g.grove.AppendPath(g.one.Path[:0], g.taken), KeyID: g.kid, Signature: g.signature,
	}
	g.taken++
	return &g.one
}
