package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/load"
)

// loadCloseTimeout is how long closing the events of a load may take, also after it was ended.
const loadCloseTimeout = time.Minute

// loadReport is what a load prints.
type loadReport struct {
	settings *loadSettings
	capacity *load.Result // found first with --rate 50%, else nil
	rate     float64      // asked for; 0 in a closed loop
	result   *load.Result
	commits  *load.Commits // of the engine meanwhile; nil without --http
}

// run carries out the load, and prints what was measured also when it was ended early.
func (s *loadSettings) run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	mix, err := readMix(s.mix)
	if err != nil {
		return err
	}
	scraper, err := s.scraper()
	if err != nil {
		return err
	}
	for _, url := range []string{s.access.url, s.http} {
		if err := s.mayUse(ctx, url); err != nil {
			return err
		}
	}
	if s.seed == 0 {
		s.seed = 1 + rand.Uint64N(1<<32)
	}
	options, err := s.access.Options(s.access.url)
	if err != nil {
		return err
	}
	nc, err := load.Connect(s.access.url, !s.mayLoad, options...)
	if err != nil {
		return fmt.Errorf("no engine at %s: start one with `engine serve`, or name another with --nats: %w", s.shown(), err)
	}
	defer nc.Close()

	c := load.Config{
		Events: s.event, Lot: s.lot, Mix: mix, Batch: s.batch, Buyers: s.buyers, HoldTTL: s.holdTTL, Timeout: s.timeout, Seed: s.seed,
		Progress: s.teller(stderr),
	}
	if len(s.event) == 0 {
		own := load.OwnEvents{Count: s.events, Tickets: s.tickets, HoldTTL: s.holdTTL, Line: mix.Join+mix.Place > 0, Name: "load-" + strconv.FormatUint(rand.Uint64(), 36)}
		if own.Tickets == 0 {
			own.Tickets = engine.CapacityMax
		}
		c.Events, c.Lot = own.IDs(), load.LotID
		defer func() {
			over, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadCloseTimeout)
			defer cancel()
			err = errors.Join(err, own.Close(over, nc))
		}()
		if err := own.Create(ctx, nc); err != nil {
			return err
		}
	} else if c.Lot, c.HoldTTL, err = load.Look(ctx, nc, s.event[0], s.lot); err != nil {
		return err
	}
	g, err := load.New(nc, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	report := &loadReport{settings: s}
	if err := s.measure(ctx, g, scraper, report); report.result == nil {
		return err
	} else if e := report.print(stdout); err != nil || e != nil {
		return errors.Join(err, e)
	}
	if r := report.result; r.Answered == 0 && r.Sent > 0 {
		return fmt.Errorf("nothing was answered: is an engine behind %s? `engine event list` asks it", s.shown())
	}
	return nil
}

// measure fills the report.
func (s *loadSettings) measure(ctx context.Context, g *load.Generator, scraper *load.Scraper, report *loadReport) (err error) {
	report.rate = s.plan.perSecond
	if s.plan.share > 0 {
		if report.capacity, err = g.Closed(ctx, s.outstanding, s.warmup/4, max(s.warmup, time.Second)); err != nil || ctx.Err() != nil {
			report.result = report.capacity
			return err
		}
		report.rate = report.capacity.Throughput() * s.plan.share
	}
	var before *load.Commits
	if scraper != nil {
		if before, err = scraper.Commits(ctx); err != nil {
			return err
		}
	}
	if report.rate > 0 {
		report.result, err = g.Open(ctx, load.Schedule{PerSecond: report.rate, Arrivals: load.Arrivals(s.arrivals), Warmup: s.warmup, For: s.measured})
	} else {
		report.result, err = g.Closed(ctx, s.outstanding, s.warmup, s.measured)
	}
	if scraper != nil && err == nil {
		var after *load.Commits
		if after, err = scraper.Commits(context.WithoutCancel(ctx)); err == nil {
			report.commits = after.Since(before)
		}
	}
	return err
}

// shown is the NATS system without the password that its URL may have.
func (s *loadSettings) shown() string { return load.Redacted(s.access.url) }

// mayUse refuses a URL that leads to another machine, unless its owner agrees.
func (s *loadSettings) mayUse(ctx context.Context, url string) error {
	if s.mayLoad || url == "" {
		return nil
	}
	err := load.CheckLoopback(ctx, url)
	if errors.Is(err, load.ErrNotLoopback) {
		return fmt.Errorf("%w: a load takes tickets and can bring a system down, so it goes to this machine only; "+
			"if the owner of that system knows and agrees, say --i-may-load-this-system", err)
	}
	return err
}

func (s *loadSettings) scraper() (*load.Scraper, error) {
	if s.http == "" {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	token, err := (&httpAccess{tokenFile: s.httpTokenFile}).token()
	if err != nil {
		return nil, err
	}
	url := s.http
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	return &load.Scraper{URL: url, Token: token, OnlyLoopback: !s.mayLoad}, nil
}

// teller says how it goes, if that is wanted.
func (s *loadSettings) teller(w io.Writer) func(load.Progress) {
	if !s.progress {
		return nil
	}
	var last load.Progress
	return func(p load.Progress) {
		what := "measuring"
		if p.Warming {
			what = "warming up"
		}
		seconds := max((p.Since - last.Since).Seconds(), 1e-3)
		if p.Since < last.Since { // another load of the same run
			last, seconds = load.Progress{}, max(p.Since.Seconds(), 1e-3)
		}
		fmt.Fprintf(w, "%4.0f s  %-10s  %s/s sent  %s/s answered  %s on their way  %s timed out\n", p.Since.Seconds(), what,
			thousands(int64(float64(p.Sent-last.Sent)/seconds)), thousands(int64(float64(p.Answered-last.Answered)/seconds)),
			thousands(p.InFlight), thousands(p.TimedOut))
		last = p
	}
}
