package stripe

import (
	"fmt"
	"slices"
)

// Stripe's smallest unit of a currency is that of ISO 4217, but for these.
const (
	centuple  = "ISK UGX" // have no minor unit; Stripe wants hundredths
	hundredth = "MGA"     // has one; Stripe wants whole ones
	tens      = "BHD JOD KWD OMR TND"
)

func among(list, currency string) bool {
	for i := 0; i+3 <= len(list); i += 4 {
		if list[i:i+3] == currency {
			return true
		}
	}
	return false
}

// toStripe turns an amount in minor units of ISO 4217 into Stripe's.
func toStripe(minor int64, currency string) (int64, error) {
	switch {
	case among(centuple, currency):
		return minor * 100, nil
	case among(hundredth, currency) && minor%100 != 0:
		return 0, fmt.Errorf("stripe takes whole %s only: %d minor units are not", currency, minor)
	case among(hundredth, currency):
		return minor / 100, nil
	case among(tens, currency) && minor%10 != 0:
		return 0, fmt.Errorf("stripe takes %s in tens of minor units only: %d is not", currency, minor)
	}
	return minor, nil
}

// fromStripe turns an amount in Stripe's units back. An amount that is between two minor units becomes one that nobody has asked for: -1.
func fromStripe(amount int64, currency string) int64 {
	switch {
	case among(centuple, currency) && amount%100 != 0:
		return -1
	case among(centuple, currency):
		return amount / 100
	case among(hundredth, currency):
		return amount * 100
	}
	return amount
}

// isCurrency reports whether c is three capital letters.
func isCurrency(c string) bool {
	return len(c) == 3 && !slices.ContainsFunc([]byte(c), func(b byte) bool { return b < 'A' || b > 'Z' })
}
