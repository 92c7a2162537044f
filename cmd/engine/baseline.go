package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine/measure"
)

func baselineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "baseline",
		Short: "Measure the checkout that a shop had before, with the same ruler",
		Long: `Reads a shop's own records (views, carts, orders, refunds, tickets) from CSV, JSON lines or Parquet, and makes of them the figures that the engine makes of its own log, by the
same definitions: docs/kpis.md. A file says which column is what. Needs no engine.

What a shop has no records of is "not available": no figure is 0 or 100 % for lack of data.`,
		Example: `  engine baseline template > spring.yaml                              say in it what the columns are
  engine baseline import --map spring.yaml --out spring.json orders.csv refunds.csv views.csv
  engine baseline report spring.json
  engine baseline report spring.json --by device -o csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(baselineTemplateCommand(), baselineImportCommand(), baselineReportCommand())
	return cmd
}

func baselineTemplateCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "template",
		Short:   "Print a mapping to start from",
		Long:    "Prints a mapping: which file has which records, and which of its columns is what, with every setting explained. Change it to what the shop's files have.",
		Example: "  engine baseline template > spring.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := io.WriteString(cmd.OutOrStdout(), baselineTemplate)
			return err
		},
	}
}

func baselineImportCommand() *cobra.Command {
	var s baselineImport
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Make figures of a shop's own records",
		Long: `Reads files of records as the mapping says, and writes their figures to a new file, for engine baseline report and engine report. Files may be compressed with gzip; what a file is,
its name says: .csv, .jsonl, .parquet, with or without .gz.

Rows that cannot be used are bad: --on-bad says whether they are counted and left out, or end the import. So is a row that holds a card number anywhere, whatever its column: it is named by its line
alone. A row that says again what another has said is a duplicate: it is counted and left out.`,
		Example: `  engine baseline import --map spring.yaml --out spring.json orders.csv refunds.csv views.csv
  engine baseline import --map spring.yaml --out spring.json --on-bad skip *.parquet`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.onBad != "skip" && s.onBad != "stop" {
				return fmt.Errorf("--on-bad %s: choose skip or stop", s.onBad)
			}
			if s.mapFile == "" || s.out == "" {
				return errors.New("say --map, which `engine baseline template` begins, and --out, the file for the figures")
			}
			s.files, s.progress = args, cmd.ErrOrStderr()
			b, err := s.run(cmd.Context())
			if err != nil {
				return err
			}
			if err := writeBaseline(s.out, b); err != nil {
				return err
			}
			return b.printImport(cmd.OutOrStdout(), s.out)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&s.mapFile, "map", "", "file that says which column is what")
	f.StringVar(&s.out, "out", "", "new file for the figures")
	f.StringVar(&s.onBad, "on-bad", "stop", "what to do with a row that cannot be used: stop, or skip it")
	return cmd
}

func baselineReportCommand() *cobra.Command {
	var by, output string
	cmd := &cobra.Command{
		Use:   "report FILE",
		Short: "Show the figures of a baseline",
		Long: `Prints what an import has made of a shop's records. Tables are by everything that the records say something of: flow, device, method, channel, and hour of the day in the event's
time zone.`,
		Example: "  engine baseline report spring.json\n  engine baseline report spring.json --by device\n  engine baseline report spring.json -o csv > spring.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := openBaseline(args[0])
			if err != nil {
				return err
			}
			return b.print(cmd.OutOrStdout(), measure.Dimension(by), output)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&by, "by", "", "break the figures down by one of "+joined(baselineDimensions()[1:])+" (default by nothing)")
	f.StringVarP(&output, "output", "o", "table", "how to print them: table, csv or json")
	return cmd
}

// baselineVersion is the version of a baseline's file.
const baselineVersion = 1

// baseline is what became of a shop's records: the JSON of its file.
type baseline struct {
	Version  int            `json:"version"`
	Event    string         `json:"event"`
	Name     string         `json:"name"`
	Currency string         `json:"currency"`
	TimeZone string         `json:"time_zone"`
	Files    []baselineFile `json:"files"`
	Sales    baselineSales  `json:"sales"`
	// Figures are those of all of it, where engine report looks for them; By are the same by each dimension.
	Figures *measure.Answer   `json:"figures"`
	By      []*measure.Answer `json:"by"`
}

// baselineDimensions are those that a baseline is broken down by.
func baselineDimensions() []measure.Dimension {
	return []measure.Dimension{measure.ByNothing, measure.ByFlow, measure.ByDevice, measure.ByMethod, measure.ByChannel, measure.ByHour}
}

// answer is the one by a dimension; nil if there is none.
func (b *baseline) answer(by measure.Dimension) *measure.Answer {
	if by == measure.ByNothing {
		return b.Figures
	}
	for _, a := range b.By {
		if a.Query.By == by {
			return a
		}
	}
	return nil
}

// writeBaseline writes a file that is not there yet, whole or not at all.
func writeBaseline(name string, b *baseline) error {
	text, err := json.MarshalIndent(b, "", " ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already: give --out another name, or take it away first", name)
	}
	if err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write the figures: %w", err), os.Remove(name))
	}
	return nil
}

// baselineBytesMax bounds what is read of a baseline's file: a day of hours and a few dozen channels are below a megabyte.
const baselineBytesMax = 64 << 20

// openBaseline reads what an import wrote.
func openBaseline(name string) (*baseline, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s: `engine baseline import` writes one, with --out", name)
	}
	if err != nil {
		return nil, fmt.Errorf("read the baseline: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, baselineBytesMax))
	if err != nil {
		return nil, fmt.Errorf("read the baseline: %w", err)
	}
	var b baseline
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, fmt.Errorf("%s is no file of `engine baseline import`: %w", name, err)
	}
	if b.Version != baselineVersion {
		return nil, fmt.Errorf("%s is of version %d, and this program reads version %d: import the records again", name, b.Version, baselineVersion)
	}
	if b.Figures == nil {
		return nil, fmt.Errorf("%s has no figures: import the records again", name)
	}
	return &b, nil
}

// print prints the figures by a dimension.
func (b *baseline) print(w io.Writer, by measure.Dimension, output string) error {
	a := b.answer(by)
	if a == nil {
		return fmt.Errorf("a baseline has nothing by %q: choose one of %s", by, joined(baselineDimensions()[1:]))
	}
	switch output {
	case "table":
		fmt.Fprintf(w, "Baseline %s: what the shop's own records say, by the definitions of docs/kpis.md\n", firstOf(b.Name, b.Event))
		if by == measure.ByNothing {
			b.Sales.print(w, b.Currency)
		}
		fmt.Fprintln(w)
		return printKPITable(w, a)
	case "csv":
		return printKPICSV(w, a)
	case "json":
		return json.NewEncoder(w).Encode(b)
	}
	return fmt.Errorf("--output %s: choose table, csv or json", output)
}

func firstOf(texts ...string) string {
	for _, s := range texts {
		if s = strings.TrimSpace(s); s != "" {
			return s
		}
	}
	return ""
}
