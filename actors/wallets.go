package actors

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/puzpuzpuz/xsync/v4"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// WalletVault is a vault that can also forget, as wallets need it.
type WalletVault interface {
	Vault
	// Keep makes records durable by themselves.
	Keep(records ...engine.Sealed) error
	// Erase destroys the keys of subjects and all their records, and returns when no file has them.
	Erase(ctx context.Context, account string, subjects ...string) error
}

// The engine's own subjects in the vault. They begin with _, as no buyer's id in a wallet does.
const (
	hashSubject = "_hashes" // of the node: the key of keyed hashes
	hashRecord  = "key"
	linkSubject = "_links-" // and the event: the key of what links buyers of that event
)

// walletRoom is the wallets of a node: the shards that have data, each with an actor of its own, and the wallets they have published.
//
// A shard is read from its snapshot when it is first asked for, and stays. What it has published is a map of rows that never change, which offers and buys
// read without a lock; a row is published when the facts that made it are durable, before the answer leaves: who was told that a method is saved can buy with it.
type walletRoom struct {
	node    *Node
	vault   WalletVault
	policy  wallet.Policy
	hashKey []byte
	shards  *xsync.Map[engine.Key, *shardRef]
	links   *linkKeys
	rates   *velocity
	eraser  *eraser
	tried   triedDevices

	mu     sync.Mutex // guards what follows, and every change of shards
	asleep map[engine.Key]struct{}

	buyers   atomic.Int64
	lost     atomic.Int64 // methods whose secrets were not in the vault
	projects projection
}

// shardRef is the way to a shard's actor, and what it has published.
type shardRef struct {
	key         engine.Key
	box         *mailbox[*wallet.Request]
	pid         *actor.PID
	cards       *xsync.Map[string, *wallet.Buyer]
	inflight    atomic.Int64
	quarantined atomic.Pointer[string]
	retiring    atomic.Bool
	retired     chan struct{}
}

