// Package webhook delivers notices to HTTPS endpoints, for services that do not speak NATS.
//
//	HOLDFAST_NOTICES ──durable consumer──> worker ──POST, signed──> endpoint
//	                                         │ after the last attempt
//	                                         └──> HOLDFAST_DEAD ──replay──> endpoint
//
// Requests are signed as Standard Webhooks says. Who is slow or broken holds up nobody else: each endpoint has a consumer and workers of its own. Addresses
// inside the house are never called, whatever a name resolves to: see [client]. docs/webhooks.md is the contract.
package webhook
