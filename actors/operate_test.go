package actors

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// slowSleeps keeps the answers to Sleep back until the test gives them.
type slowSleeps struct {
	*fakeLog
	mu       sync.Mutex
	attempts []func(error)
}

func (s *slowSleeps) Sleep(_ *engine.Snapshot, done func(error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts = append(s.attempts, done)
}

// attempt waits for the attempt of that number and returns what answers it.
func (s *slowSleeps) attempt(t *testing.T, number int) func(error) {
	t.Helper()
	for range 1000 {
		s.mu.Lock()
		if len(s.attempts) >= number {
			defer s.mu.Unlock()
			return s.attempts[number-1]
		}
		s.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
	}
	t.Fatalf("there is no attempt %d to sleep", number)
	return nil
}

func startSlowSleeps(t *testing.T) (*Node, *slowSleeps) {
	t.Helper()
	s := &slowSleeps{fakeLog: newFakeLog()}
	n, err := Start(Config{
		SleepAfter: time.Minute, Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { t.Errorf("fatal: %v", err) },
	}, s, s, &engine.Recovered{})
	if err != nil {
		t.Fatal(err)
	}
	if a := ask(t, n, "e1", create("c1", 10)); a.code != engine.CodeOK {
		t.Fatal(a.code)
	}
	return n, s
}

// A request ends an attempt to sleep, but not what is on its way to the disk. Its answer must not be taken for that of the next attempt, whose snapshot may yet be
// refused: the event would go with a snapshot that lacks the request.
func TestAnOldAttemptToSleepAnswersForNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s := startSlowSleeps(t)
		first := s.attempt(t, 1)
		if a := ask(t, n, "e1", hold("h1", "anna")); a.code != engine.CodeOK {
			t.Fatal(a.code)
		}
		second := s.attempt(t, 2)
		first(nil)
		synctest.Wait()
		second(errors.New("there is no room"))
		if _, awake := n.routes.Load(route{engine.SingleAccount, "e1"}); !awake {
			t.Error("the event went to sleep with the snapshot of an attempt that a request had ended")
		}
		if err := n.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// An operator's wish ends with the operator's patience: the event does not go on trying.
func TestAWishToSleepIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _ := startSlowSleeps(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if code := n.Sleep(ctx, engine.SingleAccount, "e1"); code != engine.CodeUnavailable {
			t.Errorf("sleep: %v, want unavailable", code)
		}
		if ref, awake := n.routes.Load(route{engine.SingleAccount, "e1"}); !awake || ref.sleepNow.Load() {
			t.Errorf("awake %v, and it still wants to sleep", awake)
		}
		if err := n.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
