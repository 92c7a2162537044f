// Package payment has the words that the engine, the payment lane and the gateways share: what a gateway is asked, what it may answer, and what
// the methods of payment can do. It decides nothing and calls nobody.
//
//	event (engine)          lane (actors)                      gateway (transport)
//	   │  Work: authorise p7   │                                    │
//	   ├──────────────────────>│ Prepare(Intent) -> exact bytes     │
//	   │<── intent: key, hash ─┤  (sealed beside the log)           │
//	   │  durable              │                                    │
//	   ├──────────────────────>│ Do(Call{key, bytes}) ─────────────>│
//	   │<── Result ────────────┤<───────────────────────────────────┤
//
// An answer that is not known is [Unknown], never a decline: the same bytes go out again under the same key, or the gateway is asked what became of it.
package payment
