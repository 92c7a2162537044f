package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
	"github.com/holdfast-engine/holdfast/store"
)

// verifySettings are the flags of verify.
type verifySettings struct {
	events bool
	json   bool
}

func verifyCommand() *cobra.Command {
	var s verifySettings
	cmd := &cobra.Command{
		Use:   "verify DIR",
		Short: "Prove that a data folder is whole",
		Long: `Checks a data folder while no engine uses it, and changes nothing in it:

  - both copies of the newest log, and that they say the same
  - the chain of SHA-256 links over every batch that is left
  - that each event's facts are numbered without holes
  - that replaying the log comes to the same state as the snapshots, and to the state hashes that the live engine put into the log
  - of every event: that no ticket was made or lost, and every other invariant, the slow way

Exits with status 0 when everything is whole, and 1 with a sentence for each problem when something is not.`,
		Example: `  engine verify ./data
  engine verify ./data --events      one line an event: its facts, orders, tickets and state hash
  engine verify ./data --json        for scripts`,
		Args: exactDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			return verify(args[0], s, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().BoolVar(&s.events, "events", false, "list every event with its state hash")
	cmd.Flags().BoolVar(&s.json, "json", false, "print the report as JSON")
	return cmd
}

func exactDir(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("name one data folder, as in: engine verify ./data")
	}
	return nil
}

// verifyReport is what verify found, as it is printed with --json.
type verifyReport struct {
	OK         bool            `json:"ok"`
	Data       string          `json:"data"`
	FirstBatch uint64          `json:"first_batch"`
	LastBatch  uint64          `json:"last_batch"`
	Batches    uint64          `json:"batches"`
	Facts      uint64          `json:"facts"`
	LogBytes   uint64          `json:"log_bytes"`
	ChainHead  string          `json:"chain_head"`
	States     string          `json:"states"` // over the states of all aggregates
	Acked      uint64          `json:"acked_batch"`
	TailOnly   int             `json:"tail_only_batches"`
	TailStray  int             `json:"tail_stray_records"`
	Snapshots  int             `json:"snapshots"`
	KPIs       uint64          `json:"kpi_checkpoint_batch"` // 0 if there is none
	EventCount int             `json:"events"`
	Orders     int64           `json:"orders"`
	Tickets    int64           `json:"tickets"`
	TookMs     int64           `json:"took_ms"`
	Events     []verifiedEvent `json:"event_list,omitempty"`
	Problems   []string        `json:"problems"`
}

// verifiedEvent is one event as the log has it at its end.
type verifiedEvent struct {
	Account   string `json:"account"`
	Event     string `json:"event"`
	Facts     uint64 `json:"facts"`
	Orders    int64  `json:"orders"`
	Tickets   int64  `json:"tickets"`
	Held      int64  `json:"held"`
	StateHash string `json:"state_hash"`
	Snapshots int    `json:"snapshots"`
}

// errNotWhole ends a verify that found something. What it found has been printed.
var errNotWhole = errors.New("the data folder is not whole")

func verify(dir string, s verifySettings, stdout, stderr io.Writer) error {
	report, err := inspect(dir, newProgress(stderr))
	if err != nil {
		return verifyHelp(err, dir)
	}
	if !s.events {
		report.Events = nil
	}
	if s.json {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		err = e.Encode(report)
	} else {
		err = report.print(stdout, s.events)
	}
	switch {
	case err != nil:
		return fmt.Errorf("print the report: %w", err)
	case !report.OK:
		return fmt.Errorf("%w: %d problems, see above", errNotWhole, len(report.Problems))
	}
	return nil
}

// verifyHelp adds what to do next to an error that kept a folder from being checked.
func verifyHelp(err error, dir string) error {
	switch {
	case errors.Is(err, store.ErrInUse):
		return fmt.Errorf("%w; stop the engine that uses %s first, or verify a copy made while it was stopped", err, dir)
	case errors.Is(err, store.ErrNewer):
		return fmt.Errorf("%w; verify it with that version", err)
	case errors.Is(err, store.ErrDamaged):
		return fmt.Errorf("%w; restore the folder from a backup or a replica; nothing was changed", err)
	}
	return err
}

// inspect checks a folder and gathers the report.
func inspect(dir string, progress func(uint64)) (*verifyReport, error) {
	met := meter{}
	rep, err := store.Verify(met.config(dir, progress))
	if err != nil {
		return nil, err
	}
	r := &verifyReport{
		OK: len(rep.Problems) == 0, Data: dir, FirstBatch: rep.FirstBatch, LastBatch: rep.LastBatch, Batches: rep.Batches, Facts: rep.Facts,
		LogBytes: rep.LogBytes, ChainHead: hex.EncodeToString(rep.ChainHead[:]), States: hex.EncodeToString(rep.States[:]), Acked: rep.Acked, TailOnly: rep.TailOnly, TailStray: rep.TailStray,
		Snapshots: rep.Snapshots, TookMs: rep.Took.Milliseconds(), Problems: []string{},
	}
	for _, kept := range rep.Projections {
		if kept.Name == kpiName {
			r.KPIs = kept.Batch
		}
	}
	for _, problem := range rep.Problems {
		r.Problems = append(r.Problems, problem.Error())
	}
	for _, a := range rep.Aggregates {
		if a.Key.Kind != engine.KindEvent {
			continue
		}
		e := verifiedEvent{Account: a.Key.Account, Event: a.Key.ID, Facts: uint64(a.Seq), StateHash: fmt.Sprintf("%016x", a.StateHash), Snapshots: a.Snapshots}
		if ev := met.find(a); ev != nil {
			stats := ev.Stats()
			e.Orders, e.Tickets, e.Held = stats.Orders, stats.Sold, stats.Held+stats.Paying
		}
		r.EventCount++
		r.Orders += e.Orders
		r.Tickets += e.Tickets
		r.Events = append(r.Events, e)
	}
	return r, nil
}

// meter remembers the events that a check makes, to count what is in them when it is over.
type meter map[engine.Key][]*engine.Event

func (m meter) note(key engine.Key, a engine.Aggregate) {
	if ev, ok := a.(*engine.Event); ok {
		m[key] = append(m[key], ev)
	}
}

// config is a check of a folder whose events the meter remembers.
func (m meter) config(dir string, progress func(uint64)) store.VerifyConfig {
	return store.VerifyConfig{
		Dir: dir, Progress: progress,
		New: func(key engine.Key) engine.Aggregate {
			a := wallet.NewAggregate(key)
			m.note(key, a)
			return a
		},
		Open: func(key engine.Key, state []byte) (engine.Aggregate, error) {
			a, err := wallet.OpenSnapshot(key, state)
			if err == nil {
				m.note(key, a)
			}
			return a, err
		},
	}
}

// find returns the event as it is at the end of the log: of one key there may be older ones, made of snapshots.
func (m meter) find(a store.VerifiedAggregate) *engine.Event {
	for _, ev := range m[a.Key] {
		if ev.Seq() == a.Seq && ev.StateHash() == a.StateHash {
			return ev
		}
	}
	return nil
}

// eventIn replays a data folder that no engine uses and returns an event as it is at the end of the log. A folder that is not whole is refused.
func eventIn(dir string, key engine.Key, progress func(uint64)) (*engine.Event, error) {
	met := meter{}
	rep, err := store.Verify(met.config(dir, progress))
	switch {
	case err != nil:
		return nil, err
	case len(rep.Problems) > 0:
		return nil, fmt.Errorf("%w: %w; `engine verify %s` says all that is wrong", errNotWhole, rep.Problems[0], dir)
	}
	for _, a := range rep.Aggregates {
		if ev := met.find(a); a.Key == key && ev != nil {
			return ev, nil
		}
	}
	return nil, fmt.Errorf("account %s has no event %s in %s", key.Account, key.ID, dir)
}

func (r *verifyReport) print(w io.Writer, events bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.Data)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name, text string) { fmt.Fprintf(t, "  %s\t%s\n", name, text) }
	row("batches", fmt.Sprintf("%s checked, %d to %d, %s of log since the first ever", thousands(int64(r.Batches)), r.FirstBatch, r.LastBatch, thousands(int64(r.LogBytes))+" bytes"))
	row("chain head", r.ChainHead)
	row("states", r.States)
	row("acknowledged", fmt.Sprintf("up to batch %d; %d batches only in the tail, %d stray records", r.Acked, r.TailOnly, r.TailStray))
	row("facts", thousands(int64(r.Facts))+" replayed")
	row("snapshots", thousands(int64(r.Snapshots)))
	if r.KPIs > 0 {
		row("KPIs", "a checkpoint up to batch "+strconv.FormatUint(r.KPIs, 10))
	}
	row("events", thousands(int64(r.EventCount)))
	row("orders", thousands(r.Orders))
	row("tickets", thousands(r.Tickets))
	_ = t.Flush() // into memory
	if events {
		b.WriteByte('\n')
		t = tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "  account\tevent\tfacts\torders\ttickets\theld\tstate hash\tsnapshots")
		for _, e := range r.Events {
			fmt.Fprintf(t, "  %s\t%s\t%d\t%d\t%d\t%d\t%s\t%d\n", e.Account, e.Event, e.Facts, e.Orders, e.Tickets, e.Held, e.StateHash, e.Snapshots)
		}
		_ = t.Flush() // into memory
	}
	took := time.Duration(r.TookMs) * time.Millisecond
	if r.OK {
		fmt.Fprintf(&b, "\nwhole: every check passed, in %v\n", took)
	} else {
		fmt.Fprintf(&b, "\nNOT WHOLE: %d problems, found in %v. Nothing was changed.\n", len(r.Problems), took)
		for i, problem := range r.Problems {
			fmt.Fprintf(&b, "  %d. %s\n", i+1, problem)
		}
		b.WriteString("What to do: keep this folder as it is, and restore a backup or a replica into another. If a problem says that the next start repairs\n" +
			"it, start the engine on a copy first. Then look at the disk: its log in the kernel, its own counters.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// progressEvery is how often a check that takes longer says how far it is.
const progressEvery = time.Second

// newProgress returns what says how far a check has come, at most once a second, and nothing at all about a short one.
func newProgress(w io.Writer) func(uint64) {
	last := time.Now()
	return func(batches uint64) {
		if now := time.Now(); now.Sub(last) >= progressEvery {
			last = now
			fmt.Fprintf(w, "engine: verify: %s batches replayed\n", thousands(int64(batches)))
		}
	}
}
