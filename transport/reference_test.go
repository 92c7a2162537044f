package transport

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/engine/payment"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// The codec's second implementation: what a command means, read field by field from the generated types. It is slow and plain, and shares
// nothing with the tables.

// referenceMessages makes an empty message of each verb.
var referenceMessages = map[engine.Verb]func() proto.Message{
	engine.VerbCreate:   func() proto.Message { return new(pb.CreateCommand) },
	engine.VerbUpdate:   func() proto.Message { return new(pb.UpdateCommand) },
	engine.VerbOpen:     func() proto.Message { return new(pb.OpenCommand) },
	engine.VerbPause:    func() proto.Message { return new(pb.PauseCommand) },
	engine.VerbClose:    func() proto.Message { return new(pb.CloseCommand) },
	engine.VerbGet:      func() proto.Message { return new(pb.GetCommand) },
	engine.VerbHold:     func() proto.Message { return new(pb.HoldCommand) },
	engine.VerbExtend:   func() proto.Message { return new(pb.ExtendCommand) },
	engine.VerbRelease:  func() proto.Message { return new(pb.ReleaseCommand) },
	engine.VerbConfirm:  func() proto.Message { return new(pb.ConfirmCommand) },
	engine.VerbOrder:    func() proto.Message { return new(pb.OrderCommand) },
	engine.VerbBlock:    func() proto.Message { return new(pb.BlockCommand) },
	engine.VerbUnblock:  func() proto.Message { return new(pb.UnblockCommand) },
	engine.VerbCapacity: func() proto.Message { return new(pb.CapacityCommand) },
	engine.VerbOffer:    func() proto.Message { return new(pb.OfferCommand) },
	engine.VerbBuy:      func() proto.Message { return new(pb.BuyCommand) },
	engine.VerbPurchase: func() proto.Message { return new(pb.PurchaseCommand) },
	engine.VerbComplete: func() proto.Message { return new(pb.CompleteCommand) },
	engine.VerbUndo:     func() proto.Message { return new(pb.UndoCommand) },
	engine.VerbRefund:   func() proto.Message { return new(pb.RefundCommand) },
	engine.VerbAdmit:    func() proto.Message { return new(pb.AdmitCommand) },
	engine.VerbReissue:  func() proto.Message { return new(pb.ReissueCommand) },
	engine.VerbCancel:   func() proto.Message { return new(pb.CancelCommand) },
	engine.VerbOneClick: func() proto.Message { return new(pb.OneClickCommand) },
	engine.VerbTouch:    func() proto.Message { return new(pb.TouchCommand) },
	engine.VerbJoin:     func() proto.Message { return new(pb.JoinCommand) },
	engine.VerbLeave:    func() proto.Message { return new(pb.LeaveCommand) },
	engine.VerbPlace:    func() proto.Message { return new(pb.PlaceCommand) },
	engine.VerbAbsent:   func() proto.Message { return new(pb.AbsentCommand) },
	engine.VerbPresent:  func() proto.Message { return new(pb.PresentCommand) },
	engine.VerbWait:     func() proto.Message { return new(pb.WaitCommand) },
	engine.VerbDraw:     func() proto.Message { return new(pb.DrawCommand) },
	verbBatch:           func() proto.Message { return new(pb.Batch) },
}

var referenceFills = map[string]engine.Fill{
	"": engine.FillAllOrNothing, "all_or_nothing": engine.FillAllOrNothing, "at_least": engine.FillAtLeast, "best_effort": engine.FillBestEffort,
}

var referenceDevices = map[string]engine.Device{
	"": engine.DeviceUnknown, "desktop": engine.DeviceDesktop, "mobile": engine.DeviceMobile, "tablet": engine.DeviceTablet, "kiosk": engine.DeviceKiosk,
}

