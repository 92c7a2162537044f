package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"
)

// Access is how a NATS connection says who it is, and whom it believes. Every secret is the name of a file, because arguments and environments
// are seen by others. The zero value is a connection without credentials, as to an engine on this machine that knows no users.
type Access struct {
	// User is a name, PasswordFile the file with its password on one line.
	User, PasswordFile string
	// NKeyFile is the file with the seed of an nkey user, CredsFile one with a JWT and its seed.
	NKeyFile, CredsFile string
	// CAFile holds the certificates, in PEM, that the server's must descend from; with it TLS is a must. Empty is what the machine trusts.
	CAFile string
	// CertFile and KeyFile are the certificate, in PEM, that the connection shows to a server that asks for one.
	CertFile, KeyFile string
	// InboxPrefix is what the subjects begin with on which the connection takes answers, without a point at the end; empty is _INBOX.
	InboxPrefix string
}

// Options returns the options for a connection to the NATS system at address: for [Connect], for the client's Connect or for nats.Connect. The
// files are read now, to refuse what cannot work; those of an nkey and of credentials are read again whenever the connection is made anew. A
// password leaves for another machine over TLS only.
func (a Access) Options(address string) ([]nats.Option, error) {
	local, err := checkAddress(address)
	if err != nil {
		return nil, err
	}
	var options []nats.Option
	ways := 0
	if a.User != "" || a.PasswordFile != "" {
		ways++
		if a.User == "" || a.PasswordFile == "" {
			return nil, errors.New("a user needs a password: give both --user and --password-file")
		}
		password, err := secretLine(a.PasswordFile)
		if err != nil {
			return nil, err
		}
		options = append(options, nats.UserInfo(a.User, password))
	}
	if a.NKeyFile != "" {
		ways++
		if _, err := SecretFile(a.NKeyFile); err != nil {
			return nil, err
		}
		option, err := nats.NkeyOptionFromSeed(a.NKeyFile)
		if err != nil {
			return nil, fmt.Errorf("%s holds no seed of an nkey user: %w", a.NKeyFile, err)
		}
		options = append(options, option)
	}
	if a.CredsFile != "" {
		ways++
		if _, err := SecretFile(a.CredsFile); err != nil {
			return nil, err
		}
		options = append(options, nats.UserCredentials(a.CredsFile))
	}
	if ways > 1 {
		return nil, errors.New("give one of --user with --password-file, --nkey and --creds: a connection has one identity")
	}
	if a.CAFile != "" || a.CertFile != "" || a.KeyFile != "" || a.PasswordFile != "" && !local {
		config, err := a.tls()
		if err != nil {
			return nil, err
		}
		options = append(options, nats.Secure(config))
	}
	if a.InboxPrefix != "" {
		if !plainTokens(a.InboxPrefix) {
			return nil, fmt.Errorf("inbox prefix %q is no subject: use one like _INBOX_shop", a.InboxPrefix)
		}
		options = append(options, nats.CustomInboxPrefix(a.InboxPrefix))
	}
	return options, nil
}

func (a Access) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.CAFile != "" {
		roots, err := certificates(a.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = roots
	}
	if (a.CertFile == "") != (a.KeyFile == "") {
		return nil, errors.New("a certificate needs its key: give both --tls-cert and --tls-key")
	}
	if a.CertFile != "" {
		pair, err := keyPair(a.CertFile, a.KeyFile)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// checkAddress refuses an address, or a list of them with commas, that holds a secret, and reports whether all of it is on this machine.
func checkAddress(address string) (local bool, err error) {
	local = true
	for one := range strings.SplitSeq(address, ",") {
		one = strings.TrimSpace(one)
		if !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		u, err := url.Parse(one)
		if err != nil || u.User != nil { // the parser's error would repeat the address
			if strings.Contains(one, "@") {
				return false, errSecretInURL
			}
			return false, errors.New("the address of a NATS system is no URL: write it like nats://127.0.0.1:4222")
		}
		local = local && isLoopback(u.Hostname())
	}
	return local, nil
}
