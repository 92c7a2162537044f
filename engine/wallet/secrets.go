package wallet

// secretsVersion is the first byte of sealed secrets.
const secretsVersion = 1

// Append writes secrets for the vault.
//
//	| 1 | token | customer | brand | last four |
func (s *Secrets) Append(dst []byte) []byte {
	dst = append(dst, secretsVersion)
	for _, v := range [...]string{s.Token, s.Customer, s.Brand, s.LastFour} {
		dst = appendString(dst, v)
	}
	return dst
}

// OpenSecrets reads what Append wrote.
func OpenSecrets(b []byte) (Secrets, error) {
	d := decoder{buf: b}
	if d.byte(255) != secretsVersion {
		d.fail("secrets of another version")
	}
	s := Secrets{Token: d.string(SecretLenMax), Customer: d.string(SecretLenMax), Brand: d.string(BrandLenMax), LastFour: d.string(4)}
	if len(d.buf) > 0 {
		d.fail("bytes after the end")
	}
	return s, d.err()
}