// referenceCommand returns what m asks for, and its request id.
func referenceCommand(m proto.Message) (c engine.Command, id string) {
	switch m := m.(type) {
	case *pb.CreateCommand:
		c.Verb, id = engine.VerbCreate, m.RequestId
		c.Spec = &engine.EventSpec{
			Name: m.Name, Genre: m.Genre, Performer: m.Performer, Venue: m.Venue, City: m.City, Country: m.Country, TimeZone: m.TimeZone,
			DoorsAt: instantOf(m.DoorsAt), StartsAt: instantOf(m.StartsAt), OpensAt: instantOf(m.OpensAt), ClosesAt: instantOf(m.ClosesAt),
			Currency: m.Currency, HoldTTLMs: m.HoldTtlMs, MaxHoldMs: m.MaxHoldMs, SpreadMs: m.GetSpreadMs(), HasSpread: m.SpreadMs != nil,
			LimitPerBuyer: m.LimitPerBuyer, LimitPerOrder: m.LimitPerOrder, Open: m.Open,
			Pools: referencePools(m.Pools), Lots: referenceLots(m.Lots, false), Observe: m.Mode == "observe", Line: referenceLine(m.Line, false),
			Pay: engine.PayPolicy{
				UndoMs: m.GetUndoMs(), HasUndo: m.UndoMs != nil, PayMs: m.PayMs, GraceMs: m.GraceMs, ActionMs: m.ActionMs, RedirectMs: m.RedirectMs,
				QueueMs: m.QueueMs, OfferTTLMs: m.OfferTtlMs, LimitPerLinked: m.LimitPerLinked, RefundUntil: instantOf(m.RefundUntil),
				RefundWindowMs: m.GetRefundWindowMs(), HasRefundWindow: m.RefundWindowMs != nil, OneClickOff: m.OneClickOff,
				OneClickShare: m.GetOneClickShare(), HasOneClickShare: m.OneClickShare != nil,
			},
		}
	case *pb.UpdateCommand:
		c.Verb, id = engine.VerbUpdate, m.RequestId
		c.Spec = &engine.EventSpec{
			Name: m.GetName(), Genre: m.GetGenre(), Performer: m.GetPerformer(), Venue: m.GetVenue(), City: m.GetCity(), Country: m.GetCountry(),
			TimeZone: m.GetTimeZone(), DoorsAt: instantOf(m.DoorsAt), StartsAt: instantOf(m.StartsAt), OpensAt: instantOf(m.OpensAt),
			ClosesAt: instantOf(m.ClosesAt), Currency: m.GetCurrency(), HoldTTLMs: m.GetHoldTtlMs(), MaxHoldMs: m.GetMaxHoldMs(),
			SpreadMs: m.GetSpreadMs(), HasSpread: m.SpreadMs != nil, LimitPerBuyer: m.GetLimitPerBuyer(), LimitPerOrder: m.GetLimitPerOrder(),
			Open: m.GetOpen(), Pools: referencePools(m.Pools), Lots: referenceLots(m.Lots, true), Set: referenceSet(m), Observe: m.GetMode() == "observe",
			Line: referenceLine(m.Line, true),
			Pay: engine.PayPolicy{
				UndoMs: m.GetUndoMs(), HasUndo: m.UndoMs != nil, PayMs: m.GetPayMs(), GraceMs: m.GetGraceMs(), ActionMs: m.GetActionMs(),
				RedirectMs: m.GetRedirectMs(), QueueMs: m.GetQueueMs(), OfferTTLMs: m.GetOfferTtlMs(), LimitPerLinked: m.GetLimitPerLinked(),
				RefundUntil: instantOf(m.RefundUntil), RefundWindowMs: m.GetRefundWindowMs(), HasRefundWindow: m.RefundWindowMs != nil,
				OneClickOff: m.GetOneClickOff(), OneClickShare: m.GetOneClickShare(), HasOneClickShare: m.OneClickShare != nil,
			},
		}
	case *pb.OpenCommand:
		c.Verb, id = engine.VerbOpen, m.RequestId
	case *pb.PauseCommand:
		c.Verb, id = engine.VerbPause, m.RequestId
	case *pb.CloseCommand:
		c.Verb, id = engine.VerbClose, m.RequestId
	case *pb.GetCommand:
		if c.Verb = engine.VerbGet; m.Fairness {
			c.Line = &engine.LineCommand{Fairness: true}
		}
		return c, m.RequestId
	case *pb.OrderCommand:
		c = engine.Command{Verb: engine.VerbOrder, Buyer: m.Buyer, Order: m.Order}
		if m.Codes {
			c.Payment = &engine.PaymentCommand{Codes: true}
		}
		return c, m.RequestId
	case *pb.PurchaseCommand:
		return engine.Command{Verb: engine.VerbPurchase, Buyer: m.Buyer, Payment: &engine.PaymentCommand{Purchase: m.Purchase, Codes: m.Codes}}, m.RequestId
	case *pb.HoldCommand:
		id = m.RequestId
		c = engine.Command{
			Verb: engine.VerbHold, Buyer: m.Buyer, Channel: m.Channel, Device: referenceDevices[m.Device], Fill: referenceFills[m.Fill],
			AtLeast: m.AtLeast, MaxPrice: m.GetMaxPriceMinor(), HasMaxPrice: m.MaxPriceMinor != nil,
		}
		c.Items = referenceItemsIn(m.Items)
		if len(m.Links) > 0 {
			c.Payment = &engine.PaymentCommand{Links: m.Links}
		}
		c.Line = referenceCode(m.Code)
	case *pb.ExtendCommand:
		id = m.RequestId
		c = engine.Command{Verb: engine.VerbExtend, Buyer: m.Buyer, Channel: m.Channel, Device: referenceDevices[m.Device], Hold: m.Hold}
	case *pb.ReleaseCommand:
		id = m.RequestId
		c = engine.Command{Verb: engine.VerbRelease, Buyer: m.Buyer, Channel: m.Channel, Device: referenceDevices[m.Device], Hold: m.Hold}
	case *pb.ConfirmCommand:
		id = m.RequestId
		c = engine.Command{
			Verb: engine.VerbConfirm, Buyer: m.Buyer, Channel: m.Channel, Device: referenceDevices[m.Device], Hold: m.Hold,
			PaymentRef: m.PaymentRef, BoxOffice: m.BoxOffice,
		}
		if m.Late || m.Equal {
			c.Payment = &engine.PaymentCommand{Late: m.Late, Equal: m.Equal}
		}
	case *pb.PlaceCommand:
		return engine.Command{
			Verb: engine.VerbPlace, Buyer: m.Buyer, Line: &engine.LineCommand{EntriesFrom: line.Entry(m.EntriesFrom), Receipt: m.Receipt, Fairness: m.Fairness},
		}, m.RequestId
	case *pb.JoinCommand, *pb.LeaveCommand, *pb.AbsentCommand, *pb.PresentCommand, *pb.WaitCommand, *pb.DrawCommand, *pb.CodesCommand:
		c, id = referenceLining(m)
	default:
		c, id = referencePayment(m)
	case *pb.BlockCommand:
		c, id = engine.Command{Verb: engine.VerbBlock, Lot: m.Lot, Pool: m.Pool, Quantity: m.Quantity, Seats: m.Seats}, m.RequestId
	case *pb.UnblockCommand:
		c, id = engine.Command{Verb: engine.VerbUnblock, Lot: m.Lot, Pool: m.Pool, Quantity: m.Quantity, Seats: m.Seats}, m.RequestId
	case *pb.CapacityCommand:
		c, id = engine.Command{Verb: engine.VerbCapacity, Lot: m.Lot, Pool: m.Pool, Quantity: m.Capacity}, m.RequestId
	}
	c.RequestID = id
	return c, id
}

