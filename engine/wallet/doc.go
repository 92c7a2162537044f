// Package wallet decides about buyers' saved methods of payment: which there are, what the buyer agreed to, who may buy with one click and who has to go
// the longer way. Like package engine it is pure: no clock, no I/O, no goroutine, no randomness.
//
// A [Shard] is an aggregate, the wallets of the buyers of one partition. What it keeps of a method is what rules need: the gateway, the kind, when it expires, keyed hashes.
// Tokens, and what a button shows of a card, are in the commands and never in a fact: whoever runs the shard seals them beside its run.
//
//	save, agree, ... ──> Step ──> facts, folded at once ──> Buyer: a row that never changes once it is published
//	                                                           │
//	offer, buy of an event ──> Buyer.Annotate ──> engine.Annotation, on which the event decides
package wallet
