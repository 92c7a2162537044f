package transport

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// Answers to operators go through the generated messages: nobody asks for a million of them a second.

// appendAdminAnswer encodes an answer, as JSON or as protobuf.
func appendAdminAnswer(json bool, requestID, correlation string, a *engine.AdminAnswer) []byte {
	m := adminReply(a)
	m.RequestId, m.Correlation = requestID, correlation
	if json {
		w := jsonWriter{}
		w.message(m.ProtoReflect())
		return w.b
	}
	body, err := proto.Marshal(m)
	if err != nil {
		panic("transport: an answer to an operator does not encode: " + err.Error()) // a string that is not UTF-8: none gets here
	}
	return body
}

func adminReply(a *engine.AdminAnswer) *pb.AdminReply {
	m := &pb.AdminReply{Audit: int64(a.Audit)}
	if a.Code != engine.CodeOK {
		m.Error = &pb.Error{Code: a.Code.String(), Message: strings.ToValidUTF8(a.Text, "?"), Field: a.Field, Retryable: a.Code.Retryable(), RetryAfterMs: a.RetryAfterMs}
		return m
	}
	if p := a.Entries; p != nil {
		m.Entries = &pb.Audit{Next: int64(p.Next), Oldest: int64(p.Oldest)}
		for i := range p.Entries {
			m.Entries.Entries = append(m.Entries.Entries, auditEntry(&p.Entries[i]))
		}
	}
	if e := a.Events; e != nil {
		m.Events = &pb.EventCounts{Awake: &e.Awake, Asleep: &e.Asleep}
		for _, q := range e.Quarantined {
			m.Events.Quarantined = append(m.Events.Quarantined, &pb.QuarantinedEvent{Event: q.Event, Why: strings.ToValidUTF8(q.Why, "?")})
		}
	}
	if a.Why != nil {
		m.Why = whyReply(a.Why)
	}
	if e := a.Event; e != nil {
		m.Event = &pb.Whereabouts{Event: e.Event, Place: e.Place, File: strings.ToValidUTF8(e.File, "?")}
	}
	if b := a.Backup; b != nil {
		path := strings.ToValidUTF8(b.Path, "?")
		m.Backup = &pb.Backup{Name: b.Name, Path: path, State: "making"}
		if b.Whole {
			m.Backup = &pb.Backup{
				Name: b.Name, Path: path, State: "whole", LastBatch: number(b.LastBatch), ChainHead: b.ChainHead, States: b.States,
				Aggregates: number(b.Aggregates), Bytes: number(b.Bytes), Made: timestamp(b.Made),
			}
		}
	}
	for i := range a.Lanes {
		l := &a.Lanes[i]
		m.Lanes = append(m.Lanes, &pb.Lane{
			Gateway: l.Gateway, RateMilli: &l.RateMilli, EffectiveMilli: &l.EffectiveMilli, Waiting: &l.Waiting, Finishing: &l.Finishing, Later: &l.Later,
			InFlight: &l.InFlight, Unknown: &l.Unknown, EtaMs: &l.EtaMs, BreakerOpen: l.BreakerOpen,
		})
	}
	if o := a.OneClick; o != nil {
		m.OneClick = &pb.OneClickEverywhere{OneClick: "off", Share: &o.Share}
		if o.On {
			m.OneClick.OneClick = "on"
		}
	}
	if r := a.Resolved; r != nil {
		m.Resolved = &pb.Resolved{Event: r.Event, Purchase: r.Purchase, State: r.State, Charge: r.Charge}
	}
	if a.Inspection != nil {
		m.Inspection = inspectionReply(a.Inspection)
	}
	if a.Webhooks != nil {
		m.Webhooks = webhooksReply(a.Webhooks)
	}
	m.Evidence, m.TicketKey = a.Evidence, a.TicketKey
	m.Wallet, m.Erased = a.Wallet, a.Erased
	if p := a.Snapshot; p != nil {
		m.Snapshot = &pb.SnapshotPass{
			FromBatch: number(p.From), ToBatch: number(p.To), Facts: number(p.Facts), Snapshots: number(p.Snapshots), Bytes: number(p.Bytes),
			TrimmedBatch: number(p.Trimmed), TookMs: number(p.TookMs),
		}
	}
	return m
}

func webhooksReply(v *engine.WebhooksView) *pb.Webhooks {
	m := &pb.Webhooks{Made: v.Made, Secret: v.Secret, Problem: strings.ToValidUTF8(v.Problem, "?")}
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		m.Endpoints = append(m.Endpoints, &pb.Webhook{
			Id: e.ID, Host: strings.ToValidUTF8(e.Host, "?"), Kinds: e.Kinds, Made: timestamp(e.Made), Delivered: number(e.Delivered), Failed: number(e.Failed),
			Waiting: number(e.Waiting), Error: strings.ToValidUTF8(e.Error, "?"),
		})
	}
	for i := range v.Dead {
		l := &v.Dead[i]
		m.Dead = append(m.Dead, &pb.DeadLetter{Notice: l.Notice, Subject: l.Subject, At: timestamp(l.At), Attempts: l.Attempts, Error: strings.ToValidUTF8(l.Error, "?")})
	}
	if v.Delivered > 0 || v.Problem != "" {
		m.Delivered = number(v.Delivered)
	}
	return m
}

