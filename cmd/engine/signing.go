package main

import (
	"github.com/holdfast-engine/holdfast/store"
)

// ticketSubject is whom the vault knows the signing keys of tickets as. No buyer's id begins like that.
const ticketSubject, ticketKeysName = "_tickets", "keys"

// vaultSafe keeps the keys that sign tickets in the vault. It implements ticket.Safe.
type vaultSafe struct{ vault *store.Vault }

func (s vaultSafe) ReadKeys(account string) ([]byte, bool, error) {
	return s.vault.Open(account, ticketSubject, ticketKeysName)
}

func (s vaultSafe) WriteKeys(account string, plain []byte) error {
	return keepInVault(s.vault, account, ticketSubject, ticketKeysName, plain)
}

// keepInVault seals something of the process's own and makes it durable.
func keepInVault(v *store.Vault, account, subject, name string, plain []byte) error {
	sealed, err := v.Seal(account, subject, name, plain)
	if err != nil {
		return err
	}
	return v.Keep(sealed)
}
