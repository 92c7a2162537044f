package engine

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
)

// FuzzFold folds hostile bytes into an event that has been through a lot. Whatever they are, it refuses them or is sound afterwards.
func FuzzFold(f *testing.F) {
	w, _ := goldenLife(f)
	state := w.e.AppendSnapshot(nil)
	open := New(testKey())
	for _, facts := range goldenFacts(f) {
		f.Add(facts, uint8(1), false)
		f.Add(facts, uint8(1), true)
	}
	_, lines := goldenSeats(f)
	sold, after := goldenAfterSale(f)
	bought, paid := goldenCheckout(f)
	queued, joined := goldenLine(f)
	waiting, wished := goldenWait(f)
	coded, gave := goldenCodes(f)
	lines = append(append(append(append(append(lines, after...), paid...), joined...), wished...), gave...)
	for _, line := range lines {
		if strings.HasSuffix(line, " ") {
			continue // a step without facts
		}
		b, err := hex.DecodeString(line[strings.LastIndexByte(line, ' ')+1:])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint8(1), true)
		f.Add(b, uint8(1), false)
	}
	states := [...][]byte{state, sold.e.AppendSnapshot(nil), bought.e.AppendSnapshot(nil), queued.e.AppendSnapshot(nil), waiting.e.AppendSnapshot(nil), coded.e.AppendSnapshot(nil)}
	f.Fuzz(func(t *testing.T, buf []byte, count uint8, blank bool) {
		var e *Event
		if blank {
			e = NewWithLimits(testKey(), open.limits)
		} else {
			a, err := OpenSnapshot(testKey(), states[len(buf)%len(states)])
			if err != nil {
				t.Fatal(err)
			}
			e = a.(*Event)
		}
		run := Run{Key: testKey(), First: e.Seq() + 1, At: e.LastAt() + 1000*second, Facts: Facts{Buf: buf, Count: int(count)}}
		if blank {
			run.At = start
		}
		if err := e.Fold(&run); err != nil {
			return
		}
		if err := e.Check(); err != nil {
			t.Fatal(err)
		}
		opened, err := OpenSnapshot(testKey(), e.AppendSnapshot(nil))
		if err != nil {
			t.Fatal(err)
		}
		if opened.StateHash() != e.StateHash() {
			t.Fatalf("opened %016x, folded %016x", opened.StateHash(), e.StateHash())
		}
	})
}

// goldenFacts are the facts of each step of the golden life.
func goldenFacts(f testing.TB) [][]byte {
	w, lines := goldenLife(f)
	var list [][]byte
	for _, line := range lines {
		if f := strings.Fields(line); len(f) == 4 {
			b, err := hex.DecodeString(f[3])
			if err != nil {
				panic(err)
			}
			list = append(list, b)
		}
	}
	return append(list, w.e.AppendSnapshot(nil))
}

// FuzzSnapshot opens hostile bytes as a snapshot. As hardly any have the right state hash, the hash is put right first.
func FuzzSnapshot(f *testing.F) {
	w, _ := goldenLife(f)
	f.Add(w.e.AppendSnapshot(nil))
	f.Add(New(testKey()).AppendSnapshot(nil))
	seats, _ := goldenSeats(f)
	f.Add(seats.e.AppendSnapshot(nil))
	sold, _ := goldenAfterSale(f)
	f.Add(sold.e.AppendSnapshot(nil))
	bought, _ := goldenCheckout(f)
	f.Add(bought.e.AppendSnapshot(nil))
	waiting, _ := goldenWait(f)
	f.Add(waiting.e.AppendSnapshot(nil))
	coded, _ := goldenCodes(f)
	f.Add(coded.e.AppendSnapshot(nil))
	for _, state := range lineStates(f) {
		f.Add(state)
	}
	n, _ := goldenNode(f)
	f.Add(n.AppendSnapshot(nil))
	f.Fuzz(func(t *testing.T, state []byte) {
		if a, err := OpenSnapshot(Key{Kind: KindNode, ID: "n1"}, state); err == nil {
			if err := a.Check(); err != nil {
				t.Fatal(err)
			}
		}
		e := New(testKey())
		if len(state) > 10 && state[0] >= 1 && state[0] <= snapshotVersion && state[1] > 0 && state[1] <= byte(EventArchived) {
			e.state = EventState(state[1])
			d := decoder{buf: state[2:]}
			e.openTables(&d, state[0])
			if strings.HasPrefix(d.what, "its state hash is") {
				state = binary.LittleEndian.AppendUint64(append([]byte{}, state[:len(state)-8]...), e.StateHash())
			}
		}
		a, err := OpenSnapshot(testKey(), state)
		if err != nil {
			return
		}
		e = a.(*Event)
		again, err := OpenSnapshot(testKey(), e.AppendSnapshot(nil))
		if err != nil || again.StateHash() != e.StateHash() {
			t.Fatalf("opened again: %v", err)
		}
		// Whatever it is, it works: every deadline passes, and every tier that is due opens.
		var facts Facts
		for range 100 {
			at, ok := e.NextDeadline()
			if !ok {
				break
			}
			e.Step(&Command{Verb: VerbExpire}, at, &facts)
		}
		e.Step(&Command{Verb: VerbGet}, e.LastAt(), &facts)
		if err := e.Check(); err != nil {
			t.Fatal(err)
		}
	})
}
