// Command peers measures the same durable hold on Holdfast, on Redis and on PostgreSQL, in one run on one machine.
//
//	./install.sh                            Redis and PostgreSQL from Debian packages, not started
//	go run .                                everything, in 8 minutes
//	go run . -unix                          Redis and PostgreSQL over unix sockets instead of loopback TCP
//	go run . -rounds 1 -round 1s -sweep 0   whether it still runs: the numbers mean nothing
//
// Every [Peer] does the same, which TestPeersHoldAlike demands of each: a hold takes tickets within a limit a buyer, once a request id, until a deadline; no
// ticket is lost or there twice. The servers are children of this program, on the same disk as Holdfast; they end with it.
//
// An [entry] is a peer driven by one program: ours, or the peer's own benchmark with the same script. Each of its ways (connections, commands on their
// way, settings) is tried for a moment; then rounds of each entry's best way take turns. A peer's figure is the higher median of its drivers. Only holds that
// were answered as such count; after each round of our drivers the peer must have exactly as many, and its own benchmark is held to the same within its means.
//
// README.md says what each peer does and does not do.
package main
