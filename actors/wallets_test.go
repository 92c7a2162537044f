package actors

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// besideLog is a fakeLog that makes what lies beside a run durable with it.
type besideLog struct {
	*fakeLog
	vault *fakeVault
}

func (l besideLog) Append(run *engine.Run) {
	if len(run.Beside) > 0 {
		owner := run.Owner
		run.Owner = releaserFunc(func(r *engine.Run) {
			l.vault.keep(r.Beside)
			r.Owner = owner
			owner.Released(r)
		})
	}
	l.fakeLog.Append(run)
}

type releaserFunc func(*engine.Run)

func (f releaserFunc) Released(r *engine.Run) { f(r) }

// walletBench is a node with wallets over logs and a vault in memory.
type walletBench struct {
	*Node
	t     *testing.T
	log   *fakeLog
	vault *fakeVault
}

func newWalletBench(t *testing.T, l *fakeLog, v *fakeVault) *walletBench {
	t.Helper()
	g := newFakeGateway(0, func(*payment.Call, int) payment.Result { return payment.Result{Answer: payment.Authorised} })
	c := Config{Gateways: []Gateway{g}, Vault: v, Installation: "i1", Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { t.Errorf("fatal: %v", err) }}
	n, err := Start(c, besideLog{l, v}, l, l.recovered(t))
	if err != nil {
		t.Fatal(err)
	}
	return &walletBench{Node: n, t: t, log: l, vault: v}
}

