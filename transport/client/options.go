package client

import (
	"errors"
	"time"
)

// Options say how a [Client] behaves. The zero value is good.
type Options struct {
	// Timeout is how long a command may take, retries included, when its context has no deadline, and for asynchronous commands.
	// 0 is [TimeoutDefault].
	Timeout time.Duration
	// AttemptTimeout is how long the client waits for an answer before it sends a command again. 0 is [AttemptTimeoutDefault].
	AttemptTimeout time.Duration
	// BackoffMin and BackoffMax bound the pause before a command is sent again; it doubles with every attempt, and half of it is random.
	// 0 is [BackoffMinDefault] and [BackoffMaxDefault].
	BackoffMin, BackoffMax time.Duration
	// BatchCommandsMax is how many commands one message may carry: 1 turns batching off, 0 is [BatchCommandsMaxDefault].
	BatchCommandsMax int
	// BatchBytesMax is how long a message with several commands may be. 0 is [BatchBytesMaxDefault].
	BatchBytesMax int
	// MessagesInFlightMax is how many messages for one event may be on their way. 0 is [MessagesInFlightMaxDefault].
	MessagesInFlightMax int
	// QueueMax is how many commands for one event may wait. 0 is [QueueMaxDefault]; beyond it commands fail with [ErrQueueFull].
	QueueMax int
	// ReplySubjects is how many reply subjects, and goroutines that take answers, the client has. 0 is [ReplySubjectsDefault].
	ReplySubjects int
}

// The defaults of [Options].
const (
	TimeoutDefault        = 10 * time.Second
	AttemptTimeoutDefault = 2 * time.Second
	BackoffMinDefault     = 20 * time.Millisecond
	BackoffMaxDefault     = 2 * time.Second
	// BatchCommandsMaxDefault is where larger batches stop paying.
	BatchCommandsMaxDefault = 64
	BatchBytesMaxDefault    = 128 << 10
	// MessagesInFlightMaxDefault keeps the engine busy while answers travel; more would only wait in its mailbox.
	MessagesInFlightMaxDefault = 8
	QueueMaxDefault            = 64 << 10
	// ReplySubjectsDefault is one: one subject a client is what NATS servers route fastest.
	ReplySubjectsDefault = 1
)

// The most that options may ask for: the bounds of the wire.
const (
	batchCommandsMost = 1024
	batchBytesMost    = 512 << 10
	replySubjectsMost = 64
)

func (o Options) withDefaults() (Options, error) {
	set := func(v *int, standard int) {
		if *v == 0 {
			*v = standard
		}
	}
	wait := func(v *time.Duration, standard time.Duration) {
		if *v == 0 {
			*v = standard
		}
	}
	wait(&o.Timeout, TimeoutDefault)
	wait(&o.AttemptTimeout, AttemptTimeoutDefault)
	wait(&o.BackoffMin, BackoffMinDefault)
	wait(&o.BackoffMax, max(BackoffMaxDefault, o.BackoffMin))
	set(&o.BatchCommandsMax, BatchCommandsMaxDefault)
	set(&o.BatchBytesMax, BatchBytesMaxDefault)
	set(&o.MessagesInFlightMax, MessagesInFlightMaxDefault)
	set(&o.QueueMax, QueueMaxDefault)
	set(&o.ReplySubjects, ReplySubjectsDefault)
	switch {
	case o.Timeout < 0, o.AttemptTimeout < 0, o.BackoffMin < 0, o.BackoffMax < o.BackoffMin:
		return o, errors.New("client options: a time is negative, or BackoffMax is below BackoffMin")
	case o.BatchCommandsMax < 0, o.BatchBytesMax < 0, o.MessagesInFlightMax < 0, o.QueueMax < 0, o.ReplySubjects < 0:
		return o, errors.New("client options: a bound is negative: use 0 for its default")
	case o.BatchCommandsMax > batchCommandsMost, o.BatchBytesMax > batchBytesMost, o.ReplySubjects > replySubjectsMost:
		return o, errors.New("client options: a batch has at most 1024 commands and 512 KiB, a client at most 64 reply subjects")
	}
	return o, nil
}
