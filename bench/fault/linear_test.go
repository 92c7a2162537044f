package fault

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

const (
	linearClients = 8
	// linearOperations is a history's length by default; every eighth is as long as linearOperationsLong.
	linearOperations     = 800
	linearOperationsLong = 10_000
	// linearPatience is how long deciding a history may take. Not knowing is a failure.
	linearPatience = 2 * time.Minute
)

// TestLinearizable lets a few callers work on the same events at the same time, over real NATS, reads included, half of the time with a kill -9 in the
// middle. Somebody who acts one after the other must be able to see the same.
func TestLinearizable(t *testing.T) {
	program := engineProgram(t)
	random := rand.New(rand.NewPCG(seed(t), 1))
	operations, kills := 0, 0
	answers := map[string]int{}
	for n := range *histories {
		h := &History{
			Program: program, Dir: t.TempDir(), Seed: random.Uint64(), Clients: linearClients, Events: 1 + n%3, Operations: linearOperations, Kills: n % 2,
		}
		if n%8 == 7 {
			h.Operations = linearOperationsLong
		}
		if n%4 == 2 {
			h.SleepAfter = 20 * time.Millisecond
		}
		history, err := h.Run(within(t, linearPatience))
		if err != nil {
			t.Fatalf("history %d, seed %d: %v", n, h.Seed, err)
		}
		for answer, n := range wantLinearizable(t, fmt.Sprintf("history %d, seed %d", n, h.Seed), history) {
			answers[answer] += n
		}
		operations, kills = operations+len(history), kills+h.Kills
	}
	for _, answer := range []string{
		"release ok", "confirm ok", "offer ok", "buy ok", "buy payment_in_progress", "purchase ok", "order ok", "refund ok", "refund ticket_void", "admit ok",
		"result sold", "result declined",
	} {
		if answers[answer] == 0 && *histories >= 4 { // one alone may do without
			t.Errorf("no %s in any history: they prove little: %v", answer, answers)
		}
	}
	if !t.Failed() {
		t.Logf("%d histories, %d operations of %d callers, %d kills: all linearizable", *histories, operations, linearClients, kills)
		t.Logf("%d offers, %d clicks on used ones, %d purchases: %d sold, %d declined, %d undone; %d refunds, %d admitted", answers["offer ok"],
			answers["buy offer_used"], answers["buy ok"], answers["result sold"], answers["result declined"], answers["undo ok"], answers["refund ok"], answers["admit ok"])
	}
}

// wantLinearizable returns how often each verb was answered with each code; the ends of purchases count as well.
func wantLinearizable(t *testing.T, what string, history []porcupine.Operation) (accepted map[string]int) {
	t.Helper()
	accepted = map[string]int{}
	for _, op := range history {
		accepted[op.Input.(*LinearInput).Verb.String()+" "+code(op.Output.(*LinearOutput).Reply)]++
	}
	for _, verb := range []engine.Verb{engine.VerbCreate, engine.VerbHold, engine.VerbBuy, engine.VerbGet, engine.VerbCapacity} {
		if accepted[verb.String()+" ok"] == 0 {
			t.Errorf("%s: no %s was accepted: the history proves little: %v", what, verb, accepted)
		}
	}
	history = Settled(history)
	for _, op := range history {
		if op.Input.(*LinearInput).Verb == engine.VerbResult {
			accepted["result "+op.Output.(*LinearOutput).Reply.GetPurchase().GetState()]++
		}
	}
	if result := porcupine.CheckOperationsTimeout(LinearModel(), history, linearPatience); result != porcupine.Ok {
		dir, _, err := KeptFolder("holdfast-history-")
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, "history.txt")
		if err := os.WriteFile(name, []byte(DescribeOperations(history)), 0o600); err != nil {
			t.Fatal(err)
		}
		until := Unexplained(history, linearPatience)
		// The first is enough: to say why takes minutes of search.
		t.Fatalf("%s of %d operations is %s, it must be linearizable: it is written down in %s; no order explains it any more after\n%s%s",
			what, len(history), result, name, DescribeOperations(until[max(0, len(until)-16):]), Objections(until, linearPatience))
	}
	return accepted
}

