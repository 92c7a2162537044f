package actors

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// moves is a watcher that notes what has become of places and of those on waiting lists.
type moves struct {
	mu   sync.Mutex
	list []string
	// published, if not nil, is given what is to be called when a root is published.
	published func(event string, done func())
}

// PurchaseShown implements Watcher.
func (*moves) PurchaseShown(string, string, *engine.PurchaseChange, *engine.Outcome) any { return nil }

// PurchaseChanged implements Watcher.
func (*moves) PurchaseChanged(string, string, engine.PurchaseChange) {}

// LineMoved implements Watcher.
func (m *moves) LineMoved(_, _ string, places []engine.PlaceChange, waits []engine.WaitChange) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range places {
		m.list = append(m.list, fmt.Sprintf("%s %s", c.Buyer, c.State))
	}
	for _, c := range waits {
		text := fmt.Sprintf("%s waits %s", c.Buyer, c.State)
		if c.Why != engine.CodeOK {
			text += " " + c.Why.String()
		}
		m.list = append(m.list, text)
	}
}

// LineOver implements Watcher.
func (m *moves) LineOver(_, event string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, event+" over")
}

// LobbyClosed implements Watcher.
func (m *moves) LobbyClosed(_, event string, published func()) {
	if m.published == nil {
		published()
		return
	}
	m.published(event, published)
}

// take returns what was noted since the last call, once everybody rests: a watcher is told when those who have asked are answered already. It is called in a
// bubble of synctest.
func (m *moves) take() []string {
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.list
	m.list = nil
	return list
}

func (m *moves) wants(t *testing.T, when string, want ...string) {
	t.Helper()
	if got := m.take(); !slices.Equal(got, want) {
		t.Fatalf("%s: %q, want %q", when, got, want)
	}
}

func withLine(capacity int64, spec engine.LineSpec) engine.Command {
	cmd := create("c", capacity)
	spec.Mode = engine.LineModeLine
	cmd.Spec.Line = &spec
	return cmd
}

func join(buyer string) engine.Command {
	return engine.Command{Verb: engine.VerbJoin, RequestID: "join-" + buyer, Buyer: buyer}
}

func asked(t *testing.T, n *Node, cmd engine.Command) answer {
	t.Helper()
	a := ask(t, n, "e1", cmd)
	if a.code != engine.CodeOK {
		t.Fatalf("%v of %s: %v", cmd.Verb, cmd.Buyer, a.code)
	}
	return a
}

// TestALineGoesOnByItself lets passes, times of grace and offers run out while nobody says anything, with an event that sleeps in between.
func TestALineGoesOnByItself(t *testing.T) {
	for _, sleep := range []time.Duration{-1, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			m := &moves{}
			n := started(t, newFakeLog(), Config{SleepAfter: sleep, Watcher: m})
			asked(t, n, withLine(1, engine.LineSpec{PassTTLMs: 30_000, GraceMs: 60_000, ShoppersMax: 1, OfferTTLMs: 20_000}))
			asked(t, n, join("anna"))
			asked(t, n, join("ben"))
			asked(t, n, join("cleo"))
			asked(t, n, join("dora"))
			asked(t, n, engine.Command{Verb: engine.VerbAbsent, RequestID: "x1", Buyer: "ben"})
			m.wants(t, "after the joins", "anna admitted")
			if got := n.Lines(engine.SingleAccount, nil); !slices.Equal(got, []string{"e1"}) {
				t.Fatalf("lines: %q", got)
			}
			time.Sleep(31 * time.Second)
			m.wants(t, "anna's pass has run out", "anna lapsed", "ben skipped", "cleo admitted")
			h := asked(t, n, hold("h1", "cleo"))
			asked(t, n, engine.Command{Verb: engine.VerbConfirm, RequestID: "k1", Buyer: "cleo", Hold: h.hold, PaymentRef: "p"})
			time.Sleep(61 * time.Second)
			m.wants(t, "ben was not back in time", "ben gone")
			wait := engine.Command{Verb: engine.VerbWait, RequestID: "w1", Buyer: "emil", Line: &engine.LineCommand{Wishes: []engine.Wish{{Lot: "ga", Quantity: 1}}}}
			asked(t, n, wait)
			wait.RequestID, wait.Buyer = "w2", "fred"
			asked(t, n, wait)
			asked(t, n, engine.Command{Verb: engine.VerbCapacity, RequestID: "cap", Lot: "ga", Quantity: 2})
			m.wants(t, "a ticket is freed", "emil waits offered")
			time.Sleep(21 * time.Second)
			m.wants(t, "emil did nothing", "emil waits lapsed", "fred waits offered")
			time.Sleep(21 * time.Second)
			m.wants(t, "nor did fred", "dora admitted", "fred waits lapsed")
			time.Sleep(40 * time.Second)
			m.wants(t, "nor did dora", "dora lapsed")
			if synctest.Wait(); sleep > 0 && n.routes.Size() != 0 {
				t.Fatal("an event in which nothing is due does not sleep")
			}
			if got := n.Lines(engine.SingleAccount, nil); sleep > 0 && len(got) != 0 {
				t.Fatalf("lines of sleeping events: %q", got)
			}
			asked(t, n, engine.Command{Verb: engine.VerbClose, RequestID: "x"})
			m.wants(t, "at the end", "e1 over")
		})
	}
}

