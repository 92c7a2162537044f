// Package stripetest is a Stripe of our own for tests: the part of its API that the gateway uses, over HTTP, with a ledger that tells the truth.
//
// It is written from Stripe's documentation, not from the gateway: forms in, JSON out, idempotency keys that remember answers (server errors too)
// for 24 hours, keys that come with other parameters or while a request with them is under way, errors with their statuses, types and codes. What
// becomes of a charge is chosen by its payment method: pm_card_visa succeeds; the others are named at [Server].
package stripetest
