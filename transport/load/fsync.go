package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// fsyncMetric is where the engine says how long its group commits took, from their write until both copies were durable.
const fsyncMetric = "holdfast_fsync_duration_seconds"

// Scraper reads /metrics of an engine.
type Scraper struct {
	// URL is the engine's HTTP side, as in http://127.0.0.1:8480. Token is what it wants of callers, if anything.
	URL, Token string
	// OnlyLoopback refuses to connect to another machine.
	OnlyLoopback bool
}

// Commits is how many group commits there were, by how long they took: bounds in seconds, and how many were at or below each.
type Commits struct {
	bounds []float64
	counts []float64
}

// Commits reads the group commits so far.
func (s *Scraper) Commits(ctx context.Context) (*Commits, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(s.URL, "/")+"/metrics", nil)
	if err != nil {
		return nil, fmt.Errorf("read the engine's metrics: %w", err)
	}
	if s.Token != "" {
		r.Header.Set("Authorization", "Bearer "+s.Token)
	}
	t := &http.Transport{}
	if s.OnlyLoopback {
		t.DialContext = DialLoopback
	}
	defer t.CloseIdleConnections()
	answer, err := (&http.Client{Transport: t}).Do(r)
	if err != nil {
		return nil, fmt.Errorf("read the engine's metrics: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read the engine's metrics: %s says %s", s.URL, answer.Status)
	}
	return readCommits(answer.Body)
}

func readCommits(text io.Reader) (*Commits, error) {
	c := &Commits{}
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), fsyncMetric+`_bucket{le="`)
		if !ok {
			continue
		}
		bound, count, ok := strings.Cut(rest, `"} `)
		le, err := strconv.ParseFloat(bound, 64)
		n, e := strconv.ParseFloat(count, 64)
		if err = errors.Join(err, e); err != nil || !ok {
			return nil, fmt.Errorf("read the engine's metrics: the line %q: %w", lines.Text(), err)
		}
		c.bounds, c.counts = append(c.bounds, le), append(c.counts, n)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the engine's metrics: %w", err)
	}
	if len(c.bounds) == 0 {
		return nil, errors.New("read the engine's metrics: " + fsyncMetric + " is not there: is it Holdfast's HTTP side?")
	}
	return c, nil
}

// Since returns the commits after an earlier reading.
func (c *Commits) Since(before *Commits) *Commits {
	d := &Commits{bounds: c.bounds, counts: append([]float64(nil), c.counts...)}
	if len(before.counts) == len(d.counts) {
		for i := range d.counts {
			d.counts[i] -= before.counts[i]
		}
	}
	return d
}

// Count is how many commits there were.
func (c *Commits) Count() int64 { return int64(c.counts[len(c.counts)-1]) }

// Quantile returns the bound below which a share of the commits lies, 0 if there were none. Beyond the last bound it is that bound.
func (c *Commits) Quantile(share float64) time.Duration {
	total := c.counts[len(c.counts)-1]
	for i, n := range c.counts {
		if total > 0 && n >= share*total {
			if math.IsInf(c.bounds[i], 1) {
				i--
			}
			return time.Duration(c.bounds[max(i, 0)] * 1e9)
		}
	}
	return 0
}
