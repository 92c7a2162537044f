// Package gatewaytest is what every payment gateway has to do, as tests. A gateway's own tests describe a [World] in which each path of a payment
// can be taken, and call [Run]; docs of how to add a gateway are in CONTRIBUTING.md.
package gatewaytest
