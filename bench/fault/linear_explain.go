package fault

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// DescribeOperations writes a history down, a line an operation, by the time of its call.
func DescribeOperations(history []porcupine.Operation) string {
	var b strings.Builder
	sorted := byCall(history)
	model := LinearModel()
	for _, op := range sorted {
		fmt.Fprintf(&b, "%d..%d client %d: %s\n", op.Call, op.Return, op.ClientId, model.DescribeOperation(op.Input, op.Output))
	}
	return b.String()
}

// Unexplained returns the shortest beginning of an illegal history, by the time of the calls, that is illegal already: its last operation is where
// no order explains what was seen any more.
func Unexplained(history []porcupine.Operation, patience time.Duration) []porcupine.Operation {
	sorted := byCall(history)
	n := sort.Search(len(sorted), func(n int) bool {
		return porcupine.CheckOperationsTimeout(LinearModel(), sorted[:n+1], patience) != porcupine.Ok
	})
	return sorted[:min(n+1, len(sorted))]
}

// Objections says what the model holds against each operation that the longest order it finds leaves out.
func Objections(history []porcupine.Operation, patience time.Duration) string {
	var b strings.Builder
	model := LinearModel()
	for _, part := range model.Partition(history) {
		result, info := porcupine.CheckOperationsVerbose(model, part, patience)
		if result == porcupine.Ok {
			continue
		}
		var longest []porcupine.Operation
		for _, orders := range info.PartialLinearizationsOperations() {
			for _, order := range orders {
				if len(order) > len(longest) {
					longest = order
				}
			}
		}
		state := model.Init()
		placed := map[any]bool{}
		for _, op := range longest {
			_, state = model.Step(state, op.Input, op.Output)
			placed[op.Output] = true
		}
		fmt.Fprintf(&b, "%d of %d operations have an order, which ends in %+v; then\n", len(longest), len(part), state.(*linearState).compared())
		for _, op := range part {
			if !placed[op.Output] {
				s := *state.(*linearState)
				why := s.step(op.Input.(*LinearInput), op.Output.(*LinearOutput))
				fmt.Fprintf(&b, "client %d: %s: %s\n", op.ClientId, model.DescribeOperation(op.Input, op.Output), why)
			}
		}
	}
	return b.String()
}