// referencePayment is referenceCommand for the verbs of payments, orders and tickets.
func referencePayment(m proto.Message) (c engine.Command, id string) {
	switch m := m.(type) {
	case *pb.OfferCommand:
		c, id = engine.Command{Verb: engine.VerbOffer, Buyer: m.Buyer, Channel: m.Channel, Device: referenceDevices[m.Device]}, m.RequestId
		c.Items = referenceItemsIn(m.Items)
		c.Payment = &engine.PaymentCommand{
			Method: m.Method, DeviceID: m.DeviceId, ContactAtMs: int64(instantOf(m.ContactChangedAt)) / 1e6, Links: m.Links,
		}
		c.Line = referenceCode(m.Code)
	case *pb.BuyCommand:
		c, id = engine.Command{Verb: engine.VerbBuy, Buyer: m.Buyer, Channel: m.Channel, Device: referenceDevices[m.Device]}, m.RequestId
		c.Items, c.Hold, c.MaxPrice, c.HasMaxPrice = referenceItemsIn(m.Items), m.Hold, m.GetMaxPriceMinor(), m.MaxPriceMinor != nil
		c.Payment = &engine.PaymentCommand{
			Offer: m.Offer, Method: m.Method, WaitMs: m.GetWaitMs(), HasWait: m.WaitMs != nil, Again: m.Again, ReturnURL: m.ReturnUrl,
			DeviceID: m.DeviceId, ContactAtMs: int64(instantOf(m.ContactChangedAt)) / 1e6, Links: m.Links, Codes: m.Codes,
		}
		if m.Wait || m.Code != "" {
			c.Line = &engine.LineCommand{Wait: m.Wait, Code: m.Code}
		}
	case *pb.CompleteCommand:
		c, id = engine.Command{Verb: engine.VerbComplete, Buyer: m.Buyer, Channel: m.Channel, Device: referenceDevices[m.Device]}, m.RequestId
		c.Payment = &engine.PaymentCommand{Purchase: m.Purchase}
	case *pb.UndoCommand:
		c, id = engine.Command{Verb: engine.VerbUndo, Buyer: m.Buyer, Channel: m.Channel, Device: referenceDevices[m.Device]}, m.RequestId
		c.Payment = &engine.PaymentCommand{Purchase: m.Purchase}
	case *pb.RefundCommand:
		c, id = engine.Command{Verb: engine.VerbRefund, Buyer: m.Buyer, Channel: m.Channel, Order: m.Order}, m.RequestId
		c.Payment = &engine.PaymentCommand{
			Tickets: m.Tickets, AmountMinor: m.GetAmountMinor(), HasAmount: m.AmountMinor != nil, KeepFees: m.KeepFees, Block: m.Block,
			ByBuyer: m.ByBuyer, Reason: m.Reason, FailedRefund: m.Refund,
		}
	case *pb.AdmitCommand:
		c, id = engine.Command{Verb: engine.VerbAdmit}, m.RequestId
		c.Payment = &engine.PaymentCommand{Ticket: m.Ticket, Code: uint32(m.Generation), Gate: m.Gate}
	case *pb.ReissueCommand:
		c, id = engine.Command{Verb: engine.VerbReissue, Buyer: m.Buyer}, m.RequestId
		c.Payment = &engine.PaymentCommand{Ticket: m.Ticket}
	case *pb.CancelCommand:
		c, id = engine.Command{Verb: engine.VerbCancel}, m.RequestId
		c.Payment = &engine.PaymentCommand{Reason: m.Reason}
	case *pb.TouchCommand:
		c, id = engine.Command{Verb: engine.VerbTouch, Touch: &engine.TouchCommand{Touches: referenceTouches(m.Touches)}}, m.RequestId
	case *pb.OneClickCommand:
		c, id = engine.Command{Verb: engine.VerbOneClick}, m.RequestId
		c.Payment = &engine.PaymentCommand{On: m.GetOn(), HasOn: m.On != nil, PercentShare: m.GetShare(), HasShare: m.Share != nil}
	}
	return c, id
}

