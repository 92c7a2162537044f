package ticket_test

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/transport/ticket"
)

var aPass = ticket.Pass{Account: "_", Event: "night-one", Buyer: "b7", Entry: 12, Place: 331, Until: at().Unix() + 600}

func mustPass(t testing.TB, r *ticket.Ring, p ticket.Pass) string {
	t.Helper()
	signed, err := r.Pass(p)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestPasses(t *testing.T) {
	ring := ticket.NewRing(newSafe(), at)
	signed, keys := mustPass(t, ring, aPass), keySet(t, ring, "_")
	if p, err := ticket.VerifyPass(signed, keys, at()); err != nil || *p != aPass {
		t.Fatalf("verified as %+v, %v", p, err)
	}
	if again := mustPass(t, ring, aPass); again != signed {
		t.Error("the same pass is signed otherwise")
	}
	late := aPass
	late.Until = at().Unix()
	code := mustCode(t, ring, &seatClaims)
	parts := strings.Split(signed, ".")
	for what, bad := range map[string]string{
		"one that has run out":         mustPass(t, ring, late),
		"a ticket's code":              code,
		"one of another account":       mustPass(t, ticket.NewRing(newSafe(), at), aPass),
		"one with another's signature": parts[0] + "." + parts[1] + "." + strings.Split(code, ".")[2],
		"one with another header":      strings.Split(code, ".")[0] + "." + parts[1] + "." + parts[2],
		"half of one":                  signed[:len(signed)/2],
		"none":                         "",
	} {
		if p, err := ticket.VerifyPass(bad, keys, at()); !errors.Is(err, ticket.ErrCode) {
			t.Errorf("%s is taken: %+v, %v", what, p, err)
		}
	}
	if _, err := ticket.Verify(signed, keys); !errors.Is(err, ticket.ErrCode) {
		t.Errorf("a pass is taken for a ticket's code: %v", err)
	}
	// Keys that are rotated sign anew, and what older ones have signed stays good.
	if _, err := ring.Rotate("_"); err != nil {
		t.Fatal(err)
	}
	anew, keys := mustPass(t, ring, aPass), keySet(t, ring, "_")
	for _, s := range []string{signed, anew} {
		if _, err := ticket.VerifyPass(s, keys, at()); err != nil {
			t.Error(err)
		}
	}
	if anew == signed {
		t.Error("a rotation changes nothing")
	}
}

// A signature for receipts is that of the newest key, and of nothing that is no receipt.
func TestReceiptsAreSigned(t *testing.T) {
	ring := ticket.NewRing(newSafe(), at)
	leaves := []line.Hash{{1}, {2}, {3}}
	kid, sum, err := ring.SignReceipts("_", 3, line.Root(leaves))
	if err != nil {
		t.Fatal(err)
	}
	key := keySet(t, ring, "_").Key(kid)[0].Key.(ed25519.PublicKey)
	if !ed25519.Verify(key, line.ReceiptStatement(3, line.Root(leaves)), sum[:]) {
		t.Error("the signature is not that of the key")
	}
	if ed25519.Verify(key, line.ReceiptStatement(4, line.Root(leaves)), sum[:]) {
		t.Error("the size is not signed")
	}
}

func FuzzVerifyPass(f *testing.F) {
	ring := ticket.NewRing(newSafe(), at)
	keys := keySet(f, ring, "_")
	signed := mustPass(f, ring, aPass)
	f.Add(signed)
	f.Add(signed[:len(signed)-1])
	f.Add(mustCode(f, ring, &seatClaims))
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ticket.VerifyPass(text, keys, at().Add(time.Minute))
		if (err == nil) != (p != nil) {
			t.Fatal("a verdict and none")
		}
		if err == nil && *p != aPass {
			t.Fatalf("a pass that was never signed is taken: %q says %+v", text, p)
		}
	})
}
