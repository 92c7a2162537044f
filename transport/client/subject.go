package client

import "strings"

// The subjects, as in the transport package; a test compares them. They are written here again because that package brings a whole NATS
// server, which a caller does not need.
const (
	subjectPrefix  = "holdfast.v1.events."
	subjectList    = subjectPrefix + "list"
	verbBuyerBatch = "buyer_batch"
)

func purchasesSubject(event, buyer string) string {
	return "holdfast.v1.purchases." + event + "." + buyer
}

func buyersSubject(buyer, verb string) string { return "holdfast.v1.buyers." + buyer + "." + verb }

func subject(event, verb string) string { return subjectPrefix + event + "." + verb }

// hasEvent reports whether a subject is one of an event's.
func hasEvent(subject, event string) bool {
	rest, ok := strings.CutPrefix(subject, subjectPrefix)
	return ok && len(rest) > len(event) && rest[:len(event)] == event && rest[len(event)] == '.'
}
