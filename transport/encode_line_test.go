package transport

import (
	"encoding/hex"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// referenceLineViews is referenceReply for the line and the waiting list.
func referenceLineViews(r *pb.Reply, out *engine.Outcome) {
	if out.Shows&engine.ShowsPlace != 0 {
		p := out.Place
		r.Place = &pb.Place{
			Event: p.Event, Buyer: p.Buyer, Entry: int64(p.Entry), Place: int64(p.Place), State: p.State.String(), Absent: p.Absent, Until: timestampOf(p.Until),
			Track: p.Track, Wants: p.Wants,
		}
		for _, c := range p.Prices {
			r.Place.Prices = append(r.Place.Prices, &pb.LotPrice{Lot: c.Lot, TotalMinor: c.TotalMinor})
		}
		if p.InLobby {
			r.Place.Leaf = hex.EncodeToString(p.Leaf[:])
		}
	}
	if out.Shows&engine.ShowsLine != 0 {
		r.Line = referenceLineShown(out.Line, nil)
	}
	if out.Shows&engine.ShowsWaiter != 0 {
		v := out.Waiter
		r.Waiter = &pb.Waiter{
			Event: v.Event, Buyer: v.Buyer, Waiter: v.Waiter, State: v.State.String(), Ahead: v.Ahead, Until: timestampOf(v.Until), AutoBuy: v.AutoBuy,
			Method: v.Method, Agreement: v.Agreement,
		}
		if v.Hold != 0 {
			r.Waiter.Hold = string(engine.AppendHoldID(nil, v.Hold, v.HoldIn))
		}
		if v.HasMax {
			r.Waiter.MaxPriceMinor = &v.MaxMinor
		}
		for _, wish := range v.Wishes {
			r.Waiter.Wishes = append(r.Waiter.Wishes, &pb.WishShown{Lot: wish.Lot, Quantity: wish.Quantity, Together: wish.Together, Off: wish.Off})
		}
	}
}

func referenceLineShown(l *engine.LineView, spec *engine.LineSpec) *pb.Line {
	m := &pb.Line{
		Mode: l.Mode.String(), Phase: l.Phase.String(), Entries: l.Entries, Value: l.Value, Joined: l.Joined, Waiting: l.Waiting, Skipped: l.Skipped,
		Admitted: l.Admitted, Spent: l.Spent, Lapsed: l.Lapsed, Gone: l.Gone, Left: l.Left, Served: int64(l.Served), LanePerMin: l.PerMin,
	}
	if l.Committed {
		m.Commit = hex.EncodeToString(l.Commit[:])
	}
	if l.Phase >= engine.LineClosed && l.Root != (line.Hash{}) {
		m.Root = hex.EncodeToString(l.Root[:])
	}
	if l.Revealed {
		m.Seed = hex.EncodeToString(l.Seed[:])
	}
	for _, t := range l.Tracks {
		m.Tracks = append(m.Tracks, &pb.Track{Track: t.Track, ShareBp: t.ShareBp, Waiting: t.Waiting, Granted: t.Granted, Served: int64(t.Served)})
	}
	if m.LeavesFrom = int64(l.LeavesFrom); m.LeavesFrom != 0 {
		for _, leaf := range l.Leaves {
			m.Leaves = append(m.Leaves, hex.EncodeToString(leaf[:]))
		}
	}
	if spec != nil {
		m.LobbyAt, m.PassTtlMs, m.GraceMs, m.ShoppersMax = timestampOf(spec.LobbyAt), spec.PassTTLMs, spec.GraceMs, spec.ShoppersMax
		m.DrawValue, m.OfferTtlMs, m.AsideMs = spec.DrawValue, spec.OfferTTLMs, spec.AsideMs
	}
	return m
}

func (d dice) hash() (h line.Hash) {
	for i := range h {
		h[i] = byte(d.Uint32())
	}
	return h
}

// line adds what an outcome may show of the line.
func (d dice) line(out *engine.Outcome) {
	out.Place = &engine.PlaceView{
		Event: d.text(), Buyer: d.text(), Entry: line.Entry(d.Uint32()), Place: line.Place(d.IntN(3)), State: engine.PlaceState(d.IntN(9)), Absent: d.IntN(2) == 0,
		Until: d.at(), Track: d.text(), Wants: d.number(), Leaf: d.hash(), InLobby: d.IntN(2) == 0,
	}
	for range d.IntN(3) {
		out.Place.Prices = append(out.Place.Prices, engine.PromisedPrice{Lot: d.text(), TotalMinor: d.number()})
	}
	out.Line = &engine.LineView{
		Mode: engine.LineMode(d.IntN(2)), Phase: engine.LinePhase(d.IntN(5)), Committed: d.IntN(2) == 0, Commit: d.hash(), Root: d.hash(), Entries: d.number(),
		Value: d.text(), Revealed: d.IntN(2) == 0, Seed: line.Seed(d.hash()), Joined: d.number(), Waiting: d.number(), Skipped: d.number(), Admitted: d.number(),
		Spent: d.number(), Lapsed: d.number(), Gone: d.number(), Left: d.number(), Served: line.Place(d.Uint32()), PerMin: d.number(),
		LeavesFrom: line.Entry(d.IntN(2)),
	}
	for range d.IntN(3) {
		out.Line.Leaves = append(out.Line.Leaves, d.hash())
		out.Line.Tracks = append(out.Line.Tracks, engine.TrackView{
			Track: d.text(), ShareBp: d.number(), Waiting: d.number(), Granted: d.number(), Served: line.Place(d.Uint32()),
		})
	}
	out.Waiter = &engine.WaiterView{
		Event: d.text(), Buyer: d.text(), Waiter: d.number(), State: engine.WaitState(d.IntN(10)), Ahead: d.number(), Hold: engine.HoldID(d.IntN(2)), Until: d.at(),
		MaxMinor: d.number(), HasMax: d.IntN(2) == 0, AutoBuy: d.IntN(2) == 0, Method: d.text(), Agreement: d.text(),
	}
	for range d.IntN(3) {
		out.Waiter.Wishes = append(out.Waiter.Wishes, engine.WishView{
			Wish: engine.Wish{Lot: d.text(), Quantity: d.number(), Together: d.IntN(2) == 0}, Off: d.IntN(2) == 0,
		})
	}
	if d.IntN(2) == 0 {
		out.Event.Line = out.Line
		if d.IntN(2) == 0 {
			out.Event.Spec.Line = &engine.LineSpec{
				LobbyAt: d.at(), PassTTLMs: d.number(), GraceMs: d.number(), ShoppersMax: d.number(), DrawValue: d.IntN(2) == 0, OfferTTLMs: d.number(), AsideMs: d.number(),
			}
		}
	}
	if d.IntN(2) == 0 {
		out.Event.List = &engine.ListView{Waiting: d.number(), Offered: d.number(), Bought: d.number(), Lapsed: d.number(), Left: d.number(), Took: d.number(), Unfit: d.number()}
	}
}
