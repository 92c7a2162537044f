package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine"
)

func whyCommand() *cobra.Command {
	s := &adminSettings{}
	var data, account string
	cmd := &cobra.Command{
		Use:   "why EVENT REQUEST_ID",
		Short: "Explain what became of a request: its fact, or the rule that refused it",
		Long: `Explains what became of a request id of an event: of an accepted one, what it did, when, as which fact, and what has become of that; of a refused one
the code, the rule and the numbers of that moment; of an unknown one, what that can mean. Refusals are remembered in memory only, by the newest 16,384 an
event and until it sleeps.

Asks a running engine, which notes it in its audit. With --data it looks into a data folder that no engine uses, and changes nothing in it; there only
accepted requests are known.

` + accessHelp,
		Example: `  engine why night-one h-4711
  engine why night-one h-4711 --json
  engine why night-one h-4711 --data ./data`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("name an event and a request id, as in: engine why night-one h-4711")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if data != "" {
				return s.whyOffline(data, account, args[0], args[1], newProgress(cmd.ErrOrStderr()))
			}
			return s.whyOnline(cmd.Context(), args[0], args[1])
		},
	}
	s.addTo(cmd)
	cmd.Flags().StringVar(&data, "data", "", "data folder to look into instead of asking an engine")
	cmd.Flags().StringVar(&account, "account", engine.SingleAccount, "account of the event, with --data")
	return cmd
}

// wireWhy is what is printed of an explanation.
type wireWhy struct {
	Kind     string          `json:"kind"`
	Message  string          `json:"message"`
	At       time.Time       `json:"at"`
	Verb     string          `json:"verb,omitempty"`
	Fact     int64           `json:"fact,omitempty"`
	Object   string          `json:"object,omitempty"`
	ID       string          `json:"id,omitempty"`
	State    string          `json:"state,omitempty"`
	Amount   *int64          `json:"amount,omitempty"`
	Currency string          `json:"currency,omitempty"`
	Code     string          `json:"code,omitempty"`
	Field    string          `json:"field,omitempty"`
	Rule     string          `json:"rule,omitempty"`
	Numbers  []wireWhyNumber `json:"numbers,omitempty"`
	Covered  int64           `json:"covered_ms,omitempty"`
	Accepted *int64          `json:"accepted_ids,omitempty"`
	Refused  *int64          `json:"refused_ids,omitempty"`
}

type wireWhyNumber struct {
	Name  string `json:"name"`
	Value int64  `json:"value"`
}

func (s *adminSettings) whyOnline(ctx context.Context, event, request string) error {
	return s.send(ctx, "why", map[string]any{"event": event, "request": request}, func(w io.Writer, r *wireAdminReply) { r.Why.print(w, event, request) })
}

// whyOffline replays a data folder and asks the event that comes out of it.
func (s *adminSettings) whyOffline(dir, account, event, request string, progress func(uint64)) error {
	key := engine.Key{Account: account, Kind: engine.KindEvent, ID: event}
	ev, err := eventIn(dir, key, progress)
	if err != nil {
		return verifyHelp(err, dir)
	}
	out := ev.Step(&engine.Command{Verb: engine.VerbWhy, RequestID: request}, ev.LastAt(), &engine.Facts{})
	if out.Code != engine.CodeOK {
		return &wireError{Code: out.Code.String(), Message: string(out.AppendMessage(nil)), Field: out.Field}
	}
	why := wireWhyOf(out.Why)
	if s.json {
		body, err := json.Marshal(map[string]any{"why": why})
		if err != nil {
			return fmt.Errorf("why: %w", err)
		}
		return s.printJSON(body)
	}
	var text strings.Builder
	why.print(&text, event, request)
	_, err = io.WriteString(s.stdout, text.String())
	return err
}

// wireWhyOf writes an explanation as the wire does.
func wireWhyOf(w *engine.WhyView) *wireWhy {
	v := &wireWhy{Kind: w.Kind.String(), Message: w.Message, At: time.Unix(0, int64(w.At)).UTC()}
	switch w.Kind {
	case engine.WhyAccepted:
		v.Verb, v.Fact, v.ID, v.State, v.Currency = w.Verb.String(), int64(w.Seq), w.ID, w.State, w.Currency
		v.Object = map[engine.Shows]string{engine.ShowsHold: "hold", engine.ShowsOrder: "order", engine.ShowsCapacity: "capacity", engine.ShowsEvent: "event"}[w.Shows]
		if w.Shows != engine.ShowsEvent {
			v.Amount = &w.Amount
		}
	case engine.WhyRefused: // a folder has none: refusals are not in the log
	case engine.WhyUnknown:
		v.Covered, v.Accepted, v.Refused = w.CoveredMs, &w.Accepted, &w.Refused
	}
	return v
}

func (w *wireWhy) print(to io.Writer, event, request string) {
	fmt.Fprintf(to, "%s, request %s: %s", event, request, w.Kind)
	at := w.At.UTC().Format(time.RFC3339)
	switch w.Kind {
	case "accepted":
		fmt.Fprintf(to, " at %s", at)
		if w.Fact > 0 {
			fmt.Fprintf(to, " as fact %d", w.Fact)
		}
	case "refused":
		fmt.Fprintf(to, ", %s, at %s", w.Code, at)
	}
	fmt.Fprintf(to, "\n  %s\n", w.Message)
	if w.Currency != "" && w.Amount != nil {
		fmt.Fprintf(to, "  total %s\n", money(*w.Amount, w.Currency))
	}
	if w.Rule != "" {
		fmt.Fprintf(to, "  rule: %s\n", w.Rule)
	}
	for _, n := range w.Numbers {
		fmt.Fprintf(to, "  %s %d\n", n.Name, n.Value)
	}
	if w.Kind == "unknown" {
		covered := "all accepted ids since the event was created"
		if w.Covered > 0 {
			covered = fmt.Sprintf("accepted ids of the last %v, those of confirms for good", time.Duration(w.Covered)*time.Millisecond)
		}
		fmt.Fprintf(to, "  remembered: %s; %d refusals\n", covered, *w.Refused)
	}
}
