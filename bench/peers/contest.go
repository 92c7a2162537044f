package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/holdfast-engine/holdfast/bench"
)

// way is one way of driving a peer.
type way struct {
	name string
	run  func(ctx context.Context, d time.Duration) (bench.Round, error)
}

// entry is a peer driven by one program. Which of its ways is best is found out before it counts; without a sweep it is the first.
type entry struct {
	peer, driver string
	durable      bool // answers are on disk before they leave
	ways         []way

	best   way
	rounds []bench.Round
}

func (e *entry) rates() bench.Numbers { return bench.Rates(e.rounds) }

// The names of the peers, as the report has them.
const (
	holdfastOne       = "Holdfast, one a message"
	holdfastBatched   = "Holdfast, batched"
	redisOne          = "Redis, `appendfsync always`"
	redisPipelined    = "Redis, `appendfsync always`, pipelined"
	redisEverysec     = "Redis, `appendfsync everysec`"
	redisEverysecMany = "Redis, `appendfsync everysec`, pipelined"
	postgresRowName   = "PostgreSQL, row lock"
	postgresRowMany   = "PostgreSQL, row lock, 64 a transaction"
	postgresSkipName  = "PostgreSQL, `SKIP LOCKED`"
	postgresSkipMany  = "PostgreSQL, `SKIP LOCKED`, 64 a transaction"
)

// field is everybody who takes part.
type field struct {
	dir       string
	unix      bool                      // peers are asked over unix sockets
	redis     map[string][]*redisServer // by appendfsync
	postgres  *postgresServer
	row, skip *postgresSale
}

// entries are the contenders, each with the ways that are tried: the first is what most people would do.
func (f *field) entries() []*entry {
	ours := func(name string, windows ...[2]int) *entry {
		e := &entry{peer: name, driver: "bench", durable: true}
		for _, w := range windows {
			l := holdfastLoad{f.dir, w[0], w[1]}
			e.ways = append(e.ways, way{l.String(), l.drive})
		}
		return e
	}
	all := []*entry{
		ours(holdfastOne, [2]int{4096, 1}, [2]int{64, 1}, [2]int{1024, 1}),
		ours(holdfastBatched, [2]int{16384, 256}, [2]int{4096, 64}, [2]int{16384, 64}),
	}
	for _, fsync := range []string{"always", "everysec"} {
		one, many := redisOne, redisPipelined
		if fsync == "everysec" {
			one, many = redisEverysec, redisEverysecMany
		}
		all = append(all, f.redisEntries(one, fsync, []int{64, 1, 16, 128, 256, 1024}, []int{1})...)
		all = append(all, f.redisEntries(many, fsync, []int{64, 1, 4, 16}, []int{16, 64, 256})...)
	}
	conns, few := []int{16, 1, 4, 8, 32, 64, 128}, []int{4, 1, 2, 8, 16}
	all = append(all, f.postgresEntries(postgresRowName, f.row, conns, 1)...)
	all = append(all, f.postgresEntries(postgresRowMany, f.row, few, 64)...)
	all = append(all, f.postgresEntries(postgresSkipName, f.skip, conns, 1)...)
	return append(all, f.postgresEntries(postgresSkipMany, f.skip, few, 64)...)
}

func (f *field) redisEntries(name, fsync string, conns, pipelines []int) []*entry {
	driver := &entry{peer: name, driver: "go-redis", durable: fsync == "always"}
	tool := &entry{peer: name, driver: "redis-benchmark", durable: fsync == "always"}
	for _, server := range f.redis[fsync] {
		for _, c := range conns {
			for _, p := range pipelines {
				if server.config.ioThreads > 1 && c < 16 {
					continue // Redis uses its threads only if there are twice as many clients that wait
				}
				l := redisLoad{server, f.unix, c, p}
				driver.ways = append(driver.ways, way{l.String(), l.drive})
				tool.ways = append(tool.ways, way{l.String(), l.benchmark})
			}
		}
	}
	return []*entry{driver, tool}
}

func (f *field) postgresEntries(name string, sale *postgresSale, conns []int, batch int) []*entry {
	driver := &entry{peer: name, driver: "pgx", durable: true}
	tool := &entry{peer: name, driver: "pgbench", durable: true}
	add := func(l postgresLoad) {
		driver.ways = append(driver.ways, way{l.String(), l.drive})
		tool.ways = append(tool.ways, way{l.String(), l.pgbench})
	}
	for _, c := range conns {
		add(postgresLoad{sale, f.unix, c, batch, 0})
	}
	for _, c := range conns {
		if c >= 16 && c <= 64 {
			add(postgresLoad{sale, f.unix, c, batch, 50}) // below 5 open transactions it does nothing
		}
	}
	if batch > 1 {
		return []*entry{driver} // pgbench has no arrays
	}
	return []*entry{driver, tool}
}

// sweepWays tries every way of every entry once for d, and keeps the fastest. With 0 it keeps the first.
func sweepWays(ctx context.Context, out io.Writer, entries []*entry, d time.Duration) error {
	for _, e := range entries {
		e.best = e.ways[0]
		most := 0.0
		for _, w := range e.ways {
			if d == 0 {
				break
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			round, err := w.run(ctx, d)
			if err != nil {
				return fmt.Errorf("%s by %s, %s: %w", e.peer, e.driver, w.name, err)
			}
			rate := round.PerSecond()
			fmt.Fprintf(out, "sweep  %-44s %-16s %-44s %9.0f holds/s\n", e.peer, e.driver, w.name, rate)
			if rate > most {
				most, e.best = rate, w
			}
		}
	}
	return nil
}

// compete runs rounds of each entry's best way in turns, so that whatever else the machine does meets all of them.
func compete(ctx context.Context, out io.Writer, entries []*entry, rounds int, d time.Duration) error {
	for i := range rounds {
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			runtime.GC() // nobody pays for what another left behind
			round, err := e.best.run(ctx, d)
			if err != nil {
				return fmt.Errorf("%s by %s, %s: %w", e.peer, e.driver, e.best.name, err)
			}
			e.rounds = append(e.rounds, round)
			fmt.Fprintf(out, "round %d  %-44s %-16s %-44s %9.0f holds/s\n", i+1, e.peer, e.driver, e.best.name, round.PerSecond())
		}
	}
	return nil
}

// winners are the peers in the order of entries, each by the driver with the higher median.
func winners(entries []*entry) []*entry {
	var best []*entry
	for _, e := range entries {
		i := slices.IndexFunc(best, func(b *entry) bool { return b.peer == e.peer })
		switch {
		case i < 0:
			best = append(best, e)
		case e.rates().Median() > best[i].rates().Median():
			best[i] = e
		}
	}
	return best
}
