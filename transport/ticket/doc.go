// Package ticket makes and checks the codes of tickets: what a buyer shows at the door.
//
// A code is a compact JWS, signed with Ed25519 (alg EdDSA) by a key of the account's [Ring], and says which ticket of which event it is. Whoever has
// the account's public keys, a [jose.JSONWebKeySet], can check it without asking anybody: see [Verify]. Whether the ticket was used, given back or has
// got a newer code, only the engine knows: that is what admit is for.
//
// The same ticket has the same code for as long as the same key signs: nothing of a code is kept, it is made when it is wanted. [QR] draws it.
package ticket
