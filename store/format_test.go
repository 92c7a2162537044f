package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store/storetest"
)

var rewrite = flag.Bool("rewrite-golden", false, "write the golden files anew: only when the format has a new version")

// golden compares b with a file that an earlier version wrote, as hex.
func golden(t *testing.T, name string, b []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", "golden", name+".hex")
	if *rewrite {
		if err := os.WriteFile(path, []byte(hex.Dump(b)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != hex.Dump(b) {
		t.Errorf("%s is written differently than before: folders of earlier versions would not be read. It is\n%s", name, hex.Dump(b))
	}
	return b
}

// sampleBatch is a batch with two runs.
func sampleBatch() ([]byte, []engine.Run) {
	runs := []engine.Run{
		{Key: engine.Key{Account: "_", Kind: engine.KindEvent, ID: "e1"}, Partition: 513, First: 1, At: 1_777_629_600_000_000_000},
		{Key: engine.Key{Account: "shop", Kind: engine.KindNode, ID: "node"}, Partition: 7, First: 300, At: 5},
	}
	storetest.AppendAdd(&runs[0].Facts, []byte("a ticket"))
	storetest.AppendAdd(&runs[0].Facts, nil)
	storetest.AppendProof(&runs[1].Facts, 0xfeed)
	b := beginBatch(nil, 42, 40, 4096, &link{1, 2, 3})
	for i := range runs {
		b = appendRun(b, &runs[i])
	}
	b, _ = finishBatch(b, 0, len(runs))
	return b, runs
}

// TestFormatsStayReadable compares everything that lies on disk with what version 1 wrote.
func TestFormatsStayReadable(t *testing.T) {
	b, runs := sampleBatch()
	v, err := viewBatch(golden(t, "batch", b), 42)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.checkLink(&link{1, 2, 3}); err != nil {
		t.Error(err)
	}
	r := v.reader()
	for i := range runs {
		more, err := r.next()
		if err != nil || !more {
			t.Fatalf("run %d: %v, %v", i, more, err)
		}
		r.run.Key = aggregateKey(r.name)
		if w := runs[i]; r.run.Key != w.Key || r.run.First != w.First || r.run.At != w.At || r.run.Partition != w.Partition || r.run.Facts.Count != w.Facts.Count ||
			!bytes.Equal(r.run.Facts.Buf, w.Facts.Buf) {
			t.Errorf("run %d is read as %+v", i, r.run)
		}
	}
	if more, err := r.next(); more || err != nil {
		t.Errorf("after the last run: %v, %v", more, err)
	}
	if v.acked() != 40 || v.before() != 4096 {
		t.Errorf("acked %d, before %d", v.acked(), v.before())
	}

	rec := golden(t, "tail_record", finishRecord(append(beginRecord(nil), b...), 0xabc, 42))
	if got, ok, err := parseRecord(rec, 0xabc); !ok || err != nil || got.seq != 42 || got.acked != 40 || got.link != v.link() {
		t.Errorf("the record is read as %+v, %v, %v", got, ok, err)
	}

	h := header{seq: 9, position: 3, lastAt: 4, hash: 5, wake: 6, length: 7, sum: [32]byte{8}}
	var back header
	if err := back.read(golden(t, "snapshot_header", h.append(nil)), 9); err != nil || back != h {
		t.Errorf("the header is read as %+v, %v", back, err)
	}
	p := passRecord{before: position{seq: 1, head: link{2}, bytes: 3}, last: position{seq: 4, head: link{5}, bytes: 6}}
	golden(t, "pass_record", p.encode())
	golden(t, "keys", bytes.Join([][]byte{
		journalKey(42), metaKey(metaPass), snapshotKey(appendAggregate(nil, runs[1].Key), 9), stateKey(appendAggregate(nil, runs[1].Key), 9, 2),
	}, nil))
	golden(t, "format", []byte(encodeFormat(1, 0xabc)))
}

func TestNewerPiecesAreRefusedAsNewer(t *testing.T) {
	b, _ := sampleBatch()
	b[0] = batchVersion + 1
	if _, err := viewBatch(b, 42); !errors.Is(err, ErrNewer) {
		t.Errorf("a newer batch: %v", err)
	}
	h := (&header{}).append(nil)
	h[0] = snapshotVersion + 1
	if err := new(header).read(h, 1); !errors.Is(err, ErrNewer) {
		t.Errorf("a newer snapshot: %v", err)
	}
	be := newBench(t, nil)
	if err := be.s.db.Set(metaKey(metaHigh), []byte{metaVersion + 1, 1}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := getHigh(be.s.db); !errors.Is(err, ErrNewer) {
		t.Errorf("a newer high mark: %v", err)
	}
}

// FuzzBatch reads hostile batches: an error or what was written, never a panic.
func FuzzBatch(f *testing.F) {
	b, _ := sampleBatch()
	f.Add(b)
	f.Add(b[:batchLenMin])
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < batchLenMin {
			return
		}
		v, err := viewBatch(b, batch(b).seq())
		if err != nil {
			return
		}
		_ = v.checkLink(&link{})
		again := beginBatch(nil, v.seq(), v.acked(), v.before(), new(v.prev()))
		r, n := v.reader(), 0
		for {
			more, err := r.next()
			if err != nil {
				return
			}
			if !more {
				break
			}
			r.run.Key = aggregateKey(r.name)
			again = appendRun(again, &r.run)
			n++
		}
		// A batch that reads to its end is what its runs are written as, but for longer forms of the same numbers.
		if n != v.runs() {
			t.Fatalf("%d runs were read, the batch says %d", n, v.runs())
		}
		if again, _ = finishBatch(again, 0, n); len(again) > len(b) {
			t.Fatalf("it is %d bytes when written again, it was %d", len(again), len(b))
		}
	})
}

// FuzzTailSegment scans hostile segments.
func FuzzTailSegment(f *testing.F) {
	b, _ := sampleBatch()
	rec := finishRecord(append(beginRecord(nil), b...), 0xabc, 42)
	f.Add(rec)
	f.Add(append(make([]byte, 64), rec...))
	f.Fuzz(func(t *testing.T, data []byte) {
		recs, err := scanSegment(nil, data, 0, 0xabc)
		if err != nil {
			return
		}
		for _, r := range recs {
			if r.end()-tailAlign >= int64(len(data)) || r.seq == 0 && !bytes.Contains(data, make([]byte, 8)) {
				t.Fatalf("a record at %d of %d bytes: %+v", r.offset, len(data), r)
			}
		}
	})
}

// FuzzSnapshotKeys takes hostile keys and headers apart.
func FuzzSnapshotKeys(f *testing.F) {
	_, runs := sampleBatch()
	f.Add(snapshotKey(appendAggregate(nil, runs[1].Key), 9), (&header{}).append(nil))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		var h header
		_ = h.read(value, 1)
		if name, seq, ok := splitSnapshotKey(key); ok {
			if again := snapshotKey(appendAggregate(nil, aggregateKey(name)), seq); !bytes.Equal(again, key) {
				t.Fatalf("%x is read as %x", key, again)
			}
		}
	})
}

// FuzzFormat reads hostile FORMAT files.
func FuzzFormat(f *testing.F) {
	f.Add(encodeFormat(1, 0xabc))
	f.Add(strings.Replace(encodeFormat(1, 0xabc), "1", "2", 1))
	f.Fuzz(func(t *testing.T, text string) {
		version, tag, err := decodeFormat(text)
		if err == nil && encodeFormat(version, tag) != text {
			t.Fatalf("%q was read as folder %x", text, tag)
		}
	})
}
