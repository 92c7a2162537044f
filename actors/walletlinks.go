package actors

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/puzpuzpuz/xsync/v4"

	"github.com/holdfast-engine/holdfast/engine"
)

// linkKeysMax is how many events' keys are in memory: beyond it all are dropped and read again.
const linkKeysMax = 1 << 16

// linkKeys are the keys with which what links buyers is hashed: one an event, so that nobody can follow a card or a device from one event to the next, kept
// in the vault and destroyed when the event is archived.
type linkKeys struct {
	vault WalletVault
	keys  *xsync.Map[route, []byte]
	count atomic.Int64
	mu    sync.Mutex // held while one is read or drawn
}

func newLinkKeys(v WalletVault) *linkKeys {
	return &linkKeys{vault: v, keys: xsync.NewMap[route, []byte]()}
}

// of returns an event's key, and draws it if there is none.
func (l *linkKeys) of(account, event string) ([]byte, error) {
	if key, ok := l.keys.Load(route{account, event}); ok {
		return key, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if key, ok := l.keys.Load(route{account, event}); ok {
		return key, nil
	}
	key, ok, err := l.vault.Open(account, linkSubject+event, hashRecord)
	if err != nil {
		return nil, fmt.Errorf("read the key of links: %w", err)
	}
	if !ok {
		key = make([]byte, sha256.Size)
		if _, err := rand.Read(key); err != nil {
			return nil, fmt.Errorf("draw the key of links: %w", err)
		}
		sealed, err := l.vault.Seal(account, linkSubject+event, hashRecord, key)
		if err == nil {
			err = l.vault.Keep(sealed)
		}
		if err != nil {
			return nil, fmt.Errorf("keep the key of links: %w", err)
		}
	}
	if l.count.Add(1) > linkKeysMax {
		l.keys.Clear()
		l.count.Store(1)
	}
	l.keys.Store(route{strings.Clone(account), strings.Clone(event)}, key)
	return key, nil
}

// forgetLinks destroys the keys of archived events: from then on nobody can tell whom they linked.
func (n *Node) forgetLinks(ctx context.Context, keys []engine.Key) bool {
	if n.wallets == nil {
		return true
	}
	subjects := make(map[string][]string) // by account
	for _, k := range keys {
		if _, ok, err := n.wallets.vault.Open(k.Account, linkSubject+k.ID, hashRecord); ok || err != nil {
			subjects[k.Account] = append(subjects[k.Account], linkSubject+k.ID)
		}
		n.wallets.links.keys.Delete(route{k.Account, k.ID})
	}
	for account, list := range subjects {
		if err := n.wallets.vault.Erase(ctx, account, list...); err != nil {
			if ctx.Err() == nil {
				n.cfg.Logger.Error("the keys of archived events' links were not destroyed; it is tried again", "events", len(list), "err", err)
			}
			return false
		}
	}
	return true
}

// keyedNumber is keyedHash of a number.
func keyedNumber(key []byte, v uint64) uint64 {
	return keyedHash(key, strconv.FormatUint(v, 16), "hash")
}
