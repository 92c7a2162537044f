package enginetest

import (
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
)

// What the model knows of linked buyers: which links each has said, and nothing else. Who is linked to whom is found out each time.

// clusterOf lists the buyers that are linked to a buyer who also says some more links, the buyer among them.
func (m *Model) clusterOf(buyer string, more []uint64) []string {
	links := slices.Concat(m.links[buyer], more)
	cluster := []string{buyer}
	for grown := true; grown; {
		grown = false
		for other, has := range m.links {
			shares := slices.ContainsFunc(has, func(l uint64) bool { return slices.Contains(links, l) })
			if shares && !slices.Contains(cluster, other) {
				cluster, links, grown = append(cluster, other), append(links, has...), true
			}
		}
	}
	return cluster
}

// considerLinks adds the reason to refuse a buyer units more because of whom the buyer is linked to.
func (m *Model) considerLinks(cmd *engine.Command, units int64, old *modelHold) {
	limit := m.spec.Pay.LimitPerLinked
	said := m.linksSaid(cmd)
	if limit == 0 || len(m.links[cmd.Buyer])+len(said) == 0 {
		return
	}
	cluster := m.clusterOf(cmd.Buyer, said)
	m.refusals.addIf(len(cluster) > engine.LinkedBuyersMax || len(m.brought(cmd.Buyer, said)) > engine.LinksPerBuyerMax, engine.CodeTooManyLinks, "buyer")
	used := int64(0)
	for _, b := range cluster {
		used += m.unitsOf(b, old)
	}
	m.refusals.addIf(used+units > limit, engine.CodeLimitReached, "items")
}

func (m *Model) linksSaid(cmd *engine.Command) []uint64 {
	if cmd.Payment == nil || m.spec.Pay.LimitPerLinked == 0 {
		return nil
	}
	said := slices.Clone(cmd.Payment.Note.Links)
	slices.Sort(said)
	return slices.Compact(said)
}

// brought lists the links that nobody had said before the buyer.
func (m *Model) brought(buyer string, more []uint64) []uint64 {
	brought := slices.Clone(m.first[buyer])
	for _, l := range more {
		known := slices.Contains(brought, l)
		for _, has := range m.first {
			known = known || slices.Contains(has, l)
		}
		if !known {
			brought = append(brought, l)
		}
	}
	return brought
}

// link notes what links a buyer to others.
func (m *Model) link(cmd *engine.Command) {
	m.linkBy(cmd.Buyer, m.linksSaid(cmd))
}

func (m *Model) linkBy(buyer string, said []uint64) {
	if len(said) == 0 {
		return
	}
	m.first[buyer] = m.brought(buyer, said)
	if len(m.links[buyer]) == 0 {
		m.linkedFirst = append(m.linkedFirst, buyer)
	}
	for _, l := range said {
		if !slices.Contains(m.links[buyer], l) {
			m.links[buyer] = append(m.links[buyer], l)
		}
	}
}
