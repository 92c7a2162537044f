package engine

import (
	"fmt"
	"strconv"
	"testing"
)

func TestSettingsAreKept(t *testing.T) {
	n := NewNode(Key{Account: SingleAccount, Kind: KindNode, ID: "n1"})
	var facts Facts
	if on, share := n.OneClick(); !on || share != AllBuyers {
		t.Fatalf("before anybody sets it: %v for %d", on, share)
	}
	for i, s := range []struct {
		name  string
		value int64
		fits  bool
	}{
		{SettingOneClickShare, 2500, true},
		{SettingOneClickShare, 2499, false}, // it never shrinks
		{SettingOneClickShare, AllBuyers + 1, false},
		{SettingOneClickShare, 5000, true},
		{SettingOneClickOn, 2, false},
		{SettingOneClickOn, 0, true},
		{LaneRateSetting("sandbox"), 40_000, true},
		{LaneRateSetting("sandbox"), -1, false},
		{LaneRateSetting("sandbox"), 80_000, true},
		{"", 1, false},
		{"lane..rate", 1, false},
		{"lane.a b.rate", 1, false},
	} {
		count := facts.Count
		if got := n.Set(s.name, s.value, start+Instant(i), &facts); got != s.fits || facts.Count-count != map[bool]int{true: 1}[got] {
			t.Errorf("%s = %d: %v, with %d facts", s.name, s.value, got, facts.Count-count)
		}
	}
	rate, ok := n.Setting(LaneRateSetting("sandbox"))
	if on, share := n.OneClick(); on || share != 5000 || !ok || rate != 80_000 || n.Seq() != 5 || n.LastAt() != start+8 {
		t.Fatalf("on %v, share %d, rate %d, %d facts, the last at %d", on, share, rate, n.Seq(), n.LastAt()-start)
	}
	golden(t, "node-settings.txt", fmt.Sprintf("facts %x\nsnapshot %x\nhash %016x\n", facts.Buf, n.AppendSnapshot(nil), n.StateHash()))
	again := NewNode(n.key)
	if err := again.Fold(&Run{First: 1, At: start + 8, Facts: facts}); err != nil {
		t.Fatal(err)
	}
	opened, err := OpenSnapshot(n.key, n.AppendSnapshot(nil))
	if err != nil || again.StateHash() != n.StateHash() || opened.StateHash() != n.StateHash() {
		t.Fatalf("live %016x, replayed %016x, opened %016x: %v", n.StateHash(), again.StateHash(), opened.StateHash(), err)
	}
}

func TestSettingsAreBounded(t *testing.T) {
	n := NewNode(Key{Account: SingleAccount, Kind: KindNode, ID: "n1"})
	var facts Facts
	for i := range NodeSettingsMax {
		if !n.Set(LaneRateSetting("g"+strconv.Itoa(i)), 1, start, &facts) {
			t.Fatalf("setting %d is refused", i)
		}
	}
	if n.Set("one.more", 1, start, &facts) || !n.Set(LaneRateSetting("g7"), 2, start, &facts) {
		t.Fatal("one more setting than the bound, or none can be changed at it")
	}
	if opened, err := OpenSnapshot(n.key, n.AppendSnapshot(nil)); err != nil || opened.StateHash() != n.StateHash() {
		t.Fatalf("opened: %v", err)
	}
}
