package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/engine/wallet"
	"github.com/holdfast-engine/holdfast/store"
)

const (
	reportTimeoutDefault = 2 * time.Minute
	// reportBytesMax bounds what is read of a report: an order takes some 500 bytes.
	reportBytesMax = 1 << 30
)

// reportSettings are the flags of report.
type reportSettings struct {
	httpTarget
	account, event, data, baseline, out string
}

func reportCommand() *cobra.Command {
	var s reportSettings
	cmd := &cobra.Command{
		Use:   "report --event EVENT",
		Short: "Write what an event's sale came to: a page, JSON, and its orders as CSV",
		Long: `Writes three files about an event: a page for people (one file that needs nothing else, for the screen and for paper), the same as JSON, and its orders as CSV, each with the id by which
its gateway knows the charge. The page has a verdict, money, what sold when, the funnel, speed, failures, how fair the line was, incidents, and what each figure means.

The figures are those of engine kpi, to the digit; the money is that of the orders behind the same batch of the log, and the report says whether both agree to the cent. No buyer is named in it.

It asks a running engine, or with --data reads a data folder or a backup that no engine uses, and changes nothing there. --baseline puts the figures of the time before beside those of now: a file
that engine kpi -o json or this command has written, or one made of a shop's own records. That is before and after, and says nothing about causes.`,
		Example: `  engine report --event night-one
  engine report --event night-one --data ./data --out /tmp/night-one
  engine report --event night-two --baseline night-one-report.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.event == "" {
				return errors.New("name the event with --event; `engine event list` lists them")
			}
			if s.data == "" {
				if err := s.prepare(cmd); err != nil {
					return err
				}
			}
			return s.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&s.event, "event", "", "the event; there is no default")
	f.StringVar(&s.data, "data", "", "read this data folder or backup, which no engine uses (default ask a running engine)")
	f.StringVar(&s.out, "out", "", "write OUT.html, OUT.json and OUT-orders.csv (default EVENT-report)")
	f.StringVar(&s.baseline, "baseline", "", "JSON file with the figures of the time before (default none)")
	f.StringVar(&s.account, "account", "", "account of the event (default the only one)")
	s.addTo(f, reportTimeoutDefault)
	return cmd
}

func (s *reportSettings) run(ctx context.Context, stdout, stderr io.Writer) error {
	if !engine.ValidID(s.event) {
		return fmt.Errorf("%q cannot be the id of an event: use 1 to %d of A-Z a-z 0-9 _ -", s.event, engine.IDLenMax)
	}
	var before *measure.Answer
	var err error
	if s.baseline != "" {
		if before, err = readBaseline(s.baseline); err != nil {
			return err
		}
	}
	var r *report
	if s.data == "" {
		r, err = s.ask(ctx)
	} else {
		r, err = reportOfFolder(ctx, s.data, s.account, s.event, func(err error) { fmt.Fprintln(stderr, err) })
	}
	if err != nil {
		return err
	}
	if before != nil {
		r.compare(s.baseline, before)
	}
	return s.write(r, stdout)
}

// ask asks a running engine.
func (s *reportSettings) ask(ctx context.Context) (*report, error) {
	q := url.Values{"event": {s.event}}
	if s.account != "" {
		q.Set("account", s.account)
	}
	r := new(report)
	_, err := s.getJSON(ctx, "/api/v1/report", q, reportBytesMax, r)
	return r, err
}

// reportOfFolder makes the report of an event of a data folder that no engine uses.
func reportOfFolder(ctx context.Context, dir, account, event string, warn func(error)) (*report, error) {
	if account == "" {
		account = engine.SingleAccount
	}
	f, err := measureFolder(ctx, dir, false, warn)
	if err != nil {
		return nil, inspectHelp(err, dir)
	}
	r, err := buildReport(engine.Key{Account: account, Kind: engine.KindEvent, ID: event}, reportSources{
		answer: func(q *measure.Query) (*measure.Answer, error) {
			a := f.Book.Answer(q, engine.Instant(time.Now().UnixNano()))
			a.SinceMs = int64(f.Since) / int64(time.Millisecond)
			return a, nil
		},
		look: orArchived(dir, func(l store.Look) (store.Seen, error) {
			return store.LookInto(store.VerifyConfig{Dir: dir, New: wallet.NewAggregate, Open: wallet.OpenSnapshot}, l)
		}),
	})
	if errors.Is(err, errNothingKnown) {
		return nil, fmt.Errorf("%s has no event %s of account %s", dir, event, account)
	}
	if err != nil {
		return nil, inspectHelp(err, dir)
	}
	r.Source = "a data folder"
	return r, nil
}

// readBaseline reads the figures of the time before: an answer of engine kpi, or a report.
func readBaseline(file string) (*measure.Answer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read --baseline: %w", err)
	}
	var of struct {
		Figures *measure.Answer `json:"figures"`
	}
	err = json.Unmarshal(text, &of)
	before := of.Figures
	if err == nil && before == nil {
		before = new(measure.Answer)
		err = json.Unmarshal(text, before)
	}
	if err != nil {
		return nil, fmt.Errorf("--baseline %s is no JSON of figures: %w", file, err)
	}
	if len(before.Rows) == 0 || before.Query.By != measure.ByNothing {
		return nil, fmt.Errorf("--baseline %s has no figures of a whole: use what `engine kpi -o json` prints without --by, or a report", file)
	}
	return before, nil
}

// write writes the three files.
func (s *reportSettings) write(r *report, stdout io.Writer) error {
	out := s.out
	if out == "" {
		out = s.event + "-report"
	}
	var page, data, orders bytes.Buffer
	if err := r.Money.writeCSV(&orders); err != nil {
		return err
	}
	if err := r.writeHTML(&page, orders.Bytes()); err != nil {
		return err
	}
	if err := printJSON(&data, r); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		text []byte
	}{{out + ".html", page.Bytes()}, {out + ".json", data.Bytes()}, {out + "-orders.csv", orders.Bytes()}} {
		if err := os.WriteFile(f.name, f.text, 0o600); err != nil { //nolint:mnd // its owner's only
			return fmt.Errorf("write the report: %w", err)
		}
		if _, err := fmt.Fprintf(stdout, "%s  %s bytes\n", f.name, thousands(int64(len(f.text)))); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	for _, line := range r.Verdict {
		if _, err := fmt.Fprintln(stdout, line); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	if !r.Money.agrees() {
		return fmt.Errorf("the figures and the orders differ: see Money in %s.html", out)
	}
	return nil
}
