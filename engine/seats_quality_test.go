package engine_test

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
)

// hall is a small venue, place by place: what the engine is told of it, and what is free.
type hall struct {
	spec engine.LotSpec
	rows []hallRow
}

type hallRow struct {
	rank, best int64    // best in half places
	labels     []string // by place; empty where there is no seat
	free       uint32
}

// drawHall draws up to three rows of up to eight seats with an aisle now and then, of which most are taken.
func drawHall(rng *rand.Rand) *hall {
	h := &hall{spec: engine.LotSpec{Lot: "stalls"}}
	for i := range 1 + rng.IntN(3) {
		spec := engine.RowSpec{Section: "A", Row: strconv.Itoa(i + 1), Seats: int64(1 + rng.IntN(8)), Rank: int64(rng.IntN(3))}
		row := hallRow{rank: spec.Rank}
		if row.rank == 0 {
			row.rank = int64(i + 1)
		}
		aisle := rng.IntN(12) // behind this seat
		for n := 1; n <= int(spec.Seats); n++ {
			if rng.IntN(100) < 60 {
				row.free |= 1 << len(row.labels)
			}
			row.labels = append(row.labels, fmt.Sprintf("A/%d/%d", i+1, n))
			if n == aisle && n < int(spec.Seats) {
				spec.Aisles = strconv.Itoa(n)
				row.labels = append(row.labels, "")
			}
		}
		row.best = int64(len(row.labels) - 1)
		if n := rng.IntN(12); n >= 1 && n <= int(spec.Seats) {
			spec.Best = strconv.Itoa(n)
			for place, label := range row.labels {
				if strings.HasSuffix(label, "/"+spec.Best) {
					row.best = int64(2 * place)
				}
			}
		}
		for place, label := range row.labels {
			if label == "" {
				row.free &^= 1 << place
			}
		}
		h.rows, h.spec.Rows = append(h.rows, row), append(h.spec.Rows, spec)
	}
	return h
}

// quality is how good a choice of seats is: less is better, from the left to the right.
type quality [3]int64 // groups, orphans, ranks

func (a quality) better(b quality) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// rate rates seats, given as places of each row.
func (h *hall) rate(chosen []uint32) (q quality) {
	for i, set := range chosen {
		row := &h.rows[i]
		q[0] += int64(bits.OnesCount32(set &^ (set << 1)))
		left := row.free &^ set
		single := left &^ (left<<1 | left>>1)
		q[1] += int64(bits.OnesCount32(single & (set<<1 | set>>1)))
		for places := set; places != 0; places &= places - 1 {
			d := 2*int64(bits.TrailingZeros32(places)) - row.best
			q[2] += row.rank<<16 + max(d, -d)
		}
	}
	return q
}

// best rates every choice of so many free seats, one by one, and returns the best. together leaves out those in several groups.
func (h *hall) best(seats int, together bool) (best quality, found bool) {
	chosen := make([]uint32, len(h.rows))
	var choose func(row, left int)
	choose = func(row, left int) {
		if row == len(h.rows) {
			if q := h.rate(chosen); left == 0 && (!together || q[0] == 1) && (!found || q.better(best)) {
				best, found = q, true
			}
			return
		}
		free := h.rows[row].free
		for set := free; ; set = (set - 1) & free { // every subset
			if n := bits.OnesCount32(set); n <= left {
				chosen[row] = set
				choose(row+1, left-n)
			}
			if set == 0 {
				break
			}
		}
		chosen[row] = 0
	}
	choose(0, seats)
	return best, found
}

// TestBestSeatsAreTheBest compares what the engine picks with the best of all choices there are, tried one by one, in small venues.
func TestBestSeatsAreTheBest(t *testing.T) {
	cases := number(t, "HOLDFAST_SEATS_CASES", 4000)
	rng := rand.New(rand.NewPCG(7, 8))
	seated, same, split, orphans, greedy := 0, 0, 0, 0, 0
	for n := range cases {
		h := drawHall(rng)
		e := engine.New(eventKey())
		var facts engine.Facts
		step := func(cmd *engine.Command) *engine.Outcome {
			cmd.RequestID = fmt.Sprintf("r%d-%d", n, facts.Count)
			return e.Step(cmd, 1e18, &facts)
		}
		step(&engine.Command{Verb: engine.VerbCreate, Spec: &engine.EventSpec{Name: "Night", Currency: "EUR", Open: true, Lots: []engine.LotSpec{h.spec}}})
		var taken []string
		free := 0
		for i := range h.rows {
			for place, label := range h.rows[i].labels {
				if label != "" && h.rows[i].free>>place&1 == 0 {
					taken = append(taken, label)
				} else if label != "" {
					free++
				}
			}
		}
		if len(taken) > 0 {
			if out := step(&engine.Command{Verb: engine.VerbBlock, Lot: "stalls", Seats: taken}); out.Code != engine.CodeOK {
				t.Fatalf("%s", out.AppendMessage(nil))
			}
		}
		it := engine.Item{Lot: "stalls", Quantity: int64(1 + rng.IntN(8)), Split: rng.IntN(2) == 0}
		best, found := h.best(int(it.Quantity), !it.Split)
		out := step(&engine.Command{Verb: engine.VerbHold, Buyer: "b", Items: []engine.Item{it}})
		if (out.Code == engine.CodeOK) != found {
			t.Fatalf("%+v in %+v is answered %s, and there is a way to seat them: %t", it, h.spec.Rows, out.Code, found)
		}
		if !found {
			continue
		}
		seated++
		chosen := make([]uint32, len(h.rows))
		for _, seat := range out.Hold.Items[0].Seats {
			for i := range h.rows {
				for place, label := range h.rows[i].labels {
					if label == seat {
						chosen[i] |= 1 << place
					}
				}
			}
		}
		got := h.rate(chosen)
		if best[0] > 1 {
			split++
		}
		if best[0] > 4 {
			greedy++
		}
		if got == best {
			same++
		} else {
			t.Logf("%+v in %+v, free %v: got %v %v, the best is %v", it, h.spec.Rows, h.rows, got, out.Hold.Items[0].Seats, best)
		}
		if got[0] != best[0] || got[1] > best[1] {
			orphans++
			t.Errorf("an orphan, or a group more than needed")
		}
	}
	share := 100 * float64(same) / float64(seated)
	t.Logf("%.2f%% of %d choices are as good as the best of all, %d of them in several groups (%d in more than four), %d with an orphan that could be avoided",
		share, seated, split, greedy, orphans)
	if share < 99 {
		t.Errorf("only %.2f%% are as good as the best", share)
	}
}
