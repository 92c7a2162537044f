package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// asked runs a short load.
func asked(t *testing.T, s *serving, args ...string) (string, error) {
	t.Helper()
	return engineRun(t, append([]string{"load", "--nats", s.NATS, "--for", "200ms", "--warmup", "50ms"}, args...)...)
}

func TestLoadSaysWhatBecameOfEverything(t *testing.T) {
	s := serveOn(t, newData(t))
	out, err := asked(t, s, "--rate", "2000", "--http", s.HTTP, "--events", "3")
	if err != nil {
		t.Fatal(err)
	}
	wants(t, out, "2,000 commands/s, poisson", "0 not sent", "0 timed out after 10s", "outcomes", "hold     ok", "latency", "p99.9", "lag", "fsync", "group commits")
	listed := mustSteer(t, s, "list")
	if strings.Count(listed, "load-") != 3 {
		t.Errorf("three events were to be made:\n%s", listed)
	}
	for id := range strings.FieldsSeq(listed) {
		wants(t, mustSteer(t, s, "show", id), "closed")
	}
}

func TestLoadOfALine(t *testing.T) {
	s := serveOn(t, newData(t))
	for measured := 200 * time.Millisecond; ; measured *= 2 { // on a busy machine nobody may have joined before the load is over
		out, err := asked(t, s, "--rate", "max", "--mix", "join=1,place=2,hold=1", "--tickets", "10", "--outstanding", "16", "--for", measured.String())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out, "place    ok") && strings.Contains(out, "pass_required") || measured > patience/4 {
			wants(t, out, "join     ok", "place    ok", "pass_required")
			return
		}
	}
}

func TestLoadInJSON(t *testing.T) {
	s := serveOn(t, newData(t))
	for _, rate := range []string{"1000", "max", "50%"} {
		out, err := asked(t, s, "--rate", rate, "--json", "--batch", "4", "--outstanding", "64", "--seed", "5", "--http", s.HTTP)
		if err != nil {
			t.Fatalf("%s: %v", rate, err)
		}
		var got loadJSON
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		outcomes := int64(0)
		for _, by := range got.Outcomes {
			for _, n := range by {
				outcomes += n
			}
		}
		if got.Sent == 0 || got.Due != got.Sent+got.NotSent || got.Sent != got.Answered+got.TimedOut || got.Answered != outcomes || got.LatencyUs["count"]*4 != got.Sent {
			t.Errorf("%s: not everything is accounted for:\n%s", rate, out)
		}
		if (rate == "max") != (got.Loop == "closed") || (rate == "50%") != (got.Capacity > 0) || got.Seed != 5 || got.FsyncUs["count"] == 0 {
			t.Errorf("%s:\n%s", rate, out)
		}
	}
}

func TestLoadTakesAnEventThatIsThere(t *testing.T) {
	s := serveOn(t, newData(t))
	mustSteer(t, s, "create", "-f", write(t, "night.yaml", nightYAML))
	mustSteer(t, s, "open", "night-one")
	mustSteer(t, s, "capacity", "night-one", "--lot", "ga", "--to", "20")
	out, err := asked(t, s, "--event", "night-one", "--lot", "ga", "--mix", "hold=1", "--warmup", "0s", "--seed", "3")
	if err != nil {
		t.Fatal(err)
	}
	wants(t, out, "hold     ok 20", "sold_out")
	wants(t, mustSteer(t, s, "show", "night-one"), "on sale")
	_, err = asked(t, s, "--event", "night-one", "--lot", "lodge")
	refuses(t, err, "no lot lodge", "ga")
	_, err = asked(t, s, "--event", "nobody")
	refuses(t, err, "nobody", "event_unknown")
}

func TestLoadThatIsEndedPrintsAndCloses(t *testing.T) {
	s := serveOn(t, newData(t))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, progress output
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"load", "--nats", s.NATS, "--for", "1h", "--warmup", "0s", "--progress"}, &out, &progress)
	}()
	for deadline := time.Now().Add(patience); !strings.Contains(progress.String(), "measuring"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no progress:\n%s", progress.String())
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	wants(t, out.String(), "Ended early", "latency")
	wants(t, mustSteer(t, s, "show", strings.TrimSpace(mustSteer(t, s, "list"))), "closed")
}

func TestLoadRefusesWhatCannotBeMeant(t *testing.T) {
	for _, c := range []struct {
		args  string
		texts []string
	}{
		{"--nats nats://192.0.2.1:4222", []string{"192.0.2.1", "not loopback", "--i-may-load-this-system"}},
		{"--nats nats://127.0.0.1:1,nats://192.0.2.1:4222", []string{"192.0.2.1", "--i-may-load-this-system"}},
		{"--nats nats://127.0.0.1:1 --http http://192.0.2.1:80", []string{"192.0.2.1", "--i-may-load-this-system"}},
		{"--nats nats://127.0.0.1:1", []string{"no engine at", "engine serve"}},
		{"--rate fast", []string{"--rate fast", "max"}},
		{"--rate 0", []string{"--rate"}},
		{"--rate -5%", []string{"--rate"}},
		{"--for 0s", []string{"--for"}},
		{"--mix buy=1", []string{"--mix", "confirm"}},
		{"--mix hold=0", []string{"asks for nothing"}},
		{"--create --event e1", []string{"which is it"}},
		{"--event e1 --tickets 5", []string{"--tickets"}},
		{"--lot ga", []string{"--event"}},
		{"--events 0", []string{"--events"}},
		{"--tickets -1", []string{"--tickets"}},
		{"--hold-ttl 1ms", []string{"--hold-ttl"}},
		{"--batch 0", []string{"--batch"}},
		{"--outstanding 10 --batch 4", []string{"multiple"}},
		{"--http-token-file x", []string{"--http"}},
	} {
		_, err := engineRun(t, append([]string{"load"}, strings.Fields(c.args)...)...)
		refuses(t, err, c.texts...)
		if errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", c.args, err)
		}
	}
	s := serveOn(t, newData(t))
	_, err := asked(t, s, "--arrivals", "weekly")
	refuses(t, err, "weekly", "poisson")
	_, err = asked(t, s, "--batch", "2000", "--outstanding", "2000")
	refuses(t, err, "1024")
}

func TestLoadSaysThatNobodyAnswers(t *testing.T) {
	s := serveOn(t, newData(t))
	s.stop()
	_, err := engineRun(t, "load", "--nats", s.NATS)
	refuses(t, err, "no engine at", "engine serve")
}
