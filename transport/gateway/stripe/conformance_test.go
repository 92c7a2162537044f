package stripe_test

import (
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/transport/gateway/gatewaytest"
	"github.com/holdfast-engine/holdfast/transport/gateway/stripe"
	"github.com/holdfast-engine/holdfast/transport/gateway/stripe/stripetest"
)

// open returns a gateway at a Stripe of our own.
func open(t *testing.T) (*stripe.Gateway, *stripetest.Server) {
	t.Helper()
	server := stripetest.New(t)
	g, err := stripe.New(stripe.Config{Key: stripetest.Key, Base: server.URL, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g, server
}

func TestConformance(t *testing.T) {
	gatewaytest.Run(t, func(t *testing.T) gatewaytest.World {
		g, server := open(t)
		return gatewaytest.World{
			Gateway: g,
			Method: func(p gatewaytest.Path) payment.Method {
				m := payment.Method{Token: "pm_card_visa", Customer: "cus_1", Kind: payment.MethodCard}
				switch p {
				case gatewaytest.Succeeds:
				case gatewaytest.DeclinesSoft:
					m.Token = "pm_card_declined_insufficient_funds"
				case gatewaytest.DeclinesHard:
					m.Token = "pm_card_declined_lost_card"
				case gatewaytest.Authenticates:
					m.Token = "pm_card_authenticationRequired"
				case gatewaytest.Redirects:
					m = payment.Method{Token: "ideal", Kind: payment.MethodRedirect}
				case gatewaytest.LosesRequest:
					server.Fail(stripetest.LostRequest)
				case gatewaytest.LosesAnswer:
					server.Fail(stripetest.LostAnswer)
				case gatewaytest.StoresError:
					server.Fail(stripetest.StoredError)
				case gatewaytest.OtherAmount:
					m.Token = "pm_card_other_amount"
				}
				return m
			},
			Truth: func(order string) gatewaytest.Money {
				var sum gatewaytest.Money
				intents, _, _ := server.Truth()
				for _, in := range intents {
					if in.Metadata["hf_order"] != order {
						continue
					}
					left := in.Received - in.Refunded
					if left > 0 || in.Capturable > 0 {
						sum.Charges++
					}
					sum.ReservedMinor += in.Capturable
					sum.TakenMinor += left
					sum.RefundedMinor += in.Refunded
				}
				return sum
			},
			Authenticate: server.Authenticate,
			Age:          server.Age,
			Down:         server.Close,
		}
	})
}
