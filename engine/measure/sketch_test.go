package measure

import (
	"testing"

	"pgregory.net/rapid"
)

func TestSketchesAddUpWhateverIsFoldedAndTakenOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type added struct {
			at minuteKey
			ms int64
		}
		var s sketches
		var kept []added
		l := levelsAt(600, 0)
		for range rapid.IntRange(1, 200).Draw(t, "n") {
			if len(kept) > 0 && rapid.IntRange(0, 3).Draw(t, "what") == 0 {
				i := rapid.IntRange(0, len(kept)-1).Draw(t, "which")
				k := kept[i]
				s.add(sketchKey(durationCheckout, l.key(k.at)), TimesIndex(k.ms*1e6), -1, -k.ms)
				kept = append(kept[:i], kept[i+1:]...)
				continue
			}
			k := added{minuteOf(rapid.Int64Range(500, 600).Draw(t, "minute")*60_000, 3), rapid.Int64Range(0, 50).Draw(t, "ms")}
			s.add(sketchKey(durationCheckout, l.key(k.at)), TimesIndex(k.ms*1e6), 1, k.ms)
			kept = append(kept, k)
			if rapid.IntRange(0, 9).Draw(t, "fold") == 0 {
				l = levelsAt(rapid.Int64Range(l.minutes+60, l.minutes+600).Draw(t, "now"), 0)
				s.fold(l)
			}
		}
		var all spread
		for i := range s.all {
			if i > 0 && s.all[i].key <= s.all[i-1].key || len(s.all[i].bars) == 0 {
				t.Fatalf("sketch %d of %d is not in order, or empty", i, len(s.all))
			}
			all.take(&s.all[i])
		}
		sum := int64(0)
		for _, k := range kept {
			sum += k.ms
		}
		if all.n != int64(len(kept)) || all.sum != sum {
			t.Fatalf("%d durations of %d ms, want %d of %d", all.n, all.sum, len(kept), sum)
		}
	})
}
