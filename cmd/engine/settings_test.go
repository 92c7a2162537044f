package main

import (
	"strings"
	"testing"
	"time"
)

// settled parses serve's flags and settings without serving, and returns them.
func settled(t *testing.T, args ...string) (flag func(name string) string, err error) {
	t.Helper()
	cmd := serveCommand()
	if err := cmd.ParseFlags(args); err != nil {
		return nil, err
	}
	err = applySettings(cmd)
	return func(name string) string { return cmd.Flags().Lookup(name).Value.String() }, err
}

func TestFlagWinsOverEnvironmentOverFile(t *testing.T) {
	file := write(t, "engine.yaml", "sleep-after: 3m\ninflight-per-event: 300\nevents-max: 3000\nreply-prefixes: [_INBOX., _REPLY.]\ntail-segment-bytes: 16MiB\n")
	t.Setenv("HOLDFAST_SLEEP_AFTER", "2m")
	t.Setenv("HOLDFAST_INFLIGHT_PER_EVENT", "200")
	flag, err := settled(t, "--config", file, "--sleep-after", "1m")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"sleep-after": time.Minute.String(), "inflight-per-event": "200", "events-max": "3000",
		"reply-prefixes": "[_INBOX.,_REPLY.]", "tail-segment-bytes": "16MiB", "stall-timeout": "5s",
	} {
		if got := flag(name); got != want {
			t.Errorf("--%s is %s, want %s", name, got, want)
		}
	}
}

func TestSettingsThatCannotBeAreExplained(t *testing.T) {
	_, err := settled(t, "--config", write(t, "a.yaml", "slep-after: 1m\n"))
	refuses(t, err, "slep-after", "sleep-after")
	_, err = settled(t, "--config", write(t, "b.yaml", "sleep-after: soon\n"))
	refuses(t, err, "sleep-after", "soon")
	_, err = settled(t, "--config", write(t, "c.yaml", "- 1\n"))
	refuses(t, err, "YAML")
	_, err = settled(t, "--config", "nowhere.yaml")
	refuses(t, err, "nowhere.yaml")
	_, err = settled(t, "--memtable-bytes", "64 megs")
	refuses(t, err, "64MiB")
	t.Setenv("HOLDFAST_EVENTS_MAX", "many")
	_, err = settled(t)
	refuses(t, err, "HOLDFAST_EVENTS_MAX", "many")
}

func TestConfigFileMayComeFromTheEnvironment(t *testing.T) {
	t.Setenv("HOLDFAST_CONFIG", write(t, "engine.yaml", "events-max: 7\n"))
	flag, err := settled(t)
	if err != nil || flag("events-max") != "7" {
		t.Fatalf("events-max is %s: %v", flag("events-max"), err)
	}
}

func TestSizesKeepEveryByte(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "1": 1, "1KiB": 1 << 10, "64MiB": 64 << 20, "2 GiB": 2 << 30, "-1": -1, "1536B": 1536, "1025": 1025} {
		n, err := parseSize(text)
		if err != nil || n != want {
			t.Errorf("%q is %d, want %d: %v", text, n, want, err)
		}
		if again, err := parseSize(formatSize(n)); err != nil || again != n {
			t.Errorf("%d is written as %q, which reads as %d: %v", n, formatSize(n), again, err)
		}
	}
	for _, text := range []string{"", "MiB", "1.5GiB", "64MB", "99999999999GiB", "-99999999999GiB"} {
		if n, err := parseSize(text); err == nil {
			t.Errorf("%q reads as %d", text, n)
		} else if !strings.Contains(err.Error(), "64MiB") {
			t.Errorf("%q: the error shows no example: %v", text, err)
		}
	}
}

func TestMoneyIsWrittenInItsOwnUnits(t *testing.T) {
	for _, c := range []struct {
		minor    int64
		currency string
		want     string
	}{
		{0, "EUR", "0.00 EUR"},
		{5, "EUR", "0.05 EUR"},
		{123456789, "EUR", "1,234,567.89 EUR"},
		{5000, "JPY", "5,000 JPY"},
		{1234, "KWD", "1.234 KWD"},
		{-150, "EUR", "-1.50 EUR"},
		{7, "ZZZ", "7 minor units of ZZZ"},
	} {
		if got := money(c.minor, c.currency); got != c.want {
			t.Errorf("money(%d, %s) is %q, want %q", c.minor, c.currency, got, c.want)
		}
	}
}