// referenceLining is referenceCommand for the verbs of the line.
func referenceLining(m proto.Message) (c engine.Command, id string) {
	switch m := m.(type) {
	case *pb.JoinCommand:
		c, id = engine.Command{Verb: engine.VerbJoin, Buyer: m.Buyer, Channel: m.Channel, Device: referenceDevices[m.Device]}, m.RequestId
		c.Line = &engine.LineCommand{Track: m.Track, Wants: m.Wants, Code: m.Code}
		if len(m.Links) > 0 {
			c.Payment = &engine.PaymentCommand{Links: m.Links}
		}
	case *pb.LeaveCommand:
		c, id = engine.Command{Verb: engine.VerbLeave, Buyer: m.Buyer, Channel: m.Channel, Device: referenceDevices[m.Device]}, m.RequestId
		c.Line = &engine.LineCommand{List: m.List}
	case *pb.AbsentCommand:
		c, id = engine.Command{Verb: engine.VerbAbsent, Buyer: m.Buyer, Channel: m.Channel, Device: referenceDevices[m.Device]}, m.RequestId
		c.Line = &engine.LineCommand{}
	case *pb.PresentCommand:
		c, id = engine.Command{Verb: engine.VerbPresent, Buyer: m.Buyer, Channel: m.Channel, Device: referenceDevices[m.Device]}, m.RequestId
		c.Line = &engine.LineCommand{}
	case *pb.WaitCommand:
		c, id = engine.Command{Verb: engine.VerbWait, Buyer: m.Buyer, Channel: m.Channel, Device: referenceDevices[m.Device]}, m.RequestId
		c.MaxPrice, c.HasMaxPrice = m.GetMaxPriceMinor(), m.MaxPriceMinor != nil
		c.Payment = &engine.PaymentCommand{Method: m.Method, Links: m.Links}
		c.Line = &engine.LineCommand{AutoBuy: m.AutoBuy, Code: m.Code}
		for _, w := range m.Wishes {
			c.Line.Wishes = append(c.Line.Wishes, engine.Wish{Lot: w.Lot, Quantity: w.Quantity, Together: w.Together})
		}
	case *pb.DrawCommand:
		c, id = engine.Command{Verb: engine.VerbDraw, Line: &engine.LineCommand{Value: m.Value}}, m.RequestId
	case *pb.CodesCommand:
		c, id = engine.Command{Verb: engine.VerbCodes, Line: &engine.LineCommand{Codes: referenceCodes(m.Codes)}}, m.RequestId
	}
	return c, id
}

