package transport

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// keyPair reads a certificate and its key from PEM files. The key must be readable by its owner only.
func keyPair(certFile, keyFile string) (tls.Certificate, error) {
	key, err := SecretFile(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read the certificate: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("the certificate %s and the key %s: %w", certFile, keyFile, err)
	}
	return pair, nil
}

// certificates reads what is to be trusted from a PEM file.
func certificates(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the certificates to trust: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return pool, nil
}
