package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/engine"
)

// tableBytesMax is the size at which a table of states is closed and the next begun: what one compaction has to rewrite stays bounded.
const tableBytesMax = 128 << 20

// ingestion builds the tables of one change of the snapshots and puts them into Pebble at once: all of it is durable, or none. Headers, states and
// the pass record go into tables of their own, each written in the order of its keys.
type ingestion struct {
	s       *Store
	files   []string
	states  *sstable.Writer
	written int // bytes in states
	headers []headerChange
	empty   bool

	archived []archivedMark // by name: the aggregates whose snapshots go for good
}

// archivedMark is the mark of an aggregate that was archived.
type archivedMark struct {
	name string
	mark archived
}

// headerChange is a header that comes, or one that goes.
type headerChange struct {
	name   string
	header header
	gone   bool
}

func (s *Store) newIngestion() *ingestion { return &ingestion{s: s, empty: true} }

func (g *ingestion) table() (*sstable.Writer, error) {
	name := fmt.Sprintf("%06d.sst", g.s.tables.Add(1))
	path := g.s.folder.fs.PathJoin(g.s.folder.path(nameTemp), name)
	f, err := g.s.folder.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("create a table: %w", err)
	}
	g.files = append(g.files, path)
	o := g.s.pebbleOptions()
	o.EnsureDefaults()
	return sstable.NewWriter(objstorageprovider.NewFileWritable(f), o.MakeWriterOptions(0, g.s.db.TableFormat())), nil
}

// replace sets what is kept of one aggregate: the states of gone go, and if state is not nil it comes with header h. Aggregates must be given in the
// order of their names, and each once.
func (g *ingestion) replace(name string, gone []header, h *header, state []byte) error {
	if g.states != nil && g.written > tableBytesMax {
		if err := g.states.Close(); err != nil {
			return fmt.Errorf("finish a table of states: %w", err)
		}
		g.states, g.written = nil, 0
	}
	if g.states == nil {
		w, err := g.table()
		if err != nil {
			return err
		}
		g.states = w
	}
	changes := make([]headerChange, 0, len(gone)+1)
	for i := range gone {
		if h == nil || gone[i].seq != h.seq {
			changes = append(changes, headerChange{name: name, header: gone[i], gone: true})
		}
	}
	if h != nil {
		h.length, h.sum = uint64(len(state)), sha256.Sum256(state)
		changes = append(changes, headerChange{name: name, header: *h})
	}
	slices.SortFunc(changes, func(a, b headerChange) int { return int(int64(a.header.seq) - int64(b.header.seq)) })
	for i := range changes {
		if err := g.writeState(&changes[i], state); err != nil {
			return fmt.Errorf("write the state of %s: %w", describe(aggregateKey([]byte(name))), err)
		}
	}
	g.headers = append(g.headers, changes...)
	g.empty = g.empty && len(changes) == 0
	return nil
}

func (g *ingestion) writeState(c *headerChange, state []byte) error {
	for i := range chunksOf(c.header.length) {
		k := stateKey([]byte(c.name), c.header.seq, uint32(i))
		if c.gone {
			if err := g.states.Delete(k); err != nil {
				return err
			}
			continue
		}
		chunk := state[i*SnapshotChunkBytes : min((i+1)*SnapshotChunkBytes, len(state))]
		if err := g.states.Set(k, chunk); err != nil {
			return err
		}
		g.written += len(chunk)
	}
	return nil
}

// finish writes the headers, and the pass record if there is one, and ingests everything. When it returns nil all of it is durable.
func (g *ingestion) finish(ctx context.Context, pass *passRecord) error {
	if g.states != nil {
		if err := g.states.Close(); err != nil {
			return fmt.Errorf("finish a table of states: %w", err)
		}
		g.states = nil
	}
	if len(g.headers) > 0 {
		w, err := g.table()
		if err != nil {
			return err
		}
		for i := range g.headers {
			c := &g.headers[i]
			k := snapshotKey([]byte(c.name), c.header.seq)
			if c.gone {
				err = w.Delete(k)
			} else {
				err = w.Set(k, c.header.append(nil))
			}
			if err != nil {
				return errors.Join(fmt.Errorf("write a table of snapshots: %w", err), w.Close())
			}
		}
		for i := range g.archived { // they sort behind all headers
			if err := w.Set(archivedKey([]byte(g.archived[i].name)), g.archived[i].mark.append(nil)); err != nil {
				return errors.Join(fmt.Errorf("write a table of snapshots: %w", err), w.Close())
			}
		}
		if err := w.Close(); err != nil {
			return fmt.Errorf("finish a table of snapshots: %w", err)
		}
	}
	if pass != nil {
		// Always ingested, never written through the log: a table with this key overlaps no memtable.
		w, err := g.table()
		if err != nil {
			return err
		}
		if err := w.Set(metaKey(metaPass), pass.encode()); err != nil {
			return errors.Join(fmt.Errorf("write the pass record: %w", err), w.Close())
		}
		if err := w.Close(); err != nil {
			return fmt.Errorf("finish the table of the pass record: %w", err)
		}
	}
	if len(g.files) == 0 {
		return nil
	}
	if err := g.s.db.Ingest(ctx, g.files); err != nil {
		return fmt.Errorf("ingest snapshots: %w", err)
	}
	g.s.stats.ingests.Add(1)
	return nil
}

// abandon removes what was built and not ingested.
func (g *ingestion) abandon() {
	if g.states != nil {
		_ = g.states.Close()
	}
	for _, f := range g.files {
		_ = g.s.folder.fs.Remove(f)
	}
}

// obsolete returns those of one aggregate's snapshots that nobody needs, given where the passes ended: needed are the newest, the newest that
// the last pass vouches for, and the newest that the pass before it vouches for. hs is sorted by seq.
func obsolete(hs []header, p *passRecord) []header {
	var keep [3]int // 1 + index
	for i := range hs {
		keep[0] = i + 1
		if hs[i].position <= p.last.seq {
			keep[1] = i + 1
		}
		if hs[i].position <= p.before.seq {
			keep[2] = i + 1
		}
	}
	var gone []header
	for i := range hs {
		if i+1 != keep[0] && i+1 != keep[1] && i+1 != keep[2] {
			gone = append(gone, hs[i])
		}
	}
	return gone
}

// wakeAtStart is a node time that is always over.
const wakeAtStart engine.Instant = 1

// headerOf describes the state of an aggregate. One that awaits a wall time is woken at the next start, to say itself when that is.
func headerOf(a engine.Aggregate, position uint64) header {
	wake, _ := a.NextDeadline()
	if a.AwaitsWall() {
		wake = wakeAtStart
	}
	return header{seq: a.Seq(), position: position, lastAt: a.LastAt(), hash: a.StateHash(), wake: wake}
}

// readAllHeaders returns every snapshot by aggregate, sorted by seq, and the names in order.
func readAllHeaders(r pebble.Reader) (map[string][]header, error) {
	all := make(map[string][]header)
	err := eachHeader(r, func(name []byte, h *header) error {
		all[string(name)] = append(all[string(name)], *h)
		return nil
	})
	return all, err
}

func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.SortFunc(names, strings.Compare)
	return names
}
