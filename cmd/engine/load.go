package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/load"
)

// loadSettings are the flags of load.
type loadSettings struct {
	access              natsAccess
	http, httpTokenFile string
	mayLoad             bool
	rate, arrivals, mix string
	measured, warmup    time.Duration
	timeout, holdTTL    time.Duration
	create              bool
	events              int
	event               []string
	lot                 string
	tickets             int64
	buyers, seed        uint64
	batch, outstanding  int
	json, progress      bool
	plan                loadPlan
}

// loadPlan is what --rate means.
type loadPlan struct {
	perSecond float64 // of an open loop; 0 is a closed one
	share     float64 // of the capacity, which is found first; 0 if the rate is known
}

const (
	loadRateDefault        = "1000"
	loadMixDefault         = "hold=70,confirm=15,release=10,get=5"
	loadForDefault         = 10 * time.Second
	loadWarmupDefault      = 2 * time.Second
	loadHoldTTLDefault     = 2 * time.Minute
	loadOutstandingDefault = 1024
	// loadForMost is longer than anybody watches: a load comes to an end even if it is forgotten.
	loadForMost = 24 * time.Hour
)

func loadCommand() *cobra.Command {
	var s loadSettings
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Ask a running engine for so much a second, and measure what it does",
		Long: `Sends commands to a running engine at a rate that does not depend on its answers (an open loop), as buyers do, and says what became of each.
Every latency is counted from the moment at which its message was due, not from when it could be sent: an engine that stalls is not spared the buyers
who would have come meanwhile. Every command is accounted for: due = sent + not sent, sent = answered + timed out.

It makes events for itself and closes them afterwards, or loads one that is there with --event: that takes real tickets. It needs nothing but NATS, so it
can drive any installation that answers there; only this machine, unless you say that you may.

With join or place in the mix, events made sell through a line. It serves: who holds there without a pass is refused, as in any line.

--rate 50000 asks for 50,000 commands a second. --rate max keeps --outstanding commands on their way instead, and finds what the engine can do. --rate 50%
does that first, for as long as it warms up, and then asks for half of it.

Load and engine on one machine share its processors. Look at the lag: so late messages left the load itself, and latencies below it say nothing.

` + accessHelp,
		Example: `  engine load                                          1,000 a second for 10 seconds, with a mix of commands
  engine load --rate max --mix hold=1 --batch 64       what it can do, 64 commands a message
  engine load --rate max --mix join=10,place=90        a line: who joins asks for the place now and then
  engine load --rate 50% --for 60s --http http://127.0.0.1:8480   at half of that, with the disk's times beside
  engine load --rate 20000 --events 1000 --for 1m      over a thousand events
  engine load --event night-one --lot ga --buyers 500  an event that is there: takes its tickets
  engine load --nats nats://10.0.0.7:4222 --i-may-load-this-system --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.access.fromEnvironment(cmd); err != nil {
				return err
			}
			if err := s.check(cmd.Flags().Changed); err != nil {
				return err
			}
			return s.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false // what everybody needs comes first
	f.StringVar(&s.rate, "rate", loadRateDefault, "commands a second, or max, or a share of max as in 50%")
	f.DurationVar(&s.measured, "for", loadForDefault, "how long to measure")
	f.DurationVar(&s.warmup, "warmup", loadWarmupDefault, "how long to send before it is measured")
	f.StringVar(&s.mix, "mix", loadMixDefault, "shares of hold, confirm, release, get, join and place; a confirm or release without a hold to use is a hold, a place without anybody who joined a join")
	f.IntVar(&s.batch, "batch", 1, "commands in one message, 1 to 1024; they are due together")
	f.IntVar(&s.outstanding, "outstanding", loadOutstandingDefault, "commands on their way with --rate max, a multiple of --batch")
	f.StringVar(&s.arrivals, "arrivals", string(load.Poisson), "how messages come: poisson, as people do, or constant, equally far apart")
	f.DurationVar(&s.timeout, "timeout", load.TimeoutDefault, "how long to wait for an answer")
	f.BoolVar(&s.create, "create", false, "make events for this load and close them afterwards: what is done unless --event is given")
	f.IntVar(&s.events, "events", 1, "events to make, on which the load is spread")
	f.Int64Var(&s.tickets, "tickets", 0, "tickets in each event made (default 0, more than can be sold)")
	f.DurationVar(&s.holdTTL, "hold-ttl", loadHoldTTLDefault, "how long holds live in events made")
	f.StringSliceVar(&s.event, "event", nil, "load an event that is there instead: its tickets are really taken; may be given several times")
	f.StringVar(&s.lot, "lot", "", "lot to buy from with --event (default the first)")
	f.Uint64Var(&s.buyers, "buyers", 0, "different buyers (default 0, a new one for every hold)")
	f.Uint64Var(&s.seed, "seed", 0, "what dice and request ids start from (default 0, another one each time); on one --event, a seed used before gets repeats")
	s.access.addTo(f)
	f.StringVar(&s.http, "http", "", "URL of the engine's HTTP side, to read from /metrics how long its disk took, as in http://127.0.0.1:8480")
	f.StringVar(&s.httpTokenFile, "http-token-file", "", "file with the token that the HTTP side wants, if it wants one")
	f.BoolVar(&s.mayLoad, "i-may-load-this-system", false, "load another machine than this one: its owner knows and agrees")
	f.BoolVar(&s.json, "json", false, "print the result as JSON")
	f.BoolVar(&s.progress, "progress", false, "say each second on stderr how it goes")
	return cmd
}

// check refuses what cannot be meant. changed says whether a flag was given.
func (s *loadSettings) check(changed func(flag string) bool) error {
	rate, isShare := strings.CutSuffix(s.rate, "%")
	n, err := strconv.ParseFloat(rate, 64)
	switch {
	case s.rate == "max":
	case err != nil || n <= 0 || n > 1e9 || isShare && n > 10_000:
		return fmt.Errorf("--rate %s: give commands a second, as in 1000, or max, or a share of max, as in 50%%", s.rate)
	case isShare:
		s.plan.share = n / 100
	default:
		s.plan.perSecond = n
	}
	switch {
	case s.measured <= 0 || s.measured > loadForMost || s.warmup < 0 || s.warmup > loadForMost:
		return fmt.Errorf("--for %v --warmup %v: give times up to %v", s.measured, s.warmup, loadForMost)
	case len(s.event) > 0 && s.create:
		return errors.New("--create makes events for this load, --event names one that is there: which is it?")
	case len(s.event) > 0 && (changed("events") || changed("tickets") || changed("hold-ttl")):
		return errors.New("--events, --tickets and --hold-ttl are about events that are made for this load: leave them out with --event")
	case len(s.event) == 0 && s.lot != "":
		return errors.New("--lot is about an event that is there: name it with --event")
	case s.events < 1 || s.events > load.EventsMax:
		return fmt.Errorf("--events %d: give 1 to %d", s.events, load.EventsMax)
	case s.tickets < 0 || s.tickets > engine.CapacityMax:
		return fmt.Errorf("--tickets %d: give 1 to %d", s.tickets, int64(engine.CapacityMax))
	case s.holdTTL < time.Second || s.holdTTL.Milliseconds() > engine.HoldTTLMsMax:
		return fmt.Errorf("--hold-ttl %v: give 1s to %v", s.holdTTL, time.Duration(engine.HoldTTLMsMax)*time.Millisecond)
	case s.batch < 1 || s.outstanding < s.batch || s.outstanding%s.batch != 0:
		return fmt.Errorf("--outstanding %d --batch %d: choose a multiple of the batch", s.outstanding, s.batch)
	case s.httpTokenFile != "" && s.http == "":
		return errors.New("--http-token-file is for the HTTP side: name it with --http")
	}
	return nil
}

// readMix reads shares, as in hold=70,confirm=20,release=10. What is not named has none.
func readMix(text string) (load.Mix, error) {
	var m load.Mix
	for part := range strings.SplitSeq(text, ",") {
		name, share, ok := strings.Cut(strings.TrimSpace(part), "=")
		n, err := strconv.Atoi(share)
		into := map[string]*int{"hold": &m.Hold, "confirm": &m.Confirm, "release": &m.Release, "get": &m.Get, "join": &m.Join, "place": &m.Place}[name]
		if !ok || err != nil || n < 0 || n > 1_000_000 || into == nil {
			return m, fmt.Errorf("--mix %s: write shares of hold, confirm, release, get, join and place, as in %s", text, loadMixDefault)
		}
		*into = n
	}
	if m == (load.Mix{}) {
		return m, fmt.Errorf("--mix %s asks for nothing: give one of hold, confirm, release, get, join and place a share", text)
	}
	return m, nil
}
