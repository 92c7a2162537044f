package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/holdfast-engine/holdfast/engine"
)

// A journal batch, as it is stored under its key and, byte for byte, in the tail. Numbers are little endian.
//
//	+---------+---------+---------+---------+---------+----------+---------+======+----------+
//	| version | 0 0 0   | runs    | seq     | acked   | before   | prev    | runs | link     |
//	| 1 byte  | 3 bytes | 4 bytes | 8 bytes | 8 bytes | 8 bytes  | 32 byte | ...  | 32 bytes |
//	+---------+---------+---------+---------+---------+----------+---------+======+----------+
//
// seq counts batches from 1 without holes. acked is the highest seq that was durable in both copies when this batch was written. before is
// the length of all earlier batches together, in bytes. prev is the link of the batch before (of the folder, for the first), and link is the
// SHA-256 of everything in front of it. A run is
//
//	+------+-------+------+-------+-----------+----------+----------+---------+---------+=======+
//	| kind | acct  | id   | part. | at        | first    | count    | len     | facts           |
//	| 1    | 1 + n | 1 + n| 2     | 8 bytes   | uvarint  | uvarint  | uvarint | len bytes       |
//	+------+-------+------+-------+-----------+----------+----------+---------+---------+=======+
const (
	batchVersion = 1

	batchRunsAt   = 4
	batchSeqAt    = 8
	batchAckedAt  = 16
	batchBeforeAt = 24
	batchPrevAt   = 32
	batchHead     = 64
	linkLen       = sha256.Size
	batchLenMin   = batchHead + linkLen
)

type link [linkLen]byte

// beginBatch appends a batch head whose number of runs finishBatch fills in.
func beginBatch(dst []byte, seq, acked, before uint64, prev *link) []byte {
	dst = append(dst, batchVersion, 0, 0, 0, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint64(dst, seq)
	dst = binary.LittleEndian.AppendUint64(dst, acked)
	dst = binary.LittleEndian.AppendUint64(dst, before)
	return append(dst, prev[:]...)
}

func appendRun(dst []byte, r *engine.Run) []byte {
	dst = appendAggregate(dst, r.Key)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(r.Partition))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.At))
	dst = binary.AppendUvarint(dst, uint64(r.First))
	dst = binary.AppendUvarint(dst, uint64(r.Facts.Count))
	dst = binary.AppendUvarint(dst, uint64(len(r.Facts.Buf)))
	return append(dst, r.Facts.Buf...)
}

// runLen bounds the encoded length of a run.
func runLen(r *engine.Run) int {
	return 3 + len(r.Key.Account) + len(r.Key.ID) + 2 + 8 + 3*binary.MaxVarintLen64 + len(r.Facts.Buf)
}

// finishBatch completes the batch that starts at dst[at:] and appends its link.
func finishBatch(dst []byte, at, runs int) ([]byte, link) {
	binary.LittleEndian.PutUint32(dst[at+batchRunsAt:], uint32(runs))
	l := link(sha256.Sum256(dst[at:]))
	return append(dst, l[:]...), l
}

// batch is a view of an encoded batch.
type batch []byte

// viewBatch checks the frame of an encoded batch: version, length and seq, not its link.
func viewBatch(v []byte, seq uint64) (batch, error) {
	if len(v) < batchLenMin {
		return nil, fmt.Errorf("journal batch %d has %d bytes, fewer than its frame: %w", seq, len(v), ErrDamaged)
	}
	if v[0] != batchVersion {
		if v[0] > batchVersion {
			return nil, fmt.Errorf("journal batch %d has format %d, this program reads up to %d: %w", seq, v[0], batchVersion, ErrNewer)
		}
		return nil, fmt.Errorf("journal batch %d has format %d: %w", seq, v[0], ErrDamaged)
	}
	if b := batch(v); b.seq() != seq {
		return nil, fmt.Errorf("journal batch %d says it is batch %d: %w", seq, b.seq(), ErrDamaged)
	}
	return batch(v), nil
}

func (b batch) runs() int      { return int(binary.LittleEndian.Uint32(b[batchRunsAt:])) }
func (b batch) seq() uint64    { return binary.LittleEndian.Uint64(b[batchSeqAt:]) }
func (b batch) acked() uint64  { return binary.LittleEndian.Uint64(b[batchAckedAt:]) }
func (b batch) before() uint64 { return binary.LittleEndian.Uint64(b[batchBeforeAt:]) }
func (b batch) prev() link     { return link(b[batchPrevAt:batchHead]) }
func (b batch) link() link     { return link(b[len(b)-linkLen:]) }

// checkLink verifies that the batch continues the chain at prev and that its own link is true.
func (b batch) checkLink(prev *link) error {
	if err := b.checkPrev(prev); err != nil || plantedBug(plantedSkipChainCheck) {
		return err
	}
	return b.checkSum()
}

// checkPrev verifies that the batch continues the chain at prev.
func (b batch) checkPrev(prev *link) error {
	if b.prev() != *prev && !plantedBug(plantedSkipChainCheck) {
		return fmt.Errorf("journal batch %d does not continue the chain: it follows %x, the batch before it is %x: %w", b.seq(), b.prev(), *prev, ErrDamaged)
	}
	return nil
}

func (b batch) checkSum() error {
	if got := link(sha256.Sum256(b[:len(b)-linkLen])); got != b.link() {
		return fmt.Errorf("journal batch %d has link %x but its content gives %x: %w", b.seq(), b.link(), got, ErrDamaged)
	}
	return nil
}

// runReader walks over the runs of a batch. The views it hands out are parts of the batch.
type runReader struct {
	rest []byte
	left int
	seq  uint64

	name []byte // kind, account, id: aggregateKey decodes it
	run  engine.Run
}

func (b batch) reader() runReader {
	return runReader{rest: b[batchHead : len(b)-linkLen], left: b.runs(), seq: b.seq()}
}

// next reads a run into r.run (all but its key) and its aggregate's name into r.name; false at the end.
func (r *runReader) next() (bool, error) {
	if r.left == 0 {
		if len(r.rest) != 0 {
			return false, fmt.Errorf("journal batch %d has %d bytes after its last run: %w", r.seq, len(r.rest), ErrDamaged)
		}
		return false, nil
	}
	r.left--
	b := r.rest
	n := aggregateLen(b)
	if n == 0 || len(b) < n+10 {
		return false, r.short()
	}
	r.name = b[:n]
	r.run.Partition = engine.Partition(binary.LittleEndian.Uint16(b[n:]))
	r.run.At = engine.Instant(binary.LittleEndian.Uint64(b[n+2:]))
	b = b[n+10:]
	first, n1 := binary.Uvarint(b)
	if n1 <= 0 {
		return false, r.short()
	}
	count, n2 := binary.Uvarint(b[n1:])
	if n2 <= 0 {
		return false, r.short()
	}
	length, n3 := binary.Uvarint(b[n1+n2:])
	if n3 <= 0 || length > uint64(len(b)-n1-n2-n3) || count > length || first == 0 {
		return false, r.short()
	}
	b = b[n1+n2+n3:]
	r.run.First = engine.Seq(first)
	r.run.Facts.Count = int(count)
	r.run.Facts.Buf = b[:length:length]
	r.rest = b[length:]
	return true, nil
}

func (r *runReader) short() error {
	return fmt.Errorf("journal batch %d has a run that does not decode, %d runs before its end: %w", r.seq, r.left, ErrDamaged)
}
