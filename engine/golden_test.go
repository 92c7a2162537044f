package engine

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// golden compares text with a file of testdata/golden. With -rewrite it writes the file: then the format has changed, and what is in the
// logs of the world no longer reads. A new version of a format adds files and keeps the old ones.
func golden(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if f := flag.Lookup("rewrite"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != text {
		t.Errorf("%s differs from what is written today:\n%s", path, text)
	}
	return string(want)
}

// goldenLife has a fact of every kind that an event knows.
func goldenLife(t testing.TB) (*world, []string) {
	t.Helper()
	w := &world{t: t, e: NewWithLimits(testKey(), Limits{Requests: 12, Ended: 3}), now: start}
	var lines []string
	do := func(cmd *Command) *Outcome {
		t.Helper()
		w.facts.Reset()
		out := w.step(cmd)
		w.now += second / 4
		lines = append(lines, fmt.Sprintf("%s %d %d %s", cmd.Verb, out.Seq, w.facts.Count, hex.EncodeToString(w.facts.Buf)))
		return out
	}
	spec := testSpec()
	spec.Genre, spec.Performer, spec.Venue, spec.City, spec.Country, spec.TimeZone = "concert", "The Openers", "Arena", "Utrecht", "NL", "Europe/Amsterdam"
	spec.StartsAt, spec.DoorsAt, spec.OpensAt, spec.ClosesAt = start+9000*second, start+8000*second, start+5*second, start+7000*second
	spec.Open, spec.LimitPerOrder = false, 8
	spec.Pools = []PoolSpec{{Pool: "hall", Capacity: 60}}
	spec.Lots = append(spec.Lots,
		LotSpec{Lot: "early", FaceMinor: 1000, TaxMinor: 90, Capacity: 2, Pools: []string{"hall"}, MinOrder: 1, MaxOrder: 2},
		LotSpec{Lot: "late", FaceMinor: 1500, Capacity: 40, Units: 2, Pools: []string{"hall"}, After: "early"},
		LotSpec{Lot: "parking", FaceMinor: 500, Capacity: 5, Requires: []string{"early", "stalls"}})
	do(&Command{Verb: VerbCreate, Spec: spec})
	do(&Command{Verb: VerbSchedule, Wall: start + 5*second})
	do(&Command{Verb: VerbPause})
	do(&Command{Verb: VerbOpen})
	do(&Command{Verb: VerbUpdate, Spec: &EventSpec{
		Set: SetName | SetHoldTTL, Name: "Night Two", HoldTTLMs: 60_000,
		Lots: []LotSpec{{Lot: "ga", Set: SetLotFace | SetLotFees, FaceMinor: 5000, Fees: []Fee{{Name: "service", Minor: 300}}}},
	}})
	do(&Command{Verb: VerbHold, Buyer: "b1", Channel: "web", Device: DeviceMobile, Items: []Item{{Lot: "ga", Quantity: 2}}})
	do(&Command{Verb: VerbHold, Buyer: "b2", Items: []Item{{Lot: "stalls", Seats: []string{"A/1/4", "A/1/3", "A/1/20"}}, {Lot: "parking", Quantity: 1}}})
	do(&Command{Verb: VerbHold, Buyer: "b1", Fill: FillBestEffort, Items: []Item{{Lot: "ga", Quantity: 3}}})
	do(&Command{Verb: VerbExtend, Buyer: "b1", Hold: "h3"})
	do(&Command{Verb: VerbConfirm, Buyer: "b2", Hold: "h2", PaymentRef: "inv-77"})
	do(&Command{Verb: VerbBlock, Lot: "stalls", Seats: []string{"A/1/1", "A/1/2"}})
	do(&Command{Verb: VerbBlock, Pool: "hall", Quantity: 10})
	do(&Command{Verb: VerbUnblock, Lot: "stalls", Seats: []string{"A/1/2"}})
	do(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: 1})
	do(hold("b3", "early", 2))
	do(hold("b4", "early", 1)) // refused: for the tally
	do(&Command{Verb: VerbRelease, Buyer: "b3", Hold: "h4"})
	do(&Command{Verb: VerbResume, Down: 7e9})
	w.now += 300 * second
	do(&Command{Verb: VerbExpire})
	do(hold("b5", "late", 1))
	do(&Command{Verb: VerbProve})
	do(&Command{Verb: VerbConfirm, Buyer: "b5", Hold: "h5", BoxOffice: true})
	do(&Command{Verb: VerbRestore, Incarnation: 1795296000})
	do(hold("b6", "late", 1))
	do(&Command{Verb: VerbClose})
	return w, lines
}

