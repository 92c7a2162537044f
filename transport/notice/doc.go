// Package notice tells services outside what has happened: each order, ticket, refund and change of an event as a CloudEvent in JSON on
// holdfast.v1.notices.<event>.<kind>, in the JetStream stream HOLDFAST_NOTICES.
//
//	log ──cursor──> Reader ──tell──> event        what the facts are about, as it is now
//	                  │
//	                  └──publish──> HOLDFAST_NOTICES ──> mail, wallet passes, webhooks ..
//
// The [Reader] follows the durable log by a cursor, asks the events what the facts are about, and moves the cursor on when JetStream has what it published,
// on disk. So every notice arrives at least once, those of one event in their order; after a crash the newest may come again, under the same id. docs/notices.md
// is the contract.
package notice
