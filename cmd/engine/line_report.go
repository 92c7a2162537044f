package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/fifo"
	"github.com/holdfast-engine/holdfast/store"
)

func (s *eventSettings) lineReport() *cobra.Command {
	var data, archive, account string
	cmd := &cobra.Command{
		Use:   "report EVENT",
		Short: "How fair a line was: who was overtaken, how long people waited, what each track got",
		Long: `Tells how fair the line of an event was: turns that came while it was somebody else's turn (0 in a fair line), how long people waited, the share of the passes that each track got,
who was not there at their turn or gave up, tickets that went to linked buyers, and how often passes ended in an order, by flow at equal place. docs/line.md says how each figure is made.

It asks a running engine, which counts while it sells. With --data, a data folder or a backup that no engine uses, or --archive, the file of an archived event, it reads the log
instead, and a checker that knows only the log and the stated rules (docs/line-rules.md) goes through every turn; then the status is 1 if one was somebody else's.

` + accessHelp,
		Example: `  engine line report night-one
  engine line report night-one --json
  engine line report night-one --data ./data
  engine line report night-one --archive ./data/archive/_/night-one.archive`,
		Args: oneLine,
		RunE: func(cmd *cobra.Command, args []string) error {
			key := engine.Key{Account: account, Kind: engine.KindEvent, ID: args[0]}
			if !engine.ValidID(key.ID) || !engine.ValidID(key.Account) {
				return fmt.Errorf("event %q of account %q: ids are 1 to %d of A-Z a-z 0-9 _ -", key.ID, key.Account, engine.IDLenMax)
			}
			var r *fairReport
			var err error
			switch {
			case data != "" && archive != "":
				return errors.New("give --data or --archive, not both")
			case data != "":
				r, err = fairOfFolder(cmd.Context(), data, key)
			case archive != "":
				r, err = fairOfArchive(archive, key)
			default:
				r, err = s.fairLive(cmd.Context(), key)
			}
			if err != nil {
				return err
			}
			return s.printFair(r)
		},
	}
	f := cmd.Flags()
	f.StringVar(&data, "data", "", "data folder, or backup, to read the log of, instead of asking an engine")
	f.StringVar(&archive, "archive", "", "file of an archived event to read the log of")
	f.StringVar(&account, "account", engine.SingleAccount, "account of the event")
	return cmd
}

// errOvertaken ends a report that found a turn that was somebody else's. What was found has been printed.
var errOvertaken = errors.New("the line was not fair")

// fairReport is a fairness report, as it is printed with --json.
type fairReport struct {
	Event string `json:"event"`
	reportLineOf
	Checked *fairChecked `json:"checked,omitempty"` // by the log
}

// fairChecked is what the checker of the log found.
type fairChecked struct {
	Passes     int64    `json:"passes"`
	Skips      int64    `json:"skips"`
	Offers     int64    `json:"offers"`
	Inversions int64    `json:"inversions"`
	Pairs      uint64   `json:"pairs"` // of passes in which the later place came first: what tracks and absences have caused
	Wrong      []string `json:"wrong,omitempty"`
	FromFact   uint64   `json:"cut_before_fact,omitempty"` // the log begins behind the first turns, and was not checked
}

// fairOfEvent is the report of an event that was read from a log.
func fairOfEvent(key engine.Key, ev *engine.Event) (*fairReport, error) {
	view := ev.Step(&engine.Command{Verb: engine.VerbGet}, ev.LastAt(), &engine.Facts{}).Event // a read: it changes nothing
	r := lineOf(ev, view.List)
	if r == nil {
		return nil, errNoLine(key.ID)
	}
	return &fairReport{Event: key.ID, reportLineOf: *r}, nil
}

// fairOfFolder makes the report of an event in a data folder that no engine uses, and checks its log if the folder has it from the first fact on.
func fairOfFolder(ctx context.Context, dir string, key engine.Key) (*fairReport, error) {
	ev, err := eventIn(dir, key, func(uint64) {})
	if err != nil {
		return nil, verifyHelp(err, dir)
	}
	r, err := fairOfEvent(key, ev)
	if err != nil {
		return nil, err
	}
	checker := newRunChecker(key)
	err = store.Replay(ctx, store.VerifyConfig{Dir: dir}, "", func(k store.Kept) (uint64, error) { return k.First - 1, nil }, func(_ uint64, run *engine.Run) error {
		return checker.read(run)
	})
	if err != nil {
		return nil, verifyHelp(err, dir)
	}
	r.Checked = checker.found()
	return r, nil
}