func TestFactsAreWrittenAsEver(t *testing.T) {
	w, lines := goldenLife(t)
	lines = append(lines, fmt.Sprintf("hash %016x", w.e.StateHash()))
	for _, line := range strings.Split(golden(t, "event.txt", strings.Join(lines, "\n")+"\n"), "\n") {
		if strings.HasPrefix(line, "hash ") && line != lines[len(lines)-1] {
			t.Errorf("the state hash is %s, was %s", lines[len(lines)-1], line)
		}
	}
	seen := map[byte]bool{}
	for _, line := range lines {
		if f := strings.Fields(line); len(f) == 4 {
			b, _ := hex.DecodeString(f[3][:2])
			seen[b[0]] = true
		}
	}
	for kind := kindCreated; kind <= kindRestored; kind++ {
		// A tier opens in the step of another fact, and the tally is written after expiries.
		if !seen[byte(kind)] && kind != kindTierOpened && kind != kindTallied && kind != kindOutage {
			t.Errorf("no step starts with a fact of kind %d", kind)
		}
	}
}

func TestOldFactsStillFold(t *testing.T) {
	w, _ := goldenLife(t)
	text, err := os.ReadFile(filepath.Join("testdata", "golden", "event.txt"))
	if err != nil {
		t.Fatal(err)
	}
	e := NewWithLimits(testKey(), Limits{})
	at := start
	for _, line := range strings.Split(string(text), "\n") {
		f := strings.Fields(line)
		if len(f) == 4 {
			run := Run{Key: testKey(), First: e.Seq() + 1, At: at}
			if _, err := fmt.Sscan(f[2], &run.Facts.Count); err != nil {
				t.Fatal(err)
			}
			if run.Facts.Buf, err = hex.DecodeString(f[3]); err != nil {
				t.Fatal(err)
			}
			if f[0] == "expire" {
				run.At += 300 * second
				at += 300 * second
			}
			if err := e.Fold(&run); err != nil {
				t.Fatalf("%s: %v", f[0], err)
			}
		}
		at += second / 4
	}
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
	if e.StateHash() != w.e.StateHash() {
		t.Fatalf("replayed %016x, live %016x", e.StateHash(), w.e.StateHash())
	}
}

func TestSnapshotIsWrittenAsEver(t *testing.T) {
	w, _ := goldenLife(t)
	text := golden(t, "snapshot.txt", hex.EncodeToString(w.e.AppendSnapshot(nil))+"\n")
	state, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	a, err := OpenSnapshot(testKey(), state)
	if err != nil {
		t.Fatal(err)
	}
	if a.StateHash() != w.e.StateHash() || a.Seq() != w.e.Seq() || a.LastAt() != w.e.LastAt() {
		t.Fatalf("opened %016x at %d, live %016x at %d", a.StateHash(), a.Seq(), w.e.StateHash(), w.e.Seq())
	}
	if again := a.AppendSnapshot(nil); hex.EncodeToString(again) != strings.TrimSpace(text) {
		t.Fatal("the snapshot of a snapshot is another one")
	}
}

