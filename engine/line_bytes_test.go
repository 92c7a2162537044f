package engine

import (
	"runtime"
	"testing"
	"unsafe"
)

// TestSomebodyOnTheWaitingListIsSmall: a row with up to four wishes; beside it there are four bytes for each of them in a queue.
func TestSomebodyOnTheWaitingListIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(waiterRow{}); size > 64 {
		t.Errorf("somebody who waits takes %d bytes", size)
	}
}

// TestAWaiterIsSmall adds up what somebody in the line takes beyond the id, and compares it with the heap: a row of the line, which entry is the buyer's newest, the
// buyer's row, and a place in the index of buyers.
func TestAWaiterIsSmall(t *testing.T) {
	const waiterBytesMax = 64
	rows := int(unsafe.Sizeof(lineRow{}) + unsafe.Sizeof(uint32(0)) + unsafe.Sizeof(buyerRow{}))
	if rows > waiterBytesMax-8 {
		t.Errorf("the rows of a waiter have %d bytes, which leaves no room for the index", rows)
	}
	const waiters = 100_000
	cmds := benchJoins(waiters)
	before := heap()
	e, _ := benchLobby(t, cmds, 1, false)
	id := len(cmds[0].Buyer)
	each := (heap()-before)/waiters - float64(id)
	if each > waiterBytesMax || each < float64(rows) {
		t.Errorf("a waiter takes %.1f bytes beyond the id, of which rows are %d: at most %d are allowed", each, rows, waiterBytesMax)
	}
	runtime.KeepAlive(e)
	runtime.KeepAlive(cmds)
}
