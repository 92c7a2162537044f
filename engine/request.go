package engine

// CommandsPerRequestMax bounds a batch.
const CommandsPerRequestMax = 1024

// Request carries one or more commands for one event to its actor, and says whom to tell. Its strings may be views into a network buffer
// that lives as long as the request; the engine copies what it keeps.
type Request struct {
	Account  string
	Event    string
	Commands []Command
	// ReceivedNs is when the request was submitted, on the node's monotonic clock: set by whoever takes it. Latency is measured from it; no
	// rule reads it.
	ReceivedNs int64
	// Beside is sealed records that become durable with the facts of the last command, and not at all if it is refused or has no facts.
	Beside []Sealed
	Reply  Replier // nil for the shell's own commands
	// Look says that nobody has asked: the shell looks at an event that is awake. It neither wakes the event nor keeps it awake, and is counted nowhere.
	Look bool
}

// Replier takes the answers to a request. Both methods are called from goroutines of the engine and must not block.
type Replier interface {
	// Outcome is called once a command, in their order, from the goroutine that owns the event. The replier encodes out at once:
	// it is valid during the call only.
	Outcome(r *Request, i int, out *Outcome)
	// Durable is called once, after the last Outcome, when everything the outcomes show is durable: the answers may leave now.
	// The engine has no more use for the request.
	Durable(r *Request)
}

// Sample is what the metrics learn of one command.
type Sample struct {
	Verb      Verb
	Code      Code
	Flow      Flow
	Repeated  bool
	LatencyNs int64 // receipt to durable reply
}
