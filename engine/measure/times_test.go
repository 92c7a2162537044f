package measure

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestDurationsAreTakenForSomethingWithinOnePercent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ns := rapid.Int64Range(1, timesLongestNs).Draw(t, "ns")
		index := TimesIndex(ns)
		ms := float64(ns) / 1e6
		if got := TimesMs(index); math.Abs(got-ms) > TimesErrorMax*ms*(1+1e-9) {
			t.Fatalf("%d ns are in bucket %d, which is taken for %v ms", ns, index, got)
		}
		if int32(int16(index)) != index || index <= TimesZero {
			t.Fatalf("bucket %d of %d ns", index, ns)
		}
		if TimesIndex(ns+1) < index {
			t.Fatalf("%d ns are in a bucket behind the one of a nanosecond more", ns)
		}
	})
	if TimesMs(TimesIndex(0)) != 0 || TimesMs(TimesIndex(-1)) != 0 {
		t.Error("no time is not no time")
	}
	if TimesIndex(math.MaxInt64) != TimesIndex(timesLongestNs) {
		t.Error("ages are longer than a year")
	}
}
