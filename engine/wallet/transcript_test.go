package wallet

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// TestTranscripts plays what is written in testdata/transcripts: a command a line, and what the shard answers.
//
//	at 2026-05-01T12:00:00Z
//	save anna s1 token=tok_1 expires=12/2030 device=phone default
//	agree anna a1 one_click terms-1 cap=200 EUR until=2027-01-01T00:00:00Z
//	buy anna e1/o1 seq=3 total=9500 refunded=0 [undone] [open] [device=phone]
//	offer anna [method=m2] [device=phone] [contact=2026-05-01T11:00:00Z]     what the note of an offer says
//
// Texts that are hashed are hashed by their length and letters, without a key: it is a test.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		p := &player{t: t, b: newBench(t), policy: Policy{NeedsPurchase: true, Capabilities: sandboxCan}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "play" {
				t.Fatalf("%s: no such block %s", d.Pos, d.Cmd)
			}
			var out strings.Builder
			for _, line := range strings.Split(strings.TrimSpace(d.Input), "\n") {
				if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
					continue
				}
				fmt.Fprintf(&out, "%s\n", p.play(line))
			}
			return out.String()
		})
		if err := p.b.s.Check(); err != nil {
			t.Error(err)
		}
		state := p.b.s.AppendSnapshot(nil)
		if opened, err := Open(p.b.s.key, state); err != nil || opened.StateHash() != p.b.s.StateHash() {
			t.Errorf("the snapshot opens as another state: %v", err)
		}
	})
}

// sandboxCan is a gateway that can charge cards again, and redirects only with the buyer.
func sandboxCan(gateway string, kind payment.MethodKind) (payment.Capabilities, bool) {
	if gateway != "sandbox" {
		return 0, false
	}
	if kind == payment.MethodRedirect {
		return payment.Redirect, true
	}
	return payment.Reusable | payment.Instant | payment.SeparateCapture | payment.Voidable, true
}

type player struct {
	t      *testing.T
	b      *bench
	policy Policy
	wall   time.Time
}

func (p *player) moment(s string) int64 {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		p.t.Fatal(err)
	}
	return at.UnixMilli()
}

func hashText(s string) uint64 {
	if s == "" {
		return 0
	}
	h := newHasher()
	h.string(s)
	return uint64(h)
}

func (p *player) number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// play plays a line and says what came of it.
func (p *player) play(line string) string {
	words := strings.Fields(line)
	named, plain := map[string]string{}, []string{}
	for _, w := range words[1:] {
		if name, value, ok := strings.Cut(w, "="); ok {
			named[name] = value
		} else {
			plain = append(plain, w)
		}
	}
	has := func(word string) bool {
		for _, w := range plain {
			if w == word {
				return true
			}
		}
		return false
	}
	switch words[0] {
	case "at":
		at, err := time.Parse(time.RFC3339, plain[0])
		if err != nil {
			p.t.Fatal(err)
		}
		p.wall = at
		return "it is " + plain[0]
	case "offer":
		return p.offer(plain[0], named)
	case "newcomers":
		p.policy.NeedsPurchase = !has("welcome")
		return "noted"
	}
	c := Command{Buyer: plain[0], WallMs: p.wall.UnixMilli()}
	if v, ok := ParseVerb(words[0]); ok {
		c.Verb = v
	}
	if c.Verb != 0 && !c.Verb.Reads() {
		c.RequestID = plain[1]
	}
	switch words[0] {
	case "save", "import":
		p.method(&c, named, has)
	case "remove", "default":
		c.Method = plain[2]
	case "agree":
		c.Scope, _ = ParseScope(plain[2])
		if c.Withdraw = has("withdraw"); !c.Withdraw {
			c.Version = plain[3]
		}
		p.agreement(&c, named)
	case "buy":
		c.Verb = VerbPurchased
		event, order, _ := strings.Cut(plain[1], "/")
		c.Purchase = Purchase{
			Event: event, Order: order, TotalMinor: p.number(named["total"]), Currency: "EUR", AtMs: c.WallMs, Seq: engine.Seq(p.number(named["seq"])),
			Undone: has("undone"), Open: has("open"), Device: hashText(named["device"]),
		}
		if r := named["refunded"]; r != "" {
			c.Purchase.RefundedMinor = p.number(r)
		}
	case "blocked":
		c.Verb, c.Method, c.Decline = VerbBlocked, plain[1], payment.DeclineFraud
		if has("expired") {
			c.Decline = payment.DeclineExpired
		}
	case "lost":
		c.Verb, c.Method = VerbLost, plain[1]
	case "erased":
		c.Verb = VerbErased
	}
	return p.say(&c, p.b.do(c))
}

