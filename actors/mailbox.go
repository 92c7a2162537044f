package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// posted is the mailbox's answer to a post.
type posted uint8

const (
	postedOK     posted = iota
	postedFull          // the bound is reached: nothing was taken
	postedClosed        // the actor has left or is leaving: look it up again
)

// turn is everything that waited in a mailbox when its actor got to it: the actor's one user message. Messages is empty when the actor
// was only woken. It belongs to the mailbox and is valid during Receive.
type turn[M any] struct {
	Messages []M
}

// mailbox is a bounded actor.Mailbox that hands over everything that waits as one turn, so that the end of a turn is the natural boundary of
// a group commit. The libraries' own either grow without bound, spin when full, or drop silently.
//
// post may be called from any goroutine. Two slices take turns: one fills while the actor works on the other.
type mailbox[M any] struct {
	messagesMax int             // refuse above this many waiting messages; 0 leaves the bound to admit
	admit       func(M) bool    // asked under the lock before a message is taken; nil admits all
	escaped     func(cause any) // told of a panic that the actor did not handle; must not return to normal work

	mu        sync.Mutex
	filling   []M
	spare     []M
	system    []any
	woken     bool // a turn is wanted even if nothing waits
	scheduled bool // a goroutine is in run, or about to be
	suspended bool
	closed    bool

	now        turn[M]
	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher
	turns      func() // run, made once
}

// post queues m, or says why not.
func (b *mailbox[M]) post(m M) posted {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return postedClosed
	}
	if (b.messagesMax > 0 && len(b.filling) >= b.messagesMax) || (b.admit != nil && !b.admit(m)) {
		b.mu.Unlock()
		return postedFull
	}
	b.filling = append(b.filling, m)
	b.scheduleAndUnlock()
	return postedOK
}

// wake makes the actor take a turn soon, even an empty one.
func (b *mailbox[M]) wake() {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.woken = true
	b.scheduleAndUnlock()
}

// closeIfEmpty refuses all later posts, unless something waits. Only the actor itself may call it, in a turn.
func (b *mailbox[M]) closeIfEmpty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.filling) > 0 {
		return false
	}
	b.closed = true
	return true
}

func (b *mailbox[M]) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.filling)
}

func (b *mailbox[M]) scheduleAndUnlock() {
	start := !b.scheduled && b.dispatcher != nil
	if start {
		b.scheduled = true
	}
	b.mu.Unlock()
	if start {
		b.dispatcher.Schedule(b.turns)
	}
}

// run takes turns until nothing waits.
func (b *mailbox[M]) run() {
	defer func() {
		if cause := recover(); cause != nil {
			b.escaped(cause)
		}
	}()
	for {
		b.mu.Lock()
		if len(b.system) > 0 {
			msg := b.system[0]
			b.system = b.system[1:]
			b.mu.Unlock()
			b.invokeSystem(msg)
			continue
		}
		if b.suspended || (len(b.filling) == 0 && !b.woken) {
			b.scheduled = false
			b.mu.Unlock()
			return
		}
		b.woken = false
		b.now.Messages, b.filling, b.spare = b.filling, b.spare[:0], nil
		b.mu.Unlock()

		b.invoker.InvokeUserMessage(&b.now)

		clear(b.now.Messages) // the pooled messages are somebody else's now
		b.mu.Lock()
		b.spare = b.now.Messages[:0]
		if cap(b.spare) > spareMessagesMax {
			b.spare = nil // memory goes back after a burst
		}
		b.mu.Unlock()
		b.now.Messages = nil
	}
}

func (b *mailbox[M]) invokeSystem(msg any) {
	switch msg.(type) {
	case *actor.SuspendMailbox:
		b.mu.Lock()
		b.suspended = true
		b.mu.Unlock()
	case *actor.ResumeMailbox:
		b.mu.Lock()
		b.suspended = false
		b.mu.Unlock()
	default:
		b.invoker.InvokeSystemMessage(msg)
	}
}

// PostUserMessage exists for the library's sake. Nothing sends to these actors by PID; a message that arrives so is a bug.
func (b *mailbox[M]) PostUserMessage(message any) {
	m, ok := message.(M)
	if !ok {
		return // the library's own poison pill and the like: we stop actors by system message only
	}
	b.post(m)
}

// PostSystemMessage queues a message of the library: started, stop, failure.
func (b *mailbox[M]) PostSystemMessage(message any) {
	b.mu.Lock()
	b.system = append(b.system, message)
	b.scheduleAndUnlock()
}

// RegisterHandlers is called by the library before Start.
func (b *mailbox[M]) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	b.mu.Lock()
	b.invoker, b.dispatcher, b.turns = invoker, dispatcher, b.run
	b.mu.Unlock()
}

// Start begins with what was posted before the actor was registered.
func (b *mailbox[M]) Start() {
	b.mu.Lock()
	b.scheduleAndUnlock()
}

// UserMessageCount is how many messages wait.
func (b *mailbox[M]) UserMessageCount() int { return b.len() }
