package actors

import (
	"errors"
	"fmt"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
)

func TestSettingsWorkAtOnceAndSurviveARestart(t *testing.T) {
	l := newFakeLog()
	n := started(t, l, Config{})
	if on, share := n.OneClick(); !on || share != engine.AllBuyers {
		t.Fatalf("at first: %v for %d", on, share)
	}
	for _, s := range []struct {
		name  string
		value int64
	}{{engine.SettingOneClickShare, 2500}, {engine.SettingOneClickOn, 0}, {engine.LaneRateSetting("sandbox"), 40_000}} {
		if err := n.Set(t.Context(), s.name, s.value); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Set(t.Context(), engine.SettingOneClickShare, 2000); !errors.Is(err, ErrSetting) {
		t.Fatalf("a share that shrinks: %v", err)
	}
	if err := n.Audit(t.Context(), &engine.Audit{Account: engine.SingleAccount, Verb: "one-click-set"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if on, share := n.OneClick(); on || share != 2500 {
			t.Fatalf("set: %v for %d", on, share)
		}
		if rate, ok := n.Setting(engine.LaneRateSetting("sandbox")); !ok || rate != 40_000 {
			t.Fatalf("the rate is %d", rate)
		}
		n = started(t, l, Config{})
	}
}

func TestOffersAndBuysAreAnnotatedWithTheSettings(t *testing.T) {
	n := started(t, newFakeLog(), Config{Installation: "f1"})
	if err := n.Set(t.Context(), engine.SettingOneClickShare, 5000); err != nil {
		t.Fatal(err)
	}
	in := 0
	for i := range 1000 {
		p := &engine.PaymentCommand{Note: engine.Annotation{Known: true, Brand: "forged"}}
		cmd := engine.Command{Verb: engine.VerbBuy, Buyer: fmt.Sprintf("b%d", i), Payment: p}
		n.annotate(&engine.Request{Account: engine.SingleAccount, Commands: []engine.Command{cmd}})
		if p.Note.Known || p.Note.Brand != "" || !p.Note.OneClickOn || p.Note.OneClickShare != 5000 || p.Note.MethodWhy != engine.EligibleUnknown {
			t.Fatalf("the note is %+v", p.Note)
		}
		if again := n.bucket(engine.SingleAccount, cmd.Buyer); again != p.Note.Bucket {
			t.Fatalf("buyer %s is in bucket %d and %d", cmd.Buyer, p.Note.Bucket, again)
		}
		if int64(p.Note.Bucket) < p.Note.OneClickShare {
			in++
		}
	}
	if in < 400 || in > 600 { // 16 in a million seeds of a fair coin go below
		t.Errorf("%d of 1,000 buyers are in half of the buckets", in)
	}
	other := started(t, newFakeLog(), Config{Installation: "f2"})
	if other.bucket("_", "b1") == n.bucket("_", "b1") && other.bucket("_", "b2") == n.bucket("_", "b2") {
		t.Error("two installations have the same buckets")
	}
}
