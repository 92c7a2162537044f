package store

import (
	"errors"
	"testing"
)

// chainOf makes records and log ends out of one chain of n batches.
func chainOf(n int) []tailRecord {
	recs := make([]tailRecord, n)
	for i := range recs {
		recs[i] = tailRecord{seq: uint64(i + 1), link: link{byte(i + 1)}, prev: link{byte(i)}, acked: uint64(max(0, i-2))}
	}
	return recs
}

func logEnd(recs []tailRecord, n int) end {
	if n == 0 {
		return end{}
	}
	r := recs[n-1]
	return end{position: position{seq: r.seq, head: r.link}, acked: r.acked}
}

func TestTwoCopiesOfTheLogAreCompared(t *testing.T) {
	c := chainOf(10) // batch 10 says that 7 were durable in both
	pick := func(seqs ...int) []tailRecord {
		var out []tailRecord
		for _, s := range seqs {
			out = append(out, c[s-1])
		}
		return out
	}
	other := c[9]
	other.link = link{99}
	stranger := c[9]
	stranger.prev = link{98}
	ahead := c[9]
	ahead.acked = 10
	for _, test := range []struct {
		name    string
		log     int
		tail    []tailRecord
		accept  bool
		refused bool
		end     uint64
		give    int
		drop    int
		lacks   uint64
		trouble bool
	}{
		{name: "a new folder"},
		{name: "both the same", log: 10, tail: pick(8, 9, 10), end: 10},
		{name: "the log was torn", log: 9, tail: pick(8, 9, 10), end: 10, give: 1},
		{name: "the tail was torn", log: 10, tail: pick(7, 8), end: 10, lacks: 9},
		{name: "both were torn, differently", log: 8, tail: pick(7, 9, 10), end: 10, give: 2, lacks: 8},
		{name: "the first batch reached only the log", log: 1, end: 1, lacks: 1},
		{name: "the first batches reached only the tail", tail: pick(1, 2, 3), end: 3, give: 3},
		{name: "a later block of the tail was kept, an earlier one lost", log: 8, tail: pick(7, 8, 10), end: 8, drop: 1},
		{name: "the log lost acknowledged batches, the tail has them", log: 4, tail: pick(4, 5, 6, 7, 8, 9, 10), end: 10, give: 6, trouble: true},
		{name: "the tail lost acknowledged batches, the log has them", log: 10, tail: pick(4, 5), end: 10, lacks: 6, trouble: true},
		{name: "the tail is gone", log: 10, refused: true},
		{name: "the tail is gone, and an operator goes on", log: 10, accept: true, end: 10, lacks: 1, trouble: true},
		{name: "both end below what was acknowledged", log: 5, tail: pick(4, 5, 10), refused: true},
		{name: "one batch with two contents", log: 10, tail: []tailRecord{c[8], other}, refused: true},
		{name: "two histories", log: 9, tail: []tailRecord{c[8], stranger}, refused: true},
		{name: "a batch that says it was durable before it was", log: 5, tail: []tailRecord{c[4], ahead}, refused: true},
		{name: "old records of the ring", log: 10, tail: pick(1, 2, 3, 8, 9, 10), end: 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := decide(logEnd(c, test.log), test.tail, test.accept)
			if test.refused {
				if !errors.Is(err, ErrDamaged) {
					t.Fatalf("decided %+v, %v: it should refuse", d, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d.end != test.end || len(d.give) != test.give || len(d.drop) != test.drop || d.lacks != test.lacks || d.trouble != test.trouble {
				t.Errorf("end %d, give %d, drop %d, lacks %d, trouble %v; want %d, %d, %d, %d, %v",
					d.end, len(d.give), len(d.drop), d.lacks, d.trouble, test.end, test.give, test.drop, test.lacks, test.trouble)
			}
		})
	}
}
