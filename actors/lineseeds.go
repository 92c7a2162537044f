package actors

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// SeedVault is a vault in which the seeds of draws lie until they are revealed.
type SeedVault interface {
	Vault
	// Keep makes records durable by themselves.
	Keep(records ...engine.Sealed) error
}

// seedSubject is whose the records with seeds are in the vault: one an event, by its id.
const seedSubject = "_lines"

// Times of seeds that nobody needs to set.
const (
	seedRetry     = time.Second      // before an event that takes nothing at the moment is told again
	seedOpenRetry = 10 * time.Second // before a seed is looked for again that could not be opened
	revealAlarm   = time.Minute      // after this, a draw that still waits is an alarm
	seedLook      = 10 * time.Second // how often it is looked whether one waits for too long
)

// seeds does what the lines of a node's events want of their shell: it draws the seed of a lobby and keeps it sealed, durably, before the event promises it;
// and it reveals the seed when the root of the closed lobby is durable and published. Each event wants one thing at a time, and says it again after a restart.
//
//	wanted ──> the seed is sealed and durable ──> VerbSeed
//	wanted ──> the root is published ──> the seed is opened ──> VerbReveal
//
// Whoever signals must not wait: one goroutine does all of it, for as many events at once as want something.
type seeds struct {
	node  *Node
	vault SeedVault // nil: there is none, and no lobby can open

	mu    sync.Mutex
	open  map[route]*seedTask
	ready chan struct{}

	failed   uint64 // seeds that could not be drawn, kept or opened
	revealed uint64
}

// seedTask is what an event's line wants. It is guarded by the mutex of seeds, but for what only the goroutine that does it looks at.
type seedTask struct {
	of    *seeds
	at    route
	want  engine.LineWant
	since time.Duration // monotonic time at which it was first wanted
	next  time.Duration // not to be looked at before
	stage seedStage

	alarmed bool // an operator was told that it takes long
	failed  bool // and that its seed cannot be had
}

// seedStage is how far a task is.
type seedStage uint8

const (
	seedWanted     seedStage = iota
	seedPublishing           // the watcher publishes the root
	seedPublished            // it has
	seedAsked                // the event is asked
)

func newSeeds(n *Node) *seeds {
	s := &seeds{node: n, open: make(map[route]*seedTask), ready: make(chan struct{}, 1)}
	s.vault, _ = n.cfg.Vault.(SeedVault)
	return s
}

// wants notes what the line of an event wants. It does not block.
func (s *seeds) wants(key engine.Key, want engine.LineWant) {
	at := route{key.Account, key.ID}
	s.mu.Lock()
	t := s.open[at]
	if t == nil || t.want != want {
		since := s.node.clock.Mono()
		if t != nil && t.want == engine.LineWantsValue {
			since = t.since // the draw has waited since the lobby closed
		}
		s.open[at] = &seedTask{of: s, at: at, want: want, since: since}
	}
	s.mu.Unlock()
	s.wake()
}

func (s *seeds) wake() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// run does what is wanted until ctx ends.
func (s *seeds) run(ctx context.Context) {
	defer s.node.beating.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(s.work())
		select {
		case <-ctx.Done():
			return
		case <-s.ready:
		case <-timer.C:
		}
	}
}

// work does everything that can be done now, and returns when to look again.
func (s *seeds) work() time.Duration {
	var draw, publish, reveal, late []*seedTask
	now := s.node.clock.Mono()
	again := time.Hour
	s.mu.Lock()
	for at, t := range s.open {
		if s.isOver(t) {
			delete(s.open, at)
			continue
		}
		again = min(again, seedLook)
		if t.isLate(now) {
			t.alarmed = true
			late = append(late, t)
		}
		if wait := t.next - now; wait > 0 {
			again = min(again, wait)
			continue
		}
		switch {
		case t.want == engine.LineWantsSeed && t.stage == seedWanted:
			t.stage = seedAsked
			draw = append(draw, t)
		case t.want != engine.LineWantsSeed && t.stage == seedWanted:
			t.stage = seedPublishing
			publish = append(publish, t)
		case t.want == engine.LineWantsReveal && t.stage == seedPublished:
			t.stage = seedAsked
			reveal = append(reveal, t)
		}
	}
	s.mu.Unlock()
	for _, t := range late {
		s.alarm(t)
	}
	s.draw(draw)
	for _, t := range publish {
		s.publish(t)
	}
	for _, t := range reveal {
		s.reveal(t)
	}
	return again
}

