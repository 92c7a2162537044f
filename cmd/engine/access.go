package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-engine/holdfast/transport"
)

// accessFlags makes the flags by which a NATS connection says who it is and whom it believes. They are the same for every command.
func accessFlags(f *pflag.FlagSet, a *transport.Access) {
	f.StringVar(&a.User, "user", "", "user to connect to NATS as; with --password-file")
	f.StringVar(&a.PasswordFile, "password-file", "", "file with the user's password, mode 0600")
	f.StringVar(&a.NKeyFile, "nkey", "", "file with the seed of an nkey user, mode 0600; engine keys makes one")
	f.StringVar(&a.CredsFile, "creds", "", "file with a NATS user's JWT and seed, mode 0600")
	f.StringVar(&a.CAFile, "tls-ca", "", "PEM file with the certificates that the NATS server's must descend from; with it TLS is a must")
	f.StringVar(&a.CertFile, "tls-cert", "", "PEM file with a certificate to show to the NATS server; with --tls-key")
	f.StringVar(&a.KeyFile, "tls-key", "", "PEM file with the certificate's key, mode 0600")
	f.StringVar(&a.InboxPrefix, "inbox-prefix", "", "what the subjects of answers begin with, as in _INBOX_shop (default _INBOX)")
}

// accessHelp is the paragraph of a command's help that says how to give its flags of access.
const accessHelp = `Where the engine answers and who asks can also come from the environment: --nats is HOLDFAST_NATS, --nkey is HOLDFAST_NKEY, and so on.`

// natsAccess is where a running engine is and who speaks to it: the flags of commands that are callers.
type natsAccess struct {
	url string
	transport.Access
}

// callerFlags are the names of the flags of natsAccess.
var callerFlags = []string{"nats", "user", "password-file", "nkey", "creds", "tls-ca", "tls-cert", "tls-key", "inbox-prefix"}

func (a *natsAccess) addTo(f *pflag.FlagSet) {
	f.StringVar(&a.url, "nats", natsDefault, "URL of the NATS system that the engine answers on")
	accessFlags(f, &a.Access)
}

// fromEnvironment fills in what the command line left out: --nkey is HOLDFAST_NKEY.
func (a *natsAccess) fromEnvironment(cmd *cobra.Command) error {
	for _, name := range callerFlags {
		value, there := os.LookupEnv(envName(name))
		if !there || cmd.Flags().Changed(name) {
			continue
		}
		if err := cmd.Flags().Set(name, value); err != nil {
			return fmt.Errorf("%s: %w", envName(name), err)
		}
	}
	return nil
}