// fairOfArchive makes the report of an archived event, by its log.
func fairOfArchive(file string, key engine.Key) (*fairReport, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	defer func() { _ = f.Close() }()
	checker := newRunChecker(key)
	info, err := store.ReadArchive(f, checker.read)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if info.Key != key {
		return nil, fmt.Errorf("%s is the archive of event %s of account %s", file, info.Key.ID, info.Key.Account)
	}
	ev, err := lastState(&info)
	if err != nil {
		return nil, err
	}
	ev.Reread()
	r, err := fairOfEvent(key, ev)
	if err == nil {
		r.Checked = checker.found()
	}
	return r, err
}

// runChecker gives a checker the runs of one event, if they are there from the first fact on.
type runChecker struct {
	key     engine.Key
	checker *fifo.Checker
	first   engine.Seq // fact that the log begins with; 0 before there was one
}

func newRunChecker(key engine.Key) *runChecker { return &runChecker{key: key, checker: fifo.New(key)} }

func (c *runChecker) read(run *engine.Run) error {
	if run.Key != c.key {
		return nil
	}
	if c.first == 0 {
		c.first = run.First
	}
	if c.first > 1 {
		return nil
	}
	return c.checker.Read(run)
}

// found is what the checker has found.
func (c *runChecker) found() *fairChecked {
	if c.first != 1 {
		return &fairChecked{FromFact: uint64(max(c.first, 2))} //nolint:mnd // nothing of it is left, not even the first
	}
	r := c.checker.Report()
	return &fairChecked{Passes: r.Passes, Skips: r.Skips, Offers: r.Offers, Inversions: r.Inversions, Pairs: r.Overtaken.Pairs, Wrong: r.Wrong}
}

// printFair prints a report, and fails if somebody was overtaken.
func (s *eventSettings) printFair(r *fairReport) error {
	var err error
	if s.json {
		err = printJSON(s.stdout, r)
	} else {
		err = r.print(s.stdout)
	}
	if err == nil && (r.Overtaken > 0 || r.Checked != nil && r.Checked.Inversions > 0) {
		return errOvertaken
	}
	return err
}

func (r *fairReport) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Fairness of the line of %s, in phase %s\n\n", r.Event, r.Phase)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range r.Facts() {
		fmt.Fprintf(t, "  %s\t%s\n", f.Name, f.Text)
	}
	if c := r.Checked; c != nil && c.FromFact == 0 {
		fmt.Fprintf(t, "  Checked by the log\t%s inversions in %s passes, %s skips and %s offers from the waiting list\n", thousands(c.Inversions), thousands(c.Passes), thousands(c.Skips), thousands(c.Offers))
		fmt.Fprintf(t, "  Later place first\t%s pairs of passes: all by tracks and absences\n", thousands(int64(c.Pairs)))
	} else if c != nil {
		fmt.Fprintf(t, "  Checked by the log\tno: it begins with fact %d, as it was cut behind a snapshot\n", c.FromFact)
	}
	_ = t.Flush() // a strings.Builder takes everything
	if r.Checked != nil {
		for _, wrong := range r.Checked.Wrong {
			fmt.Fprintf(&b, "    %s\n", wrong)
		}
	}
	fmt.Fprint(&b, "\n")
	t = tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "  track\tjoined\tpasses\tshare\tpromised\twaited p50\tp90\tp99\tno-shows\tleft\tordered\t\n")
	for i := range r.Tracks {
		f := &r.Tracks[i]
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", f.Track, thousands(f.Joined), thousands(f.Served), f.Given(), f.Promised(),
			waitText(f.P50Ms), waitText(f.P90Ms), waitText(f.P99Ms), thousands(f.NoShows), thousands(f.Left), thousands(f.Ordered))
	}
	_ = t.Flush() // a strings.Builder takes everything
	for _, l := range []struct {
		name string
		list []reportCount
	}{{"the line", r.States}, {"the waiting list", r.List}} {
		if len(l.list) > 0 {
			fmt.Fprintf(&b, "\n  %s: %s\n", l.name, countsText(l.list))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
