package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// reportLineOf is how the line of an event went, and how fair it was: docs/line.md says what each figure is. It names nobody.
type reportLineOf struct {
	Mode    string `json:"mode"`
	Phase   string `json:"phase"`
	Entries int64  `json:"entries"` // of the lobby
	Commit  string `json:"commit,omitempty"`
	Root    string `json:"root,omitempty"`
	Value   string `json:"value,omitempty"`
	Seed    string `json:"seed,omitempty"`

	States []reportCount `json:"states"` // who joined, by what became of them
	// Overtaken is how often a turn or a ticket was somebody else's by the line's rules: 0 in a fair line.
	Overtaken  int64               `json:"overtaken"`
	All        reportTrack         `json:"all"`
	Tracks     []reportTrack       `json:"tracks"`
	Tickets    int64               `json:"tickets"`
	Linked     int64               `json:"tickets_to_linked_buyers"`
	MostLinked int64               `json:"most_tickets_of_one_cluster"`
	Flows      map[string]flowPass `json:"flows"`
	// Difference is the share of one-click passes with an order less that of standard ones, at equal place, and Error its standard error; nil where none can be compared.
	Difference *float64      `json:"one_click_difference"`
	Error      *float64      `json:"one_click_difference_error"`
	List       []reportCount `json:"waiting_list,omitempty"` // who waited for freed tickets, by what became of them
}

// flowStandard is the name of the flow that goes step by step.
const flowStandard = "standard"

// reportCount is how many are in a state.
type reportCount struct {
	State string `json:"state"`
	Count int64  `json:"count"`
}

// reportTrack is what became of the people of a track, or of all of them. Times are those from when the line began, or from joining if that was later, to the pass.
type reportTrack struct {
	Track      string  `json:"track,omitempty"`
	PromisedBp int64   `json:"promised_bp,omitempty"` // of the passes, in hundredths of a percent
	Share      float64 `json:"share"`                 // of the passes, that it got
	Joined     int64   `json:"joined"`
	Served     int64   `json:"served"`
	NoShows    int64   `json:"no_shows"`
	Left       int64   `json:"left"`
	Ordered    int64   `json:"ordered"`
	P50Ms      int64   `json:"wait_p50_ms"`
	P90Ms      int64   `json:"wait_p90_ms"`
	P99Ms      int64   `json:"wait_p99_ms"`
	MaxMs      int64   `json:"wait_max_ms"`
}

// flowPass is what became of the passes of a flow.
type flowPass struct {
	Passes  int64 `json:"passes"`
	Ordered int64 `json:"ordered"`
}

// lineOf reads how an event's line went; nil if it has none.
func lineOf(ev *engine.Event, list *engine.ListView) *reportLineOf {
	v, ok := ev.Line()
	if !ok || v.Phase == engine.LineNone && v.Joined == 0 {
		return nil
	}
	r := &reportLineOf{Mode: v.Mode.String(), Phase: v.Phase.String(), Entries: v.Entries, Value: strings.Clone(v.Value)}
	if v.Committed {
		r.Commit = v.Commit.String()
	}
	if v.Root != (line.Hash{}) {
		r.Root = v.Root.String()
	}
	if v.Revealed {
		r.Seed = line.Hash(v.Seed).String()
	}
	r.States = []reportCount{
		{"ordered", v.Spent}, {"shopping", v.Admitted}, {"waiting", v.Waiting}, {"skipped", v.Skipped}, {"lapsed", v.Lapsed}, {"gone", v.Gone}, {"left", v.Left},
	}
	tracks := make([]engine.TrackView, len(v.Tracks))
	copy(tracks, v.Tracks)
	if list != nil {
		r.List = []reportCount{
			{"waiting", list.Waiting},
			{"offered", list.Offered},
			{"bought", list.Bought},
			{"lapsed", list.Lapsed},
			{"released", list.Released},
			{"unpaid", list.Unpaid},
			{"left", list.Left},
			{"took", list.Took},
			{"unfit", list.Unfit},
		}
	}
	if fair, ok := ev.Fairness(); ok {
		r.takeFairness(&fair, tracks)
	}
	return r
}

