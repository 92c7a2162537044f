// Package stripe charges through Stripe's PaymentIntents.
//
// A request's bytes are made beforehand by Prepare and sent as they are, by stripe-go, once: no retries, no redirects, under the idempotency key
// of the intent. Cards are authorised and captured later; a redirect method (iDEAL) is taken at once, after the buyer has come back from their bank.
// Delayed debits are refused. Anything but a clear answer is Unknown: the same bytes go out again, or the charge is looked up by its id or, before
// that is known, by the order in its metadata.
//
// No token, client secret or key is in an error or a detail: of what Stripe says only statuses, types, codes and request ids are passed on.
package stripe
