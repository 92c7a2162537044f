package main

import (
	"context"
	"errors"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// codePrice is what a sale of a lot costs with a code.
type codePrice struct {
	Lot        string `json:"lot"`
	FaceMinor  int64  `json:"face_minor"`
	FeesMinor  int64  `json:"fees_minor"`
	TotalMinor int64  `json:"total_minor"`
}

// code finds out what a code does for a visitor who may shop: for which lots it is, and what they cost with it. It asks for an offer of each, which takes no use of the code; of
// one that is no code it asks once, as guesses are counted.
func (b *bridge) code(ctx context.Context, v *visitor, q struct {
	RequestID string `json:"request_id"`
	Code      string `json:"code"`
},
) (any, error) {
	var list []codePrice
	good := false
	for i := range b.sale.plan.lots {
		l := &b.sale.plan.lots[i]
		r, err := b.client.Do(ctx, b.event(), &pb.OfferCommand{
			RequestId: q.RequestID + "-" + l.id, Buyer: v.buyer, Channel: visitChannel, Device: v.usedDevice(), Items: []*pb.Item{{Lot: l.id, Quantity: 1}}, Code: q.Code,
		})
		var refused *client.Refusal
		switch {
		case err == nil:
		case !errors.As(err, &refused) || refused.Code < engine.CodeInvalid:
			return nil, err
		case refused.Field == fieldCode && refused.Code != engine.CodeInvalid, refused.Code == engine.CodePassRequired, refused.Code == engine.CodePassExpired, refused.Code == engine.CodeNotOnSale,
			refused.Code == engine.CodePaymentInProgress: // said before codes are looked at
			return nil, err
		case refused.Field == fieldCode:
			continue // it is for others
		}
		price := codePrice{Lot: l.id, FaceMinor: l.face, FeesMinor: l.fee, TotalMinor: l.price()} // of what cannot be had now, the price without it
		if o := r.GetOffer(); o != nil && len(o.Items) == 1 {
			good = true
			price.FaceMinor, price.TotalMinor = o.Items[0].FaceMinor, o.TotalMinor
		}
		list = append(list, price)
	}
	if len(list) > 0 && !good {
		return nil, &pageRefusal{Code: engine.CodeSoldOut.String(), Message: "None of the tickets can be had at the moment: try the code again when some can.", Field: fieldCode}
	}
	if len(list) == 0 {
		return nil, &pageRefusal{Code: engine.CodeInvalid.String(), Message: "This code is for none of the tickets.", Field: fieldCode}
	}
	return map[string]any{"lots": list}, nil
}
