package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// exportedWallet is everything that is held about a buyer, as JSON. Tokens and the gateway's name of the buyer are secrets of the gateway's: it is said
// that they are held, and where.
type exportedWallet struct {
	Account    string              `json:"account"`
	Buyer      string              `json:"buyer"`
	OneClick   string              `json:"one_click"`
	Methods    []exportedMethod    `json:"methods"`
	Agreements []exportedAgreement `json:"agreements"`
	Purchases  int64               `json:"purchases"`
	Last       string              `json:"last_purchase_at,omitempty"`
	History    []exportedPurchase  `json:"history"`
	Devices    []exportedDevice    `json:"devices,omitzero"` // a running engine's show leaves them out
	Erasing    bool                `json:"erasing,omitempty"`
}

type exportedMethod struct {
	ID          string `json:"method"`
	Gateway     string `json:"gateway"`
	Kind        string `json:"kind"`
	Brand       string `json:"brand,omitempty"`
	LastFour    string `json:"last_four,omitempty"`
	Expires     string `json:"expires,omitempty"`
	Funding     string `json:"funding,omitempty"`
	SavedAt     string `json:"saved_at"`
	Default     bool   `json:"default,omitempty"`
	Blocked     string `json:"blocked,omitempty"`
	Token       string `json:"token"`
	Fingerprint bool   `json:"fingerprint_held"`
}

type exportedAgreement struct {
	Scope    string `json:"scope"`
	Version  string `json:"version"`
	CapMinor int64  `json:"cap_minor,omitempty"`
	Currency string `json:"currency,omitempty"`
	AgreedAt string `json:"agreed_at"`
	Until    string `json:"until,omitempty"`
}

type exportedPurchase struct {
	Event         string `json:"event"`
	Order         string `json:"order"`
	TotalMinor    int64  `json:"total_minor"`
	RefundedMinor int64  `json:"refunded_minor,omitempty"`
	Currency      string `json:"currency"`
	At            string `json:"at"`
	Undone        bool   `json:"undone,omitempty"`
}

type exportedDevice struct {
	Hash string `json:"keyed_hash"`
	Seen string `json:"seen_at"`
}

func msText(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format(time.RFC3339)
}

// exported makes an export of an outcome that shows everything.
func exported(account string, out *wallet.Outcome, policy wallet.Policy) *exportedWallet {
	b := out.Buyer
	e := &exportedWallet{
		Account: account, Buyer: b.ID, OneClick: "yes", Purchases: b.Purchases, Last: msText(b.LastMs), Erasing: b.Erasing,
		Methods: []exportedMethod{}, Agreements: []exportedAgreement{}, History: []exportedPurchase{}, Devices: []exportedDevice{},
	}
	if why := policy.Eligible(b, "", time.Now().UnixMilli()); why != engine.EligibleYes {
		e.OneClick = why.String()
	}
	for i := range out.Views {
		v := &out.Views[i]
		m := v.Method
		method := exportedMethod{
			ID: m.ID(), Gateway: m.Gateway, Kind: m.Kind.String(), Brand: v.Brand, LastFour: v.LastFour, Funding: m.Funding.String(), SavedAt: msText(m.SavedMs),
			Default: m.Number == b.Default, Blocked: m.DeclineName(), Token: "held sealed, for the gateway alone", Fingerprint: m.Fingerprint != 0,
		}
		if m.Expiry != 0 {
			method.Expires = fmt.Sprintf("%d-%02d", m.ExpiryYear(), m.ExpiryMonth())
		}
		e.Methods = append(e.Methods, method)
	}
	for _, scope := range []wallet.Scope{wallet.ScopeOneClick, wallet.ScopeAutoBuy} {
		if a := &b.Agreements[scope]; a.Version != "" {
			e.Agreements = append(e.Agreements, exportedAgreement{
				Scope: scope.String(), Version: a.Version, CapMinor: a.CapMinor, Currency: a.Currency, AgreedAt: msText(a.AtMs), Until: msText(a.UntilMs),
			})
		}
	}
	for i := range b.History {
		h := &b.History[i]
		e.History = append(e.History, exportedPurchase{h.Event, h.Order, h.TotalMinor, h.RefundedMinor, h.Currency, msText(h.AtMs), h.Undone})
	}
	for _, d := range b.Devices {
		e.Devices = append(e.Devices, exportedDevice{fmt.Sprintf("%016x", d.Hash), msText(d.SeenMs)})
	}
	return e
}

// exportBuyer reads everything that is held about a buyer.
func exportBuyer(ctx context.Context, p *process, account, buyer string, policy wallet.Policy) (*exportedWallet, error) {
	var e *exportedWallet
	out, err := askWallet(ctx, p.node, account, wallet.Command{Verb: wallet.VerbExport, Buyer: buyer}, func(out *wallet.Outcome) {
		if out.Code == engine.CodeOK {
			e = exported(account, out, policy)
		}
	})
	if err != nil {
		return nil, err
	}
	return e, refusedWallet(out)
}

// stoppedPolicy is by whose rules one-click checkout is said to be open where no engine runs: the default ones, with every gateway that this program knows.
func stoppedPolicy() wallet.Policy {
	return wallet.Policy{NeedsPurchase: true, Capabilities: capabilitiesOf}
}

func (s *walletSettings) export() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export BUYER",
		Short: "Print everything that is held about a buyer, as JSON",
		Long: `Prints everything that the engine holds about a buyer beyond the orders in its events, which the history names: for the buyer who asks for it. Tokens are not
printed: whoever has one could charge.

` + accessHelp,
		Example: "  engine wallet export anna --data /srv/holdfast > anna.json\n  engine wallet export anna --nats nats://127.0.0.1:4222 --as maria > anna.json",
		Args:    cobra.ExactArgs(1),
	}
	return s.reading(cmd, "wallet-export", func(w io.Writer, e *exportedWallet) error { return printJSON(w, e) })
}

func (s *walletSettings) show() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show BUYER",
		Short:   "Show a buyer's wallet, and whether one-click checkout is open to them",
		Long:    "Shows a buyer's wallet, and whether one-click checkout is open to them.\n\n" + accessHelp,
		Example: "  engine wallet show anna --data /srv/holdfast\n  engine wallet show anna --nats nats://127.0.0.1:4222 --as maria",
		Args:    cobra.ExactArgs(1),
	}
	return s.reading(cmd, "wallet-show", show)
}

func show(w io.Writer, e *exportedWallet) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "buyer\t%s\none click\t%s\npurchases\t%s\n", e.Buyer, strings.ReplaceAll(e.OneClick, "_", " "), thousands(e.Purchases))
	for i := range e.Methods {
		m := &e.Methods[i]
		notes := []string{m.Gateway, m.Kind}
		if m.Brand != "" || m.LastFour != "" {
			notes = append(notes, strings.TrimSpace(m.Brand+" "+m.LastFour))
		}
		if m.Expires != "" {
			notes = append(notes, "expires "+m.Expires)
		}
		if m.Default {
			notes = append(notes, "default")
		}
		if m.Blocked != "" {
			notes = append(notes, "blocked: "+m.Blocked)
		}
		fmt.Fprintf(t, "method %s\t%s\n", m.ID, strings.Join(notes, ", "))
	}
	for _, a := range e.Agreements {
		fmt.Fprintf(t, "agreement\t%s, %s, since %s\n", a.Scope, a.Version, a.AgreedAt)
	}
	for i := range e.History {
		h := &e.History[i]
		fmt.Fprintf(t, "order %s\t%s of event %s, %s\n", h.Order, money(h.TotalMinor, h.Currency), h.Event, h.At)
	}
	return t.Flush()
}
