package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/store"
)

func main() {
	rounds := flag.Int("rounds", 5, "rounds, of everybody in turns; the median counts")
	each := flag.Duration("round", 3*time.Second, "how long a round is (pgbench: whole seconds)")
	try := flag.Duration("sweep", 500*time.Millisecond, "how long each setting is tried beforehand; 0 tries none and takes the first")
	unix := flag.Bool("unix", false, "ask Redis and PostgreSQL over unix sockets, not loopback TCP as Holdfast")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, *rounds, *each, *try, *unix); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, each, try time.Duration, unix bool) (err error) {
	if rounds < 1 || each < 100*time.Millisecond || try < 0 {
		return errors.New("choose at least one round of at least 100ms, and a sweep that is not negative")
	}
	store.SpareThreads() // as engine serve does; our drivers have them too
	dir, remove, err := newDataDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	machine, err := bench.LookAtMachine(dir, 2000)
	if err != nil {
		return err
	}
	out, done, err := results(machine.CPU)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	fmt.Fprint(out, machine)
	conditions := fmt.Sprintf("Median of %d rounds of %v, everybody in turns; %d cores, %s, %s.", rounds, each, runtime.NumCPU(), machine.CPU, machine.FileSystem)
	fmt.Fprintf(out, "rounds: %d of %v after %v that do not count\n", rounds, each, each/warmUp)
	fmt.Fprintf(out, "workload: one hot event at a time; %d buyers hold one ticket each, then the next event; limit %d a buyer, holds live for %v; new random ids of %d bytes\n",
		ticketsPerEvent, LimitPerBuyer, holdTTL, bench.IDLen)
	over := "Redis and PostgreSQL over loopback TCP"
	if unix {
		over = "Redis and PostgreSQL over unix sockets"
	}
	over += ", Holdfast over NATS on loopback TCP"
	conditions += " " + over + "; drivers, servers and engine share the cores."
	fmt.Fprintln(out, "connections:", over)

	f, end, err := start(ctx, dir, unix)
	defer func() { err = errors.Join(err, end()) }()
	if err != nil {
		return err
	}
	if err := f.configs(ctx, out); err != nil {
		return err
	}
	entries := f.entries()
	if err := sweepWays(ctx, out, entries, try); err != nil {
		return err
	}
	if err := compete(ctx, out, entries, rounds, each); err != nil {
		return err
	}
	report(out, entries, conditions)
	return nil
}

// ioThreads are the io-threads that Redis is tried with. Its own configuration file advises against any on less than four cores, and is right: there they
// wait in circles for what the kernel gives the core to.
func ioThreads() []int {
	if cores := runtime.NumCPU(); cores >= 4 {
		return []int{1, min(8, cores-1)}
	}
	return []int{1}
}

// start starts the peers with their data below dir. What has been started is ended by end, also after an error.
func start(ctx context.Context, dir string, unix bool) (f *field, end func() error, err error) {
	f = &field{dir: dir, unix: unix, redis: map[string][]*redisServer{}}
	var ends []func() error
	end = func() error {
		var errs []error
		for i := len(ends) - 1; i >= 0; i-- {
			errs = append(errs, ends[i]())
		}
		return errors.Join(errs...)
	}
	folder := func(name string) (string, error) {
		d := filepath.Join(dir, name)
		return d, os.Mkdir(d, 0o711)
	}
	for _, fsync := range []string{"always", "everysec"} {
		for _, threads := range ioThreads() {
			d, err := folder(fmt.Sprintf("redis-%s-%d", fsync, threads))
			if err != nil {
				return f, end, err
			}
			s, err := startRedis(ctx, d, redisConfig{fsync, threads})
			if err != nil {
				return f, end, err
			}
			ends = append(ends, s.end)
			f.redis[fsync] = append(f.redis[fsync], s)
		}
	}
	d, err := folder("postgres")
	if err != nil {
		return f, end, err
	}
	if f.postgres, err = startPostgres(ctx, d); err != nil {
		return f, end, err
	}
	ends = append(ends, f.postgres.end)
	if f.row, err = f.postgres.sale(ctx, "row", postgresRow); err != nil {
		return f, end, err
	}
	ends = append(ends, f.row.end)
	if f.skip, err = f.postgres.sale(ctx, "skip_locked", postgresSkipLocked); err != nil {
		return f, end, err
	}
	ends = append(ends, f.skip.end)
	return f, end, nil
}

// configs prints the configurations in force.
func (f *field) configs(ctx context.Context, out io.Writer) error {
	first := f.redis["always"][0]
	fmt.Fprintf(out, "\nredis: %s\nredis.conf, but for appendfsync and io-threads the same for all:\n%s", first.version, indent(first.config.file("DIR", "SOCKET", "PORT", "PASSWORD")))
	for _, fsync := range []string{"always", "everysec"} {
		for _, s := range f.redis[fsync] {
			got, err := s.client.ConfigGet(ctx, "*").Result()
			if err != nil {
				return fmt.Errorf("redis: ask for the configuration: %w", err)
			}
			fmt.Fprint(out, "in force:")
			for _, name := range []string{"appendonly", "appendfsync", "io-threads", "io-threads-do-reads", "maxmemory", "save"} {
				fmt.Fprintf(out, " %s=%q", name, got[name])
			}
			fmt.Fprintln(out)
		}
	}
	fmt.Fprintf(out, "\npostgres: %s\npostgresql.conf, what differs from the defaults and is in force:\n", f.postgres.version)
	rows, err := f.postgres.admin.Query(ctx, "SELECT name, current_setting(name) FROM pg_settings WHERE sourcefile LIKE '%postgresql.auto.conf' OR name IN ('wal_sync_method', 'commit_siblings') ORDER BY name")
	if err != nil {
		return fmt.Errorf("postgres: ask for the settings: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return fmt.Errorf("postgres: ask for the settings: %w", err)
		}
		fmt.Fprintf(out, "  %s = %s\n", name, value)
	}
	fmt.Fprintln(out)
	return rows.Err()
}

func indent(text string) string { return regexp.MustCompile("(?m)^(.)").ReplaceAllString(text, "  $1") }

// results is where everything is printed: standard output, and with BENCH_OUT also a file of that folder.
func results(cpu string) (out io.Writer, done func() error, err error) {
	folder := os.Getenv("BENCH_OUT")
	if folder == "" {
		return os.Stdout, func() error { return nil }, nil
	}
	name := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(cpu), "-"), "-")
	path := filepath.Join(folder, time.Now().UTC().Format(time.DateOnly)+"-"+name+"-peers.txt")
	file, err := os.Create(path)
	if err != nil {
		return nil, nil, fmt.Errorf("keep results: %w", err)
	}
	return io.MultiWriter(os.Stdout, file), func() error {
		fmt.Println("kept in", path)
		return file.Close()
	}, nil
}