func (b *walletBench) stop() {
	b.t.Helper()
	if err := b.Stop(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// shown is an outcome with everything that it showed when it was told.
type shown struct {
	out  wallet.Outcome
	done chan struct{}
}

func (s *shown) Outcome(_ *wallet.Request, _ int, out *wallet.Outcome) {
	s.out = *out
	s.out.Views = append([]wallet.MethodView(nil), out.Views...)
}

func (s *shown) Durable(*wallet.Request) { close(s.done) }

func (b *walletBench) do(c wallet.Command) wallet.Outcome {
	b.t.Helper()
	s := &shown{done: make(chan struct{})}
	if code := b.SubmitWallet(&wallet.Request{Account: "_", Commands: []wallet.Command{c}, Reply: s}); code != engine.CodeOK {
		b.t.Fatalf("%s: %s", c.Verb, code)
	}
	<-s.done
	return s.out
}

func (b *walletBench) want(c wallet.Command, code engine.Code) wallet.Outcome {
	b.t.Helper()
	out := b.do(c)
	if out.Code != code {
		b.t.Errorf("%s of %s: %s %s, want %s", c.Verb, c.Buyer, out.Code, out.Text, code)
	}
	return out
}

func saveOf(request, buyer, token string) wallet.Command {
	return wallet.Command{
		Verb: wallet.VerbSave, RequestID: request, Buyer: buyer, Gateway: "fake", Kind: payment.MethodCard, Token: token, Customer: "cus_" + buyer,
		Brand: "visa", LastFour: "4242", ExpiryYear: 2150, ExpiryMonth: 1, Fingerprint: "fp-" + token, DeviceID: "phone-" + buyer,
	}
}

func agreeOf(request, buyer string) wallet.Command {
	return wallet.Command{Verb: wallet.VerbAgree, RequestID: request, Buyer: buyer, Scope: wallet.ScopeOneClick, Version: "terms-1", CapMinor: 20_000, Currency: "EUR"}
}

func purchaseOf(buyer string, seq engine.Seq) wallet.Command {
	return wallet.Command{Verb: wallet.VerbPurchased, Buyer: buyer, Purchase: wallet.Purchase{Event: "e1", Order: "o1", TotalMinor: 100, Currency: "EUR", Seq: seq}}
}

// note annotates an offer or a buy as Submit does.
func (b *walletBench) note(verb engine.Verb, request, buyer, device string) *engine.Annotation {
	p := &engine.PaymentCommand{DeviceID: device}
	b.annotate(&engine.Request{Account: "_", Event: "e1", Commands: []engine.Command{{Verb: verb, RequestID: request, Buyer: buyer, Payment: p}}})
	return &p.Note
}

// TestWalletIsReadAsItWasWritten: who was told that a method is saved can buy with it, at once and after a restart.
func TestWalletIsReadAsItWasWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, v := newFakeLog(), &fakeVault{}
		b := newWalletBench(t, l, v)
		b.want(wallet.Command{Verb: wallet.VerbList, Buyer: "anna"}, engine.CodeBuyerUnknown)
		if n := b.note(engine.VerbOffer, "f1", "anna", ""); n.Known || n.Eligible != engine.EligibleUnknown {
			t.Errorf("the note of an unknown buyer is %+v", n)
		}
		out := b.want(saveOf("s1", "anna", "tok_secret_1"), engine.CodeOK)
		if len(out.Views) != 1 || out.Views[0].Brand != "visa" || out.Views[0].LastFour != "4242" || out.Eligible != engine.EligibleNoPurchase {
			t.Errorf("the save shows %+v", out)
		}
		b.want(purchaseOf("anna", 1), engine.CodeOK)
		if n := b.note(engine.VerbOffer, "f1", "anna", ""); n.Eligible != engine.EligibleNoAgreement || n.StepUp != engine.StepUpNewMethod || n.Brand != "visa" || n.LastFour != "4242" {
			t.Errorf("the note is %+v", n)
		}
		b.want(agreeOf("a1", "anna"), engine.CodeOK)
		if out := b.want(saveOf("s1", "anna", "tok_secret_1"), engine.CodeOK); !out.Repeated || out.Method != 1 {
			t.Errorf("the repeat is %+v", out)
		}
		other := saveOf("s1", "anna", "tok_secret_2")
		b.want(other, engine.CodeRequestMismatch)
		time.Sleep(25 * time.Hour)
		check := func() {
			t.Helper()
			n := b.note(engine.VerbBuy, "r1", "anna", "phone-anna")
			if n.Eligible != engine.EligibleYes || n.StepUp != engine.StepUpNone || n.Method != "m1" || n.Gateway != "fake" || !n.Can.OneClick() || n.CapMinor != 20_000 ||
				n.CapCurrency != "EUR" || n.Agreement != "terms-1" || len(n.Links) != 2 {
				t.Errorf("the note is %+v", n)
			}
			if m, err := b.cfg.Wallets.Method("_", "anna", "m1"); err != nil || m.Token != "tok_secret_1" || m.Customer != "cus_anna" || m.Kind != payment.MethodCard {
				t.Errorf("the method is %+v, %v", m, err)
			}
			if n := b.note(engine.VerbBuy, "r2", "anna", "another-phone"); n.StepUp != engine.StepUpNewDevice {
				t.Errorf("from a new device: %s", n.StepUp)
			}
		}
		check()
		links := b.note(engine.VerbBuy, "r3", "anna", "phone-anna").Links
		b.stop()
		b = newWalletBench(t, l, v)
		check()
		if again := b.note(engine.VerbBuy, "r4", "anna", "phone-anna").Links; fmt.Sprint(again) != fmt.Sprint(links) {
			t.Errorf("links changed over a restart: %v, %v", links, again)
		}
		b.BlockMethod("_", "anna", "m1", payment.DeclineFraud)
		b.want(wallet.Command{Verb: wallet.VerbList, Buyer: "anna"}, engine.CodeOK)
		if n := b.note(engine.VerbOffer, "f1", "anna", ""); n.Eligible != engine.EligibleBlocked || n.MethodWhy != engine.EligibleBlocked {
			t.Errorf("a blocked method: %s", n.Eligible)
		}
		b.want(wallet.Command{Verb: wallet.VerbRemove, RequestID: "d1", Buyer: "anna", Method: "m1"}, engine.CodeOK)
		if _, err := b.cfg.Wallets.Method("_", "anna", "m1"); err == nil {
			t.Error("a removed method is read")
		}
		if _, ok, _ := v.Open("_", "anna", "m1"); ok {
			t.Error("a removed method is still in the vault")
		}
		b.stop()
	})
}

// TestNothingIsPublishedBeforeItIsDurable holds the log.
func TestNothingIsPublishedBeforeItIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newWalletBench(t, newFakeLog(), &fakeVault{})
		b.log.hold(true)
		s := &shown{done: make(chan struct{})}
		if code := b.SubmitWallet(&wallet.Request{Account: "_", Commands: []wallet.Command{saveOf("s1", "anna", "tok_1")}, Reply: s}); code != engine.CodeOK {
			t.Fatal(code)
		}
		synctest.Wait()
		if b.note(engine.VerbOffer, "f1", "anna", "").Known {
			t.Error("a wallet is published that a crash could lose")
		}
		b.log.hold(false)
		<-s.done
		if !b.note(engine.VerbOffer, "f1", "anna", "").Known {
			t.Error("the answer left before the wallet was published")
		}
		b.stop()
	})
}

