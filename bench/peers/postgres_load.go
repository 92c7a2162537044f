package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/holdfast-engine/holdfast/bench"
)

// postgresLoad is a way of asking a PostgreSQL server: so many connections, so many holds a transaction, and how long a commit waits for others.
type postgresLoad struct {
	sale          *postgresSale
	unix          bool // over the unix socket, not loopback TCP
	conns, batch  int
	commitDelayUs int
}

func (l postgresLoad) String() string {
	text := fmt.Sprintf("%d connections", l.conns)
	if l.batch > 1 {
		text += fmt.Sprintf(", %d a transaction", l.batch)
	}
	if l.commitDelayUs > 0 {
		text += fmt.Sprintf(", commit_delay %d us", l.commitDelayUs)
	}
	return text
}

// postgresMax is more holds a second than PostgreSQL does: for so many there are tickets.
const postgresMax = 50_000

// open sets the server up for a round, and returns the events that are on sale.
func (l postgresLoad) open(ctx context.Context, d time.Duration) (*nights, error) {
	if err := l.sale.server.commitDelay(ctx, l.commitDelayUs); err != nil {
		return nil, err
	}
	on, err := openNights(ctx, l.sale, d, postgresMax, l.batch)
	if err != nil {
		return nil, err
	}
	if _, err := l.sale.pool.Exec(ctx, "CHECKPOINT"); err != nil {
		return nil, fmt.Errorf("postgres: checkpoint: %w", err)
	}
	return on, nil
}

// drive is our driver: pgx, one prepared statement a hold.
func (l postgresLoad) drive(ctx context.Context, d time.Duration) (round bench.Round, err error) {
	defer func() { err = errors.Join(err, l.sale.clear(ctx)) }()
	on, err := l.open(ctx, d)
	if err != nil {
		return round, err
	}
	pool, err := l.sale.server.connect(ctx, l.unix, l.sale.database, l.conns)
	if err != nil {
		return round, err
	}
	defer pool.Close()
	workers := make([]worker, l.conns)
	for i := range workers {
		conn, err := pool.Acquire(ctx)
		if err != nil {
			return round, fmt.Errorf("postgres: connect: %w", err)
		}
		defer conn.Release()
		workers[i] = l.worker(ctx, conn, on, newBuyers(i))
	}
	if round, err = drive(d, workers); err != nil {
		return round, err
	}
	return round, on.verify(ctx, l.sale, round.All)
}

func (l postgresLoad) worker(ctx context.Context, conn *pgxpool.Conn, on *nights, from *buyers) worker {
	if l.batch == 1 {
		return func() (int, error) {
			event, err := on.take(1)
			if err != nil {
				return 0, err
			}
			var code string
			var deadline time.Time
			request, buyer := from.next()
			if err := conn.QueryRow(ctx, holdSQL, event, request, buyer, 1).Scan(&code, &deadline); err != nil {
				return 0, fmt.Errorf("postgres: hold: %w", err)
			}
			if code != string(Held) {
				return 0, fmt.Errorf("a hold was answered %q", code)
			}
			return 1, nil
		}
	}
	requests, buyers := make([]string, l.batch), make([]string, l.batch)
	return func() (int, error) {
		event, err := on.take(l.batch)
		if err != nil {
			return 0, err
		}
		for i := range requests {
			requests[i], buyers[i] = from.next()
		}
		var codes []string
		if err := conn.QueryRow(ctx, holdManySQL, event, requests, buyers).Scan(&codes); err != nil {
			return 0, fmt.Errorf("postgres: hold_many: %w", err)
		}
		for _, code := range codes {
			if code != string(Held) {
				return 0, fmt.Errorf("a hold was answered %q", code)
			}
		}
		if len(codes) != l.batch {
			return 0, fmt.Errorf("%d holds had %d answers", l.batch, len(codes))
		}
		return l.batch, nil
	}
}

// pgbenchScript is the same hold. A client sells its part of every event, then goes on to the next.
const pgbenchScript = `\set event :n * :clients / %d
\set n :n + 1
\set request random(10000000000000, 99999999999999)
\set buyer random(10000000000000, 99999999999999)
SELECT code, expires_at FROM hold('night-' || lpad(:event::text, 3, '0') || '-2026', 'rq' || :request::text, 'by' || :buyer::text, 1);
`

// pgbench is PostgreSQL's own driver with the same function, for whole seconds.
func (l postgresLoad) pgbench(ctx context.Context, d time.Duration) (round bench.Round, err error) {
	defer func() { err = errors.Join(err, l.sale.clear(ctx)) }()
	on, err := l.open(ctx, d)
	if err != nil {
		return round, err
	}
	s := l.sale.server
	script := filepath.Join(s.address.folder, "hold.sql")
	if err := os.WriteFile(script, fmt.Appendf(nil, pgbenchScript, on.perEvent), 0o600); err != nil {
		return round, fmt.Errorf("pgbench: %w", err)
	}
	args := []string{
		"-h", s.host(l.unix), "-p", s.address.port, "-U", "bench", "-n", "-M", "prepared", "-f", script, "-D", "n=0", "-D", "clients=" + strconv.Itoa(l.conns),
		"-c", strconv.Itoa(l.conns), "-j", strconv.Itoa(min(l.conns, runtime.NumCPU())), "-T", strconv.Itoa(max(1, int(d.Round(time.Second).Seconds()))), l.sale.database,
	}
	tool := exec.CommandContext(ctx, filepath.Join(s.bin, "pgbench"), args...)
	tool.Env = append(os.Environ(), "PGPASSWORD="+s.address.password, "PGSSLMODE=disable")
	out, err := tool.CombinedOutput()
	if err != nil {
		return round, fmt.Errorf("pgbench: %w: %s", err, out)
	}
	if round, err = pgbenchRound(out, d); err != nil {
		return round, err
	}
	return round, on.verify(ctx, l.sale, round.All)
}

// pgbenchRound reads what pgbench prints. There is no rate if nothing was done in d: on a busy machine its connections alone may take longer.
func pgbenchRound(out []byte, d time.Duration) (round bench.Round, err error) {
	done, tps := pgbenchDone.FindSubmatch(out), pgbenchRate.FindSubmatch(out)
	switch {
	case done == nil:
		return round, fmt.Errorf("pgbench printed what cannot be read: %q", out)
	case string(done[1]) == "0":
		return bench.Round{Took: d}, nil
	case tps == nil:
		return round, fmt.Errorf("pgbench printed no rate: %q", out)
	}
	if round.Commands, err = strconv.ParseInt(string(done[1]), 10, 64); err != nil {
		return round, fmt.Errorf("pgbench: %w", err)
	}
	rate, err := strconv.ParseFloat(string(tps[1]), 64)
	if err != nil || rate <= 0 {
		return round, fmt.Errorf("pgbench printed %s transactions a second", tps[1])
	}
	round.All, round.Took = round.Commands, time.Duration(float64(round.Commands)/rate*float64(time.Second))
	return round, nil
}

var (
	pgbenchDone = regexp.MustCompile(`(?m)^number of transactions actually processed: (\d+)`)
	pgbenchRate = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)
)
