package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// shownLine is the line as the page shows it to a visitor. Times are what is left of them: the browser's clock may be wrong.
type shownLine struct {
	Phase    string       `json:"phase"` // of the line, or over once the sale has ended
	Crowd    string       `json:"crowd"`
	Lobby    int64        `json:"lobby"` // entries so far
	Entries  int64        `json:"entries"`
	Waiting  int64        `json:"waiting"`
	Shopping int64        `json:"shopping"` // who have a pass
	Free     int64        `json:"free"`     // how often something could be taken; 0: nothing is left now
	Commit   string       `json:"commit"`
	Root     string       `json:"root"`
	Seed     string       `json:"seed"`
	Value    string       `json:"value"`
	Tracks   []shownTrack `json:"tracks"` // that everybody may join
	Lots     []shownPrice `json:"lots"`   // that are on sale to everybody
	Gone     []string     `json:"gone"`   // lots of which nothing is free, and nothing held or being paid that may come back
	Place    *shownPlace  `json:"place"`  // the visitor's
	Waiter   *shownWaiter `json:"waiter"` // the same, on the waiting list
}

type shownTrack struct {
	Track string `json:"track"`
	Name  string `json:"name"`
	About string `json:"about"`
}

type shownPrice struct {
	Lot        string `json:"lot"`
	Name       string `json:"name"`
	TotalMinor int64  `json:"total_minor"`
	SoldOut    bool   `json:"sold_out"`
}

type shownPlace struct {
	Entry   int64         `json:"entry"`
	Place   int64         `json:"place"`
	State   string        `json:"state"`
	Track   string        `json:"track"` // its name, if there is more than one
	Ahead   int64         `json:"ahead"`
	EtaMs   *int64        `json:"eta_ms"`
	Told    string        `json:"told"`
	Percent int64         `json:"percent"`
	LeftMs  int64         `json:"left_ms"` // of the pass, or of the time of grace
	Prices  []shownPrice  `json:"prices"`
	Receipt *shownReceipt `json:"receipt,omitempty"`
}

// shownReceipt is a receipt with the names of its published form.
type shownReceipt struct {
	Account   string   `json:"account"`
	Event     string   `json:"event"`
	Commit    string   `json:"commit"`
	Entry     int64    `json:"entry"`
	Buyer     string   `json:"buyer"`
	Index     int64    `json:"index"`
	Size      int64    `json:"size"`
	Root      string   `json:"root"`
	Path      []string `json:"path"`
	KeyID     string   `json:"kid"`
	Signature string   `json:"signature"`
}

type shownWaiter struct {
	Waiter     int64  `json:"waiter"`
	State      string `json:"state"`
	Ahead      int64  `json:"ahead"`
	What       string `json:"what"` // is wished for, or held
	Auto       bool   `json:"auto"`
	Hold       string `json:"hold"`
	LeftMs     int64  `json:"left_ms"`
	TotalMinor int64  `json:"total_minor"` // of what is held
	Purchase   string `json:"purchase"`    // that was made for them, once it is known
	Asks       string `json:"asks"`        // the purchase that is being made, if their bank has asked about it
	MaxMinor   int64  `json:"max_minor"`   // of what is bought when the turn comes
}