func (p *player) method(c *Command, named map[string]string, has func(string) bool) {
	if c.Token = named["token"]; c.Token != "" {
		c.Gateway, c.Kind = "sandbox", payment.MethodCard
	}
	if g := named["gateway"]; g != "" {
		c.Gateway = g
	}
	if has("redirect") {
		c.Kind = payment.MethodRedirect
	}
	if month, year, ok := strings.Cut(named["expires"], "/"); ok {
		c.ExpiryMonth, c.ExpiryYear = p.number(month), p.number(year)
	}
	c.MakeDefault = has("default")
	c.Customer, c.Brand, c.LastFour = named["customer"], named["brand"], named["last"]
	c.Fingerprint, c.DeviceID = named["fingerprint"], named["device"]
	c.Hashes = Hashes{Token: hashText(c.Token), Fingerprint: hashText(c.Fingerprint), Device: hashText(c.DeviceID), Secrets: hashText(c.Token + "/" + c.Brand + c.LastFour)}
	if s := named["saved"]; s != "" {
		c.SavedAtMs = p.moment(s)
	}
	if s := named["purchases"]; s != "" {
		c.Purchases = p.number(s)
	}
	if s := named["terms"]; s != "" {
		c.Scope, c.Version = ScopeOneClick, s
		p.agreement(c, named)
	}
}

func (p *player) agreement(c *Command, named map[string]string) {
	if s := named["cap"]; s != "" {
		c.CapMinor, c.Currency = p.number(s), "EUR"
	}
	if s := named["until"]; s != "" {
		c.UntilMs = p.moment(s)
	}
}

func (p *player) offer(buyer string, named map[string]string) string {
	at := Moment{WallMs: p.wall.UnixMilli(), Method: named["method"], Device: hashText(named["device"])}
	if s := named["contact"]; s != "" {
		at.ContactMs = p.moment(s)
	}
	var n engine.Annotation
	p.policy.Annotate(p.b.s.Buyer(buyer), &at, &n)
	say := "one click"
	if n.Eligible != engine.EligibleYes {
		say = "no one click: " + n.Eligible.String()
	}
	if n.Method != "" {
		say += ", with " + n.Method
	}
	if n.MethodWhy != engine.EligibleYes && n.MethodWhy != n.Eligible {
		say += ", the method: " + n.MethodWhy.String()
	}
	if n.StepUp != engine.StepUpNone {
		say += ", but the longer way: " + n.StepUp.String()
	}
	if n.Agreement != "" {
		say += ", agreed to " + n.Agreement
		if n.CapMinor > 0 {
			say += fmt.Sprintf(" up to %d %s", n.CapMinor, n.CapCurrency)
		}
	}
	return say
}

func (p *player) say(c *Command, out *Outcome) string {
	var b strings.Builder
	b.WriteString(out.Code.String())
	if out.Code != engine.CodeOK {
		fmt.Fprintf(&b, " %s: %s", out.Field, out.Text)
		return b.String()
	}
	if out.Repeated {
		b.WriteString(", repeated")
	}
	if out.Method != 0 {
		fmt.Fprintf(&b, ", m%d", out.Method)
	}
	if out.Seal {
		b.WriteString(", sealed")
	}
	if out.Wipe {
		b.WriteString(", wiped")
	}
	buyer := p.b.s.Buyer(c.Buyer)
	if buyer == nil {
		return b.String() + "; nothing is known of " + c.Buyer
	}
	b.WriteString(";")
	for i := range buyer.Methods {
		m := &buyer.Methods[i]
		fmt.Fprintf(&b, " %s", m.ID())
		if m.Number == buyer.Default {
			b.WriteString("*")
		}
		if _, why := p.policy.Usable(m, p.wall.UnixMilli()); why != engine.EligibleYes {
			fmt.Fprintf(&b, "(%s)", why)
		}
	}
	fmt.Fprintf(&b, " %d purchases", buyer.Purchases)
	if c.Verb == VerbHistory || c.Verb == VerbPurchased {
		for i := range buyer.History {
			h := &buyer.History[i]
			fmt.Fprintf(&b, " %s/%s %d-%d", h.Event, h.Order, h.TotalMinor, h.RefundedMinor)
			if h.Undone {
				b.WriteString(" undone")
			}
		}
	}
	if buyer.ChargeOpen() {
		b.WriteString(", a charge is open")
	}
	return b.String()
}
