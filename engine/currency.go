package engine

// CurrencyExponent returns how many decimal digits the minor unit of an ISO 4217 currency has: 2 for EUR, 0 for JPY, 3 for KWD. It is
// false for codes that are not currencies in use.
func CurrencyExponent(code string) (int, bool) {
	if len(code) != 3 {
		return 0, false
	}
	for exponent, list := range currencies {
		for i := 0; i < len(list); i += 4 {
			if list[i:i+3] == code {
				return exponent, true
			}
		}
	}
	return 0, false
}

// currencies lists the codes of ISO 4217 by exponent, four bytes a code. Funds, metals and test codes are left out: nobody pays with them.
//
//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var currencies = [5]string{
	0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF ",
	2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD " +
		"EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL " +
		"MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR " +
		"SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ",
	3: "BHD IQD JOD KWD LYD OMR TND ",
	4: "CLF UYW ",
}
