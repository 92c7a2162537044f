package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// scanTail reads every segment in dir and returns the records that decode, by seq; of equal records one. Records that belong to another folder,
// that are of a newer format, or that give one seq two contents are errors.
func scanTail(fs vfs.FS, dir string, tag uint64) ([]tailRecord, error) {
	names, err := fs.List(dir)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
		return nil, fmt.Errorf("tail: list %s: %w", dir, err)
	}
	slices.Sort(names)
	var recs []tailRecord
	var buf []byte
	for _, name := range names {
		i, err := strconv.Atoi(name)
		if err != nil || name != segmentName(i) {
			continue
		}
		if buf, err = readFile(fs, fs.PathJoin(dir, name), buf); err != nil {
			return nil, fmt.Errorf("tail: read segment %d: %w", i, err)
		}
		if recs, err = scanSegment(recs, buf, i, tag); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(recs, func(a, b tailRecord) int {
		switch {
		case a.seq < b.seq:
			return -1
		case a.seq > b.seq:
			return 1
		}
		return 0
	})
	out := recs[:0]
	for i := range recs {
		if n := len(out); n > 0 && out[n-1].seq == recs[i].seq {
			if out[n-1].link != recs[i].link {
				return nil, fmt.Errorf("tail: batch %d is there twice with different content: %w", recs[i].seq, ErrDamaged)
			}
			continue
		}
		out = append(out, recs[i])
	}
	return out, nil
}

func scanSegment(recs []tailRecord, data []byte, segment int, tag uint64) ([]tailRecord, error) {
	for at := 0; at+tailHead+batchLenMin <= len(data); {
		r, ok, err := parseRecord(data[at:], tag)
		if err != nil {
			return nil, fmt.Errorf("tail: segment %d at %d: %w", segment, at, err)
		}
		if !ok {
			at += tailAlign
			continue
		}
		r.segment, r.offset = segment, int64(at)
		recs = append(recs, r)
		at = int(r.end())
	}
	return recs, nil
}

// parseRecord decodes the record that b starts with, if it starts with one.
func parseRecord(b []byte, tag uint64) (tailRecord, bool, error) {
	if binary.LittleEndian.Uint32(b) != tailMagic {
		return tailRecord{}, false, nil
	}
	length := int(binary.LittleEndian.Uint32(b[tailLengthAt:]))
	if length < batchLenMin || length > len(b)-tailHead {
		return tailRecord{}, false, nil
	}
	b = b[:tailHead+length]
	if crc32.Checksum(b[tailCRCAt+4:], castagnoli) != binary.LittleEndian.Uint32(b[tailCRCAt:]) {
		return tailRecord{}, false, nil
	}
	if got := binary.LittleEndian.Uint64(b[tailTagAt:]); got != tag {
		return tailRecord{}, false, fmt.Errorf("a record of another data folder (tag %016x, this one is %016x): put back this folder's own tail: %w", got, tag, ErrDamaged)
	}
	seq := binary.LittleEndian.Uint64(b[tailSeqAt:])
	v, err := viewBatch(b[tailHead:], seq)
	if err != nil {
		return tailRecord{}, false, err
	}
	return tailRecord{seq: seq, acked: v.acked(), link: v.link(), prev: v.prev(), length: length}, true, nil
}

// readFile reads a whole file into buf, which grows as needed.
func readFile(fs vfs.FS, path string, buf []byte) ([]byte, error) {
	f, err := fs.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return buf, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return buf, err
	}
	n := int(info.Size())
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err := io.ReadFull(f, buf); err != nil {
		return buf, err
	}
	return buf, nil
}

// readRecord reads the batch of a record again, and checks it again.
func readRecord(fs vfs.FS, dir string, r *tailRecord, tag uint64) ([]byte, error) {
	f, err := fs.Open(fs.PathJoin(dir, segmentName(r.segment)))
	if err != nil {
		return nil, fmt.Errorf("tail: open segment %d: %w", r.segment, err)
	}
	defer f.Close()
	b := make([]byte, tailHead+r.length)
	if _, err := f.ReadAt(b, r.offset); err != nil {
		return nil, fmt.Errorf("tail: read batch %d in segment %d: %w", r.seq, r.segment, err)
	}
	got, ok, err := parseRecord(b, tag)
	if err != nil {
		return nil, err
	}
	if !ok || got.link != r.link {
		return nil, fmt.Errorf("tail: batch %d in segment %d reads differently the second time: %w", r.seq, r.segment, ErrDamaged)
	}
	return b[tailHead:], nil
}
