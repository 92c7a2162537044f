package engine

import (
	"strconv"
	"testing"
)

// Looking ahead changes no answer and no state, whatever is foreseen and whether it comes or not.
func TestLookingAheadChangesNothing(t *testing.T) {
	live := func(look bool) (uint64, []Code) {
		e := NewWithLimits(testKey(), Limits{Requests: 50, Ended: 20})
		var facts Facts
		var codes []Code
		at := start
		step := func(cmd *Command) {
			at += 1e9
			codes = append(codes, e.Step(cmd, at, &facts).Code)
			if err := e.Check(); err != nil {
				t.Fatal(err)
			}
		}
		foresee := func(cmds []Command) {
			if !look {
				return
			}
			for i := range cmds {
				e.Foresee(&cmds[i])
			}
			e.Warm()
			e.Warm()
		}
		e.Warm()
		foresee([]Command{{Verb: VerbGet}})
		step(&Command{Verb: VerbCreate, RequestID: "create", Spec: testSpec()})
		for round := range 12 {
			cmds := make([]Command, 20) // more than may be foreseen
			for i := range cmds {
				id := strconv.Itoa(round*7 + i) // some are repeats
				cmds[i] = *hold("b"+id, "ga", 1)
				cmds[i].RequestID = "r" + id
			}
			cmds[3] = Command{}
			cmds[5] = Command{Verb: VerbConfirm, RequestID: "k" + strconv.Itoa(round), Buyer: "b1", Hold: "h1", PaymentRef: "inv"}
			foresee(cmds)
			for i := range cmds {
				if i != 3 {
					step(&cmds[i])
				}
			}
			step(&Command{Verb: VerbExpire})
		}
		return e.StateHash(), codes
	}
	hash, codes := live(false)
	hashAhead, codesAhead := live(true)
	if hash != hashAhead {
		t.Errorf("state hash %016x with, %016x without", hashAhead, hash)
	}
	for i := range codes {
		if codes[i] != codesAhead[i] {
			t.Errorf("command %d was answered %v with, %v without", i, codesAhead[i], codes[i])
		}
	}
}
