package transport

import (
	"testing"
	"time"
)

// TestThePaceIsOfTheTimeThatWasLookedAt also where a line was not looked at each second, or for a while not at all.
func TestThePaceIsOfTheTimeThatWasLookedAt(t *testing.T) {
	for every, looks := range map[time.Duration]int{time.Second: 200, 2 * time.Second: 100, 7 * time.Second: 40} {
		e, now := new(lineEvent), time.Unix(1_777_629_600, 0)
		look := func() {
			e.granted[e.looks%len(e.granted)] = grants{now, uint64(now.Unix())} // one a second
			e.looks++
		}
		for range looks {
			now = now.Add(every)
			look()
			if got := e.perMin(); e.looks > 1 && got != 60 {
				t.Fatalf("every %s, after %d looks: %d a minute, want 60", every, e.looks, got)
			}
		}
		now = now.Add(5 * time.Minute)
		look()
		if got := e.perMin(); got != 0 {
			t.Errorf("after five minutes without a look: %d a minute, want 0: nothing is known", got)
		}
		now = now.Add(time.Second)
		look()
		if got := e.perMin(); got != 60 {
			t.Errorf("a second later: %d a minute, want 60", got)
		}
	}
}
