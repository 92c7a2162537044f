package transport

import (
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// The bounds of the wire. They are part of the contract: docs/wire.md names them.
const (
	// CommandBytesMax is the longest message with a single command. An event with 500 lots fits.
	CommandBytesMax = 64 << 10
	// BatchBytesMax is the longest batch. It leaves the other half of a default NATS server's 1 MiB payload to headers and growth.
	BatchBytesMax = 512 << 10
	// BatchCommandsMax is how many commands a batch may hold.
	BatchCommandsMax = engine.CommandsPerRequestMax
	// CorrelationBytesMax is the longest correlation: 64 bits in hexadecimal.
	CorrelationBytesMax = 16
	// ItemsPerCommandMax bounds the items of one hold before the engine looks at them, so that a short message cannot ask for a long table.
	ItemsPerCommandMax = 256
	// SeatsPerCommandMax bounds the seat labels of one command, for the same reason.
	SeatsPerCommandMax = 4096
	// TouchesPerMessageMax bounds the touches of all commands of a batch.
	TouchesPerMessageMax = 4096
	// LinksPerCommandMax bounds the links of one command: as many as a buyer may have.
	LinksPerCommandMax = 16
	// WaitMsMax is how long a buy may wait for the final state of its purchase.
	WaitMsMax = 30_000
	// WaitMsDefault is how long it waits if it does not say.
	WaitMsDefault = 2_000
	// TicketsShownMax is how many tickets of an order a reply lists. Box offices may order more than fit into a message; the ids of the
	// rest follow from the first and ticket_count.
	TicketsShownMax = 4096
	// CodesShownMax is how many tickets of an order a reply shows the codes of: they take some 300 bytes each. Notices tell those of all.
	CodesShownMax = 512
	// ListLimitMax is the longest page of events.list, ListLimitDefault the page without a limit.
	ListLimitMax     = 1000
	ListLimitDefault = 100
	// InspectFactsMax is how many facts of an event one inspect shows.
	InspectFactsMax = 200
	// PushesMax bounds the changes of purchases of an account that are to be published: what comes beyond it is lost and counted.
	PushesMax = 64 << 10
	// LineMovesMax bounds the buyers of an account who are to be told what has become of them in a line: what comes beyond it is lost and counted.
	LineMovesMax = 64 << 10
	// LineEndingsMax bounds the events of an account that have ended and whose buyers are still to be told: of further ones they are not, which is counted.
	LineEndingsMax = 64 << 10
	// LinesPublishedMax bounds the events whose lines are published in a second: the others come in the next one.
	LinesPublishedMax = 256
	// FollowedMax bounds the buyers of an account who are told when their chance of a ticket has another word: some 70 bytes each. Others see it in the checkpoints, and when they ask.
	FollowedMax = 1 << 20
	// HereBuyersMax bounds the buyers of one heartbeat, PresenceMax those of an account who are watched: others are taken to be there.
	HereBuyersMax = 4096
	PresenceMax   = 1 << 20
	// AccountsMax bounds the accounts of one engine: each costs a connection, the goroutines that read and write it, and a series of every metric of
	// the wire.
	AccountsMax = 64
	// AdminInFlightMax is how many commands of operators an account has carried out at once: some wait for the disk.
	AdminInFlightMax = 8
	// KPIStreamsMax bounds the streams of figures that are open over HTTP, KPIAnswersMax the other answers about them that are being made there. Beyond:
	// overloaded.
	KPIStreamsMax = 64
	KPIAnswersMax = 16
	// KPIRequestsMax bounds the queries for figures of an account that are being answered over NATS: beyond, overloaded. KPIEventsPublishedMax bounds the
	// events whose figures are published in a second: the others come in the next one.
	KPIRequestsMax        = 16
	KPIEventsPublishedMax = 256
)

// The defaults of [Config].
const (
	// CommandsInFlightMaxDefault bounds the commands of an account between receipt and reply: at a million commands a second it is a
	// quarter of a second of work, more than any fsync should take.
	CommandsInFlightMaxDefault = 256 << 10
	// BytesInFlightMaxDefault bounds the messages those commands arrived in.
	BytesInFlightMaxDefault = 256 << 20
	// ParkedMaxDefault bounds the buys of an account that wait for the final state of their purchase, ParkedBytesMaxDefault their messages and
	// answers. Beyond them a buy is answered at once: it loses nothing but the waiting.
	ParkedMaxDefault      = 32 << 10
	ParkedBytesMaxDefault = 64 << 20
	// PendingMessagesMaxDefault and PendingBytesMaxDefault bound what has arrived and is not decoded. Beyond them NATS messages are dropped
	// and counted, so they are generous: overload is meant to be answered, by the bounds in flight.
	PendingMessagesMaxDefault = 512 << 10
	PendingBytesMaxDefault    = 256 << 20
	// OverloadedRetryAfterDefault is the hint in an overloaded answer.
	OverloadedRetryAfterDefault = 50 * time.Millisecond
	// PresenceDefault is how long a buyer who has sent a heartbeat may say nothing before they are absent, PresenceMin the least.
	PresenceDefault = 30 * time.Second
	PresenceMin     = 2 * time.Second
	// UnavailableRetryAfterDefault is the hint in an unavailable answer: about the time a restart takes.
	UnavailableRetryAfterDefault = time.Second
)

const (
	// kpiEvery is how often a stream of figures has an answer: nobody reads faster, and the shortest window that they are about is ten of these.
	kpiEvery = time.Second
	// kpiSilenceMax is how often the figures of an account are published while nothing changes, kpiEventFollowed how long those of an event are after its last
	// entry: as long as the window of a minute that they are about.
	kpiSilenceMax    = 10 * time.Second
	kpiEventFollowed = time.Minute
	// kpiAnswerTimeout is how long an answer may take to make.
	kpiAnswerTimeout = 10 * time.Second
	// reportTimeMax is how long a report may take to be made and to leave.
	reportTimeMax = 2 * time.Minute
	// kpiRetryAfter is the hint where there is no answer now, kpiStreamRetryAfter where too many streams are open.
	kpiRetryAfter       = 2 * time.Second
	kpiStreamRetryAfter = 15 * time.Second
	// kpisPerQueryMax bounds the KPIs that a query may name: there are not as many.
	kpisPerQueryMax = 200
	// pushesTogetherMax is how many changes of purchases are told together.
	pushesTogetherMax = 256
	// pushPasses is how long a change of a purchase that is not settled waits for the next one: nobody follows faster by eye, and most are over by then, even
	// when much is going on, and to read and publish them as well would make it more.
	pushPasses = 250 * time.Millisecond
	// receiptsTogetherMax is how many receipts share a tree, rounded up to whole answers. With more a signature costs each less than the next hash in its path, which
	// every reply carries.
	receiptsTogetherMax = 256
	// lineEvery is how often a line is published, paceSeconds over how long its pace is measured, and paceLeast over how long at least, followedAtOnce how many of those who wait in an event are looked at each time.
	lineEvery      = time.Second
	paceSeconds    = 60
	paceLeast      = 10 * time.Second
	followedAtOnce = 128 << 10
	// toldTogetherMax is how many buyers are told in a second what nothing new has brought about: their chance in another word, or the end of an event. So what has become of somebody finds room, and
	// does not wait for long. waitingPagesMax is how many pages of those who wait in an event are read in a second to follow them, endingPagesMax of all that have ended.
	toldTogetherMax = 16 << 10
	waitingPagesMax = toldTogetherMax / engine.WaitingPageMax
	endingPagesMax  = 256
	// presenceEvery is how often it is looked for those who say nothing any more.
	presenceEvery = 5 * time.Second
	// presenceForgotten x as long, and they are not watched any more. presenceTogetherMax is how many are said to be absent or present together.
	presenceForgotten   = 20
	presenceTogetherMax = 256
	// lineForgottenAfter is how long a line that is not listed any more is remembered: its event may only be asleep.
	lineForgottenAfter = 10 * time.Minute
	// lineFlushTimeout is how long the NATS server may take to say that it has a root.
	lineFlushTimeout = 5 * time.Second
	// parkedTogetherMax is how many callers may wait for one purchase: nobody needs two. What comes beyond is answered at once.
	parkedTogetherMax = 16
	// parkedDueMax is how many waits end before others may begin: the goroutine that hands over answers must not wait long.
	parkedDueMax = 256
	// replyResultReserveBytes is kept free for each result of a batch that is still to come, so that even a batch of the longest results
	// ends in a reply that can be sent: a result that does not fit is replaced by a too_large answer of less than this.
	replyResultReserveBytes = 384
	// pooledBufferBytesMax and pooledElementsMax are the largest buffers that a request takes back into the pool. A rare giant must not
	// stay in memory for ever.
	pooledBufferBytesMax = 256 << 10
	pooledElementsMax    = 4096
	// pooledPaymentsMax bounds the payments that are kept together: what comes after them gets memory of its own.
	pooledPaymentsMax = 128
	// pooledTouchesMax bounds the touches that are kept for the next message: 320 bytes each.
	pooledTouchesMax = 256
	// jsonDepthMax bounds the nesting of values that are skipped while looking for the request id of a bad message.
	jsonDepthMax = 64
)