// What version 1 wrote, before there were restores, version 2, before there were purchases, and version 3, before there were touches,
// and version 4, before there were lines, opens as ever.
func TestOldSnapshotsStillOpen(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("testdata", "golden", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	state, err := hex.DecodeString(strings.TrimSpace(read("snapshot_v1.txt")))
	if err != nil {
		t.Fatal(err)
	}
	a, err := OpenSnapshot(testKey(), state)
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := a.(*Event); !ok || a.Seq() != 25 || e.Incarnation() != 0 {
		t.Fatalf("opened as fact %d", a.Seq())
	}
	// Version 2 is of the same life as today's, before anything could become of an order.
	if state, err = hex.DecodeString(strings.TrimSpace(read("snapshot_v2.txt"))); err != nil {
		t.Fatal(err)
	}
	w, _ := goldenLife(t)
	if a, err = OpenSnapshot(testKey(), state); err != nil || a.StateHash() != w.e.StateHash() {
		t.Fatalf("opened %v: %v", a, err)
	}
	if state, err = hex.DecodeString(strings.TrimSpace(read("snapshot_v3.txt"))); err != nil {
		t.Fatal(err)
	}
	if a, err = OpenSnapshot(testKey(), state); err != nil || a.StateHash() != w.e.StateHash() {
		t.Fatalf("opened %v: %v", a, err)
	}
	for _, name := range []string{"checkout_v3.txt", "seats_v3.txt", "aftersale_v3.txt", "checkout_v4.txt", "seats_v4.txt", "aftersale_v4.txt", "touches_v4.txt"} {
		lines := strings.Split(read(name), "\n")
		if state, err = hex.DecodeString(strings.TrimPrefix(lines[0], "snapshot ")); err != nil {
			t.Fatal(err)
		}
		if a, err = OpenSnapshot(testKey(), state); err != nil || fmt.Sprintf("hash %016x", a.StateHash()) != lines[1] {
			t.Fatalf("%s: opened %v: %v", name, a, err)
		}
	}
	if state, err = hex.DecodeString(strings.TrimSpace(read("snapshot_v4.txt"))); err != nil {
		t.Fatal(err)
	}
	if a, err = OpenSnapshot(testKey(), state); err != nil || a.StateHash() != w.e.StateHash() {
		t.Fatalf("opened %v: %v", a, err)
	}
	for _, name := range []string{"node_v1.txt", "node_v2.txt"} {
		lines := strings.Split(read(name), "\n")
		if state, err = hex.DecodeString(strings.TrimPrefix(lines[1], "snapshot ")); err != nil {
			t.Fatal(err)
		}
		n, err := OpenSnapshot(Key{Account: SingleAccount, Kind: KindNode, ID: "n1"}, state)
		if err != nil || fmt.Sprintf("hash %016x", n.StateHash()) != lines[2] {
			t.Fatalf("opened %v: %v", n, err)
		}
	}
}

func goldenNode(t testing.TB) (*Node, Facts) {
	t.Helper()
	n := NewNode(Key{Account: SingleAccount, Kind: KindNode, ID: "n1"})
	var facts Facts
	for i := range 3 {
		from := start + Instant(i)*100*second
		if !n.Outage(from, from+Instant(i+1)*second, &facts) {
			t.Fatalf("outage %d is refused", i)
		}
	}
	if !n.Restored(1795296000, &facts) || n.Restored(1795296000, &facts) {
		t.Fatal("a restore is refused, or noted twice")
	}
	return n, facts
}

func TestNodeIsWrittenAsEver(t *testing.T) {
	n, facts := goldenNode(t)
	golden(t, "node.txt", fmt.Sprintf("facts %x\nsnapshot %x\nhash %016x\n", facts.Buf, n.AppendSnapshot(nil), n.StateHash()))
	again := NewNode(n.key)
	if err := again.Fold(&Run{First: 1, At: start, Facts: facts}); err != nil {
		t.Fatal(err)
	}
	opened, err := OpenSnapshot(n.key, n.AppendSnapshot(nil))
	if err != nil {
		t.Fatal(err)
	}
	if again.StateHash() != n.StateHash() || opened.StateHash() != n.StateHash() {
		t.Fatalf("live %016x, replayed %016x, opened %016x", n.StateHash(), again.StateHash(), opened.StateHash())
	}
}
