package wallet

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// goldenLife has every kind of fact once or more.
func goldenLife() []Command {
	full := save("s1", 11)
	full.Kind, full.Funding, full.ExpiryYear, full.ExpiryMonth, full.MakeDefault, full.WallMs = payment.MethodWallet, FundingDebit, 2030, 12, true, 1_000
	full.Hashes = Hashes{Token: 11, Fingerprint: 12, Device: 13, Secrets: 14}
	return []Command{
		full, save("s2", 21), save("s3", 31),
		{Verb: VerbDefault, RequestID: "d1", Buyer: "anna", Method: "m2"},
		{Verb: VerbAgree, RequestID: "a1", Buyer: "anna", Scope: ScopeOneClick, Version: "terms-1", CapMinor: 20_000, Currency: "EUR", UntilMs: 9_000_000, WallMs: 2_000},
		{Verb: VerbAgree, RequestID: "a2", Buyer: "anna", Scope: ScopeAutoBuy, Version: "terms-2", WallMs: 2_001},
		{Verb: VerbAgree, RequestID: "a3", Buyer: "anna", Scope: ScopeAutoBuy, Withdraw: true, WallMs: 2_002},
		{Verb: VerbPurchased, Buyer: "anna", Purchase: Purchase{Event: "e1", Order: "o1", TotalMinor: 9500, Currency: "EUR", AtMs: 3_000, Seq: 7, Open: true, Device: 99}},
		{Verb: VerbPurchased, Buyer: "anna", Purchase: Purchase{Event: "e1", Order: "o1", TotalMinor: 9500, RefundedMinor: 9500, Currency: "EUR", AtMs: 3_000, Seq: 9, Undone: true}},
		{Verb: VerbBlocked, Buyer: "anna", Method: "m1", Decline: payment.DeclineLostOrStolen},
		{Verb: VerbRemove, RequestID: "x1", Buyer: "anna", Method: "m2"},
		{Verb: VerbLost, Buyer: "anna", Method: "m3"},
		{Verb: VerbSealed, Buyer: "anna", Method: "m1"},
		{Verb: VerbImport, RequestID: "i1", Buyer: "anna", Purchases: 12, LastPurchaseMs: 2_500},
		{Verb: VerbProve},
		{Verb: VerbErase, RequestID: "e1", Buyer: "anna"},
	}
}

// TestFactsAreWrittenAsEver: facts and the snapshot of a life are, byte for byte, what they were when logs with them came into the world.
func TestFactsAreWrittenAsEver(t *testing.T) {
	b := newBench(t)
	var out strings.Builder
	seen := map[factKind]bool{}
	step := func(c Command) {
		c.WallMs = max(c.WallMs, 1)
		run := engine.Run{First: b.s.Seq() + 1, At: engine.Instant(b.s.Seq()+1) * 1e9}
		o := b.s.Step(&c, run.At, &run.Facts)
		fmt.Fprintf(&out, "%d %s %x\n", run.First, o.Code, run.Facts.Buf)
		if len(run.Facts.Buf) > 0 {
			seen[factKind(run.Facts.Buf[0])] = true
		}
		if err := b.other.Fold(&run); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range goldenLife() {
		step(c)
	}
	fmt.Fprintf(&out, "state %016x\nsnapshot %x\n", b.s.StateHash(), b.s.AppendSnapshot(nil))
	step(Command{Verb: VerbErased, Buyer: "anna"})
	for k := kindSaved; k <= kindProved; k++ {
		if !seen[k] {
			t.Errorf("no fact of kind %d is in the life", k)
		}
	}
	const file = "testdata/golden/wallet.txt"
	if f := flag.Lookup("rewrite"); f != nil && f.Value.String() == "true" { // a flag of datadriven's
		if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("facts are not written as in %s:\n%s", file, out.String())
	}
	openGolden(t, string(want))
}

// openGolden reads what the file holds: logs and snapshots of before.
func openGolden(t *testing.T, golden string) {
	t.Helper()
	s := New(KeyOf("_", "anna"))
	for _, line := range strings.Split(golden, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 3:
			facts, err := hex.DecodeString(words[2])
			if err != nil {
				t.Fatal(err)
			}
			run := engine.Run{First: s.Seq() + 1, At: engine.Instant(s.Seq()+1) * 1e9, Facts: engine.Facts{Buf: facts, Count: 1}}
			if err := s.Fold(&run); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		case len(words) == 2 && words[0] == "state":
			if got := fmt.Sprintf("%016x", s.StateHash()); got != words[1] {
				t.Errorf("the facts fold to state %s, it was %s", got, words[1])
			}
		case len(words) == 2 && words[0] == "snapshot":
			state, err := hex.DecodeString(words[1])
			if err != nil {
				t.Fatal(err)
			}
			if opened, err := Open(s.key, state); err != nil || opened.StateHash() != s.StateHash() || opened.Seq() != s.Seq() {
				t.Errorf("the snapshot does not open as the state was: %v", err)
			}
		}
	}
}

// FuzzFold: bytes from anywhere never panic, and what folds has a sound state.
func FuzzFold(f *testing.F) {
	s := New(KeyOf("_", "anna"))
	for _, c := range goldenLife() {
		var facts engine.Facts
		s.Step(&c, 1, &facts)
		f.Add(facts.Buf, uint8(facts.Count))
	}
	f.Fuzz(func(t *testing.T, buf []byte, count uint8) {
		s := New(KeyOf("_", "anna"))
		run := engine.Run{First: 1, At: 1, Facts: engine.Facts{Buf: buf, Count: int(count)}}
		if s.Fold(&run) != nil {
			return
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzOpen is the same for snapshots.
func FuzzOpen(f *testing.F) {
	key := KeyOf("_", "anna")
	s := New(key)
	for _, c := range goldenLife() {
		var facts engine.Facts
		s.Step(&c, 1, &facts)
		f.Add(s.AppendSnapshot(nil))
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		s, err := Open(key, state)
		if err != nil {
			return
		}
		if again := s.AppendSnapshot(nil); string(again) != string(state) {
			t.Fatal("a state has two snapshots")
		}
	})
}

func FuzzSecrets(f *testing.F) {
	s := Secrets{Token: "tok", Customer: "cus", Brand: "visa", LastFour: "4242"}
	f.Add(s.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := OpenSecrets(b); err == nil && string(s.Append(nil)) != string(b) {
			t.Fatal("secrets have two forms")
		}
	})
}
