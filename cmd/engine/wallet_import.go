package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

const (
	// importInflightMax is how many rows are on their way to the disk at once.
	importInflightMax = 4096
	// importShownMax is how many refused rows are shown.
	importShownMax = 20
	// activeFor is how long after a purchase a buyer counts as active.
	activeFor = 365 * 24 * time.Hour
)

// imported is what became of an import.
type imported struct {
	Rows     int64            `json:"rows"`
	Taken    int64            `json:"taken"`
	Refused  int64            `json:"refused"`
	Shown    []refusedRow     `json:"refused_rows,omitempty"`
	Buyers   int64            `json:"buyers"`
	Active   int64            `json:"active_buyers"`
	Eligible int64            `json:"eligible"`
	Why      map[string]int64 `json:"not_eligible,omitempty"`
	DryRun   bool             `json:"dry_run"`
	TookMs   int64            `json:"took_ms"`
}

type refusedRow struct {
	Line int    `json:"line"`
	Why  string `json:"why"`
}

func (s *walletSettings) importing() *cobra.Command {
	var dryRun, asJSON, atOnce bool
	var format string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Bring buyers with their saved methods and purchases",
		Long: `Reads buyers from CSV with a header, or from JSON lines: a saved method, completed purchases, an agreement, a row for each method. Columns:

  buyer                 the id that services use for the buyer
  gateway, token        whose token, and the gateway's token of the method; customer, brand, last_four, fingerprint, kind (card, wallet, redirect),
                        funding (credit, debit, prepaid), expiry_month, expiry_year, saved_at and default go with it
  purchases             completed elsewhere; last_purchase_at goes with it
  agreement             version of the text by which the buyer agreed to one-click checkout; agreement_cap_minor, agreement_currency and
                        agreement_until go with it
  device_id             an id of a device that the buyer has used

A row that looks as if it held a card number or a security code anywhere is refused, and shown by its line alone. Rows that are refused are counted, and the others
go on. The same file again changes nothing: after an interruption run it again. --dry-run reads and checks everything and opens nothing.

At the end it says how many of the active buyers, who bought within a year, are eligible for one-click checkout, and why the others are not.`,
		Example: `  engine wallet import buyers.csv --dry-run
  engine wallet import buyers.jsonl --data /srv/holdfast
  zcat buyers.csv.gz | engine wallet import - --format csv --data /srv/holdfast`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, asCSV, err := importFile(args[0], format, cmd.InOrStdin())
			if err != nil {
				return err
			}
			defer func() { _ = in.Close() }()
			im := &importer{account: s.account, stderr: cmd.ErrOrStderr(), result: imported{DryRun: dryRun}, atOnce: atOnce}
			if dryRun {
				err = im.dry(cmd.Context(), in, asCSV)
			} else {
				err = s.with(cmd.Context(), cmd.ErrOrStderr(), func(p *process) error { return im.live(cmd.Context(), p, in, asCSV) })
			}
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), &im.result)
			} else {
				err = im.result.show(cmd.OutOrStdout())
			}
			if n := im.result.Refused; err == nil && n > 0 {
				err = fmt.Errorf("%s of %s rows were refused: correct them and run the file again, the others are left as they are", thousands(n), thousands(im.result.Rows))
			}
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&dryRun, "dry-run", false, "check every row and say what would come of it; no folder is opened")
	f.StringVar(&format, "format", "", "csv or jsonl (default by the file's name)")
	f.BoolVar(&asJSON, "json", false, "print the result as JSON")
	f.BoolVar(&atOnce, "one-click-at-once", false, "count as the engine does that is started with it: no purchase is needed first")
	return cmd
}

// importFile opens what is to be read.
func importFile(name, format string, stdin io.Reader) (io.ReadCloser, bool, error) {
	if format == "" {
		format = strings.TrimPrefix(strings.ToLower(filepath.Ext(name)), ".")
	}
	switch format {
	case "csv", "jsonl", "ndjson":
	default:
		return nil, false, errors.New("say what the file is with --format: csv or jsonl")
	}
	if name == "-" {
		return io.NopCloser(stdin), format == "csv", nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, false, fmt.Errorf("open the file: %w", err)
	}
	return f, format == "csv", nil
}

// importer reads rows and gives them to wallets.
type importer struct {
	account string
	stderr  io.Writer
	atOnce  bool
	result  imported
	began   time.Time
	told    time.Time

	mu sync.Mutex // guards the refused rows of result
}

func (im *importer) refuse(line int, why string) {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.result.Refused++
	if len(im.result.Shown) < importShownMax {
		im.result.Shown = append(im.result.Shown, refusedRow{line, why})
	}
}

// progress says about once a second how far it is.
func (im *importer) progress() {
	im.result.Rows++
	if im.result.Rows == 1 {
		im.began = time.Now()
		im.told = im.began
	}
	if now := time.Now(); now.Sub(im.told) >= time.Second {
		im.told = now
		fmt.Fprintf(im.stderr, "import: %s rows, %s a second\n", thousands(im.result.Rows), thousands(int64(float64(im.result.Rows)/now.Sub(im.began).Seconds())))
	}
}

