package engine_test

import (
	"bytes"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
)

// onSale drives a small event through its whole sale and counts the answers by verb and code.
func onSale(t *testing.T, seed uint64) (s *enginetest.Shell, answers [engine.Verbs][engine.Codes]int) {
	t.Helper()
	s = enginetest.NewShell(eventKey(), engine.Limits{}, enginetest.WorkloadStart)
	s.Each = func(_ *engine.Command, out *engine.Outcome) {
		answers[out.Verb][out.Code]++
		if err := s.Event.LiveCheck(); err != nil {
			t.Fatal(err)
		}
	}
	w := enginetest.NewWorkload(seed, enginetest.WorkloadConfig{Buyers: 3000, Tickets: 2000})
	create := w.Create()
	if out := s.Do(&create); out.Code != engine.CodeOK {
		t.Fatalf("create is refused: %s", out.AppendMessage(nil))
	}
	w.Drive(s, 20_000, 10e6)
	return s, answers
}

// TestWorkloadIsAnOnSale makes sure that the workload is worth measuring with: it sells out, and everything that happens in an on-sale happens.
func TestWorkloadIsAnOnSale(t *testing.T) {
	s, answers := onSale(t, 1)
	for verb, codes := range map[engine.Verb][]engine.Code{
		engine.VerbHold:    {engine.CodeOK, engine.CodeSoldOut, engine.CodeSeatTaken, engine.CodeLimitReached, engine.CodePriceExceeded},
		engine.VerbConfirm: {engine.CodeOK, engine.CodeHoldEnded},
		engine.VerbRelease: {engine.CodeOK},
		engine.VerbExtend:  {engine.CodeOK},
		engine.VerbGet:     {engine.CodeOK},
		engine.VerbExpire:  {engine.CodeOK},
	} {
		for _, code := range codes {
			if answers[verb][code] < 10 {
				t.Errorf("%s is answered with %s %d times: too rare to be an on-sale", verb, code, answers[verb][code])
			}
		}
	}
	stats := s.Event.Stats()
	if stats.Sold < stats.Capacity/2 || answers[engine.VerbHold][engine.CodeSoldOut] < answers[engine.VerbHold][engine.CodeOK] {
		t.Errorf("%d of %d tickets are sold and %d holds were refused: no sold-out storm", stats.Sold, stats.Capacity, answers[engine.VerbHold][engine.CodeSoldOut])
	}
	if err := s.Event.Check(); err != nil {
		t.Error(err)
	}
	replica := engine.NewAggregate(eventKey())
	for _, run := range s.Log {
		if err := replica.Fold(run); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := replica.StateHash(), s.Event.StateHash(); got != want {
		t.Errorf("the log folds to state hash %016x, live is %016x", got, want)
	}
}

func TestWorkloadIsTheSameForTheSameSeed(t *testing.T) {
	first, _ := onSale(t, 7)
	second, _ := onSale(t, 7)
	other, _ := onSale(t, 8)
	if got, want := second.Event.AppendSnapshot(nil), first.Event.AppendSnapshot(nil); !bytes.Equal(got, want) {
		t.Error("the same seed led to other states")
	}
	if other.Event.StateHash() == first.Event.StateHash() {
		t.Error("another seed led to the same state")
	}
}

// TestOnSaleAnswersAsTheModelDoes compares a whole on-sale with the model, in tables large enough to grow, with sleep in between. HOLDFAST_SALE_LEN
// asks for more commands.
func TestOnSaleAnswersAsTheModelDoes(t *testing.T) {
	s := enginetest.NewShell(eventKey(), engine.Limits{Ended: 300, Requests: 500, Refusals: 100}, enginetest.WorkloadStart)
	twin := enginetest.NewTwin(s)
	s.Each = func(cmd *engine.Command, out *engine.Outcome) {
		if err := twin.Check(cmd, out); err != nil {
			t.Fatalf("hold %d: %v", out.Hold.ID, err)
		}
	}
	w := enginetest.NewWorkload(3, enginetest.WorkloadConfig{Buyers: 1200, Tickets: 1500, TTLMs: 20_000})
	create := w.Create()
	s.Do(&create)
	for range number(t, "HOLDFAST_SALE_LEN", 2000) / 250 {
		w.Drive(s, 250, 20e6)
		s.Settle()
		if err := s.Sleep(); err != nil {
			t.Fatal(err)
		}
		twin.Slept()
	}
	t.Log(coverage(twin.Seen))
}
