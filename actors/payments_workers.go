package actors

import "sync"

// laneWorkers is the goroutines of a lane that may wait: for its gateway, and for the disk. They are started as they are needed, so that there are never more
// than jobs at once, and the one that was busy last is busy next: its stack has grown and is in the processor's caches.
type laneWorkers struct {
	mu      sync.Mutex
	idle    []chan *charge // by when they were busy, the last one last
	stopped bool
	busy    sync.WaitGroup
}

// do has a charge's job done; after stop it does nothing. It does not block.
func (w *laneWorkers) do(c *charge) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	if last := len(w.idle) - 1; last >= 0 {
		w.idle[last] <- c // it waits, and there is room
		w.idle = w.idle[:last]
		return
	}
	w.busy.Go(func() {
		jobs := make(chan *charge, 1)
		for c := c; c != nil; c = <-jobs {
			c.run()
			if !w.rests(jobs) {
				return
			}
		}
	})
}

// rests makes a worker the next to be given a job, and reports whether there may be one.
func (w *laneWorkers) rests(jobs chan *charge) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = append(w.idle, jobs)
	return !w.stopped
}

// stop ends those that wait, and returns when all others have done their job. What the jobs wait for has to end first.
func (w *laneWorkers) stop() {
	w.mu.Lock()
	w.stopped = true
	for _, jobs := range w.idle {
		close(jobs)
	}
	w.idle = nil
	w.mu.Unlock()
	w.busy.Wait()
}
