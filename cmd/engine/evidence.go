package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store"
)

// evidenceFactsMax bounds the facts in one piece of evidence: the newest.
const evidenceFactsMax = 500

// evidence is what is known of an order, for a dispute: the order as it is now, and what led to it and followed it, as the log has it.
type evidence struct {
	Made     time.Time         `json:"made"`
	Account  string            `json:"account"`
	Event    string            `json:"event"`
	Name     string            `json:"name,omitempty"`
	StartsAt *time.Time        `json:"starts_at,omitempty"`
	Buyer    string            `json:"buyer"`
	Order    evidenceOrder     `json:"order"`
	Purchase *evidencePurchase `json:"purchase,omitempty"` // none if it was paid outside
	Tickets  []evidenceTicket  `json:"tickets"`
	Refunds  []evidenceRefund  `json:"refunds,omitempty"`
	Facts    []evidenceFact    `json:"facts"`
	// Cut says that the log before the first fact is gone: what came before is not in here, if anything did.
	Cut bool `json:"older_facts_cut"`
}

type evidenceOrder struct {
	ID         string    `json:"id"`
	Hold       string    `json:"hold"`
	At         time.Time `json:"at"`
	TotalMinor int64     `json:"total_minor"`
	Currency   string    `json:"currency"`
	PaymentRef string    `json:"payment_ref,omitempty"`
	Items      []string  `json:"items"`
}

type evidencePurchase struct {
	ID        string     `json:"id"`
	Flow      string     `json:"flow"`
	Gateway   string     `json:"gateway,omitempty"`
	Method    string     `json:"method,omitempty"` // id of the saved method
	Charge    string     `json:"charge"`
	UndoUntil *time.Time `json:"undo_until,omitempty"`
	Undone    bool       `json:"undone"`
}

type evidenceTicket struct {
	ID         string     `json:"id"`
	State      string     `json:"state"`
	Generation uint32     `json:"generation"`
	AdmittedAt *time.Time `json:"admitted_at,omitempty"`
	Gate       string     `json:"gate,omitempty"`
}

type evidenceRefund struct {
	ID          string    `json:"id"`
	State       string    `json:"state"`
	AmountMinor int64     `json:"amount_minor"`
	At          time.Time `json:"at"`
}

// evidenceFact is a fact of the log: its number proves its place in the chain of hashes that engine verify follows.
type evidenceFact struct {
	Fact      int64     `json:"fact"`
	At        time.Time `json:"at"`
	Kind      string    `json:"kind"`
	RequestID string    `json:"request_id,omitempty"`
	Text      string    `json:"text"`
}

// evidence puts together what is known of an order. It reads the log twice: for the state, and for what led to it.
func (p *process) evidence(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	if !p.inspecting.TryLock() {
		return inspectLater("another event is being inspected: one at a time")
	}
	defer p.inspecting.Unlock()
	return p.look(ctx, cmd, func(key engine.Key, look func(store.Look) (store.Seen, error)) (*engine.AdminAnswer, error) {
		seen, err := look(store.Look{Key: key})
		if err != nil {
			return nil, err
		}
		ev, ok := seen.State.(*engine.Event)
		if !ok {
			return nil, fmt.Errorf("event %s is a %T", key.ID, seen.State)
		}
		e := &evidence{Made: time.Now().UTC().Truncate(time.Second), Account: key.Account, Event: key.ID}
		about, refused := e.take(ev, cmd.Order)
		if refused != nil {
			return refused, nil
		}
		if seen, err = look(store.Look{Key: key, Facts: evidenceFactsMax, Only: about.has}); err != nil {
			return nil, err
		}
		e.Cut = seen.Cut
		for i := range seen.Facts {
			f := &seen.Facts[i]
			e.Facts = append(e.Facts, evidenceFact{Fact: int64(f.Seq), At: wall(f.At), Kind: f.Kind, RequestID: f.RequestID, Text: f.Text})
		}
		text, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("write the evidence: %w", err)
		}
		return &engine.AdminAnswer{Evidence: string(text)}, nil
	})
}

// words are the ids that a fact must name to be about an order.
type words struct {
	ids   map[string]bool
	buyer string
}