func auditEntry(e *engine.Audit) *pb.AuditEntry {
	m := &pb.AuditEntry{
		Seq: int64(e.Seq), At: timestamp(e.At), Account: e.Account, Verb: e.Verb, Arguments: e.Arguments, Operator: e.Operator,
		RequestId: e.RequestID, Code: e.Code.String(),
	}
	if e.Operator != "" {
		m.KnownBy = "declared"
	}
	return m
}

func whyReply(w *engine.WhyView) *pb.Why {
	m := &pb.Why{Kind: w.Kind.String(), Message: w.Message, At: timestamp(w.At)}
	switch w.Kind {
	case engine.WhyAccepted:
		m.Verb, m.Fact, m.Id, m.State, m.Currency, m.Amount = w.Verb.String(), int64(w.Seq), w.ID, w.State, w.Currency, number(w.Amount)
		switch w.Shows {
		case engine.ShowsHold:
			m.Object = "hold"
		case engine.ShowsOrder:
			m.Object = "order"
		case engine.ShowsCapacity:
			m.Object = "capacity"
		case engine.ShowsPurchase:
			m.Object = "purchase"
		case engine.ShowsOffer:
			m.Object = "offer"
		case engine.ShowsRefund:
			m.Object = "refund"
		case engine.ShowsTicket:
			m.Object, m.Amount = "ticket", nil
		case engine.ShowsPlace:
			m.Object, m.Amount = "place", nil
		case engine.ShowsWaiter:
			m.Object, m.Amount = "waiter", nil
		case engine.ShowsEvent, engine.ShowsLine, engine.ShowsWhy, engine.ShowsTouch, engine.ShowsWaiting: // nothing is remembered of touches and of looks by their requests
			m.Object, m.Amount = "event", nil
		}
	case engine.WhyRefused:
		m.Code, m.Field, m.Rule = w.Code.String(), w.Field, w.Rule
		for i := range w.Numbers {
			m.Numbers = append(m.Numbers, &pb.WhyNumber{Name: w.Numbers[i].Name, Value: &w.Numbers[i].Value})
		}
	case engine.WhyUnknown:
		m.CoveredMs, m.AcceptedIds, m.RefusedIds = w.CoveredMs, &w.Accepted, &w.Refused
	}
	return m
}

func inspectionReply(v *engine.InspectView) *pb.Inspection {
	m := &pb.Inspection{
		Account: v.Account, Event: v.Event, Fact: int64(v.Fact), At: timestamp(v.At), Batch: int64(v.Batch), LastBatch: int64(v.LastBatch),
		HighMark: timestamp(v.HighMark), StateHash: fmt.Sprintf("%016x", v.StateHash), State: v.State, Name: strings.ToValidUTF8(v.Name, "?"),
		Currency: v.Currency, HoldsLive: &v.HoldsLive, Orders: &v.Orders, Incarnation: v.NewIDs, OlderFactsCut: v.Cut,
	}
	for i := range v.Lots {
		c := &v.Lots[i].Counts
		m.Lots = append(m.Lots, &pb.InspectedLot{
			Lot: v.Lots[i].Lot, Pool: v.Lots[i].Pool, Capacity: &c.Capacity, Free: &c.Free, Held: &c.Held, Paying: &c.Paying, Sold: &c.Sold, Blocked: &c.Blocked,
		})
	}
	for i := range v.Facts {
		f := &v.Facts[i]
		m.Facts = append(m.Facts, &pb.InspectedFact{
			Fact: int64(f.Seq), At: timestamp(f.At), Kind: f.Kind, RequestId: f.RequestID, Text: strings.ToValidUTF8(f.Text, "?"),
		})
	}
	return m
}

// number is a count whose zero is an answer too.
func number[T int | int64 | uint64](v T) *int64 {
	n := int64(v)
	return &n
}

func timestamp(at engine.Instant) *timestamppb.Timestamp {
	if at == 0 {
		return nil
	}
	return timestamppb.New(time.Unix(0, int64(at)))
}

// message writes a message as the rest of the contract's JSON is written: names of the schema, plain numbers, RFC 3339 times, no empty fields.
func (w *jsonWriter) message(m protoreflect.Message) {
	w.b = append(w.b, '{')
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		name := string(f.Name())
		switch {
		case f.IsList():
			list := m.Get(f).List()
			if list.Len() == 0 {
				continue
			}
			w.list(name)
			for j := range list.Len() {
				w.comma()
				w.value(f, list.Get(j))
			}
			w.end(']')
		case m.Has(f) || f.Kind() == protoreflect.BoolKind:
			w.key(name)
			w.value(f, m.Get(f))
		}
	}
	w.end('}')
}

func (w *jsonWriter) value(f protoreflect.FieldDescriptor, v protoreflect.Value) {
	switch {
	case f.Kind() == protoreflect.StringKind:
		w.quote(v.String())
	case f.Kind() == protoreflect.MessageKind:
		if t, ok := v.Message().Interface().(*timestamppb.Timestamp); ok {
			w.quote(t.AsTime().Format(time.RFC3339Nano))
			return
		}
		w.message(v.Message())
	case f.Kind() == protoreflect.DoubleKind:
		w.b = strconv.AppendFloat(w.b, v.Float(), 'f', -1, 64)
	default: // whole numbers and truth values, which JSON writes as they are
		w.b = append(w.b, v.String()...)
	}
}
