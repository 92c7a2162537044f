package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine/measure"
)

const (
	kpiTimeoutDefault = 10 * time.Second
	// kpiBytesMax bounds what is read of an answer: 1,000 series of all figures have some 20 MB.
	kpiBytesMax = 64 << 20
	// kpiWatchEvery is how often --watch asks: as often as the figures change.
	kpiWatchEvery = time.Second
)

// kpiSettings are the flags of kpi.
type kpiSettings struct {
	httpTarget
	account, event, window, by string
	kpis                       []string
	output                     string
	watch                      bool
}

func kpiCommand() *cobra.Command {
	var s kpiSettings
	cmd := &cobra.Command{
		Use:   "kpi",
		Short: "Show the figures of a running engine: conversion, funnel, latency, money, and what else there is",
		Long: `Asks the HTTP side of a running engine for its figures and prints them. docs/kpis.md says what each means, and so does ` + "`engine kpi definitions`" + `.

A figure without a value says why. "so far" marks one that may still rise, because some of the buyers in it came only now; the share of those who had their time is shown as "mature". The
interval is the one of 95 %. A figure that is sketched shows by how much it may be off.

It finds the engine by the settings of serve: address, token file and certificate may come from the same environment variables (HOLDFAST_HTTP) or the same
--config file.`,
		Example: `  engine kpi                                        all events, since the sale began
  engine kpi --event night-one --by flow            one event, by how its buyers checked out
  engine kpi --window 15m --kpis funnel.,conversion --watch
  engine kpi --by flow -o csv > kpis.csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.prepare(cmd); err != nil {
				return err
			}
			return s.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&s.event, "event", "", "show this event only (default all events)")
	f.StringVar(&s.window, "window", string(measure.WindowSale), "of which time: "+joined(measure.Windows()))
	f.StringVar(&s.by, "by", "", "break the figures down by one of "+joined(measure.Dimensions()[1:])+" (default by nothing)")
	f.StringSliceVar(&s.kpis, "kpis", nil, "show these only, by their ids; one that ends in a point, as in funnel., is all that begin so (default all)")
	f.StringVarP(&s.output, "output", "o", "table", "how to print them: table, csv or json")
	f.BoolVar(&s.watch, "watch", false, "ask again each second, until interrupted")
	f.StringVar(&s.account, "account", "", "account of the events (default the only one)")
	s.addTo(f, kpiTimeoutDefault)
	cmd.AddCommand(kpiDefinitionsCommand())
	return cmd
}

func joined[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}

func (s *kpiSettings) run(ctx context.Context, w io.Writer) error {
	printer := map[string]func(io.Writer, *measure.Answer, []byte) error{
		"table": func(w io.Writer, a *measure.Answer, _ []byte) error { return printKPITable(w, a) },
		"csv":   func(w io.Writer, a *measure.Answer, _ []byte) error { return printKPICSV(w, a) },
		"json": func(w io.Writer, _ *measure.Answer, body []byte) error {
			_, err := w.Write(body)
			return err
		},
	}[s.output]
	if printer == nil {
		return fmt.Errorf("--output %s: choose table, csv or json", s.output)
	}
	for first := true; ; first = false {
		var a measure.Answer
		body, err := s.getJSON(ctx, "/api/v1/kpi", s.query(), kpiBytesMax, &a)
		switch {
		case errors.Is(err, context.Canceled) && !first:
			return nil // whoever watches has seen enough
		case err != nil:
			return err
		}
		if s.watch && s.output == "table" && isTerminal(w) {
			fmt.Fprint(w, "\x1b[H\x1b[2J") // from the top, on an empty screen
		}
		if err := printer(w, &a, body); err != nil {
			return err
		}
		if !s.watch {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(kpiWatchEvery):
		}
	}
}

func (s *kpiSettings) query() url.Values {
	kpis := slices.Clone(s.kpis)
	if slices.ContainsFunc(kpis, func(id string) bool { return strings.HasPrefix(id, "conversion") }) && !slices.Contains(kpis, "coverage.") {
		kpis = append(kpis, "coverage.") // which nobody should read conversion without
	}
	q := url.Values{}
	for name, value := range map[string]string{"account": s.account, "event": s.event, "window": s.window, "by": s.by, "kpis": strings.Join(kpis, ",")} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

func kpiDefinitionsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "definitions [KPI...]",
		Short: "Say what each figure means",
		Long: `Prints what each figure is, by formula, what it is made of, who counts, of which time, and what else a reader has to know; without arguments a line for each. An
argument that ends in a point, as in funnel., is all that begin so.`,
		Example: "  engine kpi definitions\n  engine kpi definitions conversion coverage.\n  engine kpi definitions --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			var chosen []measure.Definition
			for _, d := range measure.Definitions() {
				if len(args) == 0 || slices.ContainsFunc(args, func(a string) bool { return a == d.ID || strings.HasSuffix(a, ".") && strings.HasPrefix(d.ID, a) }) {
					chosen = append(chosen, d)
				}
			}
			if len(chosen) == 0 {
				return fmt.Errorf("there is no KPI %s: `engine kpi definitions` lists them", strings.Join(args, ", "))
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), chosen)
			}
			return printDefinitions(cmd.OutOrStdout(), chosen, len(args) > 0)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print them as JSON")
	return cmd
}

func printDefinitions(w io.Writer, definitions []measure.Definition, whole bool) error {
	var b strings.Builder
	group := ""
	for i := range definitions {
		d := &definitions[i]
		if !whole {
			if d.Group != group {
				group = d.Group
				fmt.Fprintf(&b, "%s\n", group)
			}
			fmt.Fprintf(&b, "  %-32s %s\n", d.ID, d.Name)
			continue
		}
		exact := "exact"
		if !d.Exact {
			exact = "sketched"
		}
		fmt.Fprintf(&b, "%s: %s (%s, %s)\n", d.ID, d.Name, d.Unit, exact)
		for _, line := range [...]struct{ what, text string }{
			{"formula", d.Formula}, {"made of", d.Facts}, {"population", d.Population}, {"windows", d.Windows}, {"mind", d.Edges},
		} {
			if line.text != "" {
				fmt.Fprintf(&b, "  %-11s %s\n", line.what, line.text)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// definitionsByID are all definitions, to look figures up.
func definitionsByID() map[string]measure.Definition {
	known := make(map[string]measure.Definition)
	for _, d := range measure.Definitions() {
		known[d.ID] = d
	}
	return known
}
