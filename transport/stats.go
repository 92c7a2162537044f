package transport

import (
	"sync/atomic"

	"github.com/holdfast-engine/holdfast/engine"
)

// Stats is what a [Server] has counted since it started, except where it says now.
type Stats struct {
	Messages      uint64 // received, whatever became of them
	MessageBytes  uint64
	Commands      uint64 // submitted to the engine
	Batches       uint64 // messages that were batches
	JSON          uint64 // messages that were JSON
	Replies       uint64 // handed to the NATS connection
	RepliesFailed uint64 // that the NATS connection did not take

	DroppedNoReply uint64 // without a reply subject: nobody would learn the answer, so they were not run
	DroppedReply   uint64 // with a reply subject outside the allowed prefixes
	DroppedPending uint64 // by the NATS client, because more had arrived than the pending limits allow

	// Refused counts the messages refused before the engine took them, by code.
	Refused [engine.Codes]uint64
	// Unheard counts the messages with touches that were refused, by the engine too, and had no reply subject: nobody was told.
	Unheard [engine.Codes]uint64

	Pushes     uint64 // changes of purchases that were published
	PushesLost uint64 // and that were not

	Lines          uint64 // lines that were published, one a second and event
	LinesTold      uint64 // buyers who were told what had become of them in a line
	LinesLost      uint64 // lines and buyers that were not
	NotFollowed    uint64 // buyers who are not told when their chance changes, because too many are
	Followed       int64  // now, those who are
	ReceiptsFailed uint64 // receipts that could not be signed

	Watched    int    // now, buyers who have sent a heartbeat
	NotWatched uint64 // heartbeats of buyers who are not, because too many are

	KPIs     uint64 // messages with figures that were published
	KPIsLost uint64 // and that were not: too long, or the NATS connection did not take them

	Parked           int   // now, buys that wait for the final state of their purchase
	PendingMessages  int   // now, arrived and not decoded
	PendingBytes     int   // now
	CommandsInFlight int64 // now, taken and not answered
	BytesInFlight    int64 // now
}

// counters are the atomics behind Stats.
type counters struct {
	messages, messageBytes, commands, batches, json atomic.Uint64
	replies, repliesFailed                          atomic.Uint64
	droppedNoReply, droppedReply, droppedPending    atomic.Uint64
	refused, unheard                                [engine.Codes]atomic.Uint64
	kpis, kpisLost                                  atomic.Uint64
	receiptsFailed                                  atomic.Uint64
}

// Stats returns the counts. It takes no lock that the hot path waits for, and is meant for once a second.
func (s *Server) Stats() Stats {
	c := &s.stats
	st := Stats{
		Messages: c.messages.Load(), MessageBytes: c.messageBytes.Load(), Commands: c.commands.Load(),
		Batches: c.batches.Load(), JSON: c.json.Load(), Replies: c.replies.Load(), RepliesFailed: c.repliesFailed.Load(),
		DroppedNoReply: c.droppedNoReply.Load(), DroppedReply: c.droppedReply.Load(),
	}
	for i := range st.Refused {
		st.Refused[i], st.Unheard[i] = c.refused[i].Load(), c.unheard[i].Load()
	}
	st.Pushes, st.PushesLost, st.Parked = s.pushes.sent.Load(), s.pushes.lost.Load(), s.parking.waiting()
	l := s.lines
	st.Lines, st.LinesTold, st.LinesLost, st.NotFollowed, st.Followed = l.sent.Load(), l.told.Load(), l.lost.Load(), l.notFollowed.Load(), l.following.Load()
	st.Watched, st.NotWatched = s.presence.watched()
	st.ReceiptsFailed = c.receiptsFailed.Load()
	st.KPIs, st.KPIsLost = c.kpis.Load(), c.kpisLost.Load()
	st.CommandsInFlight, st.BytesInFlight = s.account.InFlight()
	if n, err := s.sub.Dropped(); err == nil { // after the drain the last count stands
		c.droppedPending.Store(uint64(n))
	}
	st.DroppedPending = c.droppedPending.Load()
	if messages, bytes, err := s.sub.Pending(); err == nil {
		st.PendingMessages, st.PendingBytes = messages, bytes
	}
	return st
}
