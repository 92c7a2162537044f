package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-engine/holdfast/engine"
)

// wireLane is a lane as it is printed.
type wireLane struct {
	Gateway        string `json:"gateway"`
	RateMilli      int64  `json:"rate_milli"`
	EffectiveMilli int64  `json:"effective_milli"`
	Waiting        int64  `json:"waiting"`
	Finishing      int64  `json:"finishing"`
	Later          int64  `json:"later"`
	InFlight       int64  `json:"in_flight"`
	Unknown        int64  `json:"unknown"`
	EtaMs          int64  `json:"eta_ms"`
	BreakerOpen    bool   `json:"breaker_open"`
}

type wireOneClick struct {
	OneClick string `json:"one_click"`
	Share    int64  `json:"share"`
}

type wireResolved struct {
	Event    string `json:"event"`
	Purchase string `json:"purchase"`
	State    string `json:"state"`
	Charge   string `json:"charge"`
}

// milli is how many thousandths one is.
const milli = 1000

func laneCommand() *cobra.Command {
	s := &adminSettings{}
	cmd := &cobra.Command{
		Use:   "lane",
		Short: "Show and pace the lines in front of the payment gateways",
		Long: `Every payment gateway has a lane: charges leave it at a steady rate, first in first out, what is to be finished before what is new. A lane whose wait
passes its bound turns new purchases away before they hold anything.

` + accessHelp,
		Example: "  engine lane show\n  engine lane set sandbox --rate 40 --as maria",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	s.addTo(cmd)
	cmd.AddCommand(s.laneShow(), s.laneSet())
	return cmd
}

func (s *adminSettings) laneShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show [GATEWAY]",
		Short:   "Show the lanes: rate, who waits and for how long, what is unknown",
		Example: "  engine lane show\n  engine lane show sandbox --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			fields := map[string]any{}
			if len(args) > 0 {
				fields["gateway"] = args[0]
			}
			return s.send(cmd.Context(), "lane", fields, printLanes)
		},
	}
}

func (s *adminSettings) laneSet() *cobra.Command {
	var rate float64
	cmd := &cobra.Command{
		Use:     "set GATEWAY --rate CALLS",
		Short:   "Set how many calls a second a lane makes, at once and for good",
		Example: "  engine lane set sandbox --rate 40 --as maria",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if rate < 1.0/milli {
				return errors.New("--rate must be at least 0.001 calls a second")
			}
			return s.send(cmd.Context(), "lane", map[string]any{"gateway": args[0], "rate_milli": int64(rate * milli)}, printLanes)
		},
	}
	cmd.Flags().Float64Var(&rate, "rate", 0, "calls a second, captures and refunds included; no default (0 is refused)")
	_ = cmd.MarkFlagRequired("rate")
	return cmd
}

func printLanes(w io.Writer, r *wireAdminReply) {
	for i := range r.Lanes {
		l := &r.Lanes[i]
		fmt.Fprintf(w, "%s: %g calls a second", l.Gateway, float64(l.RateMilli)/milli)
		if l.EffectiveMilli < l.RateMilli {
			fmt.Fprintf(w, " (%g while the gateway limits us)", float64(l.EffectiveMilli)/milli)
		}
		fmt.Fprintf(w, ", %s purchases wait, a new one for %v; %s calls under way, %s to be finished now, %s later, %s unknown\n", thousands(l.Waiting),
			(time.Duration(l.EtaMs) * time.Millisecond).Round(time.Second), thousands(l.InFlight), thousands(l.Finishing), thousands(l.Later), thousands(l.Unknown))
		if l.BreakerOpen {
			fmt.Fprintf(w, "%s does not answer: new purchases are refused until it does\n", l.Gateway)
		}
	}
}

func oneClickCommand() *cobra.Command {
	s := &adminSettings{}
	cmd := &cobra.Command{
		Use:   "one-click",
		Short: "Show and set for whom one-click checkout is on, everywhere or in one event",
		Long: `One-click checkout can be switched on and off, and opened to a share of buyers that only grows: a buyer who has it keeps it. A buyer has it where both
the share of the engine and that of the event include them. A change works at once and is in the log.

` + accessHelp,
		Example: "  engine one-click show\n  engine one-click set --share 5 --as maria\n  engine one-click set --event night-one --off",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	s.addTo(cmd)
	cmd.AddCommand(s.oneClickShow(), s.oneClickSet())
	return cmd
}

// oneClickEvent is the flag that names an event.
func oneClickEvent(f *pflag.FlagSet, event *string) {
	f.StringVar(event, "event", "", "of this event only (default everywhere)")
}

func (s *adminSettings) oneClickShow() *cobra.Command {
	var event string
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Show for whom one-click checkout is on",
		Example: "  engine one-click show\n  engine one-click show --event night-one",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if event != "" {
				return s.oneClickOfEvent(cmd.Context(), event, "get", map[string]any{})
			}
			return s.send(cmd.Context(), "one-click", map[string]any{}, printOneClick)
		},
	}
	oneClickEvent(cmd.Flags(), &event)
	return cmd
}

