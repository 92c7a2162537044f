package sandbox_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/transport/gateway/gatewaytest"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// sandboxWorld is a sandbox for the tests that all gateways share.
func sandboxWorld(t *testing.T) (gatewaytest.World, *sandbox.Gateway) {
	t.Helper()
	var age time.Duration
	d := open(t, sandbox.Config{Now: func() time.Time { return time.Now().Add(age) }})
	return gatewaytest.World{
		Gateway: d.g,
		Method: func(p gatewaytest.Path) payment.Method {
			m := payment.Method{Kind: payment.MethodCard, Token: map[gatewaytest.Path]string{
				gatewaytest.Succeeds: "sbx_ok", gatewaytest.DeclinesSoft: "sbx_decline_soft", gatewaytest.DeclinesHard: "sbx_decline_hard",
				gatewaytest.Authenticates: "sbx_auth", gatewaytest.Redirects: "sbx_redirect", gatewaytest.LosesRequest: "sbx_timeout_before",
				gatewaytest.LosesAnswer: "sbx_timeout_charged", gatewaytest.StoresError: "sbx_error_charged", gatewaytest.OtherAmount: "sbx_wrong_amount",
			}[p]}
			if p == gatewaytest.Redirects {
				m.Kind = payment.MethodRedirect
			}
			return m
		},
		Truth: func(order string) gatewaytest.Money {
			o := d.g.Truth().Orders[order]
			return gatewaytest.Money{Charges: o.Charges, ReservedMinor: o.ReservedMinor, TakenMinor: o.TakenMinor, RefundedMinor: o.RefundedMinor}
		},
		Authenticate: d.g.Authenticate,
		Age:          func(by time.Duration) { age += by },
		Down:         func() { d.g.SetMode(sandbox.Silent) },
	}, d.g
}

func TestConformance(t *testing.T) {
	gatewaytest.Run(t, func(t *testing.T) gatewaytest.World {
		world, _ := sandboxWorld(t)
		return world
	})
}

func TestConformanceOverHTTP(t *testing.T) {
	gatewaytest.Run(t, func(t *testing.T) gatewaytest.World {
		world, g := sandboxWorld(t)
		server := httptest.NewServer(sandbox.Handler(g))
		t.Cleanup(server.Close)
		remote, err := sandbox.Dial(server.URL, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(remote.Close)
		world.Gateway = remote
		world.Authenticate = func(secret string, succeeds bool) error { return remote.Authenticate(t.Context(), secret, succeeds) }
		return world
	})
}
