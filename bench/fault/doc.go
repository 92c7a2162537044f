// Package fault breaks the engine from outside and compares what is left with what it had promised.
//
// Everything here speaks to a real engine over a real NATS connection, with plain nats.go and the standard protobuf codec: nothing of the engine's
// own client or codecs can hide a mistake of theirs.
//
//   - [Process] is `engine serve` as a child process: started on free ports, killed, frozen, started again on the same folder.
//   - [Inside] is the same engine in this process, for tests that need a seam: a slow disk, small bounds.
//   - [Client] is a caller: one connection, any number of commands in flight, an answer or [ErrUnknown] for each.
//   - [Ledger] notes every command before it is sent and every answer before the caller goes on, and knows what follows from them. After a crash it
//     repeats what was answered, asks again where no answer came, recounts every lot, and names each difference.
//   - [Load] is a seeded mix of what buyers and organisers do, bounded in rate.
//   - [LinearModel] is the event as one caller at a time would see it, for Porcupine.
//
// The tests of this package are the proofs of the guarantees G1, G2, G3, G8 and G9 on the real program. Long runs are behind flags:
//
//	go test ./bench/fault -run TestKill -rounds=500             500 kills under load, a fresh folder every 25
//	go test ./bench/fault -run TestPowerCut -powercuts=200      200 power cuts on a loop-mounted file system; needs root
//	go test ./bench/fault -run TestLinearizable -histories=200  200 histories
//
// A failed run prints its seed, keeps its folder, and says how to look at it again.
package fault
