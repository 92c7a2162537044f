package actors

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// walletProofFacts is after how many facts a shard puts its state hash into the log.
const walletProofFacts = 4096

// shardActor owns one shard of wallets. Like an event's it does not wait for the disk: answers leave when their run is durable, in log order.
type shardActor struct {
	room  *walletRoom
	ref   *shardRef
	shard *wallet.Shard // nil when it is set aside
	run   *engine.Run
	out   wallet.Outcome // of a shard that is set aside

	requests []*wallet.Request // of the run that is being filled
	proved   engine.Seq

	mu           sync.Mutex
	unreleased   []shardRun
	fresh        map[freshKey]freshSecrets // sealed and not durable yet
	pendingFresh []freshKey                // of the run that is being filled

	waiting atomic.Bool // it is to retire when nothing is unreleased any more
	done    bool
	views   []wallet.MethodView
	changed []string
}

// shardRun is what waits for a run to be durable.
type shardRun struct {
	requests []*wallet.Request
	cards    []card
	fresh    []freshKey
}

// card is a wallet that is published when its facts are durable; nil if the buyer was forgotten.
type card struct {
	id    string
	buyer *wallet.Buyer
}

type freshKey struct {
	buyer  string
	method uint32
}

type freshSecrets struct {
	wallet.Secrets
	runs int // that have them beside and are not durable yet
}

func newShardActor(w *walletRoom, ref *shardRef, s *wallet.Shard) *shardActor {
	a := &shardActor{room: w, ref: ref, shard: s, fresh: make(map[freshKey]freshSecrets)}
	if s != nil {
		a.proved = s.Seq()
	}
	return a
}

// Receive is called by the library, one message at a time.
func (a *shardActor) Receive(ctx actor.Context) {
	if msg, ok := ctx.Message().(*turn[*wallet.Request]); ok {
		a.turn(msg.Messages)
	}
}

func (a *shardActor) turn(requests []*wallet.Request) {
	a.begin()
	for _, req := range requests {
		for i := range req.Commands {
			a.command(req, i)
		}
		a.requests = append(a.requests, req)
		if len(a.run.Facts.Buf) >= turnFactBytesMax || len(a.requests) >= turnCommandsMax {
			a.append()
			a.begin()
		}
	}
	if a.shard != nil && a.shard.Seq()-a.proved >= walletProofFacts {
		a.prove()
	}
	a.append()
	if a.ref.retiring.Load() {
		a.retire()
	}
}

func (a *shardActor) begin() {
	if a.run == nil {
		a.run = &engine.Run{Key: a.ref.key, Partition: a.ref.key.Partition(), Owner: a}
	}
	a.run.At = a.room.node.clock.Now()
	if a.shard != nil {
		a.run.At = max(a.run.At, a.shard.LastAt())
		a.run.First = a.shard.Seq() + 1
	}
}

func (a *shardActor) prove() {
	a.shard.Step(&wallet.Command{Verb: wallet.VerbProve}, a.run.At, &a.run.Facts)
	a.proved = a.shard.Seq()
}

// command runs one command and tells its outcome. A panic sets the shard aside: what was decided before it is kept.
func (a *shardActor) command(req *wallet.Request, i int) {
	c := &req.Commands[i]
	bytes, count := len(a.run.Facts.Buf), a.run.Facts.Count
	stepping := false
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		a.room.node.metrics.panics.Inc()
		a.room.node.cfg.Logger.Error("panic in a shard of wallets", "shard", a.ref.key.ID, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
		if !stepping {
			return // while the reply was encoded: the state is whole
		}
		a.run.Facts.Buf, a.run.Facts.Count = a.run.Facts.Buf[:bytes], count
		why := fmt.Sprintf("a command failed: %v", cause)
		a.shard = nil
		a.ref.quarantined.Store(&why)
		a.answer(req, i, a.aside(c))
	}()
	if a.shard == nil {
		a.answer(req, i, a.aside(c))
		return
	}
	c.WallMs = int64(a.room.node.clock.Wall()) / 1e6
	stepping = true
	out := a.shard.Step(c, a.run.At, &a.run.Facts)
	a.beside(c, out)
	stepping = false
	a.answer(req, i, out)
}

func (a *shardActor) aside(c *wallet.Command) *wallet.Outcome {
	a.out = wallet.Outcome{Verb: c.Verb, Code: engine.CodeQuarantined, Text: "these wallets are set aside until an operator has looked at them"}
	return &a.out
}

// beside seals or removes the secrets of the method that an outcome is about.
func (a *shardActor) beside(c *wallet.Command, out *wallet.Outcome) {
	account := a.ref.key.Account
	id := (&wallet.Method{Number: out.Method}).ID()
	switch {
	case out.Wipe:
		a.run.Beside = append(a.run.Beside, a.room.vault.Remove(account, c.Buyer, id))
	case out.Seal:
		secrets := wallet.SecretsOf(c)
		sealed, err := a.room.vault.Seal(account, c.Buyer, id, secrets.Append(nil))
		if err != nil {
			a.room.node.cfg.Fatal(fmt.Errorf("a saved method cannot be sealed: %w", err))
			panic(err)
		}
		a.run.Beside = append(a.run.Beside, sealed)
		a.keepFresh(freshKey{c.Buyer, out.Method}, secrets)
	case out.Repeated && c.Verb == wallet.VerbSave && out.Code == engine.CodeOK && out.Buyer != nil && out.Buyer.Method(id) != nil:
		// A crash may have kept the fact and lost what lay beside it, before anything was acknowledged: the repeat has it.
		if _, ok, err := a.show(c.Buyer, out.Buyer.Method(id)); err != nil || ok {
			return
		}
		again := *c
		again.Verb, again.Method = wallet.VerbSealed, id
		repeated := *out
		if o := a.shard.Step(&again, a.run.At, &a.run.Facts); o.Seal {
			a.beside(&again, o)
		}
		*out = repeated
	}
}

