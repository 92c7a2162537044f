package transport

import (
	"maps"
	"slices"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// The commands for buyers' wallets as tables, read by the same decoders as those of events. What their values may be, package wallet says.

func walletField(name string, num uint8, str func(*wallet.Command) *string) field {
	return field{name: name, num: num, kind: kindString, str: func(s *scope) *string { return str(s.wallet) }}
}

func walletNumber(name string, num uint8, num64 func(*wallet.Command) *int64) field {
	return field{name: name, num: num, kind: kindInt, num64: func(s *scope) *int64 { return num64(s.wallet) }}
}

func savedMethodField() field {
	return walletField("method", 5, func(c *wallet.Command) *string { return &c.Method })
}

// walletMessages holds the message of every verb for buyers' wallets.
var walletMessages = map[wallet.Verb]*message{
	wallet.VerbSave: newMessage("SaveMethodCommand",
		requestIDField(),
		walletField("gateway", 5, func(c *wallet.Command) *string { return &c.Gateway }),
		field{name: "kind", num: 6, kind: kindString, words: "card, wallet, redirect, delayed_debit", word: func(s *scope, w string) (ok bool) {
			if s.wallet.Kind, ok = payment.ParseMethodKind(w); w == "" {
				ok = true
			}
			return ok
		}},
		walletField("token", 7, func(c *wallet.Command) *string { return &c.Token }),
		walletField("customer", 8, func(c *wallet.Command) *string { return &c.Customer }),
		walletField("brand", 9, func(c *wallet.Command) *string { return &c.Brand }),
		walletField("last_four", 10, func(c *wallet.Command) *string { return &c.LastFour }),
		walletNumber("expiry_month", 11, func(c *wallet.Command) *int64 { return &c.ExpiryMonth }),
		walletNumber("expiry_year", 12, func(c *wallet.Command) *int64 { return &c.ExpiryYear }),
		field{name: "funding", num: 13, kind: kindString, words: "credit, debit, prepaid", word: func(s *scope, w string) (ok bool) {
			s.wallet.Funding, ok = wallet.ParseFunding(w)
			return ok
		}},
		walletField("fingerprint", 14, func(c *wallet.Command) *string { return &c.Fingerprint }),
		correlationField(),
		walletField("device_id", 16, func(c *wallet.Command) *string { return &c.DeviceID }),
		field{name: "default", num: 17, kind: kindBool, flag: func(s *scope) *bool { return &s.wallet.MakeDefault }},
	),
	wallet.VerbList:    newMessage("ListMethodsCommand", requestIDField(), correlationField()),
	wallet.VerbRemove:  newMessage("RemoveMethodCommand", requestIDField(), savedMethodField(), correlationField()),
	wallet.VerbDefault: newMessage("DefaultMethodCommand", requestIDField(), savedMethodField(), correlationField()),
	wallet.VerbAgree: newMessage("AgreeCommand",
		requestIDField(),
		field{name: "scope", num: 5, kind: kindString, words: "one_click, auto_buy", word: func(s *scope, w string) (ok bool) {
			if s.wallet.Scope, ok = wallet.ParseScope(w); w == "" {
				ok = true
			}
			return ok
		}},
		walletField("version", 6, func(c *wallet.Command) *string { return &c.Version }),
		walletNumber("cap_minor", 7, func(c *wallet.Command) *int64 { return &c.CapMinor }),
		walletField("currency", 8, func(c *wallet.Command) *string { return &c.Currency }),
		field{
			name: "until", num: 9, kind: kindTime, present: true, at: func(s *scope) *engine.Instant { return &s.until },
			mark: func(s *scope) { s.wallet.UntilMs = int64(s.until) / 1e6 },
		},
		field{name: "withdraw", num: 10, kind: kindBool, flag: func(s *scope) *bool { return &s.wallet.Withdraw }},
		correlationField(),
	),
	wallet.VerbHistory: newMessage("HistoryCommand", requestIDField(), correlationField()),
}

// walletVerbNames lists the verbs for buyers' wallets, for people.
var walletVerbNames = func() string {
	var names []string
	for _, v := range slices.Sorted(maps.Keys(walletMessages)) {
		names = append(names, v.String())
	}
	return strings.Join(names, ", ")
}()

// decodeWallet decodes a command for a buyer's wallet. It reports whether it may be submitted; if not, problem says why.
func (d *decoder) decodeWallet(verb wallet.Verb, buyer string, cmd *wallet.Command, body []byte) bool {
	*cmd = wallet.Command{Verb: verb, Buyer: buyer}
	d.scope.wallet = cmd
	if !d.decode(walletMessages[verb], body) {
		return false
	}
	cmd.RequestID = d.scope.requestID
	return true
}