// line is where the visitor stands. Asking is the sign that they are here.
func (b *bridge) line(ctx context.Context, v *visitor, q struct {
	Receipt bool `json:"receipt"`
},
) (any, error) {
	e, err := b.client.Get(ctx, b.event())
	if err != nil {
		return nil, err
	}
	l, shown := e.GetLine(), &shownLine{Crowd: b.sale.crowdState(), Phase: e.GetLine().GetPhase(), Tracks: []shownTrack{}, Lots: []shownPrice{}, Gone: []string{}}
	shown.Lobby, shown.Entries, shown.Waiting, shown.Shopping = l.GetEntries(), l.GetEntries(), l.GetWaiting(), l.GetAdmitted()
	shown.Commit, shown.Root, shown.Seed, shown.Value = l.GetCommit(), l.GetRoot(), l.GetSeed(), l.GetValue()
	switch e.State {
	case engine.EventClosed.String(), engine.EventCancelled.String():
		shown.Phase = "over"
	}
	for _, t := range l.GetTracks() {
		if !t.CodeOnly {
			name, about := trackWords(t.Track)
			shown.Tracks = append(shown.Tracks, shownTrack{Track: t.Track, Name: name, About: fmt.Sprintf("%s, with %g %% of the turns.", about, float64(t.ShareBp)*100/basisPoints)})
		}
	}
	for _, lot := range e.Lots {
		if lot.CodeOnly {
			continue // who has a code for it knows of it
		}
		if p := b.sale.plan.lot(lot.Lot); p != nil && lot.Available > 0 {
			shown.Lots = append(shown.Lots, shownPrice{Lot: lot.Lot, Name: p.name, TotalMinor: p.price()})
		}
		if lot.Free+lot.Held+lot.Paying == 0 {
			shown.Gone = append(shown.Gone, lot.Lot)
		}
	}
	r, err := b.client.Do(ctx, b.event(), &pb.PlaceCommand{Buyer: v.buyer, Receipt: q.Receipt})
	var refused *client.Refusal
	switch {
	case errors.As(err, &refused) && refused.Name == engine.CodeNotInLine.String():
		return shown, nil
	case err != nil:
		return nil, err
	}
	shown.Place, shown.Waiter = b.placeOf(r.Place), b.waiterOf(r)
	if len(l.GetTracks()) > 1 && shown.Place != nil {
		shown.Place.Track, _ = trackWords(r.Place.Track)
	}
	if shown.Waiter != nil {
		if shown.Waiter.Purchase, err = b.boughtFor(ctx, v, r.Waiter); err != nil {
			return nil, err
		}
		if h := r.Waiter.Hold; r.Waiter.AutoBuy && h != "" {
			shown.Waiter.Asks = v.askedFor(r.Waiter.Waiter, h)
		}
	}
	return shown, b.isHere(ctx, v, r.Place)
}

// isHere lets the engine know that the visitor is there, whose page has just asked: a heartbeat, and who was away is back.
func (b *bridge) isHere(ctx context.Context, v *visitor, p *pb.Place) error {
	switch {
	case p == nil || p.State != engine.PlaceWaiting.String() && p.State != engine.PlaceSkipped.String() && p.State != engine.PlaceAdmitted.String():
		return nil
	case p.Absent:
		if _, err := b.client.Present(ctx, b.event(), &pb.PresentCommand{Buyer: v.buyer, Channel: visitChannel, Device: v.usedDevice()}); err != nil {
			return err
		}
	}
	return b.client.Here(b.event(), v.buyer)
}

// placeOf makes what the page shows of a place.
func (b *bridge) placeOf(p *pb.Place) *shownPlace {
	if p == nil {
		return nil
	}
	shown := &shownPlace{Entry: p.Entry, Place: p.Place, State: p.State, Ahead: p.Ahead, Told: p.GetChance().GetTold(), Percent: p.GetChance().GetPercent(), LeftMs: left(p.Until), Prices: []shownPrice{}}
	if p.Chance != nil { // it comes with what the time is reckoned from
		shown.EtaMs = &p.EtaMs
	}
	for _, price := range p.Prices {
		shown.Prices = append(shown.Prices, shownPrice{Lot: price.Lot, Name: b.lotName(price.Lot), TotalMinor: price.TotalMinor, SoldOut: price.SoldOut})
	}
	if r := p.Receipt; r != nil {
		shown.Receipt = &shownReceipt{
			Account: r.Account, Event: r.Event, Commit: r.Commit, Entry: r.Entry, Buyer: r.Buyer, Index: r.Index, Size: r.Size, Root: r.Root, Path: r.Path, KeyID: r.Kid, Signature: r.Signature,
		}
	}
	return shown
}

