package store

import "sync"

// vaultKeysOpen is how many open keys of subjects are kept: about a kilobyte each.
const vaultKeysOpen = 1 << 14

// openKeys keeps keys of subjects open, so that a charge costs no read of the store. A key that was destroyed is not in it: forget is called between its
// deletion and the end of Erase, and who has read the key before that cannot add it afterwards.
type openKeys struct {
	mu     sync.Mutex
	keys   map[string]*subjectKey // by the key in the store
	erased uint64                 // how often forget was called
}

// get returns a key, nil if it is not here, and what add wants to know.
func (o *openKeys) get(name []byte) (k *subjectKey, erased uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.keys[string(name)], o.erased
}

// add keeps a key that was read from the store after get had returned erased. Any other makes room for it.
func (o *openKeys) add(name []byte, k *subjectKey, erased uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if erased != o.erased {
		return
	}
	if len(o.keys) >= vaultKeysOpen {
		for other := range o.keys {
			delete(o.keys, other)
			break
		}
	}
	if o.keys == nil {
		o.keys = make(map[string]*subjectKey)
	}
	o.keys[string(name)] = k
}

// forget empties it.
func (o *openKeys) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.keys)
	o.erased++
}
