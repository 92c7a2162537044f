package ticket_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"github.com/holdfast-engine/holdfast/transport/ticket"
)

// memorySafe is a vault that forgets nothing and hides nothing.
type memorySafe struct {
	mu     sync.Mutex
	kept   map[string][]byte
	writes int
	fails  error
}

func (s *memorySafe) ReadKeys(account string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	plain, ok := s.kept[account]
	return plain, ok, s.fails
}

func (s *memorySafe) WriteKeys(account string, plain []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		return s.fails
	}
	s.writes++
	s.kept[account] = bytes.Clone(plain)
	return nil
}

func newSafe() *memorySafe { return &memorySafe{kept: map[string][]byte{}} }

func at() time.Time { return time.Date(2030, 6, 1, 18, 0, 0, 0, time.UTC) }

var seatClaims = ticket.Claims{Account: "_", Event: "night-one", Ticket: "t5", Generation: 2, Lot: "stalls", Seat: "A/1/4", IssuedAt: 1906567200}

func mustCode(t testing.TB, r *ticket.Ring, c *ticket.Claims) string {
	t.Helper()
	code, err := r.Code(c)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func keySet(t testing.TB, r *ticket.Ring, account string) *jose.JSONWebKeySet {
	t.Helper()
	public, err := r.Public(account)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(public)
	if err != nil {
		t.Fatal(err)
	}
	set, err := ticket.ParseKeySet(text)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return set
}

func TestCodesCanBeVerifiedByWhoeverHasThePublicKeys(t *testing.T) {
	t.Parallel()
	safe := newSafe()
	ring := ticket.NewRing(safe, at)
	code := mustCode(t, ring, &seatClaims)
	got, err := ticket.Verify(" "+code+"\n", keySet(t, ring, "_"))
	if err != nil || *got != seatClaims {
		t.Fatalf("%+v, %v", got, err)
	}
	if again := mustCode(t, ring, &seatClaims); again != code {
		t.Fatal("the same ticket has two codes")
	}
	if fresh := mustCode(t, ticket.NewRing(safe, at), &seatClaims); fresh != code {
		t.Fatal("after a start the same ticket has another code")
	}
	if safe.writes != 1 {
		t.Fatalf("%d keys were made, one is needed", safe.writes)
	}
}

func TestOldCodesStayGoodWhenKeysAreRotated(t *testing.T) {
	t.Parallel()
	safe := newSafe()
	ring := ticket.NewRing(safe, at)
	before := mustCode(t, ring, &seatClaims)
	id, err := ring.Rotate("_")
	if err != nil {
		t.Fatal(err)
	}
	after := mustCode(t, ring, &seatClaims)
	if before == after {
		t.Fatal("a new key signs the same code")
	}
	for _, r := range []*ticket.Ring{ring, ticket.NewRing(safe, at)} {
		set := keySet(t, r, "_")
		if len(set.Keys) != 2 || set.Keys[1].KeyID != id {
			t.Fatalf("keys %+v, the newest is %s", set.Keys, id)
		}
		for _, code := range []string{before, after} {
			if _, err := ticket.Verify(code, set); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range ticket.KeysMax - 2 {
		if _, err := ring.Rotate("_"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ring.Rotate("_"); err == nil || !strings.Contains(err.Error(), "may have no more") {
		t.Fatalf("one key too many: %v", err)
	}
	text, err := json.Marshal(keySet(t, ring, "_"))
	if err != nil || len(text) > ticket.KeySetBytesMax {
		t.Fatalf("%d bytes of keys, %v: a verifier would refuse them", len(text), err)
	}
}

func TestPublicKeysHoldNoSecret(t *testing.T) {
	t.Parallel()
	safe := newSafe()
	ring := ticket.NewRing(safe, at)
	public, err := ring.Public("_")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(public)
	if err != nil {
		t.Fatal(err)
	}
	var kept []struct{ Seed []byte }
	if err := json.Unmarshal(safe.kept["_"], &kept); err != nil || len(kept) != 1 || len(kept[0].Seed) != ed25519.SeedSize {
		t.Fatalf("%v: %d keys", err, len(kept))
	}
	if strings.Contains(string(text), `"d"`) || strings.Contains(string(text), base64.RawURLEncoding.EncodeToString(kept[0].Seed)) {
		t.Fatalf("the public keys have a private half: %s", text)
	}
}

func TestAccountsHaveKeysOfTheirOwn(t *testing.T) {
	t.Parallel()
	ring := ticket.NewRing(newSafe(), at)
	theirs := seatClaims
	theirs.Account = "other"
	if _, err := ticket.Verify(mustCode(t, ring, &theirs), keySet(t, ring, "_")); !errors.Is(err, ticket.ErrCode) {
		t.Fatalf("another account's code is taken: %v", err)
	}
}

func TestKeysThatCannotBeKeptSignNothing(t *testing.T) {
	t.Parallel()
	ring := ticket.NewRing(&memorySafe{fails: errors.New("no disk")}, at)
	if _, err := ring.Code(&seatClaims); err == nil || !strings.Contains(err.Error(), "no disk") {
		t.Fatal(err)
	}
	broken := &memorySafe{kept: map[string][]byte{"_": []byte(`[{"kid":"a","seed":"AAAA"}]`), "other": []byte(`{`)}}
	for account := range broken.kept {
		if _, err := ticket.NewRing(broken, at).Public(account); err == nil {
			t.Fatalf("account %s: what the vault holds is no key, and is taken", account)
		}
	}
	if broken.writes != 0 {
		t.Fatal("keys that cannot be read were overwritten")
	}
}

// sign makes a compact JWS as a forger would: any header, any claims, any key.
func sign(header map[string]any, claims any, key ed25519.PrivateKey) string {
	h, _ := json.Marshal(header)
	p, _ := json.Marshal(claims)
	body := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(p)
	signature := ""
	if key != nil {
		signature = base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(body)))
	}
	return body + "." + signature
}

func TestForgeriesAreRefused(t *testing.T) {
	t.Parallel()
	safe := newSafe()
	ring := ticket.NewRing(safe, at)
	set := keySet(t, ring, "_")
	id := set.Keys[0].KeyID
	var kept []struct{ Seed []byte }
	if err := json.Unmarshal(safe.kept["_"], &kept); err != nil {
		t.Fatal(err)
	}
	ours := ed25519.NewKeyFromSeed(kept[0].Seed)
	_, foreign, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	good := map[string]any{"alg": "EdDSA", "kid": id}
	if _, err := ticket.Verify(sign(good, seatClaims, ours), set); err != nil {
		t.Fatalf("the forger's tool makes no good code even with our key: %v", err)
	}
	code := mustCode(t, ring, &seatClaims)
	parts := strings.Split(code, ".")
	with := func(changes map[string]any) map[string]any {
		h := maps.Clone(good)
		maps.Copy(h, changes)
		return h
	}
	other := seatClaims
	other.Ticket = "t6"
	bad := func(change func(*ticket.Claims)) string {
		c := seatClaims
		change(&c)
		return sign(good, c, ours)
	}
	embedded := with(map[string]any{"jwk": map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(foreign.Public().(ed25519.PublicKey))}})
	for name, code := range map[string]string{
		"nothing":                      "",
		"no JWS":                       "t5",
		"alg none, unsigned":           sign(map[string]any{"alg": "none", "kid": id}, seatClaims, nil),
		"alg none, our signature":      sign(with(map[string]any{"alg": "none"}), seatClaims, ours),
		"alg HS256":                    sign(with(map[string]any{"alg": "HS256"}), seatClaims, ours),
		"alg ES256":                    sign(with(map[string]any{"alg": "ES256"}), seatClaims, ours),
		"alg eddsa in small letters":   sign(with(map[string]any{"alg": "eddsa"}), seatClaims, ours),
		"no kid":                       sign(map[string]any{"alg": "EdDSA"}, seatClaims, ours),
		"a foreign kid":                sign(with(map[string]any{"kid": "somebody"}), seatClaims, foreign),
		"a foreign kid, our signature": sign(with(map[string]any{"kid": "somebody"}), seatClaims, ours),
		"a foreign key":                sign(good, seatClaims, foreign),
		"a key inside the code":        sign(embedded, seatClaims, foreign),
		"an unknown critical header":   sign(with(map[string]any{"crit": []string{"x"}, "x": 1}), seatClaims, ours),
		"no signature":                 parts[0] + "." + parts[1] + ".",
		"another payload":              parts[0] + "." + strings.Split(sign(good, other, foreign), ".")[1] + "." + parts[2],
		"a payload left out":           parts[0] + ".." + parts[2],
		"four parts":                   code + ".x",
		"JSON serialisation":           `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"too long":                     code + strings.Repeat("A", ticket.CodeBytesMax),
		"no ticket id":                 bad(func(c *ticket.Claims) { c.Ticket = "5" }),
		"an event that is no id":       bad(func(c *ticket.Claims) { c.Event = "a b" }),
		"an account that is no id":     bad(func(c *ticket.Claims) { c.Account = "" }),
		"a lot that is no id":          bad(func(c *ticket.Claims) { c.Lot = "*" }),
		"a seat that writes elsewhere": bad(func(c *ticket.Claims) { c.Seat = "A\x1b[2J" }),
		"an endless seat":              bad(func(c *ticket.Claims) { c.Seat = strings.Repeat("A", 500) }),
		"before time":                  bad(func(c *ticket.Claims) { c.IssuedAt = -1 }),
		"an unknown claim":             sign(good, map[string]any{"iss": "_", "evt": "e", "tid": "t1", "lot": "ga", "vip": true}, ours),
		"claims that are a list":       sign(good, []int{1}, ours),
	} {
		c, err := ticket.Verify(code, set)
		if !errors.Is(err, ticket.ErrCode) || c != nil {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

func TestKeySetsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	public, err := ticket.NewRing(newSafe(), at).Public("_")
	if err != nil {
		t.Fatal(err)
	}
	key, err := json.Marshal(public.Keys[0])
	if err != nil {
		t.Fatal(err)
	}
	set := func(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }
	for name, text := range map[string]string{
		"no JSON":          "hello",
		"empty":            set(),
		"twice the same":   set(string(key), string(key)),
		"without id":       set(strings.Replace(string(key), public.Keys[0].KeyID, "", 1)),
		"a symmetric key":  set(`{"kty":"oct","k":"c2VjcmV0","kid":"a","alg":"EdDSA"}`),
		"a private key":    set(`{"kty":"OKP","crv":"Ed25519","kid":"a","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`),
		"an elliptic key":  set(`{"kty":"EC","crv":"P-256","kid":"a","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`),
		"longer than ever": set(string(key)) + strings.Repeat(" ", ticket.KeySetBytesMax),
	} {
		if _, err := ticket.ParseKeySet([]byte(text)); err == nil {
			t.Errorf("%s is taken as a set of keys", name)
		}
	}
}

func TestPicturesOfCodesCanBeScanned(t *testing.T) {
	t.Parallel()
	long := ticket.Claims{
		Account: strings.Repeat("a", 64), Event: strings.Repeat("e", 64), Ticket: "t18446744073709551615-zzzzzzz", Generation: 1 << 31,
		Lot: strings.Repeat("l", 64), Seat: strings.Repeat("S", 64) + "/" + strings.Repeat("R", 20) + "/" + strings.Repeat("9", 20), IssuedAt: 1 << 40,
	}
	for _, c := range []*ticket.Claims{&seatClaims, &long} {
		code := mustCode(t, ticket.NewRing(newSafe(), at), c)
		if len(code) > ticket.CodeBytesMax {
			t.Fatalf("a code has %d bytes, and a verifier reads %d", len(code), ticket.CodeBytesMax)
		}
		q, err := ticket.Draw(code)
		if err != nil {
			t.Fatal(err)
		}
		for _, pixels := range []int{4, 9} {
			picture, err := q.PNG(pixels)
			if err != nil {
				t.Fatal(err)
			}
			if got := scan(t, picture); got != code {
				t.Fatalf("a scanner reads %q, the code is %q", got, code)
			}
		}
		checkSVG(t, q)
	}
	q, err := ticket.Draw("x")
	if err != nil {
		t.Fatal(err)
	}
	for _, pixels := range []int{0, ticket.ModulePixelsMax + 1} {
		if _, err := q.PNG(pixels); err == nil {
			t.Errorf("%d pixels a module are drawn", pixels)
		}
	}
}

// scan reads a picture as a gate's scanner does.
func scan(t *testing.T, picture []byte) string {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(m)
	if err != nil {
		t.Fatal(err)
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true})
	if err != nil {
		t.Fatal(err)
	}
	return result.GetText()
}

// checkSVG demands that the SVG is well-formed XML and has the black modules that the PNG has.
func checkSVG(t *testing.T, q *ticket.QR) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(q.SVG()))
	black := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "path" {
			continue
		}
		for _, run := range strings.Split(strings.TrimPrefix(start.Attr[0].Value, "M"), "M") {
			var x, y, wide, back int
			if _, err := fmt.Sscanf(run, "%d %dh%dv1h%dz", &x, &y, &wide, &back); err != nil || back != -wide {
				t.Fatalf("%q: %v", run, err)
			}
			black += wide
		}
	}
	picture, err := q.PNG(1)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			if r, _, _, _ := m.At(x, y).RGBA(); r == 0 {
				want++
			}
		}
	}
	if black != want || want == 0 {
		t.Fatalf("the SVG has %d black modules, the PNG %d", black, want)
	}
}

