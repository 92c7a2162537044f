package line

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// lobbyKey is a key for tests: its seed is 32 times 9.
func lobbyKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat("\x09", ed25519.SeedSize)))
}

// receipts are those of a lobby's first n entries, signed together.
func receipts(n int) []Receipt {
	commit := Commit(Seed{1, 2, 3})
	var list []Receipt
	var leaves []Hash
	for i := range n {
		r := Receipt{Account: "_", Event: "night-one", Commit: commit, Entry: Entry(i + 1), Buyer: "b" + string(rune('a'+i)), Index: uint32(i), Size: uint32(n), KeyID: "k1"}
		list, leaves = append(list, r), append(leaves, r.Leaf())
	}
	grove := NewGrove(leaves)
	signature := Signature(ed25519.Sign(lobbyKey(), ReceiptStatement(uint32(n), grove.Root())))
	for i := range list {
		list[i].Root, list[i].Path, list[i].Signature = grove.Root(), grove.Path(i), signature
	}
	return list
}

func public() ed25519.PublicKey { return lobbyKey().Public().(ed25519.PublicKey) }

func TestReceiptsVerifyAndTravelAsJSON(t *testing.T) {
	for n := 1; n <= 9; n++ {
		for _, r := range receipts(n) {
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			back, err := ParseReceipt(text)
			if err != nil {
				t.Fatal(err)
			}
			if err := back.Verify(public()); err != nil {
				t.Errorf("receipt %d of %d: %v", r.Entry, n, err)
			}
			if len(r.Path) > 0 && !reflect.DeepEqual(back, r) {
				t.Errorf("a receipt was %+v, came back %+v", r, back)
			}
		}
	}
}

func TestReceiptsThatWereChangedProveNothing(t *testing.T) {
	for name, change := range map[string]func(r *Receipt){
		"another buyer":     func(r *Receipt) { r.Buyer = "mallory" },
		"another entry":     func(r *Receipt) { r.Entry++ },
		"no entry":          func(r *Receipt) { r.Entry = 0 },
		"no buyer":          func(r *Receipt) { r.Buyer = "" },
		"another event":     func(r *Receipt) { r.Event = "night-two" },
		"another account":   func(r *Receipt) { r.Account = "acme" },
		"another commit":    func(r *Receipt) { r.Commit[0]++ },
		"another index":     func(r *Receipt) { r.Index++ },
		"another size":      func(r *Receipt) { r.Size++ },
		"another root":      func(r *Receipt) { r.Root[5]++ },
		"another path":      func(r *Receipt) { r.Path[0][1]++ },
		"a shorter path":    func(r *Receipt) { r.Path = r.Path[1:] },
		"another signature": func(r *Receipt) { r.Signature[9]++ },
	} {
		r := receipts(5)[2]
		change(&r)
		if err := r.Verify(public()); !errors.Is(err, ErrReceipt) {
			t.Errorf("a receipt with %s: %v", name, err)
		}
	}
	r := receipts(5)[2]
	other := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	for _, key := range []ed25519.PublicKey{other, nil} {
		if err := r.Verify(key); !errors.Is(err, ErrReceipt) {
			t.Errorf("a receipt under another key: %v", err)
		}
	}
}

func TestReceiptsThatAreNoneAreRefused(t *testing.T) {
	whole, err := json.Marshal(receipts(3)[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "null x", "{", `{"seat":"A1"}`, string(whole) + string(whole), strings.Replace(string(whole), `"commit":"`, `"commit":"0`, 1),
		strings.Replace(string(whole), `"root":"`, `"root":"zz`, 1), `{"entry":-1}`, `{"entry":4294967296}`, `{"path":["00"]}`,
		`{"buyer":"` + strings.Repeat("b", nameMax+1) + `"}`, `{"path":[` + strings.Repeat(`"`+strings.Repeat("0", 64)+`",`, pathMax) + `"` + strings.Repeat("0", 64) + `"]}`,
		strings.Repeat(" ", ReceiptBytesMax) + string(whole),
	} {
		if r, err := ParseReceipt([]byte(text)); !errors.Is(err, ErrReceipt) {
			t.Errorf("%.80q was read as a receipt: %+v, %v", text, r, err)
		}
	}
}

func FuzzReceipt(f *testing.F) {
	for n := 1; n < 6; n++ {
		text, err := json.Marshal(receipts(n)[n-1])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	genuine := map[Entry]Hash{}
	for n := 1; n < 6; n++ {
		last := receipts(n)[n-1]
		genuine[Entry(n)] = last.Leaf()
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseReceipt(text)
		if err != nil {
			return
		}
		if r.Verify(public()) == nil && r.Leaf() != genuine[r.Entry] {
			t.Errorf("a forged receipt verifies: %s", text)
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseReceipt(again); err != nil {
			t.Errorf("a receipt that was written is not read: %v", err)
		}
	})
}
