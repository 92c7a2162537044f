package store

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// An archive is a file that holds one aggregate for good: its last state, and its facts as far back as the log had them. It begins with a line that
// says so, and goes on as one gzip stream of records:
//
//	| kind, 1 byte | length, varint | that many bytes |
//
//	h, first       name of the aggregate (keys.go) | last at, 8 bytes | seq of the last fact, 8 bytes | state hash, 8 bytes | state length, 8 bytes
//	s, in order    a piece of the state
//	r, in order    at, 8 bytes | seq of the first fact, varint | facts, varint | the facts
//	e, last        runs, 8 bytes | SHA-256 of everything before this record's last 32 bytes, uncompressed
//
// Numbers of 8 bytes are little endian. A file without its e is half written, and refused.
const (
	archiveMagic   = "holdfast archive 1\n"
	archiveHeader  = 'h'
	archiveState   = 's'
	archiveRun     = 'r'
	archiveEnd     = 'e'
	archiveNumbers = 4 * 8 // of the header, behind the name
	// archiveRecordBytesMax bounds a record that is read: a piece of a state, or a run, of which a tail segment holds two.
	archiveRecordBytesMax = 1 << 30
	// archiveStateBytes is the most that a record has of the state.
	archiveStateBytes = 1 << 20
)

// ArchiveInfo says what an archive holds.
type ArchiveInfo struct {
	Key       engine.Key
	At        engine.Instant // node time of the last fact
	Seq       engine.Seq     // of the last fact
	First     engine.Seq     // of the first fact in the file; 0 if the log had none left
	Facts     uint64         // in the file
	StateHash uint64
	State     []byte // as a snapshot has it
}

// archiveWriter writes one archive.
type archiveWriter struct {
	file io.Writer
	zip  *gzip.Writer
	sum  hash.Hash
	runs uint64
	buf  []byte
}

func newArchiveWriter(file io.Writer, name string, h *header, state []byte) (*archiveWriter, error) {
	if _, err := io.WriteString(file, archiveMagic); err != nil {
		return nil, err
	}
	w := &archiveWriter{file: file, zip: gzip.NewWriter(file), sum: sha256.New()}
	head := append([]byte(nil), name...)
	for _, v := range [...]uint64{uint64(h.lastAt), uint64(h.seq), h.hash, uint64(len(state))} {
		head = binary.LittleEndian.AppendUint64(head, v)
	}
	err := w.record(archiveHeader, head)
	for from := 0; err == nil && from < len(state); from += archiveStateBytes {
		err = w.record(archiveState, state[from:min(from+archiveStateBytes, len(state))])
	}
	return w, err
}

func (w *archiveWriter) record(kind byte, body []byte) error {
	w.buf = binary.AppendUvarint(append(w.buf[:0], kind), uint64(len(body)))
	w.sum.Write(w.buf)
	w.sum.Write(body)
	if _, err := w.zip.Write(w.buf); err != nil {
		return err
	}
	_, err := w.zip.Write(body)
	return err
}

func (w *archiveWriter) run(run *engine.Run) error {
	body := binary.LittleEndian.AppendUint64(make([]byte, 0, len(run.Facts.Buf)+2*binary.MaxVarintLen64+8), uint64(run.At))
	body = binary.AppendUvarint(binary.AppendUvarint(body, uint64(run.First)), uint64(run.Facts.Count))
	w.runs++
	return w.record(archiveRun, append(body, run.Facts.Buf...))
}

// close ends the file; whoever has it syncs it.
func (w *archiveWriter) close() error {
	end := binary.AppendUvarint([]byte{archiveEnd}, 8+sha256.Size)
	end = binary.LittleEndian.AppendUint64(end, w.runs)
	w.sum.Write(end)
	if _, err := w.zip.Write(w.sum.Sum(end)); err != nil {
		return err
	}
	return w.zip.Close()
}

// ReadArchive reads an archive and checks all of it. It calls use, if that is not nil, with each run in the order of the log; a run is valid during the
// call only. Errors wrap [ErrDamaged] or [ErrNewer] where one is the reason; nothing read before one is to be trusted.
func ReadArchive(file io.Reader, use func(run *engine.Run) error) (ArchiveInfo, error) {
	r, err := newArchiveReader(file)
	if err != nil {
		return ArchiveInfo{}, fmt.Errorf("store: read the archive: %w", err)
	}
	if err := r.all(use); err != nil {
		return ArchiveInfo{}, fmt.Errorf("store: read the archive of %s: %w", describe(r.info.Key), err)
	}
	return r.info, nil
}

type archiveReader struct {
	info  ArchiveInfo
	in    *bufio.Reader
	sum   hash.Hash
	state uint64 // bytes that the header promises
	runs  uint64
}

