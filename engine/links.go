package engine

import (
	"encoding/binary"
	"slices"
)

// Buyers that are linked, by a card, a device or whatever else the shell knows of them, share one limit of the event. What links them comes as keyed hashes
// only. Buyers with a link in common are in one cluster, and so is whoever is linked to one of them. It is named after its member that was linked first.

// memberRow is a buyer who was linked; member n is in slot n-1, for good.
type memberRow struct {
	buyer   uint32
	cluster uint32 // slot of its first member
	links   uint32 // that this buyer brought and nobody had before

	// Of the cluster's members; they follow from cluster.
	next   uint32 // slot + 1 of another one
	size   uint32 // of the cluster, at its first member
	bought int64  // units that the cluster has, likewise
}

// linkedSums is what clusters of more than one buyer have together. It follows from the members.
type linkedSums struct {
	clusters int   // of those that have units
	units    int64 // theirs
}

// linkRow is a link, and who brought it first.
type linkRow struct {
	hash   uint64
	member uint32
}

// factLinked says what links a buyer to others, in ascending order. It comes right before the hold or the purchase that it was said with.
//
//	| 55 | buyer | n | n links, 8 bytes each |
type factLinked struct {
	buyer string
	links []uint64

	// Found out before apply; not in the log.
	buyerHash uint64
	buyerRow  uint32 // slot + 1 if the buyer is known
}

func (f *factLinked) append(dst []byte) []byte {
	dst = appendString(append(dst, byte(kindLinked)), f.buyer)
	dst = binary.AppendUvarint(dst, uint64(len(f.links)))
	for _, link := range f.links {
		dst = binary.LittleEndian.AppendUint64(dst, link)
	}
	return dst
}

func (d *decoder) linked(f *factLinked) {
	f.buyer = d.id()
	f.links = f.links[:0]
	for range d.count(LinksPerBuyerMax, 8) {
		f.links = append(f.links, d.fixed64())
	}
}

// linkNamed finds a link, nil if nobody has brought it.
func (e *Event) linkNamed(hash uint64) *linkRow {
	var p probe
	e.linkIndex.seek(&p, linkHash32(hash))
	for {
		slot, ok := e.linkIndex.next(&p)
		if !ok {
			return nil
		}
		if row := e.links.at(slot); row.hash == hash {
			return row
		}
	}
}

func linkHash32(hash uint64) uint32 { return index32(mix(hash^hashK3, hashK2)) }

// linksOf are the links that a command says, in ascending order and each once, if the event has a limit for linked buyers.
func (e *Event) linksOf(cmd *Command) []uint64 {
	if cmd.Payment == nil || e.spec.Pay.LimitPerLinked == 0 {
		return nil
	}
	e.work.links = append(e.work.links[:0], cmd.Payment.Note.Links...)
	slices.Sort(e.work.links)
	return slices.Compact(e.work.links)
}

// merge says what a buyer's cluster would be with links: which clusters it is made of, of how many members, and how many links the buyer would have
// brought. Something is new if the fact is worth writing.
func (e *Event) merge(buyer uint32, links []uint64) (clusters []uint32, size, brought int, isNew bool) {
	clusters, size, isNew = e.work.clusters[:0], 1, len(links) > 0
	if buyer != 0 {
		if linked := e.buyers.at(buyer - 1).linked; linked != 0 {
			m := e.members.at(linked - 1)
			clusters, size, brought, isNew = append(clusters, m.cluster), int(e.members.at(m.cluster).size), int(m.links), false
		}
	}
	for _, hash := range links {
		row := e.linkNamed(hash)
		if row == nil {
			brought, isNew = brought+1, true
			continue
		}
		if c := e.members.at(row.member).cluster; !slices.Contains(clusters, c) {
			clusters, size, isNew = append(clusters, c), size+int(e.members.at(c).size), true
		}
	}
	e.work.clusters = clusters
	return clusters, size, brought, isNew
}

// judgeLinked adds the reasons to refuse a buyer so many units more because of whom the buyer is linked to. The hold in slot old-1 does not count.
func (e *Event) judgeLinked(cmd *Command, buyer, old uint32, units int64) {
	limit := e.spec.Pay.LimitPerLinked
	if limit == 0 || cmd.Payment == nil && (buyer == 0 || e.buyers.at(buyer-1).linked == 0) {
		return
	}
	links := e.linksOf(cmd)
	clusters, size, brought, isNew := e.merge(buyer, links)
	if !isNew && len(clusters) == 0 {
		return
	}
	if size > LinkedBuyersMax || brought > LinksPerBuyerMax || len(links) > LinksPerBuyerMax {
		e.because(refusal{code: CodeTooManyLinks, field: fieldBuyer})
		e.signals.Alarms = append(e.signals.Alarms, Alarm{Why: AlarmLinks})
		return
	}
	used := int64(0)
	if buyer != 0 && (e.buyers.at(buyer-1).linked == 0 || plantedBug(plantedForgetCluster)) {
		used = e.unitsOf(buyer-1, old)
	}
	for _, c := range clusters {
		for m := c + 1; m != 0 && !plantedBug(plantedForgetCluster); m = e.members.at(m - 1).next {
			used += e.unitsOf(e.members.at(m-1).buyer, old)
		}
	}
	if left := limit - used; units > left {
		e.because(refusal{code: CodeLimitReached, field: fieldItems, have: max(0, left), want: units, limit: limit, used: used, text: linkedBuyers})
	}
}

