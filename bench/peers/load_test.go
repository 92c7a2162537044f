package main

import (
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/bench"
)

func TestNightsAreSoldOneAfterTheOther(t *testing.T) {
	n := &nights{events: []string{"a", "b"}, perEvent: perEvent(64)}
	if n.perEvent != 20_032 {
		t.Fatalf("an event has %d commands in batches of 64: want whole batches, 20,032", n.perEvent)
	}
	for _, want := range n.events {
		for i := range n.perEvent / 64 {
			if got, err := n.take(64); err != nil || got != want {
				t.Fatalf("batch %d of event %s goes to %q (%v)", i, want, got, err)
			}
		}
	}
	if _, err := n.take(64); !errors.Is(err, errNightsOver) {
		t.Errorf("there was a command more than there are tickets: %v", err)
	}
}

func TestWhatIsAnsweredTooLateDoesNotCount(t *testing.T) {
	var turns atomic.Int64
	last := func() (int, error) { // answered after the end
		time.Sleep(150 * time.Millisecond)
		return 1, nil
	}
	quick := func() (int, error) {
		turns.Add(1)
		return 2, nil
	}
	r, err := drive(100*time.Millisecond, []worker{last, quick})
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + 2*turns.Load(); r.All != want || r.Commands >= r.All || r.Commands%2 != 0 {
		t.Errorf("%d of %d answers counted: want %d in all, some of which were before or after the round", r.Commands, r.All, want)
	}
	if r.Took != 100*time.Millisecond || r.Latency.TotalCount() != r.Commands/2 {
		t.Errorf("the round took %v and has %d latencies for %d turns", r.Took, r.Latency.TotalCount(), r.Commands/2)
	}
}

func TestAWrongAnswerEndsTheRound(t *testing.T) {
	wrong := errors.New("sold out")
	right := func() (int, error) { return 1, nil }
	if _, err := drive(time.Hour, []worker{right, func() (int, error) { return 0, wrong }}); !errors.Is(err, wrong) {
		t.Errorf("a round with a wrong answer ended with %v", err)
	}
}

func TestToolsAreRead(t *testing.T) {
	const printed = `"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
"EVALSHA 5d 2 a b","41666.67","0.200","0.100","0.180","0.300","0.500","1.000"
`
	if rate, err := toolRate(printed); err != nil || rate != 41666.67 {
		t.Errorf("redis-benchmark says 41666.67, and %v was read (%v)", rate, err)
	}
	for _, text := range []string{"", "Error from server: NOSCRIPT", "\"test\",\"rps\"\n"} {
		if rate, err := toolRate(text); err == nil {
			t.Errorf("%q was read as %v", text, rate)
		}
	}
}

func TestPgbenchIsRead(t *testing.T) {
	const head = "number of transactions actually processed: "
	for text, want := range map[string]bench.Round{
		head + "3000\nnumber of failed transactions: 0 (0.000%)\ntps = 1500.000000 (without initial connection time)\n": {Commands: 3000, All: 3000, Took: 2 * time.Second},
		head + "0\nnumber of failed transactions: 0 (NaN%)\n":                                                           {Took: time.Minute},
	} {
		if got, err := pgbenchRound([]byte(text), time.Minute); err != nil || got != want {
			t.Errorf("%q was read as %+v (%v)", text, got, err)
		}
	}
	for _, text := range []string{"", head + "12\n", head + "12\ntps = 0.0\n"} {
		if got, err := pgbenchRound([]byte(text), time.Minute); err == nil {
			t.Errorf("%q was read as %+v", text, got)
		}
	}
}

func TestReportComparesByTheBetterDriver(t *testing.T) {
	var entries []*entry
	add := func(peer, driver string, durable bool, rates ...int64) {
		e := &entry{peer: peer, driver: driver, durable: durable, best: way{name: "16 connections"}}
		for _, r := range rates {
			e.rounds = append(e.rounds, bench.Round{Commands: r, Took: time.Second})
		}
		entries = append(entries, e)
	}
	add(holdfastOne, "bench", true, 400_000, 410_000, 390_000)
	add(holdfastBatched, "bench", true, 1_000_000, 2_000_000, 1_500_000)
	for _, peer := range []string{
		redisOne, redisPipelined, redisEverysec, redisEverysecMany,
		postgresRowName, postgresRowMany, postgresSkipName, postgresSkipMany,
	} {
		add(peer, "slow", peer != redisEverysec, 10, 10, 10)
		add(peer, "quick", peer != redisEverysec, 50_000, 50_000, 50_000)
	}
	var out strings.Builder
	report(&out, entries, "Under conditions.")
	for _, want := range []string{
		"| Holdfast, one a message | bench, 16 connections | 400,000 | 5% |",
		"| Redis, `appendfsync always` | quick, 16 connections | 50,000 | 0% |  | 8.0 / 30.0 |",
		"| Redis, `appendfsync everysec` | quick, 16 connections | 50,000 * | 0% |",
		"at least 8: reached",
		"at least 100: NOT reached",
		"Under conditions.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report has no %q", want)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

func TestMemoryFileSystemIsRefused(t *testing.T) {
	const memory = "/dev/shm"
	if _, err := os.Stat(memory); err != nil {
		t.Skipf("this machine has no %s to try it on: %v", memory, err)
	}
	t.Setenv("BENCH_DIR", memory)
	if dir, _, err := newDataDir(); err == nil {
		t.Errorf("a data folder was made in %s", dir)
	}
}
