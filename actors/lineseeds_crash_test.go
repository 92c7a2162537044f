package actors

import (
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/engine/wallet"
	"github.com/holdfast-engine/holdfast/store"
)

// lineLife is an event with a lobby, from its making to the first pass, in a real store: what somebody has been told of it durably.
type lineLife struct {
	mu     sync.Mutex
	told   lineTold
	closed int    // times that the root was published
	before func() // each command; nil is nothing
}

// lineTold is what is known of a line outside, and must stay true.
type lineTold struct {
	commit, root line.Hash
	seed         line.Seed
	entries      map[string]line.Entry
	places       map[string]line.Place
}

func (l *lineLife) known() lineTold {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.told
	t.entries, t.places = maps.Clone(t.entries), maps.Clone(t.places)
	return t
}

// PurchaseShown implements Watcher.
func (*lineLife) PurchaseShown(string, string, *engine.PurchaseChange, *engine.Outcome) any {
	return nil
}

// PurchaseChanged implements Watcher.
func (*lineLife) PurchaseChanged(string, string, engine.PurchaseChange) {}

// LineMoved implements Watcher.
func (*lineLife) LineMoved(string, string, []engine.PlaceChange, []engine.WaitChange) {}

// LineOver implements Watcher.
func (*lineLife) LineOver(string, string) {}

// LobbyClosed implements Watcher.
func (l *lineLife) LobbyClosed(_, _ string, published func()) {
	l.mu.Lock()
	l.closed++
	l.mu.Unlock()
	go published()
}

// heard is a caller that notes what it is told when that is durable.
type heard struct {
	life  *lineLife
	code  engine.Code
	line  *engine.LineView
	place *engine.PlaceView
	done  chan struct{}
}

func (h *heard) Outcome(_ *engine.Request, _ int, out *engine.Outcome) {
	h.code = out.Code
	if out.Shows&engine.ShowsEvent != 0 && out.Event.Line != nil {
		v := *out.Event.Line
		h.line = &v
	}
	if out.Shows&engine.ShowsPlace != 0 {
		v := *out.Place
		h.place = &v
	}
}

func (h *heard) Durable(req *engine.Request) {
	h.life.mu.Lock()
	t := &h.life.told
	if h.line != nil && h.line.Committed {
		t.commit = h.line.Commit
	}
	if h.line != nil && h.line.Phase >= engine.LineClosed {
		t.root = h.line.Root
	}
	if h.line != nil && h.line.Revealed {
		t.seed = h.line.Seed
	}
	if h.place != nil {
		buyer := req.Commands[0].Buyer
		t.entries[buyer] = h.place.Entry
		if h.place.Place != 0 {
			t.places[buyer] = h.place.Place
		}
	}
	h.life.mu.Unlock()
	close(h.done)
}

// tell asks the event one thing and waits for the durable answer.
func (l *lineLife) tell(t *testing.T, n *Node, cmd engine.Command) *heard {
	t.Helper()
	h := &heard{life: l, done: make(chan struct{})}
	code := n.Submit(&engine.Request{Account: engine.SingleAccount, Event: "e1", Commands: []engine.Command{cmd}, Reply: h})
	if code != engine.CodeOK {
		h.code = code
		return h
	}
	<-h.done
	return h
}

const lineLifeBuyers = 9

// lineLifePatience is far above what a line takes to go on: it ends a test that would never end.
const lineLifePatience = 30 * time.Second

// live takes the event from wherever it is to the first pass.
func (l *lineLife) live(t *testing.T, n *Node, who string) {
	t.Helper()
	ids := 0
	do := func(cmd engine.Command) *heard {
		if l.before != nil {
			l.before()
		}
		if ids++; cmd.Verb != engine.VerbGet && cmd.Verb != engine.VerbPlace {
			cmd.RequestID = who + strconv.Itoa(ids)
		}
		return l.tell(t, n, cmd)
	}
	until := func(phase engine.LinePhase) {
		for asked := time.Now(); ; {
			if time.Since(asked) > lineLifePatience {
				t.Fatalf("the line never came to %v", phase)
			}
			if h := do(engine.Command{Verb: engine.VerbGet}); h.code != engine.CodeOK || h.line == nil {
				t.Fatalf("get: %v, %v", h.code, h.line)
			} else if h.line.Phase >= phase {
				return
			}
			time.Sleep(100 * time.Microsecond)
		}
	}
	create := create("", 2)
	create.Spec.Open, create.Spec.Line = false, &engine.LineSpec{Mode: engine.LineModeLine}
	if h := do(create); h.code != engine.CodeOK && h.code != engine.CodeEventExists {
		t.Fatalf("create: %v", h.code)
	}
	until(engine.LineLobby)
	for i := range lineLifeBuyers {
		if h := do(engine.Command{Verb: engine.VerbJoin, Buyer: "b" + strconv.Itoa(i)}); h.code != engine.CodeOK {
			t.Fatalf("join: %v", h.code)
		}
	}
	if h := do(engine.Command{Verb: engine.VerbOpen}); h.code != engine.CodeOK && h.code != engine.CodeWrongState {
		t.Fatalf("open: %v", h.code)
	}
	until(engine.LineServing)
	admitted := 0
	for i := range lineLifeBuyers {
		h := do(engine.Command{Verb: engine.VerbPlace, Buyer: "b" + strconv.Itoa(i)})
		if h.code != engine.CodeOK {
			t.Fatalf("place: %v", h.code)
		}
		if h.place.State == engine.PlaceAdmitted {
			admitted++
		}
	}
	if admitted == 0 {
		t.Fatal("nobody has a pass")
	}
}

// lineImage is what a crash leaves, and what was told before.
type lineImage struct {
	fs   vfs.FS
	told lineTold
	what string
}

