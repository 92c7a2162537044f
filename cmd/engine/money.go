package main

import (
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// money writes an amount for people: 123450 EUR is "1,234.50 EUR", 5000 JPY "5,000 JPY".
func money(minor int64, currency string) string {
	exponent, known := engine.CurrencyExponent(currency)
	if !known {
		return thousands(minor) + " minor units of " + currency
	}
	scale := int64(1)
	for range exponent {
		scale *= 10
	}
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	text := sign + thousands(minor/scale)
	if exponent > 0 {
		part := strconv.FormatInt(minor%scale, 10)
		text += "." + strings.Repeat("0", exponent-len(part)) + part
	}
	return text + " " + currency
}

// thousands writes a number with commas.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, text = "-", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}