// TestIllegalHistoriesAreFound proves that the model sees what it is there to see.
func TestIllegalHistoriesAreFound(t *testing.T) {
	hold := func(id string, ga int) *pb.Reply {
		return &pb.Reply{Hold: &pb.Hold{Id: id, State: stateHeld, TotalMinor: int64(ga) * linearMinor, Items: []*pb.TakenItem{{Lot: lotGA, Quantity: int64(ga), Units: 1}}}}
	}
	get := func(held int64) *pb.Reply {
		live := int64(0)
		if held > 0 {
			live = 1
		}
		return &pb.Reply{Event: &pb.Event{State: "on_sale", HoldsLive: live, Lots: []*pb.Lot{
			{Capacity: linearGA, Free: linearGA - held, Held: held},
			{Capacity: linearPairs * linearPairUnit, Free: linearPairs * linearPairUnit},
			{Capacity: linearSeats, Free: linearSeats},
		}}}
	}
	seat := func(id string) *pb.Reply {
		return &pb.Reply{Hold: &pb.Hold{Id: id, State: stateHeld, TotalMinor: linearMinor, Items: []*pb.TakenItem{{Lot: lotSeats, Quantity: 1, Units: 1, Seats: []string{"A/1/1"}}}}}
	}
	repeated := func(r *pb.Reply) *pb.Reply {
		r = proto.CloneOf(r)
		r.Repeated = true
		return r
	}
	create := linearOp(0, 1, &LinearInput{Verb: engine.VerbCreate, ID: "c"}, &pb.Reply{Event: &pb.Event{}})
	take := LinearInput{Verb: engine.VerbHold, ID: "h1", Buyer: 1, GA: 2}
	twice := take
	twice.Twice = true
	f := func(name string, want porcupine.CheckResult, ops ...porcupine.Operation) {
		t.Helper()
		history := append([]porcupine.Operation{create}, ops...)
		if got := porcupine.CheckOperationsTimeout(LinearModel(), history, linearPatience); got != want {
			t.Errorf("%s: %s, must be %s:\n%s", name, got, want, DescribeOperations(history))
		}
	}
	read := &LinearInput{Verb: engine.VerbGet}
	f("a hold, then a read that shows it", porcupine.Ok, linearOp(2, 3, &take, hold("1", 2)), linearOp(4, 5, read, get(2)))
	f("a hold, then a stale read", porcupine.Illegal, linearOp(2, 3, &take, hold("1", 2)), linearOp(4, 5, read, get(0)))
	f("a hold, and a read at the same time", porcupine.Ok, linearOp(2, 5, &take, hold("1", 2)), linearOp(3, 4, read, get(0)))
	f("an acknowledged hold that is gone after a crash", porcupine.Illegal,
		linearOp(2, 3, &take, hold("1", 2)), linearForgot(linearOp(4, 5, read, get(0))))
	f("one seat for two buyers", porcupine.Illegal,
		linearOp(2, 4, &LinearInput{Verb: engine.VerbHold, ID: "h1", Buyer: 1, Seats: 1}, seat("1")),
		linearOp(3, 5, &LinearInput{Verb: engine.VerbHold, ID: "h2", Buyer: 2, Seats: 1}, seat("2")))
	f("a request id with one effect", porcupine.Ok, linearOp(2, 3, &twice, hold("1", 2)), linearOp(2, 5, &twice, repeated(hold("1", 2))))
	f("a request id with two effects", porcupine.Illegal, linearOp(2, 3, &twice, hold("1", 2)), linearOp(4, 5, &twice, hold("2", 2)))
	f("more sold than there is", porcupine.Illegal, linearOp(2, 3, &LinearInput{Verb: engine.VerbHold, ID: "h1", Buyer: 1, GA: linearGA + 1}, hold("1", linearGA+1)))
}

func linearOp(call, ret int64, in *LinearInput, r *pb.Reply) porcupine.Operation {
	return porcupine.Operation{ClientId: int(call), Call: call, Return: ret, Input: in, Output: &LinearOutput{Reply: r}}
}

func linearForgot(op porcupine.Operation) porcupine.Operation {
	op.Output.(*LinearOutput).Forgot = true
	return op
}