// TestErasedBuyerIsForgotten: it waits for an open charge, goes on after a restart, and leaves nothing in the vault.
func TestErasedBuyerIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, v := newFakeLog(), &fakeVault{}
		b := newWalletBench(t, l, v)
		b.want(saveOf("s1", "anna", "tok_1"), engine.CodeOK)
		open := purchaseOf("anna", 1)
		open.Purchase.Open = true
		b.want(open, engine.CodeOK)
		erase := wallet.Command{Verb: wallet.VerbErase, RequestID: "x1", Buyer: "anna"}
		if out := b.want(erase, engine.CodeEraseWaits); out.RetryAfterMs == 0 {
			t.Error("it does not say when to ask again")
		}
		b.want(saveOf("s2", "anna", "tok_2"), engine.CodeEraseWaits)
		time.Sleep(time.Minute)
		b.want(erase, engine.CodeEraseWaits)
		if _, ok, _ := v.Open("_", "anna", "m1"); !ok {
			t.Error("the method of an open charge is gone")
		}
		if b.note(engine.VerbOffer, "f1", "anna", "").Known {
			t.Error("somebody who is to be forgotten is offered something")
		}
		b.stop()
		b = newWalletBench(t, l, v)
		open.Purchase.Open, open.Purchase.Seq = false, 2
		b.want(open, engine.CodeOK)
		time.Sleep(time.Minute)
		b.want(erase, engine.CodeOK)
		b.want(wallet.Command{Verb: wallet.VerbExport, Buyer: "anna"}, engine.CodeBuyerUnknown)
		for name := range v.records {
			if strings.Contains(name, "/anna/") {
				t.Errorf("the vault still has %s", name)
			}
		}
		b.want(saveOf("s1", "anna", "tok_1"), engine.CodeOK) // another person, or another day
		b.stop()
	})
}

// TestAStartErasesNobodyBeforeEventsHaveNamedTheirCharges: what is open is in the events, which name it a moment after a start.
func TestAStartErasesNobodyBeforeEventsHaveNamedTheirCharges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, v := newFakeLog(), &fakeVault{}
		var b *walletBench
		begin := func() {
			b = newWalletBench(t, l, v)
			b.payments.lanes["fake"].submit = func(*engine.Request) engine.Code { return engine.CodeUnavailable } // its charge stays open
		}
		saved := func() bool {
			_, ok, _ := v.Open("_", "anna", "m1")
			return ok
		}
		begin()
		b.want(saveOf("s1", "anna", "tok_1"), engine.CodeOK)
		give(b.Node, wanted(b.Node, payment.Authorise, 1))
		synctest.Wait()
		b.want(wallet.Command{Verb: wallet.VerbErase, RequestID: "x1", Buyer: "anna"}, engine.CodeEraseWaits)
		time.Sleep(time.Minute)
		b.stop()
		begin()
		synctest.Wait()
		if !saved() {
			t.Fatal("a start has erased a buyer at once")
		}
		give(b.Node, wanted(b.Node, payment.Authorise, 1))
		time.Sleep(time.Minute)
		if !saved() {
			t.Error("the method of an open charge is gone")
		}
		b.stop()
		begin()
		time.Sleep(time.Minute)
		if saved() {
			t.Error("somebody of whom nothing is open is not erased after a start")
		}
		b.stop()
	})
}

// TestLostSecretsAreMadeGood: a crash may keep the fact of a save and lose what lay beside it, before the save was acknowledged.
func TestLostSecretsAreMadeGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, v := newFakeLog(), &fakeVault{}
		b := newWalletBench(t, l, v)
		b.want(saveOf("s1", "anna", "tok_1"), engine.CodeOK)
		b.want(saveOf("s2", "bert", "tok_2"), engine.CodeOK)
		b.stop()
		v.keep([]engine.Sealed{v.Remove("_", "anna", "m1"), v.Remove("_", "bert", "m1")})
		b = newWalletBench(t, l, v)
		if out := b.want(saveOf("s1", "anna", "tok_1"), engine.CodeOK); !out.Repeated || out.Views[0].LastFour != "4242" {
			t.Errorf("the repeat is %+v", out)
		}
		if m, err := b.cfg.Wallets.Method("_", "anna", "m1"); err != nil || m.Token != "tok_1" {
			t.Errorf("after the repeat the method is %+v, %v", m, err)
		}
		if _, err := b.cfg.Wallets.Method("_", "bert", "m1"); err == nil {
			t.Error("a method without secrets is read")
		}
		synctest.Wait()
		if out := b.want(saveOf("s2", "bert", "tok_2"), engine.CodeOK); out.Repeated || out.Method != 2 {
			t.Errorf("the save of a lost method, sent again, is %+v", out)
		}
		b.stop()
	})
}

func TestVelocityAsksForTheLongerWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newWalletBench(t, newFakeLog(), &fakeVault{})
		for i := range 12 {
			c := saveOf(fmt.Sprint("s", i), fmt.Sprint("b", i), fmt.Sprint("tok_", i))
			c.Fingerprint = "one-card"
			b.want(c, engine.CodeOK)
		}
		time.Sleep(25 * time.Hour)
		buy := func(request, buyer string) engine.StepUp { return b.note(engine.VerbBuy, request, buyer, "").StepUp }
		for i := range purchasesPerBuyerMax {
			for range 3 { // repeats are one purchase
				if why := buy(fmt.Sprint("r", i), "b0"); why != engine.StepUpNone {
					t.Errorf("purchase %d: %s", i, why)
				}
			}
		}
		if why := buy("one-more", "b0"); why != engine.StepUpBuyerVelocity {
			t.Errorf("one more purchase of a buyer: %q", why)
		}
		for i := 1; i < purchasesPerCardMax-purchasesPerBuyerMax; i++ {
			if why := buy("r", fmt.Sprint("b", i)); why != engine.StepUpNone {
				t.Errorf("purchase of buyer %d: %s", i, why)
			}
		}
		if why := buy("r", "b11"); why != engine.StepUpCardVelocity {
			t.Errorf("one more purchase with a card: %q", why)
		}
		time.Sleep(time.Hour)
		if why := buy("later", "b0"); why != engine.StepUpNone {
			t.Errorf("an hour later: %s", why)
		}
		for i := range purchasesPerDeviceMax + 1 {
			why := b.rates().step("_", &engine.Command{Verb: engine.VerbBuy, Buyer: fmt.Sprint("x", i), RequestID: "r"}, 0, 77, 1)
			if (why == engine.StepUpDeviceVelocity) != (i == purchasesPerDeviceMax) {
				t.Errorf("purchase %d of a device: %q", i, why)
			}
		}
		b.stop()
	})
}

func (b *walletBench) rates() *velocity { return b.wallets.rates }

func TestVelocityIsBounded(t *testing.T) {
	v := newVelocity()
	for i := range uint64(3 * velocityKeysMax) {
		v.tooOften(i, 1, 1, 1)
	}
	kept := 0
	for i := range v.stripes {
		kept += len(v.stripes[i].now) + len(v.stripes[i].old)
	}
	if kept > velocityKeysMax {
		t.Errorf("%d keys are kept, at most %d may be", kept, velocityKeysMax)
	}
}

func TestTriedDevicesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newWalletBench(t, newFakeLog(), &fakeVault{})
		tried := &b.wallets.tried
		for i := range devicesTriedMax + 10 {
			tried.note("_", "e1", fmt.Sprint("b", i), 7)
		}
		if n := tried.devices.Size(); n > devicesTriedMax {
			t.Errorf("%d are kept", n)
		}
		if tried.take("_", "e1", fmt.Sprint("b", devicesTriedMax+9)) != 7 || tried.take("_", "e1", fmt.Sprint("b", devicesTriedMax+9)) != 0 {
			t.Error("the newest is not taken once")
		}
		b.stop()
	})
}

func TestWalletRequestsAreRefusedBeforeTheShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newWalletBench(t, newFakeLog(), &fakeVault{})
		list := func(buyers ...string) engine.Code {
			req := &wallet.Request{Account: "_"}
			for _, id := range buyers {
				req.Commands = append(req.Commands, wallet.Command{Verb: wallet.VerbList, Buyer: id})
			}
			return b.SubmitWallet(req)
		}
		if code := list(); code != engine.CodeTooLarge {
			t.Error(code)
		}
		if code := list(make([]string, wallet.CommandsPerRequestMax+1)...); code != engine.CodeTooLarge {
			t.Error(code)
		}
		if code := list("anna", "bert"); code != engine.CodeInvalid {
			t.Error(code)
		}
		b.cfg.InflightPerEvent = 2
		b.log.hold(true)
		if code := list("anna", "anna"); code != engine.CodeOK {
			t.Error(code)
		}
		synctest.Wait()
		if code := list("anna"); code != engine.CodeOverloaded {
			t.Error(code)
		}
		b.log.hold(false)
		synctest.Wait()
		b.RefuseHolds("the disk is full")
		if code := b.SubmitWallet(&wallet.Request{Account: "_", Commands: []wallet.Command{saveOf("s1", "anna", "tok")}}); code != engine.CodeUnavailable {
			t.Error(code)
		}
		if code := list("anna"); code != engine.CodeOK {
			t.Error(code)
		}
		b.stop()
		if code := list("anna"); code != engine.CodeUnavailable {
			t.Error(code)
		}
	})
}