// isOver reports whether the event wants nothing any more, as when it was closed meanwhile.
func (s *seeds) isOver(t *seedTask) bool {
	ref, awake := s.node.routes.Load(t.at)
	return awake && t.stage != seedAsked && ref.line.seen.Load() && engine.LineWant(ref.line.wants.Load()) == engine.LineWantsNothing
}

// isLate reports whether a draw has waited for so long that an operator has to know, and does not.
func (t *seedTask) isLate(now time.Duration) bool {
	return t.want != engine.LineWantsSeed && !t.alarmed && now-t.since >= revealAlarm
}

// alarm tells an operator of a draw that waits.
func (s *seeds) alarm(t *seedTask) {
	why := "its seed was not revealed: see the messages about it before"
	s.mu.Lock()
	switch {
	case t.want == engine.LineWantsValue:
		why = "it waits for the public value that was promised: give it with `engine line draw`"
	case t.stage == seedPublishing:
		why = "its root is not published: is NATS connected?"
	}
	s.mu.Unlock()
	s.node.cfg.Logger.Error("a lobby is closed and its places are not drawn", "event", t.at.event, "why", why)
}

// draw gives events the commits of seeds that are sealed and durable. A seed that was kept before, of which the event has not learned, is taken again.
func (s *seeds) draw(tasks []*seedTask) {
	if len(tasks) == 0 {
		return
	}
	drawn := make([]line.Seed, len(tasks))
	var records []engine.Sealed
	for i, t := range tasks {
		record, err := s.seedOf(t, &drawn[i])
		if err != nil {
			s.fail(t, seedWanted, "the lobby cannot open: its seed cannot be drawn and kept", err)
			tasks[i] = nil
			continue
		}
		if record.Key != nil {
			records = append(records, record)
		}
	}
	if len(records) > 0 && !plantedBug(plantedPromiseFirst) {
		if err := s.vault.Keep(records...); err != nil {
			for _, t := range tasks {
				if t != nil {
					s.fail(t, seedWanted, "the lobby cannot open: its seed cannot be kept", err)
				}
			}
			return
		}
	}
	for i, t := range tasks {
		if t != nil {
			s.tell(t, engine.VerbSeed, engine.LineCommand{Commit: line.Commit(drawn[i])})
		}
	}
	if plantedBug(plantedPromiseFirst) {
		time.Sleep(20 * time.Millisecond) // as long as a disk may take, so that there is something to be seen
		_ = s.vault.Keep(records...)
	}
}

// seedOf reads the seed of an event, or draws it: then the record is to be kept.
func (s *seeds) seedOf(t *seedTask, seed *line.Seed) (engine.Sealed, error) {
	if s.vault == nil {
		return engine.Sealed{}, errNoSeedVault
	}
	plain, ok, err := s.vault.Open(t.at.account, seedSubject, t.at.event)
	if err != nil {
		return engine.Sealed{}, err
	}
	if ok && len(plain) == len(seed) {
		copy(seed[:], plain)
		return engine.Sealed{}, nil
	}
	if _, err := rand.Read(seed[:]); err != nil {
		return engine.Sealed{}, fmt.Errorf("draw a seed: %w", err)
	}
	return s.vault.Seal(t.at.account, seedSubject, t.at.event, seed[:])
}

// publish lets the watcher publish the root. A draw that waits for its value is published too: the value has to come after the root.
func (s *seeds) publish(t *seedTask) {
	published := func() {
		s.mu.Lock()
		if t.stage == seedPublishing {
			t.stage = seedPublished
		}
		s.mu.Unlock()
		s.wake()
	}
	if s.node.cfg.Watcher == nil || plantedBug(plantedRevealEarly) {
		published()
		return
	}
	s.node.cfg.Watcher.LobbyClosed(t.at.account, t.at.event, published)
}

// reveal gives an event its seed.
func (s *seeds) reveal(t *seedTask) {
	if s.vault == nil {
		s.fail(t, seedPublished, "the seed of a draw cannot be opened", errNoSeedVault)
		return
	}
	seed := line.Seed{}
	plain, ok, err := s.vault.Open(t.at.account, seedSubject, t.at.event)
	switch {
	case err != nil:
		s.fail(t, seedPublished, "the seed of a draw cannot be opened: is it the vault's own key file?", err)
		return
	case !ok || len(plain) != len(seed):
		s.fail(t, seedPublished, "the seed of a draw is not in the vault: without it nobody can draw; restore a backup that has it, or cancel the event", errNoSeed)
		return
	}
	copy(seed[:], plain)
	s.tell(t, engine.VerbReveal, engine.LineCommand{Seed: seed}, s.vault.Remove(t.at.account, seedSubject, t.at.event))
}