func referenceCode(code string) *engine.LineCommand {
	if code == "" {
		return nil
	}
	return &engine.LineCommand{Code: code}
}

func referenceCodes(list []*pb.CodeSpec) (out []engine.CodeSpec) {
	for _, m := range list {
		c := engine.CodeSpec{
			Name: m.Name, Code: m.Code, Uses: m.GetUses(), Lots: m.Lots, DiscountBp: m.GetDiscountBp(), DiscountMinor: m.GetDiscountMinor(), Track: m.GetTrack(),
			OpensAt: instantOf(m.OpensAt), EndsAt: instantOf(m.EndsAt), Ended: m.GetEnded(),
		}
		if hash, err := hex.DecodeString(m.Hash); err == nil {
			copy(c.Hash[:], hash)
		}
		for bit, given := range map[engine.CodeFields]bool{
			engine.SetCodeSecret: m.Code+m.Hash != "", engine.SetCodeUses: m.Uses != nil, engine.SetCodeLots: len(m.Lots) > 0,
			engine.SetCodeDiscount: m.DiscountBp != nil || m.DiscountMinor != nil, engine.SetCodeTrack: m.Track != nil, engine.SetCodeOpens: m.OpensAt != nil,
			engine.SetCodeEnds: m.EndsAt != nil, engine.SetCodeEnded: m.Ended != nil,
		} {
			if given {
				c.Set |= bit
			}
		}
		out = append(out, c)
	}
	return out
}

