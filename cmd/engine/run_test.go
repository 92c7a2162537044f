package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long a test waits for something that must happen. No test passes because of it.
const patience = 60 * time.Second

// runMainEnv makes this test binary the program itself, for tests that need a process of their own.
const runMainEnv = "ENGINE_TEST_RUN_MAIN"

func TestMain(m *testing.M) {
	// Settings of the machine must not reach the tests.
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, settingsEnvPrefix) {
			_ = os.Unsetenv(name)
		}
	}
	if os.Getenv(runMainEnv) != "" {
		main()
		return
	}
	if told := os.Getenv(sagaEnv); told != "" {
		if err := runSagaChild(told); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// output is a writer for a program that is still running.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// engineRun is the program, run with arguments, as main would.
func engineRun(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	return engineRunWithin(t, patience, args...)
}

// engineRunWithin is engineRun for what may take longer than others.
func engineRunWithin(t *testing.T, within time.Duration, args ...string) (stdout string, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context()) // without a deadline, as main's
	defer cancel()
	defer time.AfterFunc(within, cancel).Stop()
	var out, errs output
	err = run(ctx, args, &out, &errs)
	if testing.Verbose() && errs.String() != "" {
		t.Logf("stderr of %v:\n%s", args, errs.String())
	}
	return out.String(), err
}

// must is engineRun for what must succeed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := engineRun(t, args...)
	if err != nil {
		t.Fatalf("engine %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// serving is a `serve` that runs in this process.
type serving struct {
	readyLine
	stop func() // as SIGTERM does; returns when serve has
	err  error  // what serve returned; read it after stop
	logs *output
}

// serveOn runs `engine serve` on free ports and returns when it is ready. It is stopped when the test ends, and must end well.
func serveOn(t *testing.T, data string, args ...string) *serving {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	s := &serving{logs: new(output)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.err = run(ctx, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--reserve-bytes", "-1"}, args...), w, s.logs)
		_ = w.Close()
	}()
	var once sync.Once
	s.stop = func() {
		once.Do(func() {
			cancel()
			<-done
			if s.err != nil {
				t.Errorf("serve ended with: %v\n%s", s.err, s.logs)
			}
		})
	}
	line, err := bufio.NewReader(r).ReadBytes('\n')
	if err != nil {
		cancel()
		<-done
		t.Fatalf("serve printed no ready line: %v, it ended with %v\n%s", err, s.err, s.logs)
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	t.Cleanup(s.stop)
	if err := json.Unmarshal(line, &s.readyLine); err != nil || !s.Ready {
		t.Fatalf("ready line %q: %v", line, err)
	}
	return s
}

// newData is a data folder that is not there yet.
func newData(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "data")
}

// write makes a file with a text and returns its name.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// wants fails the test for each text that is not in what was printed.
func wants(t *testing.T, printed string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(printed, text) {
			t.Errorf("%q is missing in:\n%s", text, printed)
		}
	}
}

// refuses fails the test unless err says each of the texts.
func refuses(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("it succeeded, it should say %q", texts)
	}
	wants(t, err.Error(), texts...)
}
