// Package enginetest holds what tests of the engine, and of everything built around it, share.
//
//   - [Model] is the engine again: naive, slow and obviously correct. It recounts everything from the list of all holds at every question, so it
//     cannot drift, and it knows nothing of the engine's tables. Whatever the engine answers, the model must answer too.
//   - [Shell] is the smallest honest shell around an event: it keeps the clock, numbers the runs, keeps the log and does at every deadline what
//     the event wants done.
//   - [Twin] watches a shell's event from two sides: the model must answer as it does, and a replica that only folds its log must be as it is.
//   - [Transcript] reads the line language of engine/testdata/transcripts, in which the rules are written down for people who sell tickets.
//   - [Generator] draws specs, commands and time steps with rapid, aimed at the places where rules meet.
//   - [Workload] is a seeded stream of commands as an on-sale brings them, for the tests and benchmarks of store, actors and bench.
//
// Nothing here is fast, and nothing here is imported by the program itself.
package enginetest
