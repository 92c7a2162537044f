package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// sagaEnv makes this test binary an engine whose buyers have a method each, at a sandbox in another process.
const sagaEnv = "ENGINE_TEST_RUN_SAGA"

// sagaChild is what such a process is told, in sagaEnv.
type sagaChild struct {
	Data    string
	Sandbox string
}

// runSagaChild is the process: it serves until SIGTERM, or until it is killed.
func runSagaChild(told string) error {
	var s sagaChild
	if err := json.Unmarshal([]byte(told), &s); err != nil {
		return err
	}
	remote, err := sandbox.Dial(s.Sandbox, "")
	if err != nil {
		return err
	}
	c := processConfig{data: s.Data, listen: "127.0.0.1:0", http: "127.0.0.1:0", bounds: defaultBounds()}
	c.bounds.store.ReserveBytes = -1
	c.bounds.actors.Lane.Rate = 10_000 // the sandbox limits it often, and each time it is halved
	c.gateways = gatewaySettings{names: []string{gatewayNone}, extra: []actors.Gateway{remote}}
	c.wallets = savedMethods{remote}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	p, err := startProcess(ctx, c)
	if err != nil {
		return err
	}
	fmt.Printf("{\"ready\":true,\"nats\":%q,\"pid\":%d}\n", p.natsURL, os.Getpid())
	<-ctx.Done()
	return p.stop()
}

// startTold runs this test binary as another program and returns when it has printed its ready line into ready.
func startTold(t *testing.T, env string, args []string, ready any) *child {
	t.Helper()
	c := &child{logs: new(output), cmd: exec.Command(os.Args[0], args...)}
	c.cmd.Env = append(os.Environ(), env)
	c.cmd.Stderr = c.logs
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c.cmd.ProcessState == nil {
			_ = c.cmd.Process.Kill()
			_ = c.cmd.Wait()
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, ready)
	}
	if err != nil {
		t.Fatalf("ready line %q: %v\n%s", line, err, c.logs)
	}
	return c
}
