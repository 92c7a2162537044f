package transport_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/transport"
)

// secretFile writes a secret with a mode and returns the file's name.
func secretFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
	return name
}

const here = "nats://127.0.0.1:4222"

func TestAccessThatCannotWorkIsExplained(t *testing.T) {
	seed, _, err := transport.NewUserKey()
	if err != nil {
		t.Fatal(err)
	}
	password := secretFile(t, "canary-password\n", 0o600)
	for name, c := range map[string]struct {
		access  transport.Access
		address string
		wants   string
	}{
		"password in the address":           {transport.Access{}, "nats://engine:canary-password@127.0.0.1:4222", "--password-file"},
		"token in the address":              {transport.Access{}, "nats://canary-password@127.0.0.1", "--password-file"},
		"password in one of the addresses":  {transport.Access{}, here + ",engine:canary-password@nats.internal:4222", "--password-file"},
		"password and no address":           {transport.Access{}, "nats://%zz:canary-password@x", "--password-file"},
		"no address":                        {transport.Access{}, "nats://%zz", "nats://127.0.0.1:4222"},
		"user without a password":           {transport.Access{User: "engine"}, here, "--password-file"},
		"password without a user":           {transport.Access{PasswordFile: password}, here, "--user"},
		"password that others may read":     {transport.Access{User: "a", PasswordFile: secretFile(t, "canary-password", 0o640)}, here, "chmod 600"},
		"password that all may read":        {transport.Access{User: "a", PasswordFile: secretFile(t, "canary-password", 0o604)}, here, "chmod 600"},
		"empty password":                    {transport.Access{User: "a", PasswordFile: secretFile(t, "\n", 0o600)}, here, "one line"},
		"two passwords":                     {transport.Access{User: "a", PasswordFile: secretFile(t, "canary-password\nb", 0o600)}, here, "one line"},
		"password that is a folder":         {transport.Access{User: "a", PasswordFile: t.TempDir()}, here, "not a file"},
		"password without an end":           {transport.Access{User: "a", PasswordFile: secretFile(t, strings.Repeat("x", 65<<10), 0o600)}, here, "65536"},
		"seed that others may read":         {transport.Access{NKeyFile: secretFile(t, string(seed), 0o644)}, here, "chmod 600"},
		"seed that is none":                 {transport.Access{NKeyFile: secretFile(t, "canary-password", 0o600)}, here, "no seed"},
		"credentials that others may read":  {transport.Access{CredsFile: secretFile(t, "x", 0o660)}, here, "chmod 600"},
		"two identities":                    {transport.Access{User: "a", PasswordFile: password, NKeyFile: secretFile(t, string(seed), 0o600)}, here, "one identity"},
		"certificate without a key":         {transport.Access{CertFile: password}, here, "--tls-key"},
		"key that others may read":          {transport.Access{CertFile: password, KeyFile: secretFile(t, "x", 0o644)}, here, "chmod 600"},
		"certificates to trust, not in PEM": {transport.Access{CAFile: password}, here, "no certificate"},
		"missing file":                      {transport.Access{NKeyFile: "nowhere.nk"}, here, "nowhere.nk"},
		"inbox of everybody":                {transport.Access{InboxPrefix: ">"}, here, "_INBOX_shop"},
		"inbox with a hole":                 {transport.Access{InboxPrefix: "_INBOX..a"}, here, "_INBOX_shop"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.access.Options(c.address)
			if err == nil || !strings.Contains(err.Error(), c.wants) {
				t.Fatalf("it says %v, it should say %q", err, c.wants)
			}
			if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), string(seed)) {
				t.Errorf("it gives the secret away: %v", err)
			}
		})
	}
}