// has reports whether a fact is about the order: it names one of its ids, or is an offer to its buyer.
func (w *words) has(f *engine.FactView) bool {
	named := false
	for _, word := range strings.FieldsFunc(f.Text, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		if w.ids[word] || f.Kind == "offered" && word == w.buyer {
			named = true
		}
	}
	return named
}

// take fills in what the event knows, and returns what names the order in its facts.
func (e *evidence) take(ev *engine.Event, order string) (*words, *engine.AdminAnswer) {
	var none engine.Facts
	out := ev.Step(&engine.Command{Verb: engine.VerbOrder, Order: order}, ev.LastAt(), &none)
	if out.Code != engine.CodeOK {
		return nil, &engine.AdminAnswer{Code: out.Code, Field: out.Field, Text: string(out.AppendMessage(nil))}
	}
	o := &out.Order
	e.Buyer = strings.Clone(o.Buyer)
	e.Order = evidenceOrder{
		ID: order, Hold: string(engine.AppendHoldID(nil, o.Hold, o.HoldIncarnation)), At: wall(o.At), TotalMinor: o.TotalMinor, Currency: o.Currency,
		PaymentRef: strings.Clone(o.PaymentRef),
	}
	for i := range o.Items {
		it := &o.Items[i]
		text := fmt.Sprintf("%d x %s at %d", it.Quantity, it.Lot, it.FaceMinor)
		for _, f := range it.Fees {
			text += fmt.Sprintf(" + %d %s", f.Minor, f.Name)
		}
		for _, seat := range it.Seats {
			text += " " + seat
		}
		e.Order.Items = append(e.Order.Items, text)
	}
	w := &words{ids: map[string]bool{order: true, e.Order.Hold: true}, buyer: e.Buyer}
	for n := range min(o.Tickets, evidenceFactsMax) {
		t := evidenceTicket{ID: string(engine.AppendTicketID(nil, o.FirstTicket+engine.TicketID(n), o.Incarnation)), State: engine.TicketValid.String()}
		if n < int64(len(o.Marks)) {
			m := &o.Marks[n]
			t.State, t.Generation, t.AdmittedAt, t.Gate = m.State.String(), m.Generation, wallOrNone(m.AdmittedAt), strings.Clone(m.Gate)
		}
		e.Tickets = append(e.Tickets, t)
		w.ids[t.ID] = true
	}
	for i := range o.Refunds {
		r := &o.Refunds[i]
		id := string(engine.AppendRefundID(nil, r.ID, r.Incarnation))
		e.Refunds = append(e.Refunds, evidenceRefund{ID: id, State: r.State.String(), AmountMinor: r.AmountMinor, At: wall(r.At)})
		w.ids[id] = true
	}
	if o.Purchase != 0 {
		id := string(engine.AppendPurchaseID(nil, o.Purchase, o.PurchaseIn))
		w.ids[id] = true
		out = ev.Step(&engine.Command{Verb: engine.VerbPurchase, Payment: &engine.PaymentCommand{Purchase: id}}, ev.LastAt(), &none)
		if v := out.Purchase; out.Code == engine.CodeOK && v != nil {
			e.Purchase = &evidencePurchase{
				ID: id, Flow: flowName(v.Flow), Gateway: strings.Clone(v.Gateway), Method: strings.Clone(v.Method), Charge: v.Charge.String(),
				UndoUntil: wallOrNone(v.UndoUntil), Undone: v.Undone,
			}
		}
	}
	out = ev.Step(&engine.Command{Verb: engine.VerbGet}, ev.LastAt(), &none)
	e.Name, e.StartsAt = strings.Clone(out.Event.Spec.Name), wallOrNone(out.Event.Spec.StartsAt)
	return w, nil
}

func flowName(f engine.Flow) string {
	if f == engine.FlowOneClick {
		return "one_click"
	}
	return "standard"
}

func wall(at engine.Instant) time.Time { return time.Unix(0, int64(at)).UTC() }

func wallOrNone(at engine.Instant) *time.Time {
	if at == 0 {
		return nil
	}
	t := wall(at)
	return &t
}
