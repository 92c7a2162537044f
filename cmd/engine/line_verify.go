package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/ticket"
)

// lineVerify are the flags of line verify.
type lineVerify struct {
	*eventSettings
	receipt, jwks, save, account string
	places                       bool
}

func (s *eventSettings) lineVerify() *cobra.Command {
	v := &lineVerify{eventSettings: s}
	cmd := &cobra.Command{
		Use:   "verify FILE|EVENT",
		Short: "Recompute a draw from what was published of it, and check a receipt",
		Long: `Recomputes every place of a draw from what was published, and nothing else: the seed must be the one whose hash was published before anybody joined, the list of entries
the one whose root was published before the seed was revealed, and then the places follow (docs/line.md says how, and what each check proves). With --receipt it checks
the signed receipt that a buyer got when joining, and prints that buyer's place.

FILE is what --save writes; an EVENT is asked for over NATS. Whoever does not trust this program either takes the same files to docs/examples/line-verify/verify.mjs,
which shares no code with it. The status is 0 only if everything is as it should be.

` + accessHelp,
		Example: `  engine line verify night-one
  engine line verify night-one --receipt receipt.json
  engine line verify night-one --save draw.json
  engine line verify draw.json --receipt receipt.json --jwks jwks.json
  engine line verify draw.json --places`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("name an event, or a file with what was published of its draw, as in: engine line verify night-one")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return v.run(cmd.Context(), args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&v.receipt, "receipt", "", "file with a buyer's receipt, as join and place answer it")
	f.StringVar(&v.jwks, "jwks", "", "file or URL with the public keys that receipts are signed with (default with an EVENT: asks the engine)")
	f.StringVar(&v.save, "save", "", "with an EVENT: write what was published to this file, for others to verify")
	f.BoolVar(&v.places, "places", false, "print the place of every entry")
	f.StringVar(&v.account, "account", engine.SingleAccount, "with an EVENT: the account it belongs to, which is in every entry")
	return cmd
}

// lineVerdict is what a check of a draw found, as it is printed with --json.
type lineVerdict struct {
	Verified bool         `json:"verified"`
	Account  string       `json:"account"`
	Event    string       `json:"event"`
	Commit   line.Hash    `json:"commit"`
	Root     line.Hash    `json:"root"`
	Seed     line.Hash    `json:"seed"`
	Value    string       `json:"value,omitempty"`
	Entries  int64        `json:"entries"`
	Buyer    string       `json:"buyer,omitempty"` // of the receipt
	Entry    line.Entry   `json:"entry,omitempty"`
	Place    line.Place   `json:"place,omitempty"`
	Places   []line.Place `json:"places,omitempty"` // by entry - 1
}

func (v *lineVerify) run(ctx context.Context, from string) error {
	d, isFile, err := v.draw(ctx, from)
	if err != nil {
		return err
	}
	drawn, err := d.check()
	if err != nil {
		return err
	}
	found := &lineVerdict{
		Verified: true, Account: d.Lobby.Account, Event: d.Lobby.Event, Commit: d.Lobby.Commit, Root: d.Closed.Root, Seed: d.Revealed.Seed, Value: d.Revealed.Value, Entries: d.Closed.Entries,
	}
	if v.receipt != "" {
		r, err := v.genuine(ctx, isFile)
		if err != nil {
			return err
		}
		if found.Place, err = d.placeOf(drawn, r); err != nil {
			return err
		}
		found.Buyer, found.Entry = r.Buyer, r.Entry
	}
	if v.places {
		found.Places = drawn.places
	}
	if v.json {
		return printJSON(v.stdout, found)
	}
	return found.print(v.stdout)
}

// draw reads what was published of a draw: from a file if there is one of that name, else from the engine.
func (v *lineVerify) draw(ctx context.Context, from string) (d *publishedDraw, isFile bool, err error) {
	if file, err := os.Open(from); err == nil {
		defer func() { _ = file.Close() }()
		text, err := io.ReadAll(io.LimitReader(file, drawFileBytesMax))
		if err != nil {
			return nil, true, err
		}
		if v.save != "" {
			return nil, true, errors.New("--save is for an EVENT: a file is there already")
		}
		if d, err = readDraw(text); err != nil {
			return nil, true, fmt.Errorf("%s: %w", from, err)
		}
		return d, true, nil
	} else if !engine.ValidID(from) {
		return nil, false, fmt.Errorf("%w; and %q is not the id of an event", err, from)
	}
	c, err := v.connect()
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	if d, err = fetchDraw(ctx, c, v.account, from); err != nil || v.save == "" {
		return d, false, err
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err == nil {
		err = os.WriteFile(v.save, append(text, '\n'), 0o644) //nolint:gosec // it is published
	}
	return d, false, err
}

// genuine reads the receipt and checks its signature.
func (v *lineVerify) genuine(ctx context.Context, isFile bool) (*line.Receipt, error) {
	text, err := os.ReadFile(v.receipt)
	if err != nil {
		return nil, fmt.Errorf("read --receipt: %w", err)
	}
	r, err := line.ParseReceipt(text)
	if err != nil {
		return nil, fmt.Errorf("--receipt %s: %w; it is the field receipt of the answer to join or place", v.receipt, err)
	}
	var keys []byte
	switch {
	case v.jwks != "":
		if keys, err = readKeySet(ctx, v.jwks); err != nil {
			return nil, fmt.Errorf("read --jwks: %w", err)
		}
	case isFile:
		return nil, errors.New("name the public keys with --jwks FILE or URL; `engine ticket keys` prints them")
	default:
		if keys, err = v.ask(ctx, transport.SubjectJWKS, []byte("{}")); err != nil {
			return nil, err
		}
	}
	return &r, checkReceipt(&r, keys)
}

// checkReceipt checks a receipt's signature with the account's public keys.
func checkReceipt(r *line.Receipt, keys []byte) error {
	set, err := ticket.ParseKeySet(keys)
	if err != nil {
		return fmt.Errorf("the public keys: %w", err)
	}
	for _, k := range set.Key(r.KeyID) {
		if public, ok := k.Key.(ed25519.PublicKey); ok {
			if err := r.Verify(public); err != nil {
				return notVerified("%s", err)
			}
			return nil
		}
	}
	return notVerified("the account has no key %s, with which the receipt says to be signed", r.KeyID)
}

func (f *lineVerdict) print(w io.Writer) error {
	for i, place := range f.Places {
		if _, err := fmt.Fprintf(w, "entry %d place %d\n", i+1, place); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "commit   %s\n  is the SHA-256 of the seed\nroot     %s\n  is that of the %s entries of the list\nseed     %s\n", f.Commit, f.Root, thousands(f.Entries), f.Seed)
	if f.Value != "" {
		fmt.Fprintf(w, "value    %s\n", f.Value)
	}
	if f.Place != 0 {
		_, err := fmt.Fprintf(w, "receipt  genuine, of buyer %s\nVERIFIED: entry %d of %d has place %d\n", f.Buyer, f.Entry, f.Entries, f.Place)
		return err
	}
	_, err := fmt.Fprintf(w, "VERIFIED: %d entries of %s; every place follows from what was published\n", f.Entries, f.Event)
	return err
}