// newArchiveReader reads an archive as far as its header.
func newArchiveReader(file io.Reader) (*archiveReader, error) {
	magic := make([]byte, len(archiveMagic))
	if _, err := io.ReadFull(file, magic); err != nil {
		return nil, fmt.Errorf("it does not begin as an archive: %w", ErrDamaged)
	}
	if string(magic) != archiveMagic {
		if strings.HasPrefix(string(magic), "holdfast archive ") {
			return nil, fmt.Errorf("it is of another version (%q): %w", magic, ErrNewer)
		}
		return nil, fmt.Errorf("it does not begin as an archive: %w", ErrDamaged)
	}
	zip, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	r := &archiveReader{in: bufio.NewReader(zip), sum: sha256.New()}
	kind, body, err := r.record()
	if err != nil {
		return nil, err
	}
	n := aggregateLen(body)
	if kind != archiveHeader || n == 0 || len(body) != n+archiveNumbers {
		return nil, fmt.Errorf("its header does not decode: %w", ErrDamaged)
	}
	r.info.Key = aggregateKey(body[:n])
	number := func(i int) uint64 { return binary.LittleEndian.Uint64(body[n+8*i:]) }
	r.info.At, r.info.Seq, r.info.StateHash, r.state = engine.Instant(number(0)), engine.Seq(number(1)), number(2), number(3)
	return r, nil
}

// record reads a record, of which an e keeps its sum out of the sum. The body is valid until the next.
func (r *archiveReader) record() (kind byte, body []byte, err error) {
	cut := func(err error) (byte, []byte, error) {
		return 0, nil, fmt.Errorf("it is cut off: %w: %w", err, ErrDamaged)
	}
	if kind, err = r.in.ReadByte(); err != nil {
		return cut(err)
	}
	length, err := binary.ReadUvarint(r.in)
	if err != nil {
		return cut(err)
	}
	if length > archiveRecordBytesMax {
		return 0, nil, fmt.Errorf("a record of %d bytes: %w", length, ErrDamaged)
	}
	// In pieces, so that a length that lies costs no memory.
	var b strings.Builder
	if _, err := io.CopyN(&b, r.in, int64(length)); err != nil {
		return cut(err)
	}
	body = []byte(b.String())
	r.sum.Write(binary.AppendUvarint([]byte{kind}, length))
	if kind == archiveEnd {
		r.sum.Write(body[:max(0, len(body)-sha256.Size)])
	} else {
		r.sum.Write(body)
	}
	return kind, body, nil
}

func (r *archiveReader) all(use func(run *engine.Run) error) error {
	for {
		kind, body, err := r.record()
		if err != nil {
			return err
		}
		switch {
		case kind == archiveState && r.runs == 0 && uint64(len(r.info.State)+len(body)) <= r.state:
			r.info.State = append(r.info.State, body...)
		case kind == archiveRun:
			if err := r.run(body, use); err != nil {
				return err
			}
		case kind == archiveEnd && len(body) == 8+sha256.Size:
			return r.end(body)
		default:
			return fmt.Errorf("it has a record that does not belong there: %w", ErrDamaged)
		}
	}
}

func (r *archiveReader) run(body []byte, use func(run *engine.Run) error) error {
	var run engine.Run
	if len(body) < 8 {
		return fmt.Errorf("a run does not decode: %w", ErrDamaged)
	}
	run.Key, run.Partition, run.At = r.info.Key, engine.PartitionOf(r.info.Key.ID), engine.Instant(binary.LittleEndian.Uint64(body))
	body = body[8:]
	first, n1 := binary.Uvarint(body)
	count, n2 := binary.Uvarint(body[max(0, n1):])
	if n1 <= 0 || n2 <= 0 || first == 0 || count == 0 || count > uint64(len(body)) {
		return fmt.Errorf("a run does not decode: %w", ErrDamaged)
	}
	run.First, run.Facts = engine.Seq(first), engine.Facts{Buf: body[n1+n2:], Count: int(count)}
	if r.info.First == 0 {
		r.info.First = run.First
	} else if run.First != r.info.First+engine.Seq(r.info.Facts) {
		return fmt.Errorf("the facts before fact %d are missing: %w", run.First, ErrDamaged)
	}
	r.runs++
	r.info.Facts += count
	if use == nil {
		return nil
	}
	return use(&run)
}

func (r *archiveReader) end(body []byte) error {
	switch {
	case [sha256.Size]byte(body[8:]) != [sha256.Size]byte(r.sum.Sum(nil)):
		return fmt.Errorf("its content is not what was written: %w", ErrDamaged)
	case binary.LittleEndian.Uint64(body) != r.runs || uint64(len(r.info.State)) != r.state:
		return fmt.Errorf("runs or pieces of the state are missing: %w", ErrDamaged)
	case r.runs > 0 && r.info.First+engine.Seq(r.info.Facts)-1 != r.info.Seq:
		return fmt.Errorf("its facts end at %d, not at %d: %w", r.info.First+engine.Seq(r.info.Facts)-1, r.info.Seq, ErrDamaged)
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("it goes on behind its end: %w", ErrDamaged)
	}
	return nil
}
