package transport

import (
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// looks are looks at a line, every so often.
type looks struct {
	event  lineEvent
	now    time.Time
	passes uint64
}

// look looks after a while in which some passes were granted.
func (l *looks) look(phase engine.LinePhase, after time.Duration, passes uint64) {
	l.now, l.passes = l.now.Add(after), l.passes+passes
	side := &linesSide{events: map[string]*lineEvent{"e1": &l.event}}
	side.seen(&outlook{event: "e1", line: engine.LineView{Phase: phase}, tracks: []line.Track{{Granted: l.passes}}}, l.now)
}

// TestThePaceIsOfTheTimeThatWasLookedAt also where a line was not looked at each second, or for a while not at all.
func TestThePaceIsOfTheTimeThatWasLookedAt(t *testing.T) {
	for every, n := range map[time.Duration]int{time.Second: 200, 2 * time.Second: 100, 7 * time.Second: 40} {
		l := looks{now: time.Unix(1_777_629_600, 0)}
		for i := range n {
			l.look(engine.LineServing, every, uint64(every/time.Second)) // one a second
			took := min(time.Duration(i)*every, paceSeconds*time.Second/every*every)
			perMin, pace := 60*int64(took/time.Second)/int64(max(took, paceLeast)/time.Second), int64(60)
			if took < paceLeast {
				pace = 0
			}
			if gotMin, gotPace := l.event.perMin(), l.event.pace(); gotMin != perMin || gotPace != pace {
				t.Fatalf("every %s, after %s: %d a minute and a pace of %d, want %d and %d", every, took, gotMin, gotPace, perMin, pace)
			}
		}
		l.look(engine.LineServing, 5*time.Minute, 300)
		if perMin, pace := l.event.perMin(), l.event.pace(); perMin != 0 || pace != 0 {
			t.Errorf("after five minutes without a look: %d a minute and a pace of %d, want 0: nothing is known", perMin, pace)
		}
		l.look(engine.LineServing, 10*time.Second, 10)
		if perMin, pace := l.event.perMin(), l.event.pace(); perMin != 60 || pace != 60 {
			t.Errorf("ten seconds later: %d a minute and a pace of %d, want 60", perMin, pace)
		}
	}
}

// TestPassesAtTheOpeningAreNoPace: a hundred are let in at once, and then one every two seconds.
func TestPassesAtTheOpeningAreNoPace(t *testing.T) {
	l := looks{now: time.Unix(1_777_629_600, 0)}
	for range 100 {
		l.look(engine.LineLobby, time.Second, 0)
	}
	l.look(engine.LineServing, time.Second, 100)
	for i := range 40 {
		perMin, pace := l.event.perMin(), l.event.pace()
		if want := 100 + int64(i/2); perMin != want || i < 10 && pace != 0 || i >= 10 && (pace < 24 || pace > 30) {
			t.Errorf("%d s after the opening: %d in the last minute, want %d, and a pace of %d", i, perMin, want, pace)
		}
		l.look(engine.LineServing, time.Second, uint64(i%2))
	}
}

// TestNobodyIsToldWhenTheirTurnIsThatDoesNotCome: while it is sold out, and while no pace is known.
func TestNobodyIsToldWhenTheirTurnIsThatDoesNotCome(t *testing.T) {
	for _, c := range []struct {
		pace int64
		told line.Word
		want int64
	}{{60, line.Likely, 4000}, {60, line.Unlikely, 4000}, {60, line.SoldOut, 0}, {0, line.Likely, 0}} {
		if got := (&outlook{pace: c.pace}).etaMs(3, c.told); got != c.want {
			t.Errorf("behind three, at %d a minute, %s: %d ms, want %d", c.pace, c.told, got, c.want)
		}
	}
}