func (r *reportLineOf) takeFairness(f *line.FairReport, tracks []engine.TrackView) {
	r.All, r.Overtaken, r.Tickets, r.Linked, r.MostLinked = trackOf(&f.All), int64(f.All.Overtook), int64(f.Tickets), int64(f.Linked), int64(f.MostLinked)
	for i := range f.Tracks {
		t := trackOf(&f.Tracks[i])
		if i < len(tracks) {
			t.Track, t.PromisedBp = strings.Clone(tracks[i].Track), tracks[i].ShareBp
		}
		r.Tracks = append(r.Tracks, t)
	}
	r.Flows = map[string]flowPass{}
	for flow, name := range map[line.Flow]string{line.Standard: flowStandard, line.OneClick: flowOneClick} {
		r.Flows[name] = flowPass{Passes: int64(f.Flows[flow].Shopped), Ordered: int64(f.Flows[flow].Ordered)}
	}
	if f.Error > 0 {
		r.Difference, r.Error = &f.Difference, &f.Error
	}
}

func trackOf(t *line.FairTrack) reportTrack {
	return reportTrack{
		Share: t.Share, Joined: int64(t.Joined), Served: int64(t.Served), NoShows: int64(t.NoShows), Left: int64(t.Left), Ordered: int64(t.Ordered),
		P50Ms: int64(t.P50Ms), P90Ms: int64(t.P90Ms), P99Ms: int64(t.P99Ms), MaxMs: int64(t.MaxMs),
	}
}

// verdict is the line in a sentence.
func (r *reportLineOf) verdict() string {
	switch {
	case r.Overtaken > 0:
		return fmt.Sprintf("THE LINE WAS NOT FAIR: %s turns or tickets were somebody else's by its rules; see Fairness.", thousands(r.Overtaken))
	case r.All.Served == 0:
		return fmt.Sprintf("%s joined the line, and nobody has been served yet.", thousands(r.All.Joined))
	}
	return fmt.Sprintf("Nobody of the %s in the line was overtaken outside its rules; half of those who were served waited %s at most.", thousands(r.All.Joined), waitText(r.All.P50Ms))
}

// reportFact is a line of the section about fairness.
type reportFact struct {
	Name, Text, About string
}

// Facts are the section's lines.
func (r *reportLineOf) Facts() []reportFact {
	facts := []reportFact{
		{"Overtaken outside the rules", thousands(r.Overtaken), "turns and tickets that were somebody else's by the line's rules: 0 in a fair line"},
		{"Waited", fmt.Sprintf("%s, %s, %s, %s", waitText(r.All.P50Ms), waitText(r.All.P90Ms), waitText(r.All.P99Ms), waitText(r.All.MaxMs)), "half, nine of ten, 99 of 100, and all of those who were served, at most"},
		{"No-shows", ofText(r.All.NoShows, r.All.Served+r.All.NoShows), "absent at their turn, and not back in time; of those whose turn has come"},
		{"Gave their place up", ofText(r.All.Left, r.All.Joined), "of those who joined"},
		{"Passes with an order", ofText(r.All.Ordered, r.All.Served), "of the passes"},
		{"Tickets to linked buyers", ofText(r.Linked, r.Tickets), fmt.Sprintf("of the tickets sold; the most of one cluster are %s", thousands(r.MostLinked))},
	}
	for _, flow := range []string{flowStandard, flowOneClick} {
		f := r.Flows[flow]
		facts = append(facts, reportFact{"Success of " + strings.ReplaceAll(flow, "_", "-"), ofText(f.Ordered, f.Passes), "passes with an order, of those of the flow; who is in front finds more"})
	}
	text := string(measure.WhyTooFew)
	if r.Difference != nil {
		text = fmt.Sprintf("%+.1f points, ± %.1f", 100**r.Difference, 100*1.96**r.Error) //nolint:mnd // of a hundred, and 95 %
	}
	return append(facts, reportFact{"One-click less standard, at equal place", text, "Mantel and Haenszel over strata of places, with the 95 % interval; buyers choose their flow, so it proves no cause"})
}

// waitText writes how long somebody waited.
func waitText(ms int64) string { return durationText(float64(ms)) }

// ofText writes a share with what it is made of.
func ofText(n, of int64) string {
	if of == 0 {
		return string(measure.WhyNotYet)
	}
	return fmt.Sprintf("%s (%s of %s)", valueText(float64(n)/float64(of), measure.UnitRatio, ""), thousands(n), thousands(of))
}

// Given writes the share of the passes that a track got.
func (t *reportTrack) Given() string { return percentText(t.Share) }

// Promised writes the share that was promised.
func (t *reportTrack) Promised() string { return percentText(float64(t.PromisedBp) / 1e4) }

func percentText(share float64) string {
	return valueText(math.Round(share*1e4)/1e4, measure.UnitRatio, "") //nolint:mnd // hundredths of a percent
}
