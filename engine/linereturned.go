package engine

// placeQueue is a heap of entries by their places: those who were skipped and have come back. It follows from the entries. One that was left since may still be
// in it.
type placeQueue struct {
	slots [][]uint32
	n     int
}

func (q *placeQueue) at(i int) *uint32 { return &q.slots[i>>slabShift][i&slabMask] }

// first is the entry with the lowest place.
func (q *placeQueue) first() uint32 { return *q.at(0) }

func (q *placeQueue) push(rows *slab[lineRow], slot uint32) {
	q.slots = growChunks(q.slots, q.n, 1, slabRows, firstRows)
	i := q.n
	q.n++
	for place := rows.at(slot).place; i > 0; i = (i - 1) / 2 {
		above := *q.at((i - 1) / 2)
		if rows.at(above).place <= place {
			break
		}
		*q.at(i) = above
	}
	*q.at(i) = slot
}

// pop takes the first one out.
func (q *placeQueue) pop(rows *slab[lineRow]) {
	q.n--
	slot, i := *q.at(q.n), 0
	if q.n == 0 {
		return
	}
	for {
		below := 2*i + 1
		if below+1 < q.n && rows.at(*q.at(below + 1)).place < rows.at(*q.at(below)).place {
			below++
		}
		if below >= q.n || rows.at(*q.at(below)).place >= rows.at(slot).place {
			break
		}
		*q.at(i) = *q.at(below)
		i = below
	}
	*q.at(i) = slot
}
