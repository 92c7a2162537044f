package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// lineStatusSettings are the flags of line status. It asks the HTTP side: why so many may shop is shown to those who run a sale, and not published to buyers.
type lineStatusSettings struct {
	httpTarget
	account string
	json    bool
	watch   bool
}

const (
	lineStatusTimeout  = 5 * time.Second
	lineStatusBytesMax = 1 << 20
	lineStatusEvery    = time.Second
)

func lineStatusCommand() *cobra.Command {
	var s lineStatusSettings
	cmd := &cobra.Command{
		Use:   "status EVENT",
		Short: "How far a line is, who shops, and what keeps others out",
		Long: `Shows the line of an event as it is now: its phase and what it waits for, what is published of its draw, how far each track is served, how many wait, shop and have ordered, what
keeps more passes from being granted (docs/line.md, "How many may shop"), and what those who wait are told: when it will be their turn, and how good their chance of a ticket is.

It asks the HTTP side of a running engine, as the dashboard does.`,
		Example: `  engine line status night-one
  engine line status night-one --watch
  engine line status night-one --json`,
		Args: oneLine,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.prepare(cmd); err != nil {
				return err
			}
			return s.run(cmd.Context(), args[0], cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.account, "account", engine.SingleAccount, "account of the event")
	f.BoolVar(&s.watch, "watch", false, "show it again every second, until Ctrl-C")
	f.BoolVar(&s.json, "json", false, "print the engine's answer as JSON")
	s.addTo(f, lineStatusTimeout)
	return cmd
}

func (s *lineStatusSettings) run(ctx context.Context, event string, w io.Writer) error {
	for first := true; ; first = false {
		var st lineStatus
		body, err := s.getJSON(ctx, "/api/v1/line", url.Values{"account": {s.account}, "event": {event}, "report": {"1"}}, lineStatusBytesMax, &st)
		switch {
		case errors.Is(err, context.Canceled) && !first:
			return nil // whoever watches has seen enough
		case err != nil && strings.Contains(err.Error(), engine.CodeEventUnknown.String()):
			return fmt.Errorf("%w; `engine event list` lists those that there are", err)
		case err != nil:
			return err
		case st.Line == nil:
			return errNoLine(event)
		}
		switch {
		case s.json:
			var pretty []byte
			if pretty, err = json.MarshalIndent(json.RawMessage(body), "", "  "); err == nil {
				_, err = w.Write(append(pretty, '\n'))
			}
		case s.watch && isTerminal(w):
			fmt.Fprint(w, "\x1b[H\x1b[2J") // from the top, on an empty screen
			fallthrough
		default:
			err = st.print(w)
		}
		if err != nil || !s.watch {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lineStatusEvery):
		}
	}
}

// lineStatus is what the engine reports of a line while it runs.
type lineStatus struct {
	Event       string             `json:"event"`
	State       string             `json:"state"`
	Line        *statusLine        `json:"line"`
	PerMin      int64              `json:"passes_per_min"`
	Checkpoints []statusCheckpoint `json:"checkpoints"`
	Room        *statusRoom        `json:"room"`
	LastsTo     int64              `json:"lasts_to"`
	List        map[string]int64   `json:"waiting_list"`
}

type statusLine struct {
	Mode      string    `json:"mode"`
	Phase     string    `json:"phase"`
	Commit    string    `json:"commit"`
	Root      string    `json:"root"`
	Value     string    `json:"value"`
	Seed      string    `json:"seed"`
	Entries   int64     `json:"entries"`
	Waiting   int64     `json:"waiting"`
	Skipped   int64     `json:"skipped"`
	Admitted  int64     `json:"admitted"`
	Spent     int64     `json:"spent"`
	Lapsed    int64     `json:"lapsed"`
	Gone      int64     `json:"gone"`
	Left      int64     `json:"left"`
	DrawValue bool      `json:"draw_value"`
	LobbyAt   time.Time `json:"lobby_at"`
	Overtaken int64     `json:"overtaken"`
	Tracks    []struct {
		Track   string `json:"track"`
		ShareBp int64  `json:"share_bp"`
		Waiting int64  `json:"waiting"`
		Granted int64  `json:"granted"`
		Served  int64  `json:"served"`
	} `json:"tracks"`
}

type statusCheckpoint struct {
	Place  int64  `json:"place"`
	Track  string `json:"track"`
	Ahead  int64  `json:"ahead"`
	EtaMs  int64  `json:"eta_ms"`
	Chance struct {
		Told    string `json:"told"`
		Percent int64  `json:"percent"`
	} `json:"chance"`
}

// eta says in how long it is the turn of a place.
func (c *statusCheckpoint) eta() string {
	switch {
	case c.Chance.Told == line.SoldOut.String():
		return "-"
	case c.EtaMs > 0:
		return (time.Duration(c.EtaMs) * time.Millisecond).Round(time.Second).String()
	case c.Ahead == 0:
		return "next"
	}
	return "not known"
}

// statusRoom is how many more may shop, and what that is made of. What is no bound is nil.
type statusRoom struct {
	Free     int64  `json:"free"`
	Held     int64  `json:"held"`
	Supply   int64  `json:"supply"`
	Promised int64  `json:"promised"`
	ByStock  int64  `json:"by_stock"`
	ByLane   *int64 `json:"by_lane"`
	ByMax    *int64 `json:"by_max"`
	Grant    int64  `json:"grant"`
	Bound    string `json:"bound"`
}