// TestLooksKeepNobodyAwake looks at a line every second, as whoever publishes it does.
func TestLooksKeepNobodyAwake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := started(t, newFakeLog(), Config{SleepAfter: 5 * time.Second, Watcher: &moves{}})
		asked(t, n, withLine(0, engine.LineSpec{}))
		asked(t, n, join("anna"))
		look := func() engine.Code {
			c := &caller{durable: make(chan struct{})}
			code := n.Submit(&engine.Request{Account: engine.SingleAccount, Event: "e1", Commands: []engine.Command{{Verb: engine.VerbGet}}, Reply: c, Look: true})
			if code == engine.CodeOK {
				<-c.durable
			}
			return code
		}
		for range 4 {
			if code := look(); code != engine.CodeOK {
				t.Fatalf("a look at an event that is awake: %v", code)
			}
			time.Sleep(time.Second)
		}
		for range 20 {
			look()
			time.Sleep(time.Second)
		}
		if synctest.Wait(); n.routes.Size() != 0 {
			t.Fatal("looks keep an event awake")
		}
		if code := look(); code != engine.CodeUnavailable || n.routes.Size() != 0 {
			t.Fatalf("a look at a sleeping event: %v, %d awake", code, n.routes.Size())
		}
		asked(t, n, join("ben")) // who asks wakes it, and it goes on
	})
}

// TestUnrevealedSeedsGoWithTheirEvent: of an event that is archived before its draw nothing is left in the vault.
func TestUnrevealedSeedsGoWithTheirEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, v := newFakeLog(), &fakeVault{}
		n := started(t, l, Config{SleepAfter: time.Second, Watcher: &moves{}, Vault: v, Retention: time.Hour})
		cmd := withLine(1, engine.LineSpec{})
		cmd.Spec.Open = false
		asked(t, n, cmd)
		synctest.Wait()
		if _, ok, _ := v.Open(engine.SingleAccount, seedSubject, "e1"); !ok {
			t.Fatal("the seed is not in the vault")
		}
		asked(t, n, engine.Command{Verb: engine.VerbClose, RequestID: "x"})
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if _, archived := n.Archived(engine.SingleAccount, "e1"); !archived {
			t.Fatal("the event is not archived")
		}
		if _, ok, _ := v.Open(engine.SingleAccount, seedSubject, "e1"); ok {
			t.Fatal("the seed of an archived event is in the vault")
		}
	})
}

// TestADrawWaitsForItsRootToBePublished and for nothing else, also when the event is closed before or the process is started anew.
func TestADrawWaitsForItsRootToBePublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, v := newFakeLog(), &fakeVault{}
		var roots []func()
		m := &moves{published: func(_ string, done func()) { roots = append(roots, done) }}
		n := started(t, l, Config{SleepAfter: time.Second, Watcher: m, Vault: v})
		cmd := withLine(1, engine.LineSpec{})
		cmd.Spec.Open = false
		asked(t, n, cmd)
		synctest.Wait()
		seed, ok, _ := v.Open(engine.SingleAccount, seedSubject, "e1")
		if !ok || len(seed) != 32 {
			t.Fatalf("the seed is not in the vault: %d bytes", len(seed))
		}
		asked(t, n, join("anna"))
		time.Sleep(time.Minute) // the event sleeps
		asked(t, n, engine.Command{Verb: engine.VerbOpen, RequestID: "o"})
		time.Sleep(2 * time.Minute)
		if longest, failed, _ := n.seeds.waits(); len(roots) != 1 || longest < time.Minute || failed != 0 {
			t.Fatalf("%d roots to publish, the draw waits for %v", len(roots), longest)
		}
		m.wants(t, "before it is published")
		roots[0]()
		synctest.Wait()
		m.wants(t, "once it is published", "anna admitted")
		if _, _, revealed := n.seeds.waits(); revealed != 1 {
			t.Fatalf("%d seeds revealed", revealed)
		}

		// A seed that is lost draws nothing, until it is there again.
		cmd.RequestID = "c2"
		if a := ask(t, n, "e2", cmd); a.code != engine.CodeOK {
			t.Fatal(a.code)
		}
		synctest.Wait()
		seed, _, _ = v.Open(engine.SingleAccount, seedSubject, "e2")
		v.keep([]engine.Sealed{v.Remove(engine.SingleAccount, seedSubject, "e2")})
		ask(t, n, "e2", join("ben"))
		ask(t, n, "e2", engine.Command{Verb: engine.VerbOpen, RequestID: "o"})
		synctest.Wait()
		roots[1]()
		time.Sleep(time.Minute)
		if _, failed, _ := n.seeds.waits(); failed != 1 {
			t.Fatalf("%d seeds are missing", failed)
		}
		m.wants(t, "without its seed")
		sealed, _ := v.Seal(engine.SingleAccount, seedSubject, "e2", seed)
		v.keep([]engine.Sealed{sealed})
		time.Sleep(time.Minute)
		m.wants(t, "with its seed", "ben admitted")

		// An event that is cancelled wants nothing any more.
		cmd.RequestID = "c3"
		ask(t, n, "e3", cmd)
		synctest.Wait()
		ask(t, n, "e3", engine.Command{Verb: engine.VerbOpen, RequestID: "o"})
		synctest.Wait()
		if a := ask(t, n, "e3", engine.Command{Verb: engine.VerbClose, RequestID: "x"}); a.code != engine.CodeOK {
			t.Fatal(a.code)
		}
		roots[2]()
		time.Sleep(time.Minute)
		if longest, _, _ := n.seeds.waits(); longest != 0 {
			t.Fatalf("the draw of a closed event waits for %v", longest)
		}
	})
}
