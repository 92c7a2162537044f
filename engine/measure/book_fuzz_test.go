package measure

import (
	"bytes"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// FuzzOpenBook gives a book damaged states: none makes it panic, and what opens is written down as itself.
func FuzzOpenBook(f *testing.F) {
	book := newTestBook()
	f.Add(book.AppendState(nil))
	entries := saleEntries(3)
	for i := range 30 {
		e := &entries[i*13]
		e.At = start + engine.Instant(i)*engine.Instant(30*time.Second)
		book.Add(e)
	}
	f.Add(book.AppendState(nil))
	f.Fuzz(func(t *testing.T, state []byte) {
		b, err := OpenBook(PolicyDefault(), time.LoadLocation, state)
		if err != nil {
			return
		}
		written := b.AppendState(nil)
		again, err := OpenBook(PolicyDefault(), time.LoadLocation, written)
		if err != nil {
			t.Fatalf("what a book wrote does not open: %v", err)
		}
		if !bytes.Equal(again.AppendState(nil), written) {
			t.Fatal("a book that was written down opens as another one")
		}
	})
}
