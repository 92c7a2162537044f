package main

import (
	"context"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// fairLive asks a running engine how fair the line has been.
func (s *eventSettings) fairLive(ctx context.Context, key engine.Key) (*fairReport, error) {
	c, err := s.connect()
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	r, err := c.Do(ctx, key.ID, &pb.GetCommand{Fairness: true})
	switch {
	case err != nil:
		return nil, lineRefusal(err)
	case r.Event.GetLine() == nil:
		return nil, errNoLine(key.ID)
	}
	return fairOfReply(r.Event), nil
}

// fairOfReply reads how fair a line has been from an event that was shown with it.
func fairOfReply(e *pb.Event) *fairReport {
	l, f := e.Line, e.Line.Fairness
	r := &reportLineOf{
		Mode: l.Mode, Phase: l.Phase, Entries: l.Entries, Commit: l.Commit, Root: l.Root, Value: l.Value, Seed: l.Seed, Overtaken: l.Overtaken, States: statesOf(l), List: listOf(e.WaitingList),
		Tickets: f.GetTickets(), Linked: f.GetLinked(), MostLinked: f.GetMostLinked(), All: trackOfReply(f.GetAll()),
		Flows: map[string]flowPass{
			flowStandard: {Passes: f.GetStandardShopped(), Ordered: f.GetStandardOrdered()}, flowOneClick: {Passes: f.GetOneClickShopped(), Ordered: f.GetOneClickOrdered()},
		},
	}
	if f.GetErrorBp() > 0 {
		difference, within := float64(f.DifferenceBp)/basisPoints, float64(f.ErrorBp)/basisPoints
		r.Difference, r.Error = &difference, &within
	}
	for i, t := range l.Tracks {
		given := reportTrack{}
		if i < len(f.GetTracks()) {
			given = trackOfReply(f.Tracks[i])
		}
		given.Track, given.PromisedBp = t.Track, t.ShareBp
		r.Tracks = append(r.Tracks, given)
	}
	return &fairReport{Event: e.Id, reportLineOf: *r}
}

// basisPoints are those of a whole.
const basisPoints = 1e4

func trackOfReply(t *pb.FairTrack) reportTrack {
	return reportTrack{
		Share: float64(t.GetShareBp()) / basisPoints, Joined: t.GetJoined(), Served: t.GetServed(), NoShows: t.GetNoShows(), Left: t.GetLeft(), Ordered: t.GetOrdered(),
		P50Ms: t.GetP50Ms(), P90Ms: t.GetP90Ms(), P99Ms: t.GetP99Ms(), MaxMs: t.GetMaxMs(),
	}
}

// statesOf is how many are in each state of a place.
func statesOf(l *pb.Line) []reportCount {
	return []reportCount{
		{"ordered", l.Spent}, {"shopping", l.Admitted}, {"waiting", l.Waiting}, {"skipped", l.Skipped}, {"lapsed", l.Lapsed}, {"gone", l.Gone}, {"left", l.Left},
	}
}

// listOf is how many are in each state of the waiting list; none if nobody has waited.
func listOf(w *pb.WaitingList) []reportCount {
	if w == nil {
		return nil
	}
	return []reportCount{
		{"waiting", w.Waiting},
		{"offered", w.Offered},
		{"bought", w.Bought},
		{"lapsed", w.Lapsed},
		{"released", w.Released},
		{"unpaid", w.Unpaid},
		{"left", w.Left},
		{"took", w.Took},
		{"unfit", w.Unfit},
	}
}