func (a *shardActor) keepFresh(key freshKey, s wallet.Secrets) {
	key.buyer = string([]byte(key.buyer)) // of its own: the command's is a view
	a.mu.Lock()
	defer a.mu.Unlock()
	s.Token, s.Customer = "", "" // only what is shown
	s.Brand, s.LastFour = string([]byte(s.Brand)), string([]byte(s.LastFour))
	runs := a.fresh[key].runs
	a.fresh[key] = freshSecrets{Secrets: s, runs: runs + 1}
	a.pendingFresh = append(a.pendingFresh, key)
}

// show reads what is shown of a method, also while it is not durable yet.
func (a *shardActor) show(buyer string, m *wallet.Method) (wallet.Secrets, bool, error) {
	a.mu.Lock()
	s, ok := a.fresh[freshKey{buyer, m.Number}]
	a.mu.Unlock()
	if ok {
		return s.Secrets, true, nil
	}
	return a.room.secrets(a.ref.key.Account, buyer, m)
}

// answer completes an outcome with what only the shell knows and tells it.
func (a *shardActor) answer(req *wallet.Request, i int, out *wallet.Outcome) {
	a.room.node.metrics.walletCommand(out.Verb, out.Code)
	if req.Reply == nil {
		return
	}
	out.Eligible = engine.EligibleUnknown
	if b := out.Buyer; b != nil {
		wall := int64(a.room.node.clock.Wall()) / 1e6
		out.Eligible = a.room.policy.Eligible(b, "", wall)
		a.views = a.views[:0]
		for k := range b.Methods {
			m := &b.Methods[k]
			s, _, err := a.show(b.ID, m)
			if err != nil {
				a.room.node.cfg.Logger.Error("a saved method cannot be opened", "shard", a.ref.key.ID, "err", err)
			}
			_, usable := a.room.policy.Usable(m, wall)
			a.views = append(a.views, wallet.MethodView{Method: m, Brand: s.Brand, LastFour: s.LastFour, Usable: usable})
		}
		out.Views = a.views
	}
	req.Reply.Outcome(req, i, out)
}

// append hands the run to the journal, with the wallets that it makes others.
func (a *shardActor) append() {
	if a.run.Facts.Count == 0 && len(a.requests) == 0 {
		return
	}
	waits := shardRun{requests: a.requests}
	a.requests = nil
	if a.shard != nil {
		a.changed = a.shard.TakeChanged(a.changed[:0])
		for _, id := range a.changed {
			waits.cards = append(waits.cards, card{id: id, buyer: a.shard.Buyer(id)})
		}
	}
	run := a.run
	a.run = nil
	a.mu.Lock()
	waits.fresh, a.pendingFresh = a.pendingFresh, nil
	a.unreleased = append(a.unreleased, waits)
	a.mu.Unlock()
	a.room.node.journal.Append(run)
}

// Released is called by the journal, in log order: wallets are published, then the answers leave.
func (a *shardActor) Released(*engine.Run) {
	a.mu.Lock()
	waits := a.unreleased[0]
	a.unreleased = append(a.unreleased[:0], a.unreleased[1:]...)
	left := len(a.unreleased)
	for _, key := range waits.fresh {
		s := a.fresh[key]
		if s.runs--; s.runs == 0 {
			delete(a.fresh, key)
		} else {
			a.fresh[key] = s
		}
	}
	a.mu.Unlock()
	for _, c := range waits.cards {
		a.publish(c)
	}
	commands := int64(0)
	for _, req := range waits.requests {
		commands += int64(len(req.Commands))
		if req.Reply != nil {
			req.Reply.Durable(req)
		}
	}
	a.room.node.inflight.Add(-commands)
	a.ref.inflight.Add(-commands)
	if left == 0 && a.waiting.Load() {
		a.ref.box.wake()
	}
}

func (a *shardActor) publish(c card) {
	if c.buyer == nil {
		if _, was := a.ref.cards.LoadAndDelete(c.id); was {
			a.room.buyers.Add(-1)
		}
		return
	}
	if _, was := a.ref.cards.LoadAndStore(c.buyer.ID, c.buyer); !was {
		a.room.buyers.Add(1)
	}
	if c.buyer.Erasing {
		a.room.eraser.add(a.ref.key.Account, c.buyer.ID)
	}
}

// retire proves the state and tells the node when all of it is durable.
func (a *shardActor) retire() {
	if a.shard != nil && a.shard.Seq() > a.proved {
		a.begin()
		a.prove()
		a.append()
	}
	a.waiting.Store(true)
	a.mu.Lock()
	left := len(a.unreleased)
	a.mu.Unlock()
	if left > 0 || a.done {
		return // the last Released wakes it
	}
	a.done = true
	close(a.ref.retired)
	a.room.node.root.Stop(a.ref.pid)
}
