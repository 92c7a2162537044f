package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Machine is what the numbers were measured on.
type Machine struct {
	CPU, Kernel, FileSystem, Go, Commit string
	Cores                               int
	Fsync                               *hdrhistogram.Histogram // of 128 appended bytes, in microseconds
}

// LookAtMachine fills a Machine. dir is where the benchmarks keep their data; fsyncs is how many syncs are timed there.
func LookAtMachine(dir string, fsyncs int) (*Machine, error) {
	fs, _, err := fileSystem(dir)
	if err != nil {
		return nil, err
	}
	m := &Machine{CPU: cpuModel(), Cores: runtime.NumCPU(), Kernel: kernel(), FileSystem: fs, Go: runtime.Version(), Commit: commit()}
	m.Fsync, err = ProbeFsync(dir, fsyncs)
	return m, err
}

// String is the header of a report, in the `key: value` lines that benchstat understands.
func (m *Machine) String() string {
	var b strings.Builder
	for _, l := range [][2]string{
		{"cpu-model", m.CPU},
		{"cores", fmt.Sprint(m.Cores)},
		{"kernel", m.Kernel},
		{"file-system", m.FileSystem},
		{"go-version", m.Go},
		{"commit", m.Commit},
		{"date", time.Now().UTC().Format(time.DateOnly)},
		{"fsync", fmt.Sprintf("128 B appended, p50 %d us, p99 %d us, max %d us", m.Fsync.ValueAtQuantile(50), m.Fsync.ValueAtQuantile(99), m.Fsync.Max())},
	} {
		b.WriteString(l[0] + ": " + l[1] + "\n")
	}
	return b.String()
}

// ProbeFsync appends 128 bytes to a file in dir and syncs it, again and again, and returns how long that took, in microseconds.
func ProbeFsync(dir string, times int) (h *hdrhistogram.Histogram, err error) {
	f, err := os.CreateTemp(dir, "fsync-*")
	if err != nil {
		return nil, fmt.Errorf("bench: probe fsync: %w", err)
	}
	defer func() {
		_ = f.Close()
		if e := os.Remove(f.Name()); err == nil && e != nil {
			err = fmt.Errorf("bench: probe fsync: %w", e)
		}
	}()
	h = newLatencies()
	block := make([]byte, 128)
	for range times {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, fmt.Errorf("bench: probe fsync: %w", err)
		}
		if err := f.Sync(); err != nil {
			return nil, fmt.Errorf("bench: probe fsync: %w", err)
		}
		_ = h.RecordValue(min(max(1, time.Since(began).Microseconds()), latencyMax.Microseconds()))
	}
	return h, nil
}

// DataDir makes an empty folder for a benchmark's data, below $BENCH_DIR or else below results/tmp in the working directory, and says how to get
// rid of it. It refuses a memory file system: what is synced there is not on a disk, and the numbers would be lies.
func DataDir() (dir string, remove func() error, err error) {
	base := os.Getenv("BENCH_DIR")
	if base == "" {
		base = filepath.Join("results", "tmp")
	}
	if base, err = filepath.Abs(base); err != nil {
		return "", nil, fmt.Errorf("bench: data folder: %w", err)
	}
	if err := os.MkdirAll(base, 0o700); err != nil {
		return "", nil, fmt.Errorf("bench: data folder: %w", err)
	}
	if err := OnDisk(base); err != nil {
		return "", nil, err
	}
	if dir, err = os.MkdirTemp(base, "bench-*"); err != nil {
		return "", nil, fmt.Errorf("bench: data folder: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

// OnDisk refuses a folder on a memory file system.
func OnDisk(dir string) error {
	name, memory, err := fileSystem(dir)
	if err != nil {
		return err
	}
	if memory {
		return fmt.Errorf("bench: %s lies on %s, in memory: a durable benchmark there would measure nothing. Name a folder on a disk in BENCH_DIR", dir, name)
	}
	return nil
}

// commit is what the working tree is at.
func commit() string {
	hash, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	text := strings.TrimSpace(string(hash))
	if changed, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output(); err != nil || len(changed) > 0 {
		text += " modified"
	}
	return text
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
