package store

import (
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store/storetest"
)

func TestVerifyCountsAndChangesNothing(t *testing.T) {
	b := newBench(t, nil)
	for i := range 5 {
		b.put(i, 10, 2)
	}
	b.pass()
	b.put(1, 5, 2)
	b.sleep(toyKey(2))
	b.pass()
	b.put(3, 5, 1)
	b.s.HighMark(12345)
	head := b.s.journal.head
	last := b.s.Durable()
	b.close()
	before := readFolder(t, b.c.FS, dataDir)
	progress := uint64(0)
	rep, err := Verify(VerifyConfig{Dir: dataDir, FS: b.c.FS, New: b.c.New, Open: b.c.Open, Progress: func(n uint64) { progress = n }})
	if err != nil || len(rep.Problems) > 0 {
		t.Fatalf("%v, %v", rep.Problems, err)
	}
	after := readFolder(t, b.c.FS, dataDir)
	for p, content := range before {
		if string(after[p]) != string(content) {
			t.Errorf("%s was changed", p)
		}
	}
	if len(before) != len(after) {
		t.Errorf("%d files before, %d after", len(before), len(after))
	}
	if rep.LastBatch != last || rep.ChainHead != [32]byte(head) || len(rep.Aggregates) != 5 || rep.HighMark != 12345 || rep.TailRecords == 0 {
		t.Errorf("report: %+v", rep)
	}
	for _, a := range rep.Aggregates {
		if want := b.w.Toy(a.Key); a.Seq != want.Seq() || a.StateHash != want.StateHash() {
			t.Errorf("%v: fact %d and hash %x, want %d and %x", a.Key, a.Seq, a.StateHash, want.Seq(), want.StateHash())
		}
	}
	_ = progress
}

func TestVerifyReadsALogThatWasNotClosed(t *testing.T) {
	b := newBench(t, nil)
	b.put(1, 30, 2)
	folder := readFolder(t, b.c.FS, dataDir)
	rep, err := Verify(VerifyConfig{Dir: dataDir, FS: folder.mem(), New: b.c.New, Open: b.c.Open})
	if err != nil || len(rep.Problems) > 0 || rep.Facts != 60 {
		t.Errorf("%d facts, %v, %v", rep.Facts, rep.Problems, err)
	}
}

func TestVerifyFindsWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(b *bench)
		want string
	}{
		"an invariant is broken": {
			do: func(b *bench) {
				b.w.Run(b.s, toyKey(1), func(_ *storetest.Toy, f *engine.Facts) { storetest.AppendBreak(f) })
			},
			want: "the toy is broken",
		},
		"a snapshot is of another state": {
			do: func(b *bench) {
				b.pass()
				b.put(1, 1, 1)
				toy := *b.w.Toy(toyKey(1))
				toy.SetWake(9)
				storetest.Spoil(&toy)
				done := make(chan error, 1)
				b.s.Sleep(&engine.Snapshot{
					Asleep: engine.Asleep{Key: toyKey(1), Seq: toy.Seq(), LastAt: toy.LastAt(), StateHash: toy.StateHash()}, State: toy.AppendSnapshot(nil),
				}, func(err error) { done <- err })
				if err := <-done; err != nil {
					b.t.Fatal(err)
				}
			},
			want: "the log gives state hash",
		},
		"a state does not open as what its header says": {
			do: func(b *bench) {
				toy := b.w.Toy(toyKey(1))
				done := make(chan error, 1)
				b.s.Sleep(&engine.Snapshot{Asleep: engine.Asleep{Key: toyKey(1), Seq: toy.Seq(), StateHash: 1}, State: toy.AppendSnapshot(nil)},
					func(err error) { done <- err })
				if err := <-done; err != nil {
					b.t.Fatal(err)
				}
			},
			want: "state hash",
		},
		"a snapshot is ahead of the log": {
			do: func(b *bench) {
				toy := *b.w.Toy(toyKey(1))
				run := &engine.Run{First: toy.Seq() + 1}
				storetest.AppendAdd(&run.Facts, nil)
				if err := toy.Fold(run); err != nil {
					b.t.Fatal(err)
				}
				done := make(chan error, 1)
				b.s.Sleep(&engine.Snapshot{Asleep: engine.Asleep{Key: toyKey(1), Seq: toy.Seq(), StateHash: toy.StateHash()}, State: toy.AppendSnapshot(nil)},
					func(err error) { done <- err })
				if err := <-done; err != nil {
					b.t.Fatal(err)
				}
			},
			want: "the log only comes to",
		},
		"an aggregate's facts have a hole": {
			do: func(b *bench) {
				toy := b.w.Toy(toyKey(1))
				run := &engine.Run{Key: toyKey(1), Partition: engine.PartitionOf("e1"), First: toy.Seq() + 2}
				storetest.AppendAdd(&run.Facts, nil)
				b.s.Append(run)
			},
			want: "a run starts at fact",
		},
		"a run is of the wrong partition": {
			do: func(b *bench) {
				run := &engine.Run{Key: toyKey(7), First: 1}
				storetest.AppendAdd(&run.Facts, nil)
				b.s.Append(run)
			},
			want: "partition",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.put(1, 5, 2)
			b.put(2, 5, 2)
			test.do(b)
			b.close()
			rep, err := Verify(VerifyConfig{Dir: dataDir, FS: b.c.FS, New: b.c.New, Open: b.c.Open})
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, p := range rep.Problems {
				found = found || strings.Contains(p.Error(), test.want)
			}
			if !found {
				t.Errorf("found %v, want something with %q", rep.Problems, test.want)
			}
		})
	}
}