// startWallets makes the room of the wallets over what recovery has found. Without a vault there is none.
func (n *Node) startWallets(recovered *engine.Recovered) error {
	vault, forgets := n.cfg.Vault.(WalletVault)
	if _, none := n.cfg.Wallets.(noWallets); !none || !forgets {
		return nil
	}
	w := &walletRoom{
		node: n, vault: vault,
		policy: wallet.Policy{NeedsPurchase: !n.cfg.OneClickAtOnce, Capabilities: n.capabilities},
		shards: xsync.NewMap[engine.Key, *shardRef](), asleep: make(map[engine.Key]struct{}), rates: newVelocity(),
		tried: triedDevices{devices: xsync.NewMap[triedKey, uint64]()},
	}
	w.links = newLinkKeys(w.vault)
	w.eraser = newEraser(w)
	if err := w.loadHashKey(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range recovered.Awake {
		if r.Key.Kind != engine.KindWallet {
			continue
		}
		s, ok := r.State.(*wallet.Shard)
		if !ok {
			return fmt.Errorf("actors: wallet shard %s is a %T", r.Key.ID, r.State)
		}
		w.spawn(r.Key, s)
	}
	for _, u := range recovered.Unusable {
		if u.Key.Kind == engine.KindWallet {
			ref := w.spawn(u.Key, nil)
			why := "its log does not fold: " + u.Why
			ref.quarantined.Store(&why)
			n.cfg.Logger.Error("a shard of wallets is set aside", "shard", u.Key.ID, "why", why)
		}
	}
	for _, s := range recovered.Asleep {
		if s.Key.Kind != engine.KindWallet {
			continue
		}
		w.asleep[s.Key] = struct{}{}
		if s.Wake != 0 { // somebody in it is to be forgotten
			if _, err := w.load(s.Key); err != nil {
				return err
			}
		}
	}
	n.wallets, n.cfg.Wallets = w, w
	w.addMetrics(n.metrics)
	return nil
}

// capabilities says what a gateway of the node can do with a kind of method.
func (n *Node) capabilities(gateway string, kind payment.MethodKind) (payment.Capabilities, bool) {
	for _, g := range n.cfg.Gateways {
		if g.Name() == gateway {
			return g.Capabilities(kind), true
		}
	}
	return 0, false
}

// loadHashKey reads the key of keyed hashes, or draws it at the first start.
func (w *walletRoom) loadHashKey() error {
	key, ok, err := w.vault.Open(engine.SingleAccount, hashSubject, hashRecord)
	if err != nil {
		return fmt.Errorf("actors: read the key of the wallets' hashes: %w", err)
	}
	if !ok {
		key = make([]byte, sha256.Size)
		if _, err := rand.Read(key); err != nil {
			return fmt.Errorf("actors: draw the key of the wallets' hashes: %w", err)
		}
		sealed, err := w.vault.Seal(engine.SingleAccount, hashSubject, hashRecord, key)
		if err == nil {
			err = w.vault.Keep(sealed)
		}
		if err != nil {
			return fmt.Errorf("actors: keep the key of the wallets' hashes: %w", err)
		}
	}
	w.hashKey = key
	return nil
}

// keyedHash is a hash of texts that nobody can make without the key; 0 for the first text empty.
func keyedHash(key []byte, texts ...string) uint64 {
	if texts[0] == "" {
		return 0
	}
	h := hmac.New(sha256.New, key)
	var length [4]byte
	for _, t := range texts {
		binary.LittleEndian.PutUint32(length[:], uint32(len(t)))
		_, _ = h.Write(length[:]) // never fails
		_, _ = h.Write([]byte(t))
	}
	return max(1, binary.LittleEndian.Uint64(h.Sum(nil)))
}

// hashes fills in what a shard compares and must not know.
func (w *walletRoom) hashes(account string, c *wallet.Command) {
	c.Hashes = wallet.Hashes{
		Fingerprint: w.fingerprint(account, c.Gateway, c.Fingerprint),
		Device:      w.device(account, c.DeviceID),
	}
	if c.Token != "" {
		c.Hashes.Token = keyedHash(w.hashKey, c.Token, "token", account, c.Gateway)
	}
	if c.Verb == wallet.VerbSave {
		c.Hashes.Secrets = keyedHash(w.hashKey, "secrets", c.Token, c.Customer, c.Brand, c.LastFour, c.Fingerprint, c.DeviceID)
	}
}

func (w *walletRoom) fingerprint(account, gateway, text string) uint64 {
	return keyedHash(w.hashKey, text, "fingerprint", account, gateway)
}

func (w *walletRoom) device(account, text string) uint64 {
	return keyedHash(w.hashKey, text, "device", account)
}

// SubmitWallet hands a request to the shard of its buyers. [engine.CodeOK] means that req.Reply will be called; any other code means that nothing happened
// and nothing will: invalid (buyers of several partitions, or too many commands), overloaded, unavailable, quarantined. Safe for concurrent use; it waits for
// the disk only where a shard is asked for the first time since the start.
func (n *Node) SubmitWallet(req *wallet.Request) engine.Code {
	w := n.wallets
	switch {
	case n.stopping.Load() || w == nil:
		return engine.CodeUnavailable
	case len(req.Commands) == 0 || len(req.Commands) > wallet.CommandsPerRequestMax:
		return engine.CodeTooLarge
	}
	reads := true
	key := wallet.KeyOf(req.Account, req.Commands[0].Buyer)
	for i := range req.Commands {
		c := &req.Commands[i]
		if i > 0 && wallet.KeyOf(req.Account, c.Buyer) != key {
			return engine.CodeInvalid
		}
		reads = reads && c.Verb.Reads()
		w.hashes(req.Account, c)
	}
	if !reads && n.refusing.Load() != nil {
		return engine.CodeUnavailable
	}
	req.ReceivedNs = int64(n.clock.Mono())
	ref, err := w.find(key, true)
	if err != nil {
		n.cfg.Logger.Error("a shard of wallets cannot be read", "shard", key.ID, "err", err)
		return engine.CodeQuarantined
	}
	if ref.quarantined.Load() != nil {
		return engine.CodeQuarantined
	}
	commands := int64(len(req.Commands))
	n.inflight.Add(commands)
	if ref.box.post(req) != postedOK {
		n.inflight.Add(-commands)
		return engine.CodeOverloaded
	}
	return engine.CodeOK
}

// find returns the shard of a key: one that has data, or if create is set a new one. It returns nil if there is none.
func (w *walletRoom) find(key engine.Key, create bool) (*shardRef, error) {
	if ref, ok := w.shards.Load(key); ok {
		return ref, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if ref, ok := w.shards.Load(key); ok {
		return ref, nil
	}
	if _, ok := w.asleep[key]; ok {
		return w.load(key)
	}
	if !create {
		return nil, nil
	}
	key = key.Clone()
	return w.spawn(key, wallet.New(key)), nil
}

// load reads a shard from its snapshot. The caller holds w.mu.
func (w *walletRoom) load(key engine.Key) (*shardRef, error) {
	state, ok, err := w.node.snapshots.Load(key)
	if err == nil && !ok {
		err = errors.New("its snapshot is missing")
	}
	var s *wallet.Shard
	if err == nil {
		s, err = wallet.Open(key, state)
	}
	if err != nil {
		return nil, fmt.Errorf("actors: wallet shard %s: %w", key.ID, err)
	}
	delete(w.asleep, key)
	return w.spawn(key.Clone(), s), nil
}

// spawn starts the actor of a shard and publishes what it has. The caller holds w.mu.
func (w *walletRoom) spawn(key engine.Key, s *wallet.Shard) *shardRef {
	n := w.node
	ref := &shardRef{key: key, cards: xsync.NewMap[string, *wallet.Buyer](), retired: make(chan struct{})}
	if s != nil {
		s.Each(func(b *wallet.Buyer) {
			ref.cards.Store(b.ID, b)
			if b.Erasing {
				w.eraser.add(key.Account, b.ID)
			}
		})
		w.buyers.Add(int64(s.Buyers()))
	}
	ref.box = &mailbox[*wallet.Request]{
		admit: func(req *wallet.Request) bool {
			commands := int64(len(req.Commands))
			if ref.inflight.Load()+commands > n.cfg.InflightPerEvent {
				return false
			}
			ref.inflight.Add(commands)
			return true
		},
		escaped: func(cause any) {
			n.cfg.Fatal(fmt.Errorf("the actor of wallet shard %s panicked outside a step: %v", key.ID, cause))
		},
	}
	a := newShardActor(w, ref, s)
	ref.pid = n.root.Spawn(actor.PropsFromProducer(func() actor.Actor { return a }, actor.WithDispatcher(n.turns), actor.WithMailbox(func() actor.Mailbox { return ref.box })))
	w.shards.Store(key, ref)
	return ref
}

// card returns what is published of a buyer; nil if nothing is known.
func (w *walletRoom) card(account, buyer string) *wallet.Buyer {
	ref, err := w.find(wallet.KeyOf(account, buyer), false)
	if err != nil {
		w.node.cfg.Logger.Error("a shard of wallets cannot be read", "err", err)
	}
	if ref == nil || ref.quarantined.Load() != nil {
		return nil
	}
	b, _ := ref.cards.Load(buyer)
	return b
}

// Method implements [Wallets].
func (w *walletRoom) Method(account, buyer, method string) (payment.Method, error) {
	b := w.card(account, buyer)
	if b == nil || method == "" {
		return payment.Method{}, ErrNoMethod
	}
	m := b.Method(method)
	if m == nil {
		return payment.Method{}, ErrNoMethod
	}
	s, ok, err := w.secrets(account, buyer, m)
	if err != nil {
		return payment.Method{}, err
	}
	if !ok {
		// A crash kept its fact and lost what lay beside it, before either was acknowledged.
		w.lost.Add(1)
		w.node.cfg.Logger.Error("a saved method has no secrets in the vault and is removed", "shard", wallet.KeyOf(account, buyer).ID)
		w.tell(account, wallet.Command{Verb: wallet.VerbLost, Buyer: buyer, Method: method})
		return payment.Method{}, ErrNoMethod
	}
	return payment.Method{Token: s.Token, Customer: s.Customer, Kind: m.Kind}, nil
}

func (w *walletRoom) secrets(account, buyer string, m *wallet.Method) (wallet.Secrets, bool, error) {
	plain, ok, err := w.vault.Open(account, buyer, m.ID())
	if err != nil || !ok {
		return wallet.Secrets{}, false, err
	}
	s, err := wallet.OpenSecrets(plain)
	return s, err == nil, err
}

// tell gives a shard a command of the shell's own, whose answer nobody waits for.
func (w *walletRoom) tell(account string, c wallet.Command) engine.Code {
	return w.node.SubmitWallet(&wallet.Request{Account: account, Commands: []wallet.Command{c}})
}

// BlockMethod notes that a buyer's method must not be charged again: it was declined for good. Safe for concurrent use; it does not block.
func (n *Node) BlockMethod(account, buyer, method string, why payment.Decline) {
	if n.wallets != nil && method != "" && why.Hard() {
		n.wallets.tell(account, wallet.Command{Verb: wallet.VerbBlocked, Buyer: buyer, Method: method, Decline: why})
	}
}

// stopWallets waits until every shard's last run is durable, or ctx ends.
func (n *Node) stopWallets(ctx context.Context) error {
	w := n.wallets
	if w == nil {
		return nil
	}
	w.eraser.stop()
	var refs []*shardRef
	w.mu.Lock()
	w.shards.Range(func(_ engine.Key, ref *shardRef) bool { refs = append(refs, ref); return true })
	w.mu.Unlock()
	for _, ref := range refs {
		ref.retiring.Store(true)
		ref.box.wake()
	}
	for _, ref := range refs {
		select {
		case <-ctx.Done():
			return fmt.Errorf("actors: wallet shard %s was not durable in time: %w", ref.key.ID, ctx.Err())
		case <-ref.retired:
		}
	}
	return nil
}