// next says what a line waits for.
func (st *lineStatus) next() string {
	l := st.Line
	switch {
	case st.State != engine.EventDraft.String() && st.State != engine.EventOnSale.String() && st.State != engine.EventPaused.String():
		return "the event is over: nobody is served any more"
	case l.Mode == engine.LineModeOpen.String():
		return "the line is not in use: whoever comes may buy (mode open)"
	}
	switch l.Phase {
	case engine.LineNone.String():
		if l.LobbyAt.After(time.Now()) {
			return "the lobby opens at " + l.LobbyAt.Format(time.RFC3339)
		}
		return "the lobby opens as soon as the draw's seed is sealed"
	case engine.LineLobby.String():
		return "buyers join; the lobby closes when the event opens: engine event open " + st.Event
	case engine.LineClosed.String():
		if l.DrawValue && l.Value == "" {
			return "the draw waits for its public value: engine line draw " + st.Event + " --value VALUE"
		}
		return "the seed is about to be revealed"
	case engine.LineDrawing.String():
		return "places are being drawn"
	}
	if st.State == engine.EventPaused.String() {
		return "the event is paused: nobody is served until engine event open " + st.Event
	}
	if l.Waiting == 0 {
		return "nobody waits: whoever joins is served as soon as there is something for them"
	}
	return "passes are granted by place"
}

// why says in words what keeps more passes from being granted.
func (r *statusRoom) why() string {
	if r.Grant > 0 {
		return thousands(r.Grant) + " more may shop at this moment"
	}
	switch r.Bound {
	case line.BoundFree.String():
		return "nobody else may shop: nothing is free"
	case line.BoundStock.String():
		return "nobody else may shop: those who are inside are expected to take what there is"
	case line.BoundLane.String():
		return "nobody else may shop: the payment lane cannot take more; engine lane set lets it"
	case line.BoundMax.String():
		return "nobody else may shop: shoppers_max is reached; update sets another"
	}
	return "nobody else may shop: " + r.Bound
}

func (st *lineStatus) print(w io.Writer) error {
	var b strings.Builder
	l := st.Line
	fmt.Fprintf(&b, "the line of %s, which is %s: %s\n  %s\n\n", st.Event, stateText(st.State), l.Phase, st.next())
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{{"seed promised", l.Commit}, {"root of the list", l.Root}, {"public value", l.Value}, {"seed", l.Seed}} {
		if row[1] != "" {
			fmt.Fprintf(t, "  %s\t%s\n", row[0], row[1])
		}
	}
	if l.Commit != "" {
		fmt.Fprintf(t, "  entries of the lobby\t%s\n", thousands(l.Entries))
	}
	fmt.Fprintf(t, "  people\t%s\n", countsText([]reportCount{
		{"waiting", l.Waiting}, {"shopping", l.Admitted}, {"ordered", l.Spent}, {"lapsed", l.Lapsed}, {"skipped", l.Skipped}, {"gone", l.Gone}, {"left", l.Left},
	}))
	if l.Overtaken > 0 {
		fmt.Fprintf(t, "  OVERTAKEN\t%s turns were somebody else's: keep the data folder, and report it\n", thousands(l.Overtaken))
	}
	if n := st.List; n != nil {
		fmt.Fprintf(t, "  waiting list\t%s\n", countsText([]reportCount{
			{"waiting", n["waiting"]},
			{"offered", n["offered"]},
			{"bought", n["bought"]},
			{"lapsed", n["lapsed"]},
			{"released", n["released"]},
			{"unpaid", n["unpaid"]},
			{"left", n["left"]},
			{"took", n["took"]},
			{"unfit", n["unfit"]},
		}))
	}
	if r := st.Room; r != nil {
		r.print(t)
		fmt.Fprintf(t, "  passes\t%s in the last minute", thousands(st.PerMin))
		if st.LastsTo > 0 {
			fmt.Fprintf(t, "; the tickets may last to about place %s", thousands(st.LastsTo))
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush() // a strings.Builder takes everything
	t = tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\n  track\tshare\tpasses\tserved to place\twaiting\t\n")
	for _, tr := range l.Tracks {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t\n", tr.Track, percentText(float64(tr.ShareBp)/basisPoints), thousands(tr.Granted), thousands(tr.Served), thousands(tr.Waiting))
	}
	if len(st.Checkpoints) > 0 {
		fmt.Fprint(t, "\n  at place\tof track\tbefore it\tits turn in\ta ticket\t\n")
	}
	for i := range st.Checkpoints {
		c := &st.Checkpoints[i]
		told := "not said yet"
		if c.Chance.Told != "" {
			told = fmt.Sprintf("%s, %d %%", stateText(c.Chance.Told), c.Chance.Percent)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t\n", thousands(c.Place), c.Track, thousands(c.Ahead), c.eta(), told)
	}
	_ = t.Flush() // a strings.Builder takes everything
	_, err := io.WriteString(w, b.String())
	return err
}

// print writes how many more may shop as docs/line.md has it.
func (r *statusRoom) print(w io.Writer) {
	fmt.Fprintf(w, "  room\t%s\n", r.why())
	text := fmt.Sprintf("supply %s = free %s + what comes back of %s held; promised %s to those inside; by stock %s",
		thousands(r.Supply), thousands(r.Free), thousands(r.Held), thousands(r.Promised), thousands(r.ByStock))
	if r.ByLane != nil {
		text += ", by lane " + thousands(*r.ByLane)
	}
	if r.ByMax != nil {
		text += ", left of the maximum " + thousands(*r.ByMax)
	}
	fmt.Fprintf(w, "  \t%s\n", text)
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
