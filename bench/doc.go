// Package bench measures the whole engine from outside: load, NATS server and engine in one process, on the machine's disk.
//
//	go test -run '^$' -bench . ./bench                      everything, in 16 minutes and 8 GiB
//	BENCH_FULL=1 go test -run '^$' -bench . -timeout 1h ./bench    more sizes, more events, more holds
//	go test -run '^$' -bench . -benchtime 1x -short ./bench  whether they still run: the numbers mean nothing
//
// What is measured:
//
//	BenchmarkEngine    the pure state machine: no disk, no network, one core
//	BenchmarkJournal   the log alone: runs of facts, made durable in both copies
//	BenchmarkCursor    the log by a cursor, as those who follow it read it: runs, facts told, entries, KPIs
//	BenchmarkEcho      the ceiling: the same requests and answers, byte for byte, with a plain NATS subscriber in the engine's place
//	BenchmarkHold      durable holds over NATS, by commands outstanding and commands a message, and their ratio to the echo
//	BenchmarkSoldOut   the storm after the last ticket: refusals over NATS, and their ratio to the echo and to holds
//	BenchmarkOpenLoop  answers at half of what the engine can do, at random moments that do not depend on them, beside the disk's times
//	BenchmarkOverload  ten times what the engine can do, on a disk that is made slow: what is accepted of it, and that nothing is dropped
//	BenchmarkRestart   from an opened data folder to the first answer, with a million holds in the tail of the log
//	BenchmarkMemory    bytes a live hold and bytes an event
//	BenchmarkScale         10 million live holds, and 100,000 events, against the baseline of one event with some 10,000: 4 minutes and 8 GiB; see its comment
//	BenchmarkScaleMemory   bytes a live hold at 1 and 3 million (10 as well with BENCH_FULL=1), and bytes a sleeping event
//	BenchmarkScaleSteps    the longest steps while one event grows to millions of holds, and while they all expire
//	BenchmarkLineJoin      durable joins over NATS, a million a line, and their ratio to holds of the same window in the same run
//	BenchmarkLinePlace     questions for places in a line of a million, in the same way
//	BenchmarkLineDraw      an event opens with a million in its lobby: until all have places, which are compared with what was published
//	BenchmarkLineSteps     a million join a line, are drawn, and some have their turn, in the pure engine: the draw, and the longest steps
//	BenchmarkLineMemory    bytes a waiter in the line
//	BenchmarkLineRestart   from an opened data folder to the first answer, with a million waiters in one line, each of whom must have the place from before
//
// # Method
//
// Rates are measured closed-loop: a [Load] keeps a fixed number of commands outstanding and sends the next when one is answered. What is compared
// alternates: echo, engine, echo, engine, five rounds of a second each after a short one that does not count, so that whatever else the machine
// does meets both. Medians are reported, and the spread of the five is printed; a ratio is the median of the five quotients of neighbours.
//
// Every answer is read, and anything but the answer that is wanted fails the benchmark: a hold counts when its durable reply has arrived. At the end the
// event itself must count as many live holds as were answered, and its state hash is printed, so that nobody makes it faster by making it do something
// else. One event is on sale at a time: when it has sold 20,000 tickets (BENCH_TICKETS) the next goes on sale, so that some ten thousand holds are
// live in it; with BENCH_TICKETS=0 one event sells for ever and has millions. Every hold is by a new buyer with a new request id; ids are random, sixteen bytes each.
//
// Latency is from the sending of a message to the arrival of its answer, in the same closed loop: it says what a caller waits when so many commands
// are outstanding. It is not the latency under a constant arrival rate, which is worse when something stalls: that is what the open loop measures, from
// the moment at which each message was due (package transport/load), for BENCH_SECONDS, 10 unless set.
//
// The data lies below results/tmp, or in BENCH_DIR. A memory file system is refused: what is "synced" there is not on a disk.
//
// # Metrics
//
//	holds/s refusals/s echoes/s facts/s   median over the rounds
//	ratio                                 to the echo with the same bytes, in the same rounds
//	cpu-ns/hold cpu-ns/echo ...           processor time of load, server and engine together: it hardly depends on neighbours
//	p50-us p99-us                         closed-loop latency of a message
//	fsync-p50-us                          appending 128 bytes to a file on the same disk and syncing it, probed between rounds
//	commit-p50-us                         one group commit of the journal, from its write until both copies are durable
//	lag-p99-us                            open loop: how late messages left the generator; latencies below it say nothing
//	p99/commit-p99 p99/fsync-p99          open loop: latency by the time of a group commit, and of a sync of 128 bytes, during the run
//	goodput/peak                          accepted at ten times the rate, by what is accepted when just as much is on its way as the engine takes
//	rss-growth-MiB                        resident memory that later rounds of overload took beyond the first
//	gc-p99.9-us                           pauses of the garbage collector for the whole process
//	B/hold B/event                        heap bytes, after a collection
//	restart-ms                            from opening the folder to the first answer over NATS
//
// # Profiles
//
// A profile of one benchmark shows where the time goes; load, server and engine are in it together, by package:
//
//	go test -run '^$' -bench 'Hold/outstanding=1024/batch=1$' -cpuprofile cpu.prof -o bench.test ./bench
//	go tool pprof -top -cum bench.test cpu.prof
package bench
