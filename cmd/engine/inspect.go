package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
	"github.com/holdfast-engine/holdfast/store"
)

const (
	inspectFactsDefault = 20
	inspectFactsMax     = 1000
)

// inspectSettings are the flags of inspect.
type inspectSettings struct {
	account string
	node    bool
	at      string
	facts   int
	buyer   string
	json    bool
}

func inspectCommand() *cobra.Command {
	var s inspectSettings
	cmd := &cobra.Command{
		Use:   "inspect DIR EVENT",
		Short: "Show what an event is, or was, in a data folder or a backup (of a running engine: engine admin inspect)",
		Long: `Shows an event as a data folder or a backup has it, and its newest facts in words. No engine may use the folder, and nothing in it is changed;
"engine admin inspect EVENT" asks a running engine for the same.

--at shows it as it was: behind one of its facts (--at 4711), behind a batch of the log (--at batch:17), or at a moment (--at 2026-05-01T10:02:00Z, in node
time). Of the past there is as much as the log has: it is cut behind snapshots, and where a moment is gone this command says which is the first that is there.

--buyer shows where a buyer was in the line and on the waiting list at that moment.

Facts name buyers by the ids that the calling services chose. With --node, and without EVENT, it shows the process itself: outages and restores.`,
		Example: `  engine inspect ./data night-one
  engine inspect ./data night-one --at 2026-05-01T10:02:00Z --facts 50
  engine inspect ./data night-one --at 4711 --json
  engine inspect ./data night-one --at 2026-05-01T10:02:00Z --buyer anna
  engine inspect ./data --node`,
		Args: func(_ *cobra.Command, args []string) error {
			if s.node && len(args) != 1 {
				return errors.New("name one data folder, as in: engine inspect ./data --node")
			}
			if !s.node && len(args) != 2 {
				return errors.New("name a data folder and an event, as in: engine inspect ./data night-one")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.run(args, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.account, "account", engine.SingleAccount, "account of the event")
	f.BoolVar(&s.node, "node", false, "show the process itself instead of an event")
	f.StringVar(&s.at, "at", "", "the moment to show: a fact's number, batch:NUMBER, or a time in RFC 3339 (default the end of the log)")
	f.IntVar(&s.facts, "facts", inspectFactsDefault, "how many of the newest facts to show, 0 to 1000")
	f.StringVar(&s.buyer, "buyer", "", "show where this buyer is in the line and on the waiting list")
	f.BoolVar(&s.json, "json", false, "print what was found as JSON")
	return cmd
}

// lookAt reads --at.
func lookAt(text string) (at store.LookAt, err error) {
	if text == "" {
		return at, nil
	}
	if batch, ok := strings.CutPrefix(text, "batch:"); ok {
		at.Batch, err = strconv.ParseUint(batch, 10, 64)
	} else if fact, err2 := strconv.ParseUint(text, 10, 64); err2 == nil {
		at.Fact = engine.Seq(fact)
	} else {
		var t time.Time
		t, err = time.Parse(time.RFC3339Nano, text)
		at.Time = engine.Instant(t.UnixNano())
	}
	if err != nil || at == (store.LookAt{}) || at.Time < 0 {
		return at, fmt.Errorf("--at %s: name a fact (--at 4711), a batch of the log (--at batch:17) or a time since 1970 (--at 2026-05-01T10:02:00Z)", text)
	}
	return at, nil
}

func (s *inspectSettings) run(args []string, w io.Writer) error {
	at, err := lookAt(s.at)
	if err != nil {
		return err
	}
	if s.buyer != "" && (s.node || !engine.ValidID(s.buyer)) {
		return fmt.Errorf("--buyer %q: it is the id of a buyer of an event, 1 to %d of A-Z a-z 0-9 _ -", s.buyer, engine.IDLenMax)
	}
	if s.facts < 0 || s.facts > inspectFactsMax {
		return fmt.Errorf("--facts %d: choose 0 to %d", s.facts, inspectFactsMax)
	}
	key := engine.Key{Account: engine.SingleAccount, Kind: engine.KindNode, ID: "node"}
	if !s.node {
		key = engine.Key{Account: s.account, Kind: engine.KindEvent, ID: args[1]}
		if !engine.ValidID(key.ID) || !engine.ValidID(key.Account) {
			return fmt.Errorf("event %q of account %q: ids are 1 to %d of A-Z a-z 0-9 _ -", key.ID, key.Account, engine.IDLenMax)
		}
	}
	seen, err := store.LookInto(store.VerifyConfig{Dir: args[0], New: wallet.NewAggregate, Open: wallet.OpenSnapshot}, store.Look{Key: key, At: at, Facts: s.facts})
	if err != nil {
		return inspectHelp(err, args[0])
	}
	if ev, ok := seen.State.(*engine.Event); ok {
		if at, gone := ev.Archived(); gone {
			return fmt.Errorf("event %s was archived at %s: `engine archive show %s` reads its file; with --at a moment before that is shown, as far as the log has it", key.ID,
				time.Unix(0, int64(at)).UTC().Format(time.RFC3339), filepath.Join(args[0], filepath.FromSlash(store.ArchiveFile(key))))
		}
	}
	found := describeSeen(key, &seen)
	if ev, ok := seen.State.(*engine.Event); ok {
		if found.Line = describeLine(ev); s.buyer != "" {
			found.Place = describePlace(ev, s.buyer)
		}
	}
	if s.json {
		return printJSON(w, found)
	}
	return found.print(w)
}

// inspectHelp adds what to do next to an error of a look.
func inspectHelp(err error, dir string) error {
	switch {
	case errors.Is(err, store.ErrInUse):
		return fmt.Errorf("%w; or ask the engine that has it: engine admin inspect EVENT; or look into a backup of it", err)
	case errors.Is(err, store.ErrUnknown):
		return fmt.Errorf("%w: `engine verify %s --events` lists those that there are", err, dir)
	case errors.Is(err, store.ErrDamaged):
		return fmt.Errorf("%w; `engine verify %s` says more", err, dir)
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: is %s a data folder?", err, dir)
	}
	return err
}

// inspected is what inspect found, as it is printed with --json.
type inspected struct {
	Account   string          `json:"account"`
	Event     string          `json:"event,omitempty"`
	Fact      uint64          `json:"fact"` // the state is the one behind it
	At        time.Time       `json:"at"`   // node time of that fact
	Batch     uint64          `json:"batch,omitempty"`
	LastBatch uint64          `json:"last_batch"`
	HighMark  time.Time       `json:"high_mark"`
	StateHash string          `json:"state_hash"`
	State     string          `json:"state,omitempty"`
	Name      string          `json:"name,omitempty"`
	Currency  string          `json:"currency,omitempty"`
	HoldsLive int64           `json:"holds_live"`
	Orders    int64           `json:"orders"`
	Lots      []inspectedLot  `json:"lots,omitempty"`
	Line      *inspectedLine  `json:"line,omitempty"`
	Place     *inspectedPlace `json:"place,omitempty"`       // with --buyer
	DownMs    int64           `json:"down_ms"`               // the node: all outages
	NewIDs    string          `json:"incarnation,omitempty"` // what new ids end in, after a restore
	Cut       bool            `json:"older_facts_cut"`
	Facts     []inspectedFact `json:"facts"`
}

type inspectedLot struct {
	Lot      string `json:"lot"`
	Pool     bool   `json:"pool,omitempty"`
	Capacity int64  `json:"capacity"`
	Free     int64  `json:"free"`
	Held     int64  `json:"held"`
	Paying   int64  `json:"paying"`
	Sold     int64  `json:"sold"`
	Blocked  int64  `json:"blocked"`
}

type inspectedFact struct {
	Fact      uint64    `json:"fact"`
	At        time.Time `json:"at"`
	Kind      string    `json:"kind"`
	RequestID string    `json:"request_id,omitempty"`
	Text      string    `json:"text"`
}

func timeOf(at engine.Instant) time.Time { return time.Unix(0, int64(at)).UTC() }

func describeSeen(key engine.Key, seen *store.Seen) *inspected {
	v := viewSeen(key, seen)
	d := &inspected{
		Account: v.Account, Event: v.Event, Fact: uint64(v.Fact), At: timeOf(v.At), Batch: v.Batch, LastBatch: v.LastBatch, HighMark: timeOf(v.HighMark),
		StateHash: fmt.Sprintf("%016x", v.StateHash), State: v.State, Name: v.Name, Currency: v.Currency, HoldsLive: v.HoldsLive, Orders: v.Orders,
		NewIDs: v.NewIDs, Cut: v.Cut, Facts: []inspectedFact{},
	}
	if n, ok := seen.State.(*engine.Node); ok {
		d.DownMs = n.Down() / 1e6
	}
	for i := range v.Lots {
		d.Lots = append(d.Lots, inspectedCounts(&v.Lots[i]))
	}
	for i := range v.Facts {
		f := &v.Facts[i]
		d.Facts = append(d.Facts, inspectedFact{Fact: uint64(f.Seq), At: timeOf(f.At), Kind: f.Kind, RequestID: f.RequestID, Text: f.Text})
	}
	return d
}

// viewSeen says what was seen of an event, or of the node.
func viewSeen(key engine.Key, seen *store.Seen) *engine.InspectView {
	v := &engine.InspectView{
		Account: key.Account, Fact: seen.State.Seq(), At: seen.State.LastAt(), Batch: seen.Batch, LastBatch: seen.LastBatch, HighMark: seen.HighMark,
		StateHash: seen.State.StateHash(), Cut: seen.Cut, Facts: seen.Facts,
	}
	in := engine.Incarnation(0)
	switch a := seen.State.(type) {
	case *engine.Event:
		v.Event = key.ID
		in = a.Incarnation()
		var facts engine.Facts
		view := &a.Step(&engine.Command{Verb: engine.VerbGet}, a.LastAt(), &facts).Event // a read: it changes nothing
		v.State, v.Name, v.Currency, v.HoldsLive, v.Orders = view.State.String(), view.Spec.Name, view.Spec.Currency, view.HoldsLive, view.Orders
		for i := range view.Lots {
			v.Lots = append(v.Lots, engine.InspectedLot{Lot: view.Lots[i].Spec.Lot, Counts: view.Lots[i].Counts})
		}
		for i := range view.Pools {
			v.Lots = append(v.Lots, engine.InspectedLot{Lot: view.Pools[i].Pool, Pool: true, Counts: view.Pools[i].Counts})
		}
	case *engine.Node:
		in = a.Incarnation()
	}
	if in != 0 {
		v.NewIDs = string(engine.AppendIncarnation(nil, in))
	}
	return v
}

func inspectedCounts(l *engine.InspectedLot) inspectedLot {
	c := &l.Counts
	return inspectedLot{Lot: l.Lot, Pool: l.Pool, Capacity: c.Capacity, Free: c.Free, Held: c.Held, Paying: c.Paying, Sold: c.Sold, Blocked: c.Blocked}
}

func (d *inspected) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if d.Event == "" {
		fmt.Fprintf(t, "the node\n  as of\tfact %d, at %s node time\n", d.Fact, d.At.Format(time.RFC3339Nano))
		fmt.Fprintf(t, "  down\t%v in all\n", time.Duration(d.DownMs)*time.Millisecond)
	} else {
		fmt.Fprintf(t, "event %s of account %s: %s\n  as of\tfact %d, at %s node time\n", d.Event, d.Account, d.Name, d.Fact, d.At.Format(time.RFC3339Nano))
		fmt.Fprintf(t, "  state\t%s, %s live holds, %s orders, %s\n", d.State, thousands(d.HoldsLive), thousands(d.Orders), d.Currency)
	}
	if d.Line != nil {
		d.Line.print(t)
	}
	if d.Place != nil {
		d.Place.print(t)
	}
	if d.Batch > 0 {
		fmt.Fprintf(t, "  batch\t%d of the log, which ends at %d (%s)\n", d.Batch, d.LastBatch, d.HighMark.Format(time.RFC3339Nano))
	} else {
		fmt.Fprintf(t, "  batch\tnone: all of it is in its snapshot; the log ends at %d (%s)\n", d.LastBatch, d.HighMark.Format(time.RFC3339Nano))
	}
	fmt.Fprintf(t, "  state hash\t%s\n", d.StateHash)
	if d.NewIDs != "" {
		fmt.Fprintf(t, "  restored\tfrom a backup: new ids end in -%s\n", d.NewIDs)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(d.Lots) > 0 {
		fmt.Fprintln(t, "\n  lot\tcapacity\tfree\theld\tpaying\tsold\tblocked")
		for _, l := range d.Lots {
			name := l.Lot
			if l.Pool {
				name = "pool " + name
			}
			fmt.Fprintf(t, "  %s\t%d\t%d\t%d\t%d\t%d\t%d\n", name, l.Capacity, l.Free, l.Held, l.Paying, l.Sold, l.Blocked)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprintln(t)
	if d.Cut {
		fmt.Fprintln(t, "  older facts are gone: the log has been cut behind a snapshot")
	}
	if len(d.Facts) > 0 {
		fmt.Fprintln(t, "  fact\ttime\twhat\trequest\t")
	}
	for _, f := range d.Facts {
		fmt.Fprintf(t, "  %d\t%s\t%s\t%s\t%s\n", f.Fact, f.At.Format("2006-01-02 15:04:05.000000"), f.Kind, f.RequestID, f.Text)
	}
	return t.Flush()
}