func FuzzVerify(f *testing.F) {
	ring := ticket.NewRing(newSafe(), at)
	set := keySet(f, ring, "_")
	code := mustCode(f, ring, &seatClaims)
	f.Add(code)
	f.Add(code[:len(code)-1])
	f.Add(sign(map[string]any{"alg": "none"}, seatClaims, nil))
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ticket.Verify(text, set)
		if (err == nil) != (c != nil) {
			t.Fatal("a verdict and none")
		}
		if err == nil && *c != seatClaims {
			t.Fatalf("a code that was never signed is taken: %q says %+v", text, c)
		}
	})
}

func FuzzParseKeySet(f *testing.F) {
	public, err := ticket.NewRing(newSafe(), at).Public("_")
	if err != nil {
		f.Fatal(err)
	}
	text, err := json.Marshal(public)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"keys":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := ticket.ParseKeySet(text)
		if err != nil {
			return
		}
		for i := range set.Keys {
			if !set.Keys[i].IsPublic() || set.Keys[i].KeyID == "" {
				t.Fatalf("taken as a public key: %+v", set.Keys[i])
			}
		}
	})
}

func BenchmarkCode(b *testing.B) {
	ring := ticket.NewRing(newSafe(), at)
	c := seatClaims
	for b.Loop() {
		c.Generation++ // no code twice: each is signed
		mustCode(b, ring, &c)
	}
}