// unitsOf is what a buyer holds, is paying and has bought, but for the hold in slot old-1.
func (e *Event) unitsOf(buyer, old uint32) int64 {
	b := e.buyers.at(buyer)
	units := e.unitsBought(buyer + 1)
	if b.hold == 0 || b.hold == old {
		return units
	}
	return units + e.unitsIn(&e.holds.at(b.hold-1).basket)
}

// unitsIn is how many units a basket has taken.
func (e *Event) unitsIn(b *basket) (units int64) {
	for it := e.firstItem(b); it.sales > 0; it = e.nextItem(it) {
		units += int64(it.sales) * e.lots[e.prices[it.price].lot].units
	}
	return units
}

// link notes what links the buyer in f to others, if a command says anything new, before the tickets are taken.
func (e *Event) link(cmd *Command, f *factHeld) {
	links := e.linksOf(cmd)
	if len(links) == 0 {
		return
	}
	f.buyerRow = e.linkTo(cmd.Buyer, f.buyerHash, f.buyerRow, links)
}

// linkTo notes what links a buyer (slot + 1, or 0) to others, if that is new, and returns slot + 1 of the buyer.
func (e *Event) linkTo(name string, hash uint64, buyer uint32, links []uint64) uint32 {
	if _, _, _, isNew := e.merge(buyer, links); !isNew {
		return buyer
	}
	l := factLinked{buyer: name, links: links, buyerHash: hash, buyerRow: buyer}
	e.facts.Buf = l.append(e.facts.Buf)
	e.emitted()
	e.applyLinked(&l)
	return l.buyerRow
}

func (e *Event) applyLinked(f *factLinked) {
	buyer := e.intern(f.buyer, f.buyerHash, f.buyerRow)
	f.buyerRow = buyer + 1
	b := e.buyers.at(buyer)
	if b.linked == 0 {
		slot := e.members.alloc()
		*e.members.at(slot) = memberRow{buyer: buyer, cluster: slot, size: 1, bought: e.unitsOwned(buyer)}
		b.linked = slot + 1
		e.rows += e.memberHash(slot)
	}
	member := b.linked - 1
	for _, hash := range f.links {
		if row := e.linkNamed(hash); row != nil {
			e.unite(e.members.at(member).cluster, e.members.at(row.member).cluster)
			continue
		}
		e.rows -= e.memberHash(member)
		e.members.at(member).links++
		e.rows += e.memberHash(member)
		e.addLink(linkRow{hash: hash, member: member})
	}
}

func (e *Event) addLink(row linkRow) {
	slot := e.links.alloc()
	*e.links.at(slot) = row
	e.linkIndex.insert(linkHash32(row.hash), slot)
	e.rows += mix(row.hash^hashK1, uint64(row.member)^hashK0)
}

// unite makes one cluster of two: it has the name of the one whose first member was linked earlier.
func (e *Event) unite(a, b uint32) {
	if a == b {
		return
	}
	keep, gone := min(a, b), max(a, b)
	last := gone
	for m := gone + 1; m != 0; m = e.members.at(m - 1).next {
		last = m - 1
		e.rows -= e.memberHash(last)
		e.members.at(last).cluster = keep
		e.rows += e.memberHash(last)
	}
	first := e.members.at(keep)
	e.members.at(last).next = first.next
	first.next = gone + 1
	other := e.members.at(gone)
	e.sumCluster(first, -1)
	e.sumCluster(other, -1)
	first.size, first.bought = first.size+other.size, first.bought+other.bought
	other.size, other.bought = 0, 0
	e.sumCluster(first, 1)
}

// sumCluster adds what a cluster has to that of all, or with -1 takes it out, as long as it is in. It is given its first member.
func (e *Event) sumCluster(first *memberRow, sign int) {
	if first.size > 1 && first.bought > 0 {
		e.linkedTo.clusters += sign
		e.linkedTo.units += int64(sign) * first.bought
	}
}

func (e *Event) memberHash(slot uint32) uint64 {
	m := e.members.at(slot)
	h := hasher(e.buyerHash(m.buyer) ^ hashK2)
	h.pair(uint64(slot)|uint64(m.cluster)<<32, uint64(m.links))
	return uint64(h)
}

