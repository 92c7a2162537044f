package measure

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// TestAWayCountsWhereItAlwaysDid asks for the series and the cells of more ways than are remembered, in an order in which they push each other out, also of
// events that found no room: what is remembered is what is found by looking.
func TestAWayCountsWhereItAlwaysDid(t *testing.T) {
	policy := PolicyDefault()
	policy.SeriesMax = 300
	b := NewBook(policy, time.LoadLocation)
	cells := make(map[cellKey]uint32)
	for round := range 3 {
		for n := range 400 {
			s := b.event(engine.Key{Account: "shop", Kind: engine.KindEvent, ID: fmt.Sprint(n)})
			for v := range uint8(4) {
				how := How{flow: v % 3, device: v, method: uint8(n % 4), channel: uint8(n % (wordsMax + 2))}
				at := engine.Instant(n%24) * engine.Instant(time.Hour)
				got := b.seriesOf(nil, s, at, how)
				if want := b.appendSeries(nil, s, at, how); !slices.Equal(got, want) {
					t.Fatalf("round %d: event %d counts in %v as %+v, not in %v", round, n, got, how, want)
				}
				key := cellKey{scope: uint32(s.number), how: how}
				id := b.meters[1].(*cohorts).cells.find(s, how)
				if known, ok := cells[key]; ok && known != id {
					t.Fatalf("round %d: event %d counts in cell %d as %+v, not in %d", round, n, id, how, known)
				}
				cells[key] = id
			}
		}
	}
}
