package fault

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is how long a step may take that a healthy engine does at once. Nothing passes because of it: when it ends, the test has failed.
const patience = 60 * time.Second

// Build compiles the engine into dir and returns the path of the program. Extra arguments go to go build, as in "-race".
func Build(ctx context.Context, dir string, args ...string) (string, error) {
	program := filepath.Join(dir, "engine")
	args = append(append([]string{"build", "-o", program}, args...), "github.com/holdfast-engine/holdfast/cmd/engine")
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the engine: %w\n%s", err, out)
	}
	return program, nil
}

// Process is an `engine serve` of our own: a child that ends with us.
type Process struct {
	// Ready is what the engine said when it could be used.
	Ready struct {
		Ready bool   `json:"ready"`
		NATS  string `json:"nats"`
		HTTP  string `json:"http"`
	}

	cmd   *exec.Cmd
	log   string
	ended chan struct{}
	err   error // how it ended; read it after ended
}

// Start runs `engine serve` on free loopback ports over a data folder, with further flags. It does not wait for it to be ready. What the engine
// logs is appended to the file log.
func Start(program, data, log string, flags ...string) (*Process, *bufio.Scanner, error) {
	w, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open the engine's log: %w", err)
	}
	defer w.Close()
	args := append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"}, flags...)
	p := &Process{cmd: exec.Command(program, args...), log: log, ended: make(chan struct{})}
	p.cmd.Stderr = w
	p.cmd.SysProcAttr = dieWithParent()
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, nil, fmt.Errorf("pipe the engine's output: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start the engine: %w", err)
	}
	return p, bufio.NewScanner(out), nil
}

// Serve starts an engine and returns when it is ready. If it ends before, the error holds what it logged last.
func Serve(program, data, log string, flags ...string) (*Process, error) {
	p, lines, err := Start(program, data, log, flags...)
	if err != nil {
		return nil, err
	}
	timer := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	for !p.Ready.Ready && lines.Scan() {
		if bytes.HasPrefix(lines.Bytes(), []byte(`{"ready":`)) {
			if err := json.Unmarshal(lines.Bytes(), &p.Ready); err != nil {
				return nil, errors.Join(fmt.Errorf("the ready line %q: %w", lines.Text(), err), p.Kill())
			}
		}
	}
	go p.wait(lines)
	if !p.Ready.Ready {
		<-p.ended
		return nil, fmt.Errorf("the engine ended before it was ready: %w\n%s", p.err, p.Tail(4000))
	}
	return p, nil
}

// wait reads the rest of the output, so that the engine never blocks on it, and reaps the child.
func (p *Process) wait(lines *bufio.Scanner) {
	for lines.Scan() {
	}
	p.err = p.cmd.Wait()
	if p.err == nil {
		p.err = errors.New("exit status 0")
	}
	close(p.ended)
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended is closed when the process is gone.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Kill sends SIGKILL and returns when the process is gone.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill the engine: %w", err)
	}
	return p.gone()
}

// Stop sends SIGTERM, waits for the end and demands exit status 0.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the engine: %w", err)
	}
	if err := p.gone(); err != nil {
		return err
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the engine ended with status %d after SIGTERM\n%s", code, p.Tail(4000))
	}
	return nil
}

func (p *Process) gone() error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.ended:
		return nil
	case <-timer.C:
		return fmt.Errorf("the engine, process %d, does not end", p.PID())
	}
}

// Tail returns the end of what the engine logged.
func (p *Process) Tail(bytesMax int64) string { return tailOf(p.log, bytesMax) }

func tailOf(log string, bytesMax int64) string {
	f, err := os.Open(log)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, size-bytesMax), io.SeekStart)
	}
	b, err := io.ReadAll(io.LimitReader(f, bytesMax))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Verify runs `engine verify` on the folder of a stopped or killed engine. The error holds what it found.
func Verify(ctx context.Context, program, data string) error {
	out, err := exec.CommandContext(ctx, program, "verify", data).CombinedOutput()
	if err != nil {
		return fmt.Errorf("engine verify %s: %w\n%s", data, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Dials opens n clients, and closes them all if one cannot be opened.
func Dials(url string, n int) ([]*Client, error) {
	clients := make([]*Client, 0, n)
	for range n {
		c, err := Dial(url)
		if err != nil {
			CloseAll(clients)
			return nil, err
		}
		clients = append(clients, c)
	}
	return clients, nil
}

// CloseAll closes clients.
func CloseAll(clients []*Client) {
	for _, c := range clients {
		c.Close()
	}
}

// AwaitEnd returns when the connections of all clients have ended, and with them the answers that were still on their way.
func AwaitEnd(ctx context.Context, clients []*Client) error {
	var wg sync.WaitGroup
	errs := make([]error, len(clients))
	for i, c := range clients {
		wg.Go(func() {
			select {
			case <-c.Ended():
			case <-ctx.Done():
				errs[i] = ctx.Err()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
