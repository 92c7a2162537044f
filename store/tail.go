package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The tail is a ring of files, tail/000, tail/001, ..., written round and round. A record in it is a journal batch with a frame, and starts at a
// multiple of tailAlign. Numbers are little endian.
//
//	+---------+---------+---------+---------+---------+---------+=========+======+
//	| magic   | length  | crc32c  | 0       | tag     | seq     | batch   | 0... |
//	| 4 bytes | 4 bytes | 4 bytes | 4 bytes | 8 bytes | 8 bytes | length  |      |
//	+---------+---------+---------+---------+---------+---------+=========+======+
//
// length is that of the batch (batch.go), which carries acked, the chain and its runs. The CRC covers everything behind it, up to the end of the
// batch. tag is the folder's: a segment of another folder is recognized. The tail is a set of records, not a sequence: whatever decodes is in it,
// so damage to one record costs that record only, and what is left of an older round behind the newest record is just older records.
const (
	tailMagic    = 0x31544648 // "HFT1"
	tailHead     = 32
	tailAlign    = 64
	tailLengthAt = 4
	tailCRCAt    = 8
	tailTagAt    = 16
	tailSeqAt    = 24
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// beginRecord appends an empty frame; the batch follows and finishRecord fills it in.
func beginRecord(dst []byte) []byte { return append(dst, make([]byte, tailHead)...) }

// finishRecord completes the record in rec, whose batch is in place, and pads it to a whole number of tailAlign.
func finishRecord(rec []byte, tag, seq uint64) []byte {
	binary.LittleEndian.PutUint32(rec, tailMagic)
	binary.LittleEndian.PutUint32(rec[tailLengthAt:], uint32(len(rec)-tailHead))
	binary.LittleEndian.PutUint64(rec[tailTagAt:], tag)
	binary.LittleEndian.PutUint64(rec[tailSeqAt:], seq)
	binary.LittleEndian.PutUint32(rec[tailCRCAt:], crc32.Checksum(rec[tailCRCAt+4:], castagnoli))
	if n := len(rec) % tailAlign; n != 0 {
		var zero [tailAlign]byte
		rec = append(rec, zero[n:]...)
	}
	return rec
}

// tailRecord is where a record of the tail lies, and what the decision at the start needs to know of it.
type tailRecord struct {
	seq     uint64
	acked   uint64
	link    link
	prev    link
	segment int
	offset  int64 // of the frame
	length  int   // of the batch
}

func (r *tailRecord) end() int64 {
	return r.offset + (tailHead+int64(r.length)+tailAlign-1)/tailAlign*tailAlign
}

// tail writes the ring. All methods belong to one goroutine at a time.
type tail struct {
	fs           vfs.FS
	dir          string
	tag          uint64
	segmentBytes int64
	files        []vfs.File // nil until used
	last         []uint64   // the highest seq that a segment may hold
	segment      int
	offset       int64
	dirty        bool

	// overwrite makes sure that Pebble has everything up to seq in tables, so that a segment that holds it may be overwritten.
	overwrite func(seq uint64) error
	// prepare asks for the same, without waiting.
	prepare func(seq uint64)
}

func segmentName(i int) string { return fmt.Sprintf("%03d", i) }

// open opens segment i for writing, creating it if it is missing.
func (t *tail) open(i int) error {
	if t.files[i] != nil {
		return nil
	}
	path := t.fs.PathJoin(t.dir, segmentName(i))
	_, err := t.fs.Stat(path)
	created := err != nil
	f, err := t.fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("tail: open segment %d: %w", i, err)
	}
	t.files[i] = f
	if !created {
		return nil
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("tail: sync new segment %d: %w", i, err)
	}
	return syncDir(t.fs, t.dir)
}

// write appends a record. It is durable after the next sync.
func (t *tail) write(rec []byte, seq uint64) error {
	if t.offset+int64(len(rec)) > t.segmentBytes {
		if err := t.advance(); err != nil {
			return err
		}
	}
	if err := t.open(t.segment); err != nil {
		return err
	}
	n, err := t.files[t.segment].WriteAt(rec, t.offset)
	if err != nil {
		return fmt.Errorf("tail: write batch %d to segment %d: %w", seq, t.segment, err)
	}
	if n != len(rec) {
		return fmt.Errorf("tail: write batch %d to segment %d: only %d of %d bytes were taken", seq, t.segment, n, len(rec))
	}
	t.dirty = true
	t.offset += int64(len(rec))
	t.last[t.segment] = max(t.last[t.segment], seq)
	return nil
}

// sync makes everything written durable.
func (t *tail) sync() error {
	if !t.dirty || plantedBug(plantedSkipTailSync) {
		return nil
	}
	return t.probe()
}

// probe syncs the present segment, dirty or not.
func (t *tail) probe() error {
	if t.files[t.segment] == nil {
		return nil
	}
	if err := t.files[t.segment].SyncData(); err != nil {
		return fmt.Errorf("tail: sync segment %d: %w", t.segment, err)
	}
	t.dirty = false
	return nil
}

// advance goes on in the next segment, once nothing in it is needed any more.
func (t *tail) advance() error {
	if err := t.sync(); err != nil {
		return err
	}
	next := (t.segment + 1) % len(t.files)
	if err := t.overwrite(t.last[next]); err != nil {
		return err
	}
	t.segment, t.offset, t.last[next] = next, 0, 0
	t.prepare(max(t.last[(next+1)%len(t.files)], t.last[(next+2)%len(t.files)]))
	return nil
}

// erase makes a record unreadable.
func (t *tail) erase(r *tailRecord) error {
	if err := t.open(r.segment); err != nil {
		return err
	}
	if _, err := t.files[r.segment].WriteAt(make([]byte, tailHead), r.offset); err != nil {
		return fmt.Errorf("tail: erase batch %d in segment %d: %w", r.seq, r.segment, err)
	}
	if err := t.files[r.segment].SyncData(); err != nil {
		return fmt.Errorf("tail: sync segment %d: %w", r.segment, err)
	}
	return nil
}

func (t *tail) close() error {
	var first error
	for i, f := range t.files {
		if f == nil {
			continue
		}
		if err := f.Close(); err != nil && first == nil {
			first = fmt.Errorf("tail: close segment %d: %w", i, err)
		}
		t.files[i] = nil
	}
	return first
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("open folder %s to sync it: %w", dir, err)
	}
	if err := d.Sync(); err != nil {
		_ = d.Close()
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	if err := d.Close(); err != nil {
		return fmt.Errorf("close folder %s: %w", dir, err)
	}
	return nil
}