func referenceLine(m *pb.LineSpec, update bool) *engine.LineSpec {
	if m == nil {
		return nil
	}
	l := &engine.LineSpec{
		LobbyAt: instantOf(m.LobbyAt), PassTTLMs: m.GetPassTtlMs(), GraceMs: m.GetGraceMs(), ShoppersMax: m.GetShoppersMax(), DrawValue: m.GetDrawValue(),
		OfferTTLMs: m.GetOfferTtlMs(), AsideMs: m.GetAsideMs(),
	}
	if m.GetMode() == "line" {
		l.Mode = engine.LineModeLine
	}
	for _, t := range m.Tracks {
		l.Tracks = append(l.Tracks, engine.TrackSpec{Track: t.Track, ShareBp: t.ShareBp, CodeOnly: t.CodeOnly})
	}
	if !update {
		return l
	}
	for bit, given := range map[engine.LineFields]bool{
		engine.SetLineMode: m.Mode != nil, engine.SetLobbyAt: m.LobbyAt != nil, engine.SetPassTTL: m.PassTtlMs != nil, engine.SetLineGrace: m.GraceMs != nil,
		engine.SetShoppersMax: m.ShoppersMax != nil, engine.SetDrawValue: m.DrawValue != nil, engine.SetTracks: len(m.Tracks) > 0,
		engine.SetWaitTTL: m.OfferTtlMs != nil, engine.SetAside: m.AsideMs != nil,
	} {
		if given {
			l.Set |= bit
		}
	}
	return l
}

var referenceKinds = map[string]engine.TouchKind{
	"ad_viewed": engine.TouchAdViewed, "viewed": engine.TouchViewed, "selected": engine.TouchSelected, "prompted": engine.TouchPrompted,
	"dismissed": engine.TouchDismissed, "clicked": engine.TouchClicked, "carted": engine.TouchCarted, "stepped": engine.TouchStepped,
	"abandoned": engine.TouchAbandoned, "page_ready": engine.TouchPageReady, "click_seen": engine.TouchClickSeen, "surveyed": engine.TouchSurveyed,
	"support": engine.TouchSupport, "delivered": engine.TouchDelivered, "ordered": engine.TouchOrdered, "failed": engine.TouchFailed, "refunded": engine.TouchRefunded,
}

var referenceMethods = map[string]payment.MethodKind{
	"card": payment.MethodCard, "wallet": payment.MethodWallet, "redirect": payment.MethodRedirect, "delayed_debit": payment.MethodDelayedDebit,
}

func referenceTouches(list []*pb.Touch) (out []engine.Touch) {
	for _, t := range list {
		touch := engine.Touch{
			Kind: referenceKinds[t.Kind], ID: t.Id, Buyer: t.Buyer, Session: t.Session, Consent: t.Consent, AgoMs: t.AgoMs, Device: referenceDevices[t.Device],
			Source: t.Source, Channel: t.Channel, Campaign: t.Campaign, Method: referenceMethods[t.MethodKind], CartMinor: t.CartMinor, Step: t.Step,
			LoadMs: t.LoadMs, PromptMs: t.PromptMs, ClickToSeenMs: t.ClickToSeenMs, ClickID: t.ClickId, Survey: t.Survey, Score: t.Score, Text: t.Text,
			Topic: t.Topic, Order: t.Order, Ref: t.Ref, Quantity: t.Quantity, FaceMinor: t.FaceMinor, FeesMinor: t.FeesMinor, TaxMinor: t.TaxMinor,
			AmountMinor: t.AmountMinor, Failure: t.Failure,
		}
		if t.Flow == "one_click" {
			touch.Flow = engine.FlowOneClick
		}
		out = append(out, touch)
	}
	return out
}

