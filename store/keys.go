package store

import (
	"encoding/binary"

	"github.com/holdfast-engine/holdfast/engine"
)

// The keys of the store. The prefixes are part of the format: never change one.
//
//	j|seq8                          one journal batch (batch.go); seq8 is the journal seq, big endian
//	m|name                          one thing to remember (meta.go)
//	p|name                          header of what a reader of the log has made of it (projection.go)
//	p|name|gen8|chunk4              its state, in chunks
//	s|kind1|acct|id|seq8            header of the snapshot of an aggregate at its fact seq8 (snapshot.go)
//	s}kind1|acct|id                 mark of an aggregate that was archived (archive.go)
//	t|kind1|acct|id|seq8|chunk4     its state, in chunks
//	v|acct|subject|name             a sealed record of the vault (vault.go)
//	w|acct|subject                  the closed key of a subject of the vault
//
// acct, id, subject and name are one length byte and that many bytes. Snapshots come in ingested tables that span from their first s| to their last t|; no
// other key may sort in between, or every ingestion would wait for a memtable flush.
const (
	keyJournal    = 'j'
	keyMeta       = 'm'
	keyProjection = 'p'
	keySnapshot   = 's'
	keyState      = 't'
	keyArchived   = '}' // behind keySnapshot, instead of '|'
	keyRecord     = 'v'
	keySubject    = 'w'
)

const journalKeyLen = 10

func appendJournalKey(dst []byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, keyJournal, '|'), seq)
}

func journalKey(seq uint64) []byte { return appendJournalKey(make([]byte, 0, journalKeyLen), seq) }

// journalSeq reads the journal seq out of a journal key.
func journalSeq(key []byte) (uint64, bool) {
	if len(key) != journalKeyLen || key[0] != keyJournal || key[1] != '|' {
		return 0, false
	}
	return binary.BigEndian.Uint64(key[2:]), true
}

func prefixBounds(prefix byte) (lower, upper []byte) {
	return []byte{prefix, '|'}, []byte{prefix, '|' + 1}
}

func metaKey(name string) []byte { return append([]byte{keyMeta, '|'}, name...) }

// appendAggregate appends the name of an aggregate as keys and batches write it: kind, account, id.
func appendAggregate(dst []byte, k engine.Key) []byte {
	dst = append(dst, byte(k.Kind), byte(len(k.Account)))
	dst = append(dst, k.Account...)
	dst = append(dst, byte(len(k.ID)))
	return append(dst, k.ID...)
}

// aggregateLen is the length of the aggregate's name at the start of b, or 0 if there is none.
func aggregateLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	n := 2 + int(b[1])
	if len(b) < n+1 {
		return 0
	}
	n += 1 + int(b[n])
	if len(b) < n {
		return 0
	}
	return n
}

// aggregateKey decodes a name that aggregateLen has accepted. The strings are the key's own.
func aggregateKey(name []byte) engine.Key {
	a := 2 + int(name[1])
	return engine.Key{Account: string(name[2:a]), Kind: engine.Kind(name[0]), ID: string(name[a+1:])}
}

func snapshotKey(name []byte, seq engine.Seq) []byte {
	k := append(make([]byte, 0, 2+len(name)+8), keySnapshot, '|')
	return binary.BigEndian.AppendUint64(append(k, name...), uint64(seq))
}

func stateKey(name []byte, seq engine.Seq, chunk uint32) []byte {
	k := append(make([]byte, 0, 2+len(name)+12), keyState, '|')
	k = binary.BigEndian.AppendUint64(append(k, name...), uint64(seq))
	return binary.BigEndian.AppendUint32(k, chunk)
}

// splitSnapshotKey takes a header's key apart. name is a part of key.
func splitSnapshotKey(key []byte) (name []byte, seq engine.Seq, ok bool) {
	if len(key) < 2 || key[0] != keySnapshot || key[1] != '|' {
		return nil, 0, false
	}
	n := aggregateLen(key[2:])
	if n == 0 || len(key) != 2+n+8 {
		return nil, 0, false
	}
	return key[2 : 2+n], engine.Seq(binary.BigEndian.Uint64(key[2+n:])), true
}
