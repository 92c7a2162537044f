package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
)

// servedAccount is an account that the engine serves, and how it says so to NATS.
type servedAccount struct {
	config transport.Config
	access transport.Access
}

// accountsFile is what --accounts names.
type accountsFile struct {
	Accounts []struct {
		Account       string   `yaml:"account"`
		User          string   `yaml:"user"`
		PasswordFile  string   `yaml:"password-file"`
		NKey          string   `yaml:"nkey"`
		Creds         string   `yaml:"creds"`
		InboxPrefix   string   `yaml:"inbox-prefix"`
		ReplyPrefixes []string `yaml:"reply-prefixes"`
		CommandsMax   int64    `yaml:"account-commands-max"`
		BytesMax      string   `yaml:"account-bytes-max"`
	} `yaml:"accounts"`
}

// readAccounts reads the accounts to serve. What an entry leaves out is as the flags say; the names of its files are relative to the accounts file.
func readAccounts(file string, standard transport.Config, access transport.Access) ([]servedAccount, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read --accounts: %w", err)
	}
	var f accountsFile
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w; docs/security.md shows one", file, err)
	}
	if n := len(f.Accounts); n == 0 || n > transport.AccountsMax {
		return nil, fmt.Errorf("%s has %d accounts, it must have 1 to %d under `accounts:`", file, n, transport.AccountsMax)
	}
	at := func(name string) string {
		if name == "" || filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(filepath.Dir(file), name)
	}
	known := map[string]bool{}
	served := make([]servedAccount, 0, len(f.Accounts))
	for _, a := range f.Accounts {
		switch {
		case !engine.ValidID(a.Account):
			return nil, fmt.Errorf("%s: account %q is no id: use 1 to 64 of A-Z a-z 0-9 _ -", file, a.Account)
		case known[a.Account]:
			return nil, fmt.Errorf("%s: account %s is there twice", file, a.Account)
		}
		known[a.Account] = true
		one := servedAccount{config: standard, access: access}
		one.config.Account = a.Account
		if len(a.ReplyPrefixes) > 0 {
			one.config.ReplyPrefixes = a.ReplyPrefixes
		}
		if a.CommandsMax != 0 {
			one.config.CommandsInFlightMax = a.CommandsMax
		}
		if a.BytesMax != "" {
			if one.config.BytesInFlightMax, err = parseSize(a.BytesMax); err != nil {
				return nil, fmt.Errorf("%s: account %s: account-bytes-max: %w", file, a.Account, err)
			}
		}
		one.access.User, one.access.PasswordFile = a.User, at(a.PasswordFile)
		one.access.NKeyFile, one.access.CredsFile = at(a.NKey), at(a.Creds)
		if a.InboxPrefix != "" {
			one.access.InboxPrefix = a.InboxPrefix
		}
		served = append(served, one)
	}
	return served, nil
}

// accounts are those that the settings name: the file's, or the one of the flags.
func (c *processConfig) accounts() ([]servedAccount, error) {
	if c.accountsFile == "" {
		return []servedAccount{{config: c.bounds.transport, access: c.access}}, nil
	}
	if a := c.access; a.User != "" || a.PasswordFile != "" || a.NKeyFile != "" || a.CredsFile != "" {
		return nil, errors.New("--accounts says who the engine is in each account: leave out --user, --password-file, --nkey and --creds")
	}
	if a := c.bounds.transport.Account; a != "" && a != engine.SingleAccount {
		return nil, errors.New("--accounts names the accounts: leave out --account")
	}
	return readAccounts(c.accountsFile, c.bounds.transport, c.access)
}

// accountTimeout is how long NATS may take to say in which account a connection is.
const accountTimeout = 5 * time.Second

// accountsApart demands that no two connections are in the same account of NATS: they would share the subjects, and a command would be carried out
// now in the one tenant, now in the other.
func accountsApart(ctx context.Context, servedNames []string, accountOf func(context.Context, int) (string, error)) error {
	if len(servedNames) < 2 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, accountTimeout)
	defer cancel()
	served := map[string]string{}
	for i, name := range servedNames {
		inNATS, err := accountOf(ctx, i)
		if err != nil {
			return fmt.Errorf("account %s: %w", name, err)
		}
		if other, there := served[inNATS]; there {
			return fmt.Errorf("accounts %s and %s connect to the same account of NATS: each needs a user in an account of its own", other, name)
		}
		served[inNATS] = name
	}
	return nil
}
