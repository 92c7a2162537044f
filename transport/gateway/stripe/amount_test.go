package stripe

import (
	"testing"

	"pgregory.net/rapid"
)

func TestAmounts(t *testing.T) {
	for _, c := range []struct {
		currency      string
		minor, stripe int64
	}{
		{"EUR", 9500, 9500}, {"JPY", 500, 500}, {"KWD", 1230, 1230}, {"ISK", 500, 50000}, {"UGX", 7, 700}, {"MGA", 500, 5},
	} {
		got, err := toStripe(c.minor, c.currency)
		if err != nil || got != c.stripe || fromStripe(got, c.currency) != c.minor {
			t.Errorf("%d %s is %d at Stripe (%v), and back %d", c.minor, c.currency, got, err, fromStripe(got, c.currency))
		}
	}
	for currency, minor := range map[string]int64{"KWD": 1235, "MGA": 50} {
		if got, err := toStripe(minor, currency); err == nil {
			t.Errorf("%d %s became %d, which is another amount", minor, currency, got)
		}
	}
	if got := fromStripe(50, "ISK"); got == 0 {
		t.Error("half a krona became nothing")
	}
}

func TestAmountsThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]string{"EUR", "JPY", "KWD", "ISK", "UGX", "MGA", "BHD", "USD"}).Draw(t, "currency")
		minor := rapid.Int64Range(1, 1e12).Draw(t, "minor")
		if there, err := toStripe(minor, currency); err == nil && fromStripe(there, currency) != minor {
			t.Fatalf("%d %s went to Stripe as %d and came back as %d", minor, currency, there, fromStripe(there, currency))
		}
	})
}