func referenceItemsIn(list []*pb.Item) (out []engine.Item) {
	for _, it := range list {
		out = append(out, engine.Item{
			Lot: it.Lot, Quantity: it.Quantity, Seats: it.Seats,
			Accessible: it.Accessible, Companion: it.Companion, Restricted: it.Restricted, Split: it.Split,
		})
	}
	return out
}

func instantOf(t *timestamppb.Timestamp) engine.Instant {
	return engine.Instant(t.GetSeconds()*1e9 + int64(t.GetNanos()))
}

func referencePools(list []*pb.PoolSpec) (out []engine.PoolSpec) {
	for _, p := range list {
		out = append(out, engine.PoolSpec{Pool: p.Pool, Capacity: p.Capacity})
	}
	return out
}

func referenceFees(list []*pb.Fee) (out []engine.Fee) {
	for _, f := range list {
		out = append(out, engine.Fee{Name: f.Name, Minor: f.Minor})
	}
	return out
}

func referenceLots(list []*pb.LotSpec, update bool) (out []engine.LotSpec) {
	for _, l := range list {
		lot := engine.LotSpec{
			Lot: l.Lot, Name: l.GetName(), FaceMinor: l.GetFaceMinor(), Fees: referenceFees(l.Fees), TaxMinor: l.GetTaxMinor(),
			Capacity: l.Capacity, Units: l.Units, Pools: l.Pools, Requires: l.Requires, After: l.After,
			MinOrder: l.GetMinOrder(), MaxOrder: l.GetMaxOrder(), CodeOnly: l.GetCodeOnly(),
		}
		for _, r := range l.Rows {
			lot.Rows = append(lot.Rows, engine.RowSpec{
				Section: r.Section, Row: r.Row, Seats: r.Seats, Through: r.Through, Rank: r.Rank, First: r.First, Step: r.Step, Labels: r.Labels,
				Best: r.Best, Aisles: r.Aisles, Missing: r.Missing, Accessible: r.Accessible, Companion: r.Companion, Restricted: r.Restricted,
			})
		}
		if update {
			mark := func(given bool, bit engine.LotFields) {
				if given {
					lot.Set |= bit
				}
			}
			mark(l.Name != nil, engine.SetLotName)
			mark(l.FaceMinor != nil, engine.SetLotFace)
			mark(len(l.Fees) > 0, engine.SetLotFees)
			mark(l.TaxMinor != nil, engine.SetLotTax)
			mark(l.MinOrder != nil, engine.SetLotMin)
			mark(l.MaxOrder != nil, engine.SetLotMax)
			mark(l.CodeOnly != nil, engine.SetLotCodeOnly)
			mark(l.Capacity != 0 || l.Units != 0 || l.After != "" || len(l.Pools)+len(l.Requires)+len(l.Rows) > 0, engine.SetLotOther)
		}
		out = append(out, lot)
	}
	return out
}

func referenceSet(m *pb.UpdateCommand) (set engine.SpecFields) {
	given := []bool{
		m.Name != nil, m.Genre != nil, m.Performer != nil, m.Venue != nil, m.City != nil, m.Country != nil, m.TimeZone != nil, m.DoorsAt != nil,
		m.StartsAt != nil, m.OpensAt != nil, m.ClosesAt != nil, m.Currency != nil, m.HoldTtlMs != nil, m.MaxHoldMs != nil, m.SpreadMs != nil,
		m.LimitPerBuyer != nil, m.LimitPerOrder != nil, m.Open != nil, m.UndoMs != nil, m.PayMs != nil, m.GraceMs != nil, m.ActionMs != nil,
		m.RedirectMs != nil, m.QueueMs != nil, m.OfferTtlMs != nil, m.LimitPerLinked != nil, m.RefundUntil != nil, m.RefundWindowMs != nil,
		m.OneClickOff != nil || m.OneClickShare != nil, m.Mode != nil,
	}
	for i, g := range given {
		if g {
			set |= 1 << i
		}
	}
	return set
}

