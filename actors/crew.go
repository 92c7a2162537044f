package actors

import "sync"

// crew is goroutines that do jobs of one kind. They are started as they are needed, so that there are never more than jobs at once, and the one that was busy
// last is busy next: its stack has grown already and is in the processor's caches. A goroutine a job grows its stack each time.
type crew[J any] struct {
	work func(J)

	mu      sync.Mutex
	idle    []chan J // the one that was busy last, last
	stopped bool
	busy    sync.WaitGroup
}

// crewIdleMax is how many goroutines of a crew stay for the next jobs.
const crewIdleMax = 64

func newCrew[J any](work func(J)) *crew[J] { return &crew[J]{work: work} }

// do has a job done. It does not block.
func (c *crew[J]) do(job J) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped { // nobody stays, and nobody waits for those who come late
		go c.work(job)
		return
	}
	if last := len(c.idle) - 1; last >= 0 {
		c.idle[last] <- job // there is room: who is idle has none
		c.idle = c.idle[:last]
		return
	}
	c.busy.Go(func() { c.run(job) })
}

func (c *crew[J]) run(job J) {
	c.work(job)
	jobs := make(chan J, 1)
	for c.rest(jobs) {
		job, ok := <-jobs
		if !ok {
			return
		}
		c.work(job)
	}
}

// rest makes a goroutine the next to be given a job, and reports whether it is to stay.
func (c *crew[J]) rest(jobs chan J) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped || len(c.idle) == crewIdleMax {
		return false
	}
	c.idle = append(c.idle, jobs)
	return true
}

// stop ends those that are idle, and the others when they have done their jobs.
func (c *crew[J]) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	for _, jobs := range c.idle {
		close(jobs)
	}
	c.idle = nil
}

// wait returns when those that were there at the stop have ended.
func (c *crew[J]) wait() { c.busy.Wait() }

// turns is the crew that takes the turns of actors: the library's own way is a goroutine for each.
type turns struct{ *crew[func()] }

func newTurns() turns { return turns{newCrew(func(run func()) { run() })} }

// Schedule implements actor.Dispatcher.
func (t turns) Schedule(run func()) { t.do(run) }

// Throughput implements actor.Dispatcher. It is for mailboxes of the library, which hand over one message at a time.
func (turns) Throughput() int { return 1 }
