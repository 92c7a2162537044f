package actors

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

func TestACrewDoesEveryJobWhateverTheOthersWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var done []int
		gates := map[int]chan struct{}{0: make(chan struct{}), 1: make(chan struct{})}
		c := newCrew(func(job int) {
			if gate := gates[job]; gate != nil {
				<-gate
			}
			mu.Lock()
			defer mu.Unlock()
			done = append(done, job)
		})
		for job := range 4 {
			c.do(job)
		}
		synctest.Wait()
		slices.Sort(done)
		if !slices.Equal(done, []int{2, 3}) {
			t.Errorf("done %v while two of four wait", done)
		}
		if len(c.idle) != 2 {
			t.Errorf("%d stay, not the two that are idle", len(c.idle))
		}
		last := c.idle[1]
		c.do(4)
		synctest.Wait()
		if len(c.idle) != 2 || c.idle[1] != last {
			t.Error("the job was not for the one that was busy last")
		}
		c.stop()
		close(gates[0])
		close(gates[1])
		c.wait()
		if slices.Sort(done); !slices.Equal(done, []int{0, 1, 2, 3, 4}) {
			t.Errorf("done %v when the crew has ended", done)
		}
		c.do(5) // who comes late is not left out
		synctest.Wait()
		if len(done) != 6 || len(c.idle) != 0 {
			t.Errorf("done %v, and %d stay", done, len(c.idle))
		}
	})
}

func TestACrewKeepsOnlySoManyIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		c := newCrew(func(int) { <-gate })
		for job := range 2 * crewIdleMax {
			c.do(job)
		}
		close(gate)
		synctest.Wait()
		if len(c.idle) != crewIdleMax {
			t.Errorf("%d are idle, %d may be", len(c.idle), crewIdleMax)
		}
		c.stop()
		c.wait()
	})
}
