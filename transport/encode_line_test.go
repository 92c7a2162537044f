package transport

import (
	"encoding/hex"
	"math"

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
			r.Place.Prices = append(r.Place.Prices, &pb.LotPrice{Lot: c.Lot, TotalMinor: c.TotalMinor, SoldOut: c.SoldOut})
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
	if m.Overtaken = l.Overtaken; l.Fairness != nil {
		m.Fairness = referenceFairness(l)
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
		m.Tracks = append(m.Tracks, &pb.Track{Track: t.Track, ShareBp: t.ShareBp, Waiting: t.Waiting, Granted: t.Granted, Served: int64(t.Served), CodeOnly: t.CodeOnly})
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

func referenceFairness(l *engine.LineView) *pb.Fairness {
	track := func(name string, t *line.FairTrack) *pb.FairTrack {
		return &pb.FairTrack{
			Track: name, Joined: int64(t.Joined), Served: int64(t.Served), ShareBp: int64(math.Round(t.Share * 1e4)), NoShows: int64(t.NoShows), Left: int64(t.Left),
			Ordered: int64(t.Ordered), Overtook: int64(t.Overtook), P50Ms: int64(t.P50Ms), P90Ms: int64(t.P90Ms), P99Ms: int64(t.P99Ms), MaxMs: int64(t.MaxMs),
		}
	}
	f := l.Fairness
	m := &pb.Fairness{
		All: track("", &f.All), Tickets: int64(f.Tickets), Linked: int64(f.Linked), MostLinked: int64(f.MostLinked),
		StandardShopped: int64(f.Flows[0].Shopped), StandardOrdered: int64(f.Flows[0].Ordered), OneClickShopped: int64(f.Flows[1].Shopped),
		OneClickOrdered: int64(f.Flows[1].Ordered), DifferenceBp: int64(math.Round(f.Difference * 1e4)), ErrorBp: int64(math.Round(f.Error * 1e4)),
	}
	for i := range f.Tracks {
		m.Tracks = append(m.Tracks, track(l.Tracks[i].Track, &f.Tracks[i]))
	}
	return m
}

func (d dice) fairTrack() line.FairTrack {
	return line.FairTrack{
		Joined: uint64(d.Uint32()), Served: uint64(d.Uint32()), NoShows: uint64(d.IntN(2)), Left: uint64(d.IntN(2)), Ordered: uint64(d.Uint32()), Overtook: uint64(d.IntN(2)),
		Share: d.Float64(), P50Ms: uint64(d.Uint32()), P90Ms: uint64(d.Uint32()), P99Ms: uint64(d.Uint32()), MaxMs: uint64(d.Uint32()),
	}
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
		out.Place.Prices = append(out.Place.Prices, engine.PromisedPrice{Lot: d.text(), TotalMinor: d.number(), SoldOut: d.IntN(2) == 0})
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
			Track: d.text(), ShareBp: d.number(), Waiting: d.number(), Granted: d.number(), Served: line.Place(d.Uint32()), CodeOnly: d.IntN(2) == 0,
		})
	}
	out.Line.Overtaken = int64(d.IntN(2))
	if d.IntN(2) == 0 {
		f := &line.FairReport{
			All: d.fairTrack(), Tickets: uint64(d.Uint32()), Linked: uint64(d.Uint32()), MostLinked: uint64(d.IntN(2)), Difference: d.Float64() - 0.5, Error: d.Float64(),
			Flows: [2]line.FlowReport{{Shopped: uint64(d.IntN(3)), Ordered: uint64(d.IntN(3))}, {Shopped: uint64(d.IntN(3)), Ordered: uint64(d.IntN(3))}},
		}
		for range out.Line.Tracks {
			f.Tracks = append(f.Tracks, d.fairTrack())
		}
		out.Line.Fairness = f
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
