package line

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the files of docs/examples/line-verify anew")

// published is what anybody can read of a draw, as docs/line.md has it.
type published struct {
	Lobby struct {
		Account   string `json:"account"`
		Event     string `json:"event"`
		Commit    Hash   `json:"commit"`
		DrawValue bool   `json:"draw_value"`
	} `json:"lobby"`
	Entries []page `json:"entries"`
	Closed  struct {
		Root    Hash   `json:"root"`
		Entries uint32 `json:"entries"`
	} `json:"closed"`
	Revealed struct {
		Seed  Hash   `json:"seed"` // as text it is written like a hash
		Value string `json:"value"`
	} `json:"revealed"`
}

type page struct {
	From   Entry  `json:"from"`
	Leaves []Hash `json:"leaves"`
}

const entrants, pageLen, receiptOf = 300, 128, 207

// example is a draw of 300, the receipt of one of them, and what the script should print.
func example() (draw published, receipt Receipt, keys any, want string) {
	var seed Seed
	for i := range seed {
		seed[i] = byte(200 - 5*i)
	}
	draw.Lobby.Account, draw.Lobby.Event, draw.Lobby.Commit, draw.Lobby.DrawValue = "_", "night-one", Commit(seed), true
	draw.Revealed.Seed, draw.Revealed.Value = Hash(seed), "lottery of 1 June 2030: 7 14 21 28 35 42, Zürich"
	var leaves []Hash
	for i := range entrants {
		leaves = append(leaves, Leaf("_", "night-one", draw.Lobby.Commit, Entry(i+1), fmt.Sprintf("buyer-%03d", i)))
	}
	for i := 0; i < entrants; i += pageLen {
		draw.Entries = append(draw.Entries, page{From: Entry(i + 1), Leaves: leaves[i:min(i+pageLen, entrants)]})
	}
	draw.Closed.Root, draw.Closed.Entries = Root(leaves), entrants
	places := Places(seed, draw.Closed.Root, draw.Revealed.Value, leaves)
	for i, place := range places {
		want += fmt.Sprintf("entry %d place %d\n", i+1, place)
	}
	want += fmt.Sprintf("VERIFIED: %d entries of night-one\n", entrants)

	together := leaves[receiptOf-4 : receiptOf+3] // seven joins became durable together
	grove := NewGrove(together)
	receipt = Receipt{
		Account: "_", Event: "night-one", Commit: draw.Lobby.Commit, Entry: receiptOf, Buyer: fmt.Sprintf("buyer-%03d", receiptOf-1),
		Index: 3, Size: 7, Root: grove.Root(), Path: grove.Path(3), KeyID: "k1",
	}
	receipt.Signature = Signature(ed25519.Sign(lobbyKey(), ReceiptStatement(7, grove.Root())))
	keys = map[string]any{"keys": []map[string]string{{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": base64.RawURLEncoding.EncodeToString(public())}}}
	return draw, receipt, keys, want
}

func indented(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// TestAScriptInAnotherLanguageFindsTheSamePlaces runs docs/examples/line-verify/verify.mjs, which shares no code with this package, on what is published of a draw. Without Node.js it
// checks that the files of the example are what this package makes, and says that it skipped the rest.
func TestAScriptInAnotherLanguageFindsTheSamePlaces(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "examples", "line-verify")
	draw, receipt, keys, want := example()
	if err := receipt.Verify(public()); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{"draw.json": draw, "receipt.json": receipt, "jwks.json": keys} {
		file, text := filepath.Join(dir, name), indented(t, v)
		if *rewrite {
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, text) {
			t.Errorf("%s is not what is made today: if that is meant, go test ./engine/line -run Script -rewrite", file)
		}
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("Node.js is not installed: what the script says was not compared")
	}
	script := func(files ...string) (string, string) {
		cmd := exec.CommandContext(t.Context(), node, append([]string{filepath.Join(dir, "verify.mjs")}, files...)...)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil && errs.Len() == 0 {
			t.Fatal(err)
		}
		return out.String(), errs.String()
	}
	drawFile, receiptFile, keysFile := filepath.Join(dir, "draw.json"), filepath.Join(dir, "receipt.json"), filepath.Join(dir, "jwks.json")
	if got, errs := script(drawFile); got != want || errs != "" {
		t.Errorf("the script finds other places: %s%s", errs, got)
	}
	places := strings.Split(want, "\n")
	if got, errs := script(drawFile, receiptFile, keysFile); !strings.HasSuffix(strings.TrimSpace(got), strings.Fields(places[receiptOf-1])[3]) || errs != "" {
		t.Errorf("the script says of the receipt of %s: %s%s", places[receiptOf-1], errs, got)
	}

	temp := t.TempDir()
	for name, change := range map[string]func(d *published, r *Receipt){
		"another seed":            func(d *published, _ *Receipt) { d.Revealed.Seed[3]++ },
		"another commit":          func(d *published, _ *Receipt) { d.Lobby.Commit[3]++ },
		"another root":            func(d *published, _ *Receipt) { d.Closed.Root[0]++ },
		"no public value":         func(d *published, _ *Receipt) { d.Revealed.Value = "" },
		"an entry of the list":    func(d *published, _ *Receipt) { d.Entries[1].Leaves[5][0]++ },
		"two entries swapped":     func(d *published, _ *Receipt) { l := d.Entries[0].Leaves; l[3], l[4] = l[4], l[3] },
		"a page left out":         func(d *published, _ *Receipt) { d.Entries = d.Entries[1:] },
		"an entry more":           func(d *published, _ *Receipt) { d.Entries[2].Leaves = append(d.Entries[2].Leaves, Hash{}) },
		"the receipt's buyer":     func(_ *published, r *Receipt) { r.Buyer = "mallory" },
		"the receipt's entry":     func(_ *published, r *Receipt) { r.Entry++ },
		"the receipt's commit":    func(_ *published, r *Receipt) { r.Commit[0]++ },
		"the receipt's path":      func(_ *published, r *Receipt) { r.Path[1][0]++ },
		"the receipt's index":     func(_ *published, r *Receipt) { r.Index-- },
		"the receipt's size":      func(_ *published, r *Receipt) { r.Size++ },
		"the receipt's signature": func(_ *published, r *Receipt) { r.Signature[8]++ },
		"the receipt's key":       func(_ *published, r *Receipt) { r.KeyID = "k2" },
		"a list without the receipt's buyer": func(d *published, _ *Receipt) {
			d.Entries[1].Leaves[receiptOf-pageLen-1] = Hash{1}
			var all []Hash
			for _, p := range d.Entries {
				all = append(all, p.Leaves...)
			}
			d.Closed.Root = Root(all)
		},
	} {
		d, r, _, _ := example()
		d.Entries = append([]page(nil), d.Entries...)
		change(&d, &r)
		files := []string{filepath.Join(temp, "draw.json"), filepath.Join(temp, "receipt.json")}
		for i, v := range []any{d, r} {
			if err := os.WriteFile(files[i], indented(t, v), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out, errs := script(files[0], files[1], keysFile); out != "" || !strings.HasPrefix(errs, "NOT VERIFIED: ") {
			t.Errorf("%s was changed, and the script says: %s%s", name, out, errs)
		}
	}
}