// seedError is what is wrong with a seed.
type seedError string

// Error implements error.
func (e seedError) Error() string { return string(e) }

const (
	errNoSeedVault seedError = "there is no vault"
	errNoSeed      seedError = "there is no such record"
	errOtherSeed   seedError = "the event has promised another seed"
)

// fail tells an operator that a seed cannot be had, once, and looks again later.
func (s *seeds) fail(t *seedTask, back seedStage, what string, err error) {
	s.mu.Lock()
	first := !t.failed
	t.failed, t.stage, t.next = true, back, s.node.clock.Mono()+seedOpenRetry
	if first {
		s.failed++
	}
	s.mu.Unlock()
	if first {
		s.node.cfg.Logger.Error(what, "event", t.at.event, "err", err)
	}
}

// tell gives an event what it wants. What is beside becomes durable with the event's facts.
func (s *seeds) tell(t *seedTask, verb engine.Verb, with engine.LineCommand, beside ...engine.Sealed) {
	a := &seedAsk{task: t, line: with}
	a.cmd[0] = engine.Command{Verb: verb, Line: &a.line}
	a.Request = engine.Request{Account: t.at.account, Event: t.at.event, Commands: a.cmd[:], Beside: beside, Reply: a}
	if code := s.node.Submit(&a.Request); code != engine.CodeOK {
		s.told(t, verb, code)
	}
}

// seedAsk is what an event is told, until it has answered durably.
type seedAsk struct {
	engine.Request
	task *seedTask
	cmd  [1]engine.Command
	line engine.LineCommand
	code engine.Code
}

// Outcome implements engine.Replier.
func (a *seedAsk) Outcome(_ *engine.Request, _ int, out *engine.Outcome) { a.code = out.Code }

// Durable implements engine.Replier.
func (a *seedAsk) Durable(*engine.Request) { a.task.of.told(a.task, a.cmd[0].Verb, a.code) }

// told notes what an event has answered. It does not block.
func (s *seeds) told(t *seedTask, verb engine.Verb, code engine.Code) {
	back := seedWanted
	if verb == engine.VerbReveal {
		back = seedPublished
	}
	switch code { //nolint:exhaustive // the others mean that the event does not want it any more
	case engine.CodeOverloaded, engine.CodeUnavailable, engine.CodeInternal:
		s.mu.Lock()
		t.stage, t.next = back, s.node.clock.Mono()+seedRetry
		s.mu.Unlock()
	case engine.CodeInvalid:
		s.fail(t, back, "the seed of a draw in the vault is not the one that was promised: restore a backup that has it, or cancel the event", errOtherSeed)
	default:
		s.mu.Lock()
		if code == engine.CodeOK && verb == engine.VerbReveal {
			s.revealed++
		}
		if s.open[t.at] == t {
			delete(s.open, t.at)
		}
		s.mu.Unlock()
		return
	}
	s.wake()
}

// waits is how long the draw that has waited longest has done so, and how many seeds could not be had, and were revealed.
func (s *seeds) waits() (longest time.Duration, failed, revealed uint64) {
	now := s.node.clock.Mono()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.open {
		if t.want != engine.LineWantsSeed {
			longest = max(longest, now-t.since)
		}
	}
	return longest, s.failed, s.revealed
}

// forgetSeeds removes the seeds of archived events that were never revealed, and reports whether all are gone.
func (n *Node) forgetSeeds(keys []engine.Key) bool {
	s := n.seeds
	if s.vault == nil {
		return true
	}
	var records []engine.Sealed
	for _, k := range keys {
		if _, ok, err := s.vault.Open(k.Account, seedSubject, k.ID); ok || err != nil {
			records = append(records, s.vault.Remove(k.Account, seedSubject, k.ID))
		}
	}
	if len(records) == 0 {
		return true
	}
	if err := s.vault.Keep(records...); err != nil {
		n.cfg.Logger.Error("the seeds of archived events were not removed; it is tried again", "events", len(records), "err", err)
		return false
	}
	return true
}
