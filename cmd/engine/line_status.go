package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

func (s *eventSettings) lineStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status EVENT",
		Short: "How far a line is, who shops, and what keeps more from being let in",
		Long: `Shows the line of an event as it is now: its phase and what it waits for, what is published of its draw, how far each track is served, how many wait, shop and have ordered, and what
keeps more passes from being granted (docs/line.md, "How many may shop").`,
		Example: `  engine line status night-one
  engine line status night-one --json
  watch -n 1 engine line status night-one`,
		Args: oneLine,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !engine.ValidID(args[0]) {
				return fmt.Errorf("refused, invalid: %q cannot be the id of an event: use 1 to %d of A-Z a-z 0-9 _ -", args[0], engine.IDLenMax)
			}
			c, err := s.connect()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			e, err := c.Get(cmd.Context(), args[0])
			switch {
			case err != nil:
				return lineRefusal(err)
			case e.Line == nil:
				return errNoLine(args[0])
			}
			st := statusOf(e)
			if s.json {
				return printJSON(s.stdout, st)
			}
			return st.print(s.stdout)
		},
	}
}

// lineStatus is what is shown of a line, as it is printed with --json.
type lineStatus struct {
	Event   string        `json:"event"`
	State   string        `json:"state"`
	Mode    string        `json:"mode"`
	Phase   string        `json:"phase"`
	Next    string        `json:"next"` // what it waits for, in words
	Commit  string        `json:"commit,omitempty"`
	Root    string        `json:"root,omitempty"`
	Value   string        `json:"value,omitempty"`
	Seed    string        `json:"seed,omitempty"`
	Entries int64         `json:"entries"`
	States  []reportCount `json:"states"`
	Served  int64         `json:"served"`
	Tracks  []statusTrack `json:"tracks"`
	List    []reportCount `json:"waiting_list,omitempty"`
	Free    int64         `json:"free"`
	Held    int64         `json:"held"`
	Sold    int64         `json:"sold"`
}

type statusTrack struct {
	Track   string `json:"track"`
	ShareBp int64  `json:"share_bp"`
	Waiting int64  `json:"waiting"`
	Passes  int64  `json:"passes"`
	Served  int64  `json:"served"`
}

func statusOf(e *pb.Event) *lineStatus {
	l := e.Line
	st := &lineStatus{
		Event: e.Id, State: e.State, Mode: l.Mode, Phase: l.Phase, Commit: l.Commit, Root: l.Root, Value: l.Value, Seed: l.Seed, Entries: l.Entries, Served: l.Served,
		States: statesOf(l), List: listOf(e.WaitingList),
	}
	for _, t := range l.Tracks {
		st.Tracks = append(st.Tracks, statusTrack{Track: t.Track, ShareBp: t.ShareBp, Waiting: t.Waiting, Passes: t.Granted, Served: t.Served})
	}
	for _, lot := range e.Lots {
		st.Free, st.Held, st.Sold = st.Free+lot.Available, st.Held+lot.Held+lot.Paying, st.Sold+lot.Sold
	}
	st.Next = nextOf(e)
	return st
}

// nextOf says what a line waits for.
func nextOf(e *pb.Event) string {
	l := e.Line
	switch {
	case e.State != engine.EventDraft.String() && e.State != engine.EventOnSale.String() && e.State != engine.EventPaused.String():
		return "the event is over: nobody is served any more"
	case l.Mode == engine.LineModeOpen.String():
		return "the line is not in use: whoever comes may buy (mode open)"
	}
	switch l.Phase {
	case engine.LineNone.String():
		if at := l.LobbyAt; at != nil && at.AsTime().After(time.Now()) {
			return "the lobby opens at " + at.AsTime().Format(time.RFC3339)
		}
		return "the lobby opens as soon as the draw's seed is sealed"
	case engine.LineLobby.String():
		return "buyers join; the lobby closes when the event opens: engine event open " + e.Id
	case engine.LineClosed.String():
		if l.DrawValue && l.Value == "" {
			return "the draw waits for its public value: engine line draw " + e.Id + " --value VALUE"
		}
		return "the seed is about to be revealed"
	case engine.LineDrawing.String():
		return "places are being drawn"
	}
	if e.State == engine.EventPaused.String() {
		return "the event is paused: nobody is served until engine event open " + e.Id
	}
	if l.Waiting == 0 {
		return "nobody waits: whoever joins is served as soon as there is something for them"
	}
	return "passes are granted by place"
}

func (st *lineStatus) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "the line of %s, which is %s: %s\n  %s\n\n", st.Event, stateText(st.State), st.Phase, st.Next)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{{"seed promised", st.Commit}, {"root of the list", st.Root}, {"public value", st.Value}, {"seed", st.Seed}} {
		if row[1] != "" {
			fmt.Fprintf(t, "  %s\t%s\n", row[0], row[1])
		}
	}
	if st.Commit != "" {
		fmt.Fprintf(t, "  entries of the lobby\t%s\n", thousands(st.Entries))
	}
	fmt.Fprintf(t, "  tickets\t%s free, %s held or being paid, %s sold\n", thousands(st.Free), thousands(st.Held), thousands(st.Sold))
	fmt.Fprintf(t, "  people\t%s\n", countsText(st.States))
	if len(st.List) > 0 {
		fmt.Fprintf(t, "  waiting list\t%s\n", countsText(st.List))
	}
	_ = t.Flush() // a strings.Builder takes everything
	t = tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\n  track\tshare\tpasses\tserved to place\twaiting\t\n")
	for _, tr := range st.Tracks {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t\n", tr.Track, percentText(float64(tr.ShareBp)/basisPoints), thousands(tr.Passes), thousands(tr.Served), thousands(tr.Waiting))
	}
	_ = t.Flush() // a strings.Builder takes everything
	_, err := io.WriteString(w, b.String())
	return err
}

// countsText lists the counts that are not 0.
func countsText(list []reportCount) string {
	var parts []string
	for _, c := range list {
		if c.Count > 0 {
			parts = append(parts, thousands(c.Count)+" "+c.State)
		}
	}
	if len(parts) == 0 {
		return "none yet"
	}
	return strings.Join(parts, ", ")
}
