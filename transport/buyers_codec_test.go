package transport

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/engine/wallet"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// referenceWalletMessages makes an empty message of each verb for buyers' wallets.
var referenceWalletMessages = map[wallet.Verb]func() proto.Message{
	wallet.VerbSave:    func() proto.Message { return new(pb.SaveMethodCommand) },
	wallet.VerbList:    func() proto.Message { return new(pb.ListMethodsCommand) },
	wallet.VerbRemove:  func() proto.Message { return new(pb.RemoveMethodCommand) },
	wallet.VerbDefault: func() proto.Message { return new(pb.DefaultMethodCommand) },
	wallet.VerbAgree:   func() proto.Message { return new(pb.AgreeCommand) },
	wallet.VerbHistory: func() proto.Message { return new(pb.HistoryCommand) },
}

// referenceWallet returns what m asks of the wallet of buyer b1, field by field.
func referenceWallet(m proto.Message) wallet.Command {
	c := wallet.Command{Buyer: "b1"}
	switch m := m.(type) {
	case *pb.SaveMethodCommand:
		c.Verb, c.RequestID = wallet.VerbSave, m.RequestId
		c.Gateway, c.Token, c.Customer, c.Brand, c.LastFour = m.Gateway, m.Token, m.Customer, m.Brand, m.LastFour
		c.Kind, _ = payment.ParseMethodKind(m.Kind)
		c.Funding, _ = wallet.ParseFunding(m.Funding)
		c.ExpiryMonth, c.ExpiryYear, c.Fingerprint, c.DeviceID, c.MakeDefault = m.ExpiryMonth, m.ExpiryYear, m.Fingerprint, m.DeviceId, m.Default
	case *pb.ListMethodsCommand:
		c.Verb, c.RequestID = wallet.VerbList, m.RequestId
	case *pb.RemoveMethodCommand:
		c.Verb, c.RequestID, c.Method = wallet.VerbRemove, m.RequestId, m.Method
	case *pb.DefaultMethodCommand:
		c.Verb, c.RequestID, c.Method = wallet.VerbDefault, m.RequestId, m.Method
	case *pb.AgreeCommand:
		c.Verb, c.RequestID, c.Version, c.CapMinor, c.Currency = wallet.VerbAgree, m.RequestId, m.Version, m.CapMinor, m.Currency
		c.Scope, _ = wallet.ParseScope(m.Scope)
		c.UntilMs, c.Withdraw = int64(instantOf(m.Until))/1e6, m.Withdraw
	case *pb.HistoryCommand:
		c.Verb, c.RequestID = wallet.VerbHistory, m.RequestId
	}
	return c
}

// FuzzWalletCommand compares both decoders of commands for wallets with the standard ones, on any bytes.
func FuzzWalletCommand(f *testing.F) {
	rng := rand.New(rand.NewPCG(5, 6))
	for verb, empty := range referenceWalletMessages {
		for range 4 {
			m := empty()
			randomize(rng, m.ProtoReflect(), 0)
			for _, marshal := range []func(proto.Message) ([]byte, error){proto.Marshal, jsonOut.Marshal} {
				body, err := marshal(m)
				if err != nil {
					f.Fatal(err)
				}
				f.Add(uint8(verb), body)
			}
		}
	}
	var d decoder
	f.Fuzz(func(t *testing.T, number uint8, body []byte) {
		verb := wallet.Verb(number%6) + wallet.VerbSave
		m := referenceWalletMessages[verb]()
		var got wallet.Command
		d.reset()
		if !d.decodeWallet(verb, "b1", &got, body) {
			if d.problem.text == "" {
				t.Fatal("refused without a reason")
			}
			return
		}
		var err error
		if isJSON(body) {
			err = protojson.Unmarshal(body, m)
		} else {
			err = proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(body, m)
		}
		if err != nil {
			t.Fatalf("accepted what the standard decoder refuses: %v\n%q", err, body)
		}
		if want := referenceWallet(m); got != want {
			t.Fatalf("%+v\ninstead of\n%+v\nfrom %q", got, want, body)
		}
	})
}
