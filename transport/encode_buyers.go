package transport

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// Answers about wallets go through the generated messages, like those to operators: buyers look at their cards rarely.

// appendWalletReply encodes an answer, as JSON or as protobuf.
func appendWalletReply(json bool, requestID, correlation, buyer string, out *wallet.Outcome) []byte {
	m := walletReply(buyer, out)
	m.RequestId, m.Correlation = requestID, correlation
	if json {
		w := jsonWriter{}
		w.message(m.ProtoReflect())
		return w.b
	}
	body, err := proto.Marshal(m)
	if err != nil {
		panic("transport: an answer about a wallet does not encode: " + err.Error()) // a string that is not UTF-8: none gets here
	}
	return body
}

func walletReply(buyer string, out *wallet.Outcome) *pb.BuyerReply {
	m := &pb.BuyerReply{Repeated: out.Repeated}
	if out.Code != engine.CodeOK {
		field := out.Field
		if field == "device" { // as the wire names it
			field = "device_id"
		}
		m.Error = &pb.Error{
			Code: out.Code.String(), Message: out.Text, Field: field, Retryable: out.Code.Retryable(), RetryAfterMs: out.RetryAfterMs,
		}
		return m
	}
	if out.Method != 0 {
		m.Method = (&wallet.Method{Number: out.Method}).ID()
	}
	b := out.Buyer
	if b == nil {
		b = new(wallet.Buyer) // nothing is known of the buyer
	}
	if out.Shows&wallet.ShowsMethods != 0 {
		m.Wallet = &pb.Wallet{Buyer: buyer, OneClick: out.Eligible == engine.EligibleYes, Reason: out.Eligible.String(), Purchases: b.Purchases}
		for i := range out.Views {
			m.Wallet.Methods = append(m.Wallet.Methods, savedMethod(b, &out.Views[i]))
		}
		for scope := wallet.ScopeOneClick; int(scope) < len(b.Agreements); scope++ {
			if a := &b.Agreements[scope]; a.Version != "" {
				m.Wallet.Agreements = append(m.Wallet.Agreements, &pb.Agreement{
					Scope: scope.String(), Version: a.Version, CapMinor: a.CapMinor, Currency: a.Currency, At: millis(a.AtMs), Until: millis(a.UntilMs),
				})
			}
		}
	}
	if out.Shows&wallet.ShowsHistory != 0 {
		m.History = &pb.History{Count: b.Purchases}
		for i := range b.History {
			p := &b.History[i]
			m.History.Purchases = append(m.History.Purchases, &pb.PastPurchase{
				Event: p.Event, Order: p.Order, TotalMinor: p.TotalMinor, RefundedMinor: p.RefundedMinor, Currency: p.Currency, At: millis(p.AtMs),
				Undone: p.Undone,
			})
		}
	}
	return m
}

func savedMethod(b *wallet.Buyer, v *wallet.MethodView) *pb.SavedMethod {
	m := v.Method
	return &pb.SavedMethod{
		Id: m.ID(), Gateway: m.Gateway, Kind: m.Kind.String(), Brand: v.Brand, LastFour: v.LastFour, ExpiryMonth: m.ExpiryMonth(),
		ExpiryYear: m.ExpiryYear(), Funding: m.Funding.String(), SavedAt: millis(m.SavedMs), Default: b.Default == m.Number,
		OneClick: v.Usable == engine.EligibleYes, Reason: v.Usable.String(), Blocked: m.DeclineName(),
	}
}

// millis is a wall time in milliseconds; 0 is none.
func millis(ms int64) *timestamppb.Timestamp { return timestamp(engine.Instant(ms * 1e6)) }
