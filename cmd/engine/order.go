package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

func orderCommand() *cobra.Command {
	s := &adminSettings{}
	cmd := &cobra.Command{
		Use:     "order",
		Short:   "What is known of an order, for a dispute",
		Long:    "Asks a running engine about orders, as an operator: what is asked for is in its audit.\n\n" + accessHelp,
		Example: "  engine order evidence --event night-one --order o17",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	s.addTo(cmd)
	cmd.AddCommand(s.evidence())
	return cmd
}

func (s *adminSettings) evidence() *cobra.Command {
	var event, order string
	cmd := &cobra.Command{
		Use:   "evidence --event EVENT --order ORDER",
		Short: "Put together what is known of an order, for a dispute",
		Long: `Puts together what a dispute about an order needs: what was offered and under which agreement, the request that bought it with its time and channel, each request to the payment gateway,
the tickets and when they were used, undo and refunds. The facts come from the log, each with its number: engine verify proves that none was changed. --json prints one document.

The log is cut from time to time: the document says if older facts are gone. The reading takes about as long as a look with engine admin inspect.`,
		Example: "  engine order evidence --event night-one --order o17\n  engine order evidence --event night-one --order o17 --json > o17.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if event == "" || order == "" {
				return errors.New("name the order: engine order evidence --event night-one --order o17")
			}
			_, r, err := s.askOnce(cmd.Context(), "evidence", map[string]any{"event": event, "order": order})
			if err != nil {
				return err
			}
			if r.Error != nil {
				return r.Error
			}
			if s.json {
				return s.printJSON([]byte(r.Evidence))
			}
			var e evidence
			if err := json.Unmarshal([]byte(r.Evidence), &e); err != nil {
				return fmt.Errorf("the engine's answer cannot be read: %w", err)
			}
			return e.print(s.stdout)
		},
	}
	f := cmd.Flags()
	f.StringVar(&event, "event", "", "event of the order")
	f.StringVar(&order, "order", "", "the order, as in o17")
	return cmd
}

// print writes the evidence for people.
func (e *evidence) print(w io.Writer) error {
	text := fmt.Sprintf("order %s of buyer %s, event %s", e.Order.ID, e.Buyer, e.Event)
	if e.Name != "" {
		text += fmt.Sprintf(" (%s)", e.Name)
	}
	text += fmt.Sprintf("\nsold %s for %s\n", e.Order.At.Format(time.RFC3339), money(e.Order.TotalMinor, e.Order.Currency))
	for _, it := range e.Order.Items {
		text += "  " + it + "\n"
	}
	if e.Order.PaymentRef != "" {
		text += "paid outside, " + e.Order.PaymentRef + "\n"
	}
	if p := e.Purchase; p != nil {
		text += fmt.Sprintf("purchase %s, %s, method %s at %s, charge %s", p.ID, p.Flow, p.Method, p.Gateway, p.Charge)
		if p.UndoUntil != nil {
			text += ", could be undone until " + p.UndoUntil.Format(time.RFC3339)
		}
		if p.Undone {
			text += ", was undone"
		}
		text += "\n"
	}
	for _, t := range e.Tickets {
		text += fmt.Sprintf("ticket %s %s", t.ID, t.State)
		if t.AdmittedAt != nil {
			text += " at " + t.AdmittedAt.Format(time.RFC3339) + " " + t.Gate
		}
		text += "\n"
	}
	for _, r := range e.Refunds {
		text += fmt.Sprintf("refund %s %s, %s, asked for %s\n", r.ID, r.State, money(r.AmountMinor, e.Order.Currency), r.At.Format(time.RFC3339))
	}
	text += "facts:\n"
	if e.Cut {
		text += "  (the log before these was cut: older ones are not here)\n"
	}
	for _, f := range e.Facts {
		text += fmt.Sprintf("  %d  %s  %s  %s  %s\n", f.Fact, f.At.Format(time.RFC3339Nano), f.Kind, f.RequestID, f.Text)
	}
	_, err := io.WriteString(w, text)
	return err
}
