package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-engine/holdfast/bench"
)

// redisLoad is a way of asking a Redis server: so many connections, each with so many commands on their way.
type redisLoad struct {
	server          *redisServer
	unix            bool // over the unix socket, not loopback TCP
	conns, pipeline int
}

func (l redisLoad) String() string {
	text := fmt.Sprintf("%d connections", l.conns)
	if l.pipeline > 1 {
		text += fmt.Sprintf(" of %d", l.pipeline)
	}
	if l.server.config.ioThreads > 1 {
		text += fmt.Sprintf(", %d io-threads", l.server.config.ioThreads)
	}
	return text
}

// redisMax is more holds a second than any Redis does: for so many there are events.
const redisMax = 1_000_000

// drive is our driver: go-redis.
func (l redisLoad) drive(ctx context.Context, d time.Duration) (_ bench.Round, err error) {
	s := l.server
	on, err := openNights(ctx, s, d, redisMax, 1)
	if err != nil {
		return bench.Round{}, err
	}
	client := s.connect(l.unix, l.conns)
	defer func() { err = errors.Join(err, client.Close(), s.clear(ctx)) }()
	workers := make([]worker, l.conns)
	for i := range workers {
		conn := client.Conn()
		defer func() { err = errors.Join(err, conn.Close()) }()
		if err := conn.Ping(ctx).Err(); err != nil {
			return bench.Round{}, fmt.Errorf("redis: connect: %w", err)
		}
		workers[i] = l.worker(ctx, conn, on, newBuyers(i))
	}
	round, err := drive(d, workers)
	if err != nil {
		return round, err
	}
	return round, on.verify(ctx, s, round.All)
}

func (l redisLoad) worker(ctx context.Context, conn *redis.Conn, on *nights, from *buyers) worker {
	ask := func(to redis.Scripter) (*redis.Cmd, error) {
		event, err := on.take(1)
		if err != nil {
			return nil, err
		}
		request, buyer := from.next()
		return to.EvalSha(ctx, l.server.hold, keys(event), request, buyer, 1), nil
	}
	held := func(c *redis.Cmd) error {
		text, err := c.Text()
		if err == nil && !strings.HasPrefix(text, string(Held)+" ") {
			err = fmt.Errorf("a hold was answered %q", text)
		}
		return err
	}
	if l.pipeline == 1 {
		return func() (int, error) {
			c, err := ask(conn)
			if err != nil {
				return 0, err
			}
			return 1, held(c)
		}
	}
	asked := make([]*redis.Cmd, l.pipeline)
	return func() (int, error) {
		p := conn.Pipeline()
		for i := range asked {
			var err error
			if asked[i], err = ask(p); err != nil {
				return 0, err
			}
		}
		if _, err := p.Exec(ctx); err != nil {
			return 0, fmt.Errorf("redis: pipeline: %w", err)
		}
		for _, c := range asked {
			if err := held(c); err != nil {
				return 0, err
			}
		}
		return len(asked), nil
	}
}

// benchmark is redis-benchmark with the same script: it stops after a number of requests, so a short run says how many fit into d. It cannot change
// the event, so there is one for all, and it does not look at answers, so the server is asked afterwards what it has held.
func (l redisLoad) benchmark(ctx context.Context, d time.Duration) (round bench.Round, err error) {
	s := l.server
	defer func() { err = errors.Join(err, s.clear(ctx)) }()
	const tickets = 1_000_000_000
	event := nightID(0)
	if err := s.Create(ctx, event, tickets, holdTTL); err != nil {
		return round, err
	}
	requests := max(1000, 2*l.conns*l.pipeline)
	for i := range 3 { // a guess, a better one, the run
		round, err = l.toolRun(ctx, event, i, requests)
		if err != nil {
			return round, err
		}
		requests = max(1000, int(round.PerSecond()*d.Seconds()))
	}
	return round, nil
}

// toolRun is one run of redis-benchmark. It draws the same ids as another run of the same second, so each run of a round has its own number in its ids.
func (l redisLoad) toolRun(ctx context.Context, event string, number, requests int) (bench.Round, error) {
	s := l.server
	before, err := s.Ledger(ctx, event)
	if err != nil {
		return bench.Round{}, err
	}
	where := []string{"-h", loopback, "-p", s.address.port}
	if l.unix {
		where = []string{"-s", s.socket}
	}
	args := append(where, "-a", s.address.password,
		"-c", strconv.Itoa(l.conns), "-P", strconv.Itoa(l.pipeline), "-n", strconv.Itoa(requests), "-r", "2147483647", "--csv",
		"EVALSHA", s.hold, "2")
	args = append(append(args, keys(event)...), fmt.Sprintf("rq%02d__rand_int__", number), fmt.Sprintf("by%02d__rand_int__", number), "1")
	out, err := exec.CommandContext(ctx, "redis-benchmark", args...).CombinedOutput()
	if err != nil {
		return bench.Round{}, fmt.Errorf("redis-benchmark: %w: %s", err, out)
	}
	after, err := s.Ledger(ctx, event)
	if err != nil {
		return bench.Round{}, err
	}
	rps, err := toolRate(string(out))
	if err != nil {
		return bench.Round{}, err
	}
	// Its ids, of 31 random bits, meet each other now and then, and it may send a few requests more than it was told.
	held := after.Held - before.Held
	if held < int64(requests)*99/100 || held > int64(requests+l.conns*l.pipeline) {
		return bench.Round{}, fmt.Errorf("redis-benchmark sent %d requests, and the server holds %d tickets more", requests, held)
	}
	held = min(held, int64(requests))
	return bench.Round{Commands: held, All: held, Took: time.Duration(float64(requests) / rps * float64(time.Second))}, nil
}

// toolRate reads the requests a second in what redis-benchmark --csv prints: a head, and one line of values.
func toolRate(text string) (float64, error) {
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return 0, fmt.Errorf("redis-benchmark printed what cannot be read: %q: %w", text, err)
	}
	if len(rows) != 2 || len(rows[0]) < 2 || rows[0][1] != "rps" {
		return 0, fmt.Errorf("redis-benchmark printed what cannot be read: %q", text)
	}
	return strconv.ParseFloat(rows[1][1], 64)
}
