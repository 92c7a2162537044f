package line

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// receiptWord begins what is signed for receipts, so that no other signature of the same key can be taken for one.
const receiptWord = "holdfast line receipt 1\n"

// Bounds of a receipt that is read.
const (
	ReceiptBytesMax = 16 << 10 // of its JSON
	pathMax         = 64       // no tree is higher
	nameMax         = 64       // bytes of an id, as everywhere
)

// ErrReceipt is wrapped by every error of a receipt that proves nothing.
var ErrReceipt = errors.New("line: not a receipt")

// A Signature is one of Ed25519. As text it is 128 lower-case hexadecimal digits.
type Signature [ed25519.SignatureSize]byte

// MarshalText is s in hexadecimal.
func (s Signature) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

// UnmarshalText reads 128 hexadecimal digits. On an error s is unchanged.
func (s *Signature) UnmarshalText(text []byte) error { return fromHex(s[:], text, "a signature") }

// A Receipt is what a buyer keeps of having joined a lobby: the engine's signed word that this entry is that buyer's. Joins that become durable together are the
// leaves of one tree, and share one signature over its size and root; Index and Path lead from the entry's leaf to it.
//
// With a receipt a buyer can show that the published list has another leaf at its entry, or that the lobby was opened with another commit: there is no other
// explanation than that the engine's operator changed them.
type Receipt struct {
	Account   string    `json:"account"`
	Event     string    `json:"event"`
	Commit    Hash      `json:"commit"` // of the seed, as it was when the buyer joined
	Entry     Entry     `json:"entry"`
	Buyer     string    `json:"buyer"`
	Index     uint32    `json:"index"` // of the entry's leaf among those signed together, from 0
	Size      uint32    `json:"size"`  // how many were signed together
	Root      Hash      `json:"root"`  // of their tree
	Path      []Hash    `json:"path"`  // the siblings of the leaf and its parents, nearest first
	KeyID     string    `json:"kid"`   // which key has signed
	Signature Signature `json:"signature"`
}

// ReceiptStatement is what is signed for leaves that are released together:
//
//	"holdfast line receipt 1\n" ‖ size, 4 bytes, big-endian ‖ root
func ReceiptStatement(size uint32, root Hash) []byte {
	b := make([]byte, 0, len(receiptWord)+4+HashLen)
	b = append(b, receiptWord...)
	b = binary.BigEndian.AppendUint32(b, size)
	return append(b, root[:]...)
}

// Leaf is the leaf of the entry that r is for: the one at its number in the published list.
func (r *Receipt) Leaf() Hash { return Leaf(r.Account, r.Event, r.Commit, r.Entry, r.Buyer) }

// Verify is nil if r was signed by the owner of key, and an error that wraps [ErrReceipt] and says what is wrong otherwise. The key is the account's with id r.KeyID,
// taken from where its owner publishes it, never from whoever shows the receipt.
//
// Source: RFC 8032 for Ed25519.
func (r *Receipt) Verify(key ed25519.PublicKey) error {
	switch {
	case r.Entry == 0 || r.Account == "" || r.Event == "" || r.Buyer == "":
		return fmt.Errorf("%w: it does not say whose entry of what it is for", ErrReceipt)
	case len(key) != ed25519.PublicKeySize:
		return fmt.Errorf("%w: a public key is %d bytes, not %d", ErrReceipt, ed25519.PublicKeySize, len(key))
	case !VerifyPath(r.Leaf(), uint64(r.Index), uint64(r.Size), r.Path, r.Root):
		return fmt.Errorf("%w: its path does not lead from its entry to its root", ErrReceipt)
	case !ed25519.Verify(key, ReceiptStatement(r.Size, r.Root), r.Signature[:]):
		return fmt.Errorf("%w: its signature is not that of the key", ErrReceipt)
	}
	return nil
}

// ParseReceipt reads the JSON of a receipt. Fields that a receipt does not have, more than one value, and sizes out of bounds are an error that wraps
// [ErrReceipt]. It does not verify.
func ParseReceipt(text []byte) (Receipt, error) {
	if len(text) > ReceiptBytesMax {
		return Receipt{}, fmt.Errorf("%w: it has more than %d bytes", ErrReceipt, ReceiptBytesMax)
	}
	var r Receipt
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	if d.More() {
		return Receipt{}, fmt.Errorf("%w: there is something behind it", ErrReceipt)
	}
	if len(r.Path) > pathMax || len(r.Account) > nameMax || len(r.Event) > nameMax || len(r.Buyer) > nameMax || len(r.KeyID) > 2*nameMax {
		return Receipt{}, fmt.Errorf("%w: an id or the path is too long", ErrReceipt)
	}
	return r, nil
}
