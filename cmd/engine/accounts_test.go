package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// twoAccounts are the configuration of a NATS server with two tenants, an accounts file of an engine that serves both, and a shop in each.
type twoAccounts struct {
	config, accounts string
	shops            [2]transport.Access
}

func newTwoAccounts(t *testing.T) *twoAccounts {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	public, err := makeKey(filepath.Join(dir, "north.nk"))
	if err != nil {
		t.Fatal(err)
	}
	put("south.pass", "canary-engine-password\n")
	password := put("shop.pass", "canary-shop-password\n")
	return &twoAccounts{
		config: put("nats.conf", `accounts {
  NORTH: { users: [ {nkey: `+public+`}, {user: shop-north, password: canary-shop-password} ] }
  SOUTH: { users: [ {user: engine, password: canary-engine-password}, {user: shop-south, password: canary-shop-password} ] }
}`),
		accounts: put("accounts.yaml", `accounts:
  - {account: north, nkey: north.nk}
  - {account: south, user: engine, password-file: south.pass, account-commands-max: 3, account-bytes-max: 1MiB}
`),
		shops: [2]transport.Access{{User: "shop-north", PasswordFile: password}, {User: "shop-south", PasswordFile: password}},
	}
}

func shopAt(t *testing.T, s *serving, a transport.Access) *client.Client {
	t.Helper()
	options, err := a.Options(s.NATS)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.Connect(s.NATS, client.Options{}, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestAccountsAreApart: one engine serves two tenants. What one has, the other cannot see, touch or guess, whatever ids they choose.
func TestAccountsAreApart(t *testing.T) {
	for _, where := range []string{"embedded", "external"} {
		t.Run(where, func(t *testing.T) {
			two := newTwoAccounts(t)
			args := []string{"--accounts", two.accounts, "--nats-config", two.config}
			if where == "external" {
				nats, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0", ConfigFile: two.config})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					nats.Shutdown()
					nats.WaitForShutdown()
				})
				args = []string{"--accounts", two.accounts, "--nats", url}
			}
			data := newData(t)
			s := serveOn(t, data, args...)
			north, south := shopAt(t, s, two.shops[0]), shopAt(t, s, two.shops[1])
			ctx := within(t)
			for i, c := range []*client.Client{north, south} {
				if _, err := c.Create(ctx, "e1", smallEvent(int64(10*(i+1)))); err != nil {
					t.Fatal(err)
				}
			}
			ask := func(quantity int64) *pb.HoldCommand {
				return &pb.HoldCommand{RequestId: "r1", Buyer: "b1", Items: []*pb.Item{{Lot: "ga", Quantity: quantity}}}
			}
			hold, err := north.Hold(ctx, "e1", ask(2))
			if err != nil {
				t.Fatal(err)
			}
			for what, err := range map[string]error{
				"confirm": second(south.Confirm(ctx, "e1", &pb.ConfirmCommand{RequestId: "k1", Buyer: "b1", Hold: hold.Id, PaymentRef: "p"})),
				"release": second(south.Release(ctx, "e1", &pb.ReleaseCommand{RequestId: "k2", Buyer: "b1", Hold: hold.Id})),
				"extend":  second(south.Extend(ctx, "e1", &pb.ExtendCommand{RequestId: "k3", Buyer: "b1", Hold: hold.Id})),
				"absent":  second(south.Extend(ctx, "e1", &pb.ExtendCommand{RequestId: "k4", Buyer: "b1", Hold: "h999"})),
			} {
				if !errors.Is(err, client.ErrHoldUnknown) {
					t.Errorf("%s of another account's hold: %v, must be hold_unknown, as for an absent one", what, err)
				}
			}
			// The same request id with other content is another request.
			if h, err := south.Hold(ctx, "e1", ask(3)); err != nil || h.Items[0].Quantity != 3 {
				t.Errorf("the same request id in the other account: %v %v", h, err)
			}
			if _, err := south.Create(ctx, "only-south", smallEvent(1)); err != nil {
				t.Fatal(err)
			}
			if _, err := north.Get(ctx, "only-south"); !errors.Is(err, client.ErrEventUnknown) {
				t.Errorf("the other account's event: %v, must be event_unknown", err)
			}
			check := func(s *serving) {
				t.Helper()
				for i, c := range []*client.Client{shopAt(t, s, two.shops[0]), shopAt(t, s, two.shops[1])} {
					e, err := c.Get(within(t), "e1")
					if err != nil || e.Lots[0].Capacity != int64(10*(i+1)) || e.Lots[0].Held != int64(i+2) {
						t.Errorf("account %d: %v %v", i, e, err)
					}
				}
			}
			check(s)
			for i, a := range two.shops { // an operator of one account sees nothing of the other
				access := natsAccess{url: s.NATS, Access: a}
				operator := func(verb string) string {
					body := `{"request_id":"` + verb + `","operator":"op` + strconv.Itoa(i) + `"}`
					answer, err := access.request(ctx, transport.AdminSubject(verb), []byte(body))
					if err != nil {
						t.Fatal(err)
					}
					return string(answer)
				}
				wants(t, operator("events"), `"awake":`+strconv.Itoa(i+1))
				audit := operator("audit")
				wants(t, audit, `"operator":"op`+strconv.Itoa(i))
				if other := "op" + strconv.Itoa(1-i); strings.Contains(audit, other) {
					t.Errorf("the audit of account %d shows what %s did: %s", i, other, audit)
				}
			}
			_, metrics := fetch(t, s.HTTP+"/metrics")
			wants(t, metrics, `holdfast_messages_total{account="north"}`, `holdfast_messages_total{account="south"}`)

			// A bound of its own: what is too much for the one is taken for the other.
			if code := batchOf(t, s, two.shops[1], 4); code != "overloaded" {
				t.Errorf("four commands in the account with room for three: %s", code)
			}
			if code := batchOf(t, s, two.shops[0], 4); code != "ok" {
				t.Errorf("four commands in the other account: %s", code)
			}
			s.stop()
			check(serveOn(t, data, args...))
			if strings.Contains(s.logs.String(), "canary") {
				t.Errorf("a secret is in the log:\n%s", s.logs)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// batchOf asks n times for an event in one message, and returns the answer's code.
func batchOf(t *testing.T, s *serving, a transport.Access, n int) string {
	t.Helper()
	access := natsAccess{url: s.NATS, Access: a}
	body := `{"commands":[` + strings.TrimSuffix(strings.Repeat(`{"get":{}},`, n), ",") + `]}`
	answer, err := access.request(within(t), transport.Subject("e1", "batch"), []byte(body))
	switch {
	case err != nil:
		t.Fatal(err)
	case strings.Contains(string(answer), `"code":"overloaded"`):
		return "overloaded"
	}
	return "ok"
}

func TestAccountsThatCannotBeServedAreExplained(t *testing.T) {
	two := newTwoAccounts(t)
	many := "accounts:\n"
	for i := range transport.AccountsMax + 1 {
		many += fmt.Sprintf("  - {account: a%d}\n", i)
	}
	at := func(text string) []string { return []string{"--accounts", write(t, "accounts.yaml", text)} }
	for name, c := range map[string]struct{ args, wants []string }{
		"more than there may be": {at(many), []string{"64"}},
		"none":                   {at("accounts: []\n"), []string{"0 accounts"}},
		"empty file":             {at(""), []string{"0 accounts"}},
		"no id":                  {at("accounts: [{account: a b}]\n"), []string{"a b"}},
		"the same twice":         {at("accounts: [{account: a},{account: a}]\n"), []string{"twice"}},
		"unknown setting":        {at("accounts: [{acount: a}]\n"), []string{"acount", "docs/security.md"}},
		"bad size":               {at("accounts: [{account: a, account-bytes-max: lots}]\n"), []string{"account-bytes-max", "64MiB"}},
		"missing file":           {[]string{"--accounts", "nowhere.yaml"}, []string{"nowhere.yaml"}},
		"and a user":             {append(at("accounts: [{account: a}]\n"), "--user", "x"), []string{"--accounts", "leave out"}},
		"and an account":         {append(at("accounts: [{account: a}]\n"), "--account", "x"), []string{"--accounts", "leave out --account"}},
		"one tenant by two names": {
			at("accounts: [{account: a},{account: b}]\n"), []string{"accounts a and b", "same account of NATS"},
		},
		"nobody":             {[]string{"--nats-config", two.config}, []string{"does not take these credentials"}},
		"a config elsewhere": {[]string{"--nats", "nats://127.0.0.1:1", "--nats-config", two.config}, []string{"--nats-config"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := engineRun(t, append([]string{"serve", "--data", newData(t), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"}, c.args...)...)
			refuses(t, err, c.wants...)
		})
	}
}
