package wallet

import "github.com/holdfast-engine/holdfast/engine"

// NewAggregate returns an aggregate of the key's kind without any facts, of wallets and of everything that [engine.NewAggregate] knows.
func NewAggregate(key engine.Key) engine.Aggregate {
	if key.Kind == engine.KindWallet {
		return New(key)
	}
	return engine.NewAggregate(key)
}

// OpenSnapshot reads the snapshot of an aggregate, of wallets and of everything that [engine.OpenSnapshot] knows.
func OpenSnapshot(key engine.Key, state []byte) (engine.Aggregate, error) {
	if key.Kind != engine.KindWallet {
		return engine.OpenSnapshot(key, state)
	}
	s, err := Open(key, state)
	if err != nil {
		return nil, err // not a nil shard in an interface
	}
	return s, nil
}
