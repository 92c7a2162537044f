package actors

import "container/heap"

// chargeQueue is charges in the order of a key, and of their arrival where the keys are equal. A charge is in one queue at most.
type chargeQueue struct{ heap chargeHeap }

func (q *chargeQueue) len() int { return len(q.heap) }

func (q *chargeQueue) push(c *charge, key int64) {
	c.key, c.in = key, q
	heap.Push(&q.heap, c)
}

// first is the charge with the least key, nil if there is none.
func (q *chargeQueue) first() *charge {
	if len(q.heap) == 0 {
		return nil
	}
	return q.heap[0]
}

func (q *chargeQueue) remove(c *charge) {
	heap.Remove(&q.heap, c.index)
	c.in = nil
}

type chargeHeap []*charge

func (h chargeHeap) Len() int { return len(h) }
func (h chargeHeap) Less(i, j int) bool {
	if h[i].key != h[j].key {
		return h[i].key < h[j].key
	}
	return h[i].number < h[j].number
}

func (h chargeHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *chargeHeap) Push(x any) {
	c, _ := x.(*charge)
	c.index = len(*h)
	*h = append(*h, c)
}

// Pop implements heap.Interface.
func (h *chargeHeap) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return c
}