// referenceCommands returns the commands of a message of any verb, and their request ids.
func referenceCommands(m proto.Message) (commands []engine.Command, ids []string) {
	batch, ok := m.(*pb.Batch)
	if !ok {
		c, id := referenceCommand(m)
		return []engine.Command{c}, []string{id}
	}
	for _, entry := range batch.Commands {
		set := entry.ProtoReflect()
		var c engine.Command
		var id string
		if f := set.WhichOneof(set.Descriptor().Oneofs().Get(0)); f != nil {
			c, id = referenceCommand(set.Get(f).Message().Interface())
		}
		commands, ids = append(commands, c), append(ids, id)
	}
	return commands, ids
}

// randomize fills m with random values of the kind that callers send; each field is left out now and then.
func randomize(rng *rand.Rand, m protoreflect.Message, depth int) {
	oneof := m.Descriptor().Oneofs()
	chosen := -1
	if oneof.Len() > 0 && !oneof.Get(0).IsSynthetic() {
		chosen = rng.IntN(m.Descriptor().Fields().Len())
	}
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		switch {
		case chosen >= 0 && i != chosen:
			continue
		case chosen < 0 && rng.IntN(4) == 0:
			continue
		}
		if f.IsList() {
			list := m.Mutable(f).List()
			for range rng.IntN(4) {
				if f.Kind() == protoreflect.MessageKind {
					randomize(rng, list.AppendMutable().Message(), depth+1)
				} else {
					list.Append(randomValue(rng, f))
				}
			}
			continue
		}
		if f.Kind() == protoreflect.MessageKind {
			if f.Message().FullName() == "google.protobuf.Timestamp" {
				m.Set(f, protoreflect.ValueOfMessage((&timestamppb.Timestamp{
					Seconds: rng.Int64N(4e9) - 2e9, Nanos: int32(rng.IntN(3)) * 123_456_789,
				}).ProtoReflect()))
				continue
			}
			randomize(rng, m.Mutable(f).Message(), depth+1)
			continue
		}
		m.Set(f, randomValue(rng, f))
	}
}

func randomValue(rng *rand.Rand, f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rng.IntN(2) == 0)
	case protoreflect.Int64Kind:
		if name := f.Name(); name == "wait_ms" || name == "generation" || name == "entries_from" {
			return protoreflect.ValueOfInt64(rng.Int64N(30_001))
		}
		numbers := []int64{0, 1, 2, -1, 127, 128, 9500, 1 << 40, 1<<63 - 1, -1 << 63}
		return protoreflect.ValueOfInt64(numbers[rng.IntN(len(numbers))])
	case protoreflect.StringKind:
		words := []string{"", "a", "b1", "ga", "A/1/4", "Café", "quote \" slash \\ line\nend\x7f", "日本\U0001F3AB"}
		switch f.Name() {
		case "device_id", "method", "offer":
			words = []string{"", "d1"}
		case "hash":
			words = []string{"", strings.Repeat("0a", 32), strings.Repeat("Ff", 32)}
		case "links":
			words = []string{"a", "b1", "0123456789abcdef"}
		case "fill":
			words = []string{"", "all_or_nothing", "at_least", "best_effort"}
		case "kind":
			words = []string{"", "viewed", "click_seen", "surveyed", "refunded"}
		case "mode":
			if words = []string{"", "sell", "observe"}; f.Parent().Name() == "LineSpec" {
				words = []string{"", "open", "line"}
			}
		case "flow":
			words = []string{"", "standard", "one_click"}
		case "method_kind":
			words = []string{"", "card", "wallet", "redirect", "delayed_debit"}
		case "device":
			words = []string{"", "desktop", "mobile", "tablet", "kiosk"}
		case "correlation":
			words = []string{"", "0123456789abcdef", "x"}
		}
		return protoreflect.ValueOfString(words[rng.IntN(len(words))])
	default:
		panic("the reference does not know this kind: " + f.Kind().String())
	}
}
