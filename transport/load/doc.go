// Package load asks a running engine for work at a rate that does not depend on its answers, and says what became of every command.
//
// It is a caller like [github.com/holdfast-engine/holdfast/transport/client], but of another kind: a client waits, gathers and tries again for the one
// who uses it, which is what a load must not do. `engine load` and the benchmarks share it, which is why it lives here: nothing may import a command or
// a benchmark, and only transport speaks NATS.
//
// # Open loop
//
// Messages are due on a schedule that is fixed before the first is sent, and a latency is counted from the moment at which its message was due. A
// generator that waits for answers asks less of an engine that stalls, and so never sees the stall; here whoever would have come during it is
// counted with all of the waiting. How late messages left the generator itself is counted apart, as lag: latencies below it say nothing.
//
// Every command that was due is accounted for:
//
//	due  = sent + not sent (the connection did not take it)
//	sent = answered + timed out
//
// A command that timed out waited at least so long: it is in the latencies with the time after which it was given up.
//
// # Closed loop
//
// [Generator.Closed] keeps a fixed number of commands on their way and finds what the engine can do. Its latencies are those of a queue that the generator
// itself keeps full.
package load