func (s *adminSettings) oneClickSet() *cobra.Command {
	var event string
	var on, off bool
	var share float64
	cmd := &cobra.Command{
		Use:   "set",
		Short: "Switch one-click checkout on or off, or open it to more buyers",
		Example: `  engine one-click set --share 5 --as maria          5 % of buyers, everywhere
  engine one-click set --off                         nobody, until --on
  engine one-click set --event night-one --share 50  at most half of the buyers of this event`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			hasShare := cmd.Flags().Changed("share")
			switch {
			case on && off:
				return errors.New("--on and --off: give one of them")
			case !on && !off && !hasShare:
				return errors.New("say what is to change: --on, --off or --share")
			case hasShare && (share < 0.01 || share > 100):
				return errors.New("--share must be 0.01 to 100, in percent; --off is for none")
			}
			fields := map[string]any{}
			hundredths := int64(share*engine.AllBuyers/100 + 0.5) //nolint:mnd // of percent, rounded
			if event != "" {
				if on || off {
					fields["on"] = on
				}
				if hasShare {
					fields["share"] = hundredths
				}
				return s.oneClickOfEvent(cmd.Context(), event, "one_click", fields)
			}
			if on || off {
				fields["one_click"] = map[bool]string{true: "on", false: "off"}[on]
			}
			if hasShare {
				fields["share"] = hundredths
			}
			return s.send(cmd.Context(), "one-click", fields, printOneClick)
		},
	}
	f := cmd.Flags()
	oneClickEvent(f, &event)
	f.BoolVar(&on, "on", false, "switch it on")
	f.BoolVar(&off, "off", false, "switch it off, for everybody and at once")
	f.Float64Var(&share, "share", 0, "of buyers, in percent, as in 5 or 0.5; it only grows (default unchanged, 0 is refused)")
	return cmd
}

// oneClickOfEvent sends a command to an event and prints its one-click settings.
func (s *adminSettings) oneClickOfEvent(ctx context.Context, event, verb string, fields map[string]any) error {
	if verb != "get" {
		if fields["request_id"] = s.requestID; s.requestID == "" {
			fields["request_id"] = newRequestID()
		}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	answer, err := s.ask(ctx, "holdfast.v1.events."+event+"."+verb, body)
	if err != nil {
		return err
	}
	var r struct {
		Error *wireError `json:"error"`
		Event *struct {
			Off   bool   `json:"one_click_off"`
			Share *int64 `json:"one_click_share"`
		} `json:"event"`
	}
	switch err := json.Unmarshal(answer, &r); {
	case err != nil:
		return fmt.Errorf("the engine's answer cannot be read: %w: %s", err, answer)
	case r.Error != nil:
		return r.Error
	case s.json:
		return s.printJSON(answer)
	case r.Event == nil:
		return fmt.Errorf("the engine's answer shows no event: %s", answer)
	}
	share := int64(engine.AllBuyers)
	if r.Event.Share != nil {
		share = *r.Event.Share
	}
	_, err = fmt.Fprintf(s.stdout, "event %s: %s\n", event, oneClickText(!r.Event.Off, share))
	return err
}

func printOneClick(w io.Writer, r *wireAdminReply) {
	fmt.Fprintf(w, "everywhere: %s\n", oneClickText(r.OneClick.OneClick == "on", r.OneClick.Share))
}

func oneClickText(on bool, share int64) string {
	text := fmt.Sprintf("%g %% of buyers", float64(share)/(engine.AllBuyers/100)) //nolint:mnd // percent
	if !on {
		return "off; when on again for " + text
	}
	return "on for " + text
}

func purchaseCommand() *cobra.Command {
	s := &adminSettings{}
	cmd := &cobra.Command{
		Use:   "purchase",
		Short: "Resolve a purchase whose charge nobody knows about",
		Long: `A charge that the gateway tells nothing definite about for 24 hours is stuck, and its tickets with it (holdfast_payment_alarms_total). Look it up on the
gateway's own pages and say what became of it.

` + accessHelp,
		Example: "  engine purchase resolve night-one p17 captured --as maria",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	s.addTo(cmd)
	cmd.AddCommand(&cobra.Command{
		Use:   "resolve EVENT PURCHASE authorised|captured|voided",
		Short: "Say what became of a stuck charge",
		Long: `Ends a stuck purchase: authorised or captured gives the buyer the tickets, voided gives them back for sale. Nothing checks the answer: look at the gateway's
own pages first. It is in the audit. Also for a charge that could not be captured, let go or given back, again and again.`,
		Example: "  engine purchase resolve night-one p17 captured --as maria\n  engine purchase resolve night-one p18 voided --request-id resolve-p18",
		Args:    cobra.ExactArgs(3), //nolint:mnd // as Use says
		RunE: func(cmd *cobra.Command, args []string) error {
			fields := map[string]any{"event": args[0], "purchase": args[1], "answer": args[2]}
			return s.send(cmd.Context(), "resolve", fields, func(w io.Writer, r *wireAdminReply) {
				fmt.Fprintf(w, "purchase %s of event %s is %s, its charge %s\n", r.Resolved.Purchase, r.Resolved.Event, r.Resolved.State, r.Resolved.Charge)
			})
		},
	})
	return cmd
}