// waiterOf makes what the page shows of a waiter, with what is held for them.
func (b *bridge) waiterOf(r *pb.Reply) *shownWaiter {
	w := r.Waiter
	if w == nil {
		return nil
	}
	shown := &shownWaiter{Waiter: w.Waiter, State: w.State, Ahead: w.Ahead, Auto: w.AutoBuy, Hold: w.Hold, LeftMs: left(w.Until), MaxMinor: w.GetMaxPriceMinor()}
	var what []string
	for _, wish := range w.Wishes {
		if !wish.Off {
			what = append(what, fmt.Sprintf("%d × %s", wish.Quantity, b.lotName(wish.Lot)))
		}
	}
	shown.What = strings.Join(what, " or ")
	if h := r.Hold; h != nil {
		what = nil
		for _, it := range h.Items {
			what = append(what, fmt.Sprintf("%d × %s", it.Quantity, b.lotName(it.Lot)))
		}
		shown.What, shown.TotalMinor = strings.Join(what, ", "), h.TotalMinor
	}
	return shown
}

func (b *bridge) join(ctx context.Context, v *visitor, q struct {
	RequestID string `json:"request_id"`
	Track     string `json:"track"`
	Code      string `json:"code"`
},
) (any, error) {
	r, err := b.client.Do(ctx, b.event(), &pb.JoinCommand{RequestId: q.RequestID, Buyer: v.buyer, Channel: visitChannel, Device: v.usedDevice(), Track: q.Track, Code: q.Code})
	if err != nil {
		return nil, codeOfNone(err, "This code gives no place in the line. Join without it, and give it when you choose your tickets.")
	}
	return b.placeOf(r.Place), nil
}

// leave gives the place up, or the one on the waiting list.
func (b *bridge) leave(ctx context.Context, v *visitor, q struct {
	RequestID string `json:"request_id"`
	List      bool   `json:"list"`
},
) (any, error) {
	_, err := b.client.Do(ctx, b.event(), &pb.LeaveCommand{RequestId: q.RequestID, Buyer: v.buyer, Channel: visitChannel, Device: v.usedDevice(), List: q.List})
	return struct{}{}, err
}

// wait puts the visitor on the waiting list. A maximum of 0 is none, or with auto-buy what it costs now.
func (b *bridge) wait(ctx context.Context, v *visitor, q struct {
	RequestID string `json:"request_id"`
	Wishes    []struct {
		Lot      string `json:"lot"`
		Quantity int64  `json:"quantity"`
		Together bool   `json:"together"`
	} `json:"wishes"`
	MaxPriceMinor int64  `json:"max_price_minor"`
	AutoBuy       bool   `json:"auto_buy"`
	Method        string `json:"method"`
	Code          string `json:"code"`
},
) (any, error) {
	cmd := &pb.WaitCommand{RequestId: q.RequestID, Buyer: v.buyer, Channel: visitChannel, Device: v.usedDevice(), AutoBuy: q.AutoBuy, Method: q.Method, Code: q.Code}
	if q.MaxPriceMinor > 0 {
		cmd.MaxPriceMinor = &q.MaxPriceMinor
	}
	for _, w := range q.Wishes {
		cmd.Wishes = append(cmd.Wishes, &pb.Wish{Lot: w.Lot, Quantity: w.Quantity, Together: w.Together})
	}
	r, err := b.client.Do(ctx, b.event(), cmd)
	if err != nil {
		return nil, codeOfNone(err, "This code is for other tickets than those that you wish for.")
	}
	return b.waiterOf(r), nil
}

// entries reads leaves of the lobby's entries, from which the visitor's browser recomputes the draw.
func (b *bridge) entries(ctx context.Context, _ *visitor, q struct {
	From int64 `json:"from"`
},
) (any, error) {
	l, err := b.client.Entries(ctx, b.event(), q.From)
	if err != nil {
		return nil, err
	}
	return map[string]any{"leaves": l.Leaves}, nil
}

// doors opens the sale, as its organiser would. A second time changes nothing.
func (b *bridge) doors(ctx context.Context, _ *visitor, _ struct{}) (any, error) {
	return struct{}{}, b.openDoors(ctx)
}