// dry checks the rows against wallets in memory that nobody keeps.
func (im *importer) dry(ctx context.Context, in io.Reader, asCSV bool) error {
	shards := make(map[engine.Key]*wallet.Shard)
	tokens := make(map[string]uint64)
	var facts engine.Facts
	now := time.Now().UnixMilli()
	err := eachRow(in, asCSV, func(r *walletRow) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		im.progress()
		if r.err != nil {
			im.refuse(r.line, r.err.Error())
			return nil
		}
		key := wallet.KeyOf(im.account, r.cmd.Buyer)
		s := shards[key]
		if s == nil {
			s = wallet.New(key)
			shards[key] = s
		}
		if name := r.cmd.Gateway + " " + r.cmd.Token; r.cmd.Token != "" { // numbers will do in place of hashes
			if tokens[name] == 0 {
				tokens[name] = uint64(len(tokens) + 1)
			}
			r.cmd.Hashes.Token = tokens[name]
		}
		r.cmd.WallMs = now
		facts.Reset()
		if out := s.Step(&r.cmd, engine.Instant(now), &facts); out.Code != engine.CodeOK {
			im.refuse(r.line, out.Code.String()+": "+out.Text)
		} else {
			im.result.Taken++
		}
		return nil
	})
	if err != nil {
		return err
	}
	im.count(func(use func(*wallet.Buyer)) {
		for _, s := range shards {
			s.Each(use)
		}
	})
	return nil
}

// rowReply takes the answer to a row.
type rowReply struct {
	im    *importer
	line  int
	room  chan struct{}
	taken *atomic.Int64
}

// Outcome implements wallet.Replier.
func (r *rowReply) Outcome(_ *wallet.Request, _ int, out *wallet.Outcome) {
	if out.Code != engine.CodeOK {
		r.im.refuse(r.line, out.Code.String()+": "+out.Text)
	} else {
		r.taken.Add(1)
	}
}

// Durable implements wallet.Replier.
func (r *rowReply) Durable(*wallet.Request) { <-r.room }

// live gives the rows to the wallets of a folder, many at a time. It returns when all that were given are durable.
func (im *importer) live(ctx context.Context, p *process, in io.Reader, asCSV bool) error {
	room := make(chan struct{}, importInflightMax)
	var taken atomic.Int64
	err := eachRow(in, asCSV, func(r *walletRow) error {
		im.progress()
		if r.err != nil {
			im.refuse(r.line, r.err.Error())
			return ctx.Err()
		}
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		return im.submit(ctx, p.node, r.cmd, &rowReply{im: im, line: r.line, room: room, taken: &taken})
	})
	for range importInflightMax { // until none is on its way
		room <- struct{}{}
	}
	im.result.Taken = taken.Load()
	if err != nil {
		return fmt.Errorf("it ended after %s rows: %w; what was taken is kept: run the same file again", thousands(im.result.Rows), err)
	}
	im.count(func(use func(*wallet.Buyer)) { err = p.node.EachWallet(im.account, use) })
	return err
}

func (im *importer) submit(ctx context.Context, n *actors.Node, c wallet.Command, reply *rowReply) error {
	for {
		switch code := n.SubmitWallet(&wallet.Request{Account: im.account, Commands: []wallet.Command{c}, Reply: reply}); code { //nolint:exhaustive // any other is an error
		case engine.CodeOK:
			return nil
		case engine.CodeOverloaded:
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
				<-reply.room
				return ctx.Err()
			}
		default:
			<-reply.room
			return fmt.Errorf("the wallets answer %s", code)
		}
	}
}

// count says who of the active buyers is eligible.
func (im *importer) count(each func(use func(*wallet.Buyer))) {
	now := time.Now()
	policy := wallet.Policy{NeedsPurchase: !im.atOnce, Capabilities: capabilitiesOf}
	since := now.Add(-activeFor).UnixMilli()
	r := &im.result
	r.Why = make(map[string]int64)
	each(func(b *wallet.Buyer) {
		r.Buyers++
		if b.Purchases == 0 || b.LastMs != 0 && b.LastMs < since { // without a date a purchase counts as a recent one
			return
		}
		r.Active++
		if why := policy.Eligible(b, "", now.UnixMilli()); why != engine.EligibleYes {
			r.Why[why.String()]++
		} else {
			r.Eligible++
		}
	})
	if !im.began.IsZero() {
		r.TookMs = now.Sub(im.began).Milliseconds()
	}
}

func (r *imported) show(w io.Writer) error {
	for _, row := range r.Shown {
		fmt.Fprintf(w, "line %d: %s\n", row.Line, row.Why)
	}
	if more := r.Refused - int64(len(r.Shown)); more > 0 {
		fmt.Fprintf(w, "and %s more\n", thousands(more))
	}
	what := "taken"
	if r.DryRun {
		what = "would be taken"
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "rows\t%s, %s %s, %s refused\n", thousands(r.Rows), thousands(r.Taken), what, thousands(r.Refused))
	fmt.Fprintf(t, "buyers\t%s, %s of them active\n", thousands(r.Buyers), thousands(r.Active))
	share := 0.0
	if r.Active > 0 {
		share = 100 * float64(r.Eligible) / float64(r.Active)
	}
	fmt.Fprintf(t, "eligible for one click\t%s of the active buyers, %.1f %%\n", thousands(r.Eligible), share)
	for why := engine.EligibleUnknown; why.String() != "unknown"; why++ {
		if n := r.Why[why.String()]; n > 0 {
			fmt.Fprintf(t, "  %s\t%s\n", strings.ReplaceAll(why.String(), "_", " "), thousands(n))
		}
	}
	return t.Flush()
}