// openLine starts a node over a store.
func openLine(t *testing.T, fs vfs.FS, l *lineLife) (*Node, *store.Store, error) {
	t.Helper()
	s, err := store.Open(store.Config{
		Dir: "data", FS: fs, VaultKey: "key", New: wallet.NewAggregate, Open: wallet.OpenSnapshot, Logger: slog.New(slog.DiscardHandler), PassBytes: -1,
		ReserveBytes: -1, MemTableBytes: 64 << 10, TailSegmentBytes: 64 << 10, TailSegments: 4, BatchBytes: 16 << 10, KeepEvery: -1,
		Fatal: func(err error) { t.Errorf("the store died: %v", err) },
	})
	if err != nil {
		return nil, nil, err
	}
	recovered, err := s.Recover()
	if err != nil {
		return nil, nil, err
	}
	n, err := Start(Config{
		Vault: s.Vault(), Watcher: l, Installation: "i1", Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { t.Errorf("fatal: %v", err) },
	}, s, s, recovered)
	return n, s, err
}

// TestADrawGoesOnAfterACrash takes an event with a lobby from its making to its first pass, in a real store that crashes at every write with none, half or all
// of what was not synced kept. After each it goes on by itself: commit, root, entries, seed and places are what was told before, and somebody gets a pass.
func TestADrawGoesOnAfterACrash(t *testing.T) {
	mem := &linkedFS{MemFS: vfs.NewCrashableMem()}
	first := &lineLife{told: lineTold{entries: map[string]line.Entry{}, places: map[string]line.Place{}}}
	var images []lineImage
	var mu sync.Mutex
	taking := false
	dice := rand.New(rand.NewPCG(1, 2))
	crash := func(at string) {
		mu.Lock()
		defer mu.Unlock()
		if taking {
			percent := len(images) % 3 * 50
			told := first.known() // before the clone: what is told later may be lost
			images = append(images, lineImage{
				fs: mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: dice}), told: told,
				what: fmt.Sprintf("crash %d, at %s, %d%% kept", len(images), at, percent),
			})
		}
	}
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			crash(op.Path)
		}
		return nil
	}))
	first.before = func() { crash("a command") }
	n, s, err := openLine(t, fs, first)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	taking = true
	mu.Unlock()
	first.live(t, n, "a")
	mu.Lock()
	taking = false
	mu.Unlock()
	whole := first.known()
	if first.closed == 0 || len(whole.places) != lineLifeBuyers || line.Commit(whole.seed) != whole.commit {
		t.Fatalf("the root was published %d times, and told was %+v", first.closed, whole)
	}
	if _, ok, err := s.Vault().Open(engine.SingleAccount, seedSubject, "e1"); ok || err != nil {
		t.Errorf("a revealed seed is still sealed: %v", err)
	}
	stopLine(t, n, s)
	if len(images) < 30 {
		t.Fatalf("%d crashes are too few", len(images))
	}
	stages := map[string]int{}
	for _, img := range images {
		l := &lineLife{told: lineTold{entries: map[string]line.Entry{}, places: map[string]line.Place{}}}
		n, s, err := openLine(t, img.fs, l)
		if err != nil {
			t.Fatalf("%s: %v", img.what, err)
		}
		if got := n.Lines(engine.SingleAccount, nil); len(got) > 1 {
			t.Errorf("%s: lines of %v", img.what, got)
		}
		l.live(t, n, "c")
		now, was := l.known(), &img.told
		switch {
		case was.commit != (line.Hash{}) && now.commit != was.commit:
			t.Errorf("%s: the commit was %v and is %v", img.what, was.commit, now.commit)
		case was.root != (line.Hash{}) && now.root != was.root:
			t.Errorf("%s: the root was %v and is %v", img.what, was.root, now.root)
		case was.seed != (line.Seed{}) && now.seed != was.seed:
			t.Errorf("%s: another seed", img.what)
		case line.Commit(now.seed) != now.commit:
			t.Errorf("%s: the seed is not the one of the commit", img.what)
		}
		for buyer, entry := range was.entries {
			if now.entries[buyer] != entry {
				t.Errorf("%s: %s had entry %d and has %d", img.what, buyer, entry, now.entries[buyer])
			}
		}
		for buyer, place := range was.places {
			if now.places[buyer] != place {
				t.Errorf("%s: %s had place %d and has %d", img.what, buyer, place, now.places[buyer])
			}
		}
		switch {
		case len(was.places) > 0:
			stages["served"]++
		case was.seed != line.Seed{}:
			stages["revealed"]++
		case was.root != line.Hash{}:
			stages["closed"]++
		case len(was.entries) > 0:
			stages["joined"]++
		case was.commit != line.Hash{}:
			stages["promised"]++
		default:
			stages["before"]++
		}
		stopLine(t, n, s)
	}
	t.Logf("%d crashes: %v", len(images), stages)
}

func stopLine(t *testing.T, n *Node, s *store.Store) {
	t.Helper()
	if err := n.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// linkedFS keeps links apart from clones: MemFS.Link takes the lock against clones twice, and stands still for ever if a clone waits in between.
type linkedFS struct {
	*vfs.MemFS
	linking sync.Mutex
}

func (fs *linkedFS) Link(oldname, newname string) error {
	fs.linking.Lock()
	defer fs.linking.Unlock()
	return fs.MemFS.Link(oldname, newname)
}

// CrashClone is what a crash now would leave.
func (fs *linkedFS) CrashClone(cfg vfs.CrashCloneCfg) *vfs.MemFS {
	fs.linking.Lock()
	defer fs.linking.Unlock()
	return fs.MemFS.CrashClone(cfg)
}
