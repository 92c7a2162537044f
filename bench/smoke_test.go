package bench_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestBenchmarksReportWhatScriptsRead runs every benchmark for a moment and looks for the names and metrics that scripts and the README rely on.
func TestBenchmarksReportWhatScriptsRead(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	results := t.TempDir()
	c := exec.CommandContext(t.Context(), self, "-test.run", "^$", "-test.bench", ".", "-test.benchtime", "1x", "-test.short")
	c.Env = append(os.Environ(), "BENCH_OUT="+results, "BENCH_FULL=")
	text, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("the benchmarks failed: %v\n%s", err, text)
	}
	got := parse(string(text))
	for _, w := range windows() {
		want(t, got, "BenchmarkEcho/reply=fixed/"+w.String(), "echoes/s", "p50-us", "p99-us")
		want(t, got, "BenchmarkHold/"+w.String(), "holds/s", "echoes/s", "ratio", "p50-us", "p99-us", "echo-p50-us", "fsync-p50-us", "commit-p50-us", "gc-p99.9-us")
	}
	want(t, got, "BenchmarkSoldOut/outstanding=1024/batch=1", "refusals/s", "holds/s", "echoes/s", "ratio", "refusals/hold", "p50-us", "p99-us")
	want(t, got, "BenchmarkSoldOut/outstanding=4096/batch=64", "refusals/s", "holds/s", "echoes/s", "ratio", "refusals/hold", "p50-us", "p99-us")
	want(t, got, "BenchmarkEngine/command=hold", "holds/s")
	want(t, got, "BenchmarkEngine/command=refused", "refusals/s")
	want(t, got, "BenchmarkEngine/command=confirm", "orders/s")
	for _, run := range []string{"1", "64", "1024"} {
		want(t, got, "BenchmarkJournal/run="+run, "facts/s", "p50-us", "p99-us", "fsync-p50-us", "commit-p50-us")
	}
	for _, name := range []string{"BenchmarkOpenLoop/share=0.5/batch=1", "BenchmarkOpenLoop/share=0.5/batch=64"} {
		want(t, got, name, "capacity/s", "commands/s", "p50-us", "p99-us", "p99.9-us", "commit-p99-us", "fsync-p50-us", "fsync-p99-us", "fsync-p99.9-us", "lag-p99-us", "p99/commit-p99", "p99/fsync-p99")
	}
	for _, name := range []string{"BenchmarkOverload/times=10/batch=1", "BenchmarkOverload/times=10/batch=16"} {
		want(t, got, name, "peak/s", "goodput/s", "goodput/peak", "refused-p99-us", "rss-growth-MiB")
	}
	want(t, got, "BenchmarkRestart", "restart-ms", "recover-ms", "facts/s")
	for _, from := range []string{"lobby", "log", "snapshot+tail"} {
		want(t, got, "BenchmarkLineRestart/from="+from, "restart-ms", "recover-ms", "cpu-ms")
	}
	for _, w := range lineWindows() {
		want(t, got, "BenchmarkLineJoin/"+w.String(), "holds/s", "joins/s", "ratio", "cpu-ratio", "p50-us", "p99-us", "unsigned-joins/s", "unsigned-ratio", "served-joins/s", "served-ratio")
		want(t, got, "BenchmarkLinePlace/"+w.String(), "holds/s", "places/s", "ratio", "cpu-ratio", "p50-us", "p99-us")
	}
	want(t, got, "BenchmarkLineDraw", "joins/s", "draw-ms", "draw-p100-us", "hold-p99-us", "hold-before-p99-us")
	want(t, got, "BenchmarkLineMemory", "B/waiter", "remembered-B/waiter")
	want(t, got, "BenchmarkLineSteps", "joins/s", "draw-ms", "draw-cpu-ms", "join-p100-us", "draw-p100-us", "serve-p100-us", "draw-above-1ms")
	want(t, got, "BenchmarkMemory", "B/hold", "B/event")
	for _, scale := range []string{"holds", "spread", "events", "asleep"} {
		want(t, got, "BenchmarkScale/"+scale, "one-ratio", "batched-ratio", "one-cpu-ratio", "batched-cpu-ratio")
	}
	want(t, got, "BenchmarkScaleMemory/engine/holds=20000", "B/hold", "beyond-B/hold")
	want(t, got, "BenchmarkScaleMemory/process/holds=20000", "B/hold", "beyond-B/hold", "resident-B/hold")
	want(t, got, "BenchmarkScaleMemory/asleep", "B/event", "restarted-B/event", "resident-B/event")
	want(t, got, "BenchmarkScaleSteps", "p50-us", "p99-us", "p99.9-us", "p100-us", "above-1ms")

	for _, key := range []string{"cpu-model: ", "cores: ", "kernel: ", "file-system: ", "go-version: ", "commit: ", "date: ", "fsync: ", "rounds: "} {
		if !regexp.MustCompile("(?m)^" + key + ".").Match(text) {
			t.Errorf("the header has no line %q", key)
		}
	}
	kept, err := filepath.Glob(filepath.Join(results, "*.txt"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("BENCH_OUT has %q: want one file (%v)", kept, err)
	}
	file, err := os.ReadFile(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(parse(string(file))) != len(got) {
		t.Errorf("the file kept has other benchmarks than were printed:\n%s", file)
	}
	if t.Failed() {
		t.Logf("printed:\n%s", text)
	}
}

// parse reads the benchmarks in the output of go test: the units of each by its name, without the number of processors at the end.
func parse(text string) map[string][]string {
	line := regexp.MustCompile(`(?m)^(Benchmark\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)
	got := map[string][]string{}
	for _, m := range line.FindAllStringSubmatch(text, -1) {
		words := strings.Fields(m[2])
		for i := 1; i < len(words); i += 2 {
			got[m[1]] = append(got[m[1]], words[i])
		}
	}
	return got
}

func want(t *testing.T, got map[string][]string, name string, units ...string) {
	t.Helper()
	have := map[string]bool{}
	for _, unit := range got[name] {
		have[unit] = true
	}
	if len(have) == 0 {
		t.Errorf("%s was not printed", name)
		return
	}
	for _, unit := range units {
		if !have[unit] {
			t.Errorf("%s has no metric %s: it has %q", name, unit, got[name])
		}
	}
}
