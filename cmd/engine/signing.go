package main

import (
	"errors"
	"fmt"

	"github.com/holdfast-engine/holdfast/engine"
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

func (p *process) rotateTicketKey(cmd *engine.AdminCommand) *engine.AdminAnswer {
	id, err := p.tickets.Rotate(cmd.Account)
	if err != nil {
		return adminFailed(err)
	}
	return &engine.AdminAnswer{TicketKey: id}
}

// keySet returns the public keys that verify the codes of an account's tickets; of the only one if none is named.
func (p *process) keySet(account string) ([]byte, error) {
	if why := p.state.Load(); why != nil {
		return nil, errors.New(*why)
	}
	switch {
	case account == "" && len(p.servers) == 1:
		account = p.servers[0].Account()
	case account == "":
		return nil, fmt.Errorf("several accounts are served: name one, as in /jwks.json?account=%s", p.servers[0].Account())
	}
	for _, s := range p.servers {
		if s.Account() == account {
			return p.tickets.KeySet(account)
		}
	}
	return nil, errors.New("no such account is served")
}
