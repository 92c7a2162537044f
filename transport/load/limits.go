package load

import "time"

// The bounds of a load.
const (
	// MessagesInFlightMax bounds the messages that are sent and not answered. Beyond it the generator waits, and what is due meanwhile is late:
	// the waiting is in the latencies and in the lag.
	MessagesInFlightMax = 1 << 20
	// HoldsKeptMax bounds the holds that are kept for a confirm or a release to come, and those who have joined and may ask for their place. Beyond it the oldest
	// is forgotten: a hold expires.
	HoldsKeptMax = 1 << 18
	// EventsMax bounds the events that one load may be spread over.
	EventsMax = 1_000_000
)

const (
	// TimeoutDefault is how long an answer is waited for.
	TimeoutDefault = 10 * time.Second
	timeoutMost    = 10 * time.Minute
	batchMost      = 1024
	// stopWithin is how long answers are waited for after the one who started the load has ended it.
	stopWithin = 2 * time.Second
	// pause is how long the sender sleeps at least: what is due meanwhile leaves together, up to so much late.
	pause = 50 * time.Microsecond
	// holdsKeptPerEventMin is how many holds each of many events may keep.
	holdsKeptPerEventMin = 16
)