func (e *Event) foldLinked(d *decoder) error {
	f := &e.work.linked
	d.linked(f)
	if err := d.err(); err != nil {
		return err
	}
	f.buyerHash = hashString(e.seed, f.buyer)
	f.buyerRow = e.buyerNamed(f.buyer, f.buyerHash)
	for i := range f.links {
		if i > 0 && f.links[i] <= f.links[i-1] {
			return unfit("links out of order")
		}
	}
	_, size, brought, isNew := e.merge(f.buyerRow, f.links)
	switch {
	case !isNew:
		return unfit("links that are nothing new")
	case size > LinkedBuyersMax || brought > LinksPerBuyerMax, f.buyerRow == 0 && e.buyers.live() >= e.limits.Buyers:
		return unfit("a table is full")
	}
	e.applyLinked(f)
	return nil
}

// appendLinks appends what a snapshot keeps of linked buyers: | n | n members: buyer, cluster | n | n links: hash, 8 bytes, member |
func (e *Event) appendLinks(dst []byte, buyers []uint32) []byte {
	dst = binary.AppendUvarint(dst, uint64(e.members.rows))
	for slot := range e.members.rows {
		m := e.members.at(slot)
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(buyers[m.buyer])), uint64(m.cluster))
	}
	dst = binary.AppendUvarint(dst, uint64(e.links.rows))
	for slot := range e.links.rows {
		row := e.links.at(slot)
		dst = binary.AppendUvarint(binary.LittleEndian.AppendUint64(dst, row.hash), uint64(row.member))
	}
	return dst
}

func (e *Event) openLinks(d *decoder) {
	for range d.count(e.limits.Buyers, 2) {
		buyer, cluster := uint32(d.uint(uint64(e.limits.Buyers))), uint32(d.uint(uint64(e.members.rows)))
		if d.what != "" || buyer >= e.buyers.rows || e.buyers.at(buyer).linked != 0 || cluster < e.members.rows && e.members.at(cluster).cluster != cluster {
			d.fail("a linked buyer that is not there, there twice, or of no cluster")
			return
		}
		slot := e.members.alloc()
		*e.members.at(slot) = memberRow{buyer: buyer, cluster: cluster}
		e.buyers.at(buyer).linked = slot + 1
		first := e.members.at(cluster)
		if first.size++; first.size > LinkedBuyersMax {
			d.fail("a cluster is too large")
			return
		}
		first.bought += e.unitsOwned(buyer)
		if cluster != slot {
			e.members.at(slot).next, first.next = first.next, slot+1
		}
	}
	for range d.count(e.limits.Buyers*LinksPerBuyerMax, 9) {
		row := linkRow{hash: d.fixed64(), member: uint32(d.uint(uint64(e.limits.Buyers)))}
		if d.what != "" || row.member >= e.members.rows || e.members.at(row.member).links >= LinksPerBuyerMax || e.linkNamed(row.hash) != nil {
			d.fail("a link of nobody, or there twice")
			return
		}
		e.members.at(row.member).links++
		e.addLink(row)
	}
	for slot := range e.members.rows {
		e.rows += e.memberHash(slot)
		e.sumCluster(e.members.at(slot), 1)
	}
}

// links verifies who is linked to whom.
func (c *checker) links() error {
	e := c.e
	sizes := make([]uint32, e.members.rows)
	brought := make([]uint32, e.members.rows)
	for slot := range e.links.rows {
		row := e.links.at(slot)
		if row.member >= e.members.rows || e.linkNamed(row.hash) != row {
			return e.broken("link %d is of nobody, or is not found", slot)
		}
		brought[row.member]++
		c.rows += mix(row.hash^hashK1, uint64(row.member)^hashK0)
	}
	for slot := range e.members.rows {
		m := e.members.at(slot)
		if m.buyer >= e.buyers.rows || e.buyers.at(m.buyer).linked != slot+1 || m.cluster > slot || e.members.at(m.cluster).cluster != m.cluster || m.links != brought[slot] {
			return e.broken("linked buyer %d is %+v, and has brought %d links", slot, *m, brought[slot])
		}
		sizes[m.cluster]++
		c.rows += e.memberHash(slot)
		c.buyers[m.buyer].linked = slot + 1
	}
	sums := linkedSums{}
	for slot := range e.members.rows {
		n, bought := uint32(0), int64(0)
		for m := slot + 1; m != 0 && e.members.at(slot).cluster == slot; m = e.members.at(m - 1).next {
			bought += e.unitsOwned(e.members.at(m - 1).buyer)
			if n++; e.members.at(m-1).cluster != slot || n > sizes[slot] {
				return e.broken("cluster %d has a member of another, or one twice", slot)
			}
		}
		if m := e.members.at(slot); n != sizes[slot] || m.size != n || m.bought != bought {
			return e.broken("cluster %d has %d members with %d units, it says %d with %d", slot, n, bought, m.size, m.bought)
		}
		if n > 1 && bought > 0 {
			sums.clusters, sums.units = sums.clusters+1, sums.units+bought
		}
	}
	if sums != e.linkedTo {
		return e.broken("linked buyers have %+v, it says %+v", sums, e.linkedTo)
	}
	return nil
}
