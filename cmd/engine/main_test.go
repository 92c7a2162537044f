package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// child is the program as a process of its own.
type child struct {
	readyLine
	cmd  *exec.Cmd
	logs *output
}

// startChild runs `engine serve` as a process and returns when it is ready. It is killed when the test ends, if it still runs.
func startChild(t *testing.T, data string, flags ...string) *child {
	t.Helper()
	c := &child{logs: new(output)}
	args := append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--reserve-bytes", "-1"}, flags...)
	c.cmd = exec.Command(os.Args[0], args...)
	c.cmd.Env = append(os.Environ(), runMainEnv+"=1")
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
		err = json.Unmarshal(line, &c.readyLine)
	}
	if err != nil || c.PID != c.cmd.Process.Pid {
		t.Fatalf("ready line %q: %v\n%s", line, err, c.logs)
	}
	return c
}

// end sends a signal and returns how the process ended.
func (c *child) end(t *testing.T, signal os.Signal) *os.ProcessState {
	t.Helper()
	if err := c.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait() // how it ended is in the state
	return c.cmd.ProcessState
}

func TestProcessSurvivesKillAndEndsWellOnSIGTERM(t *testing.T) {
	data := newData(t)
	c := startChild(t, data)
	shop, err := client.Connect(c.NATS, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := within(t)
	if _, err := shop.Create(ctx, "e1", smallEvent(100)); err != nil {
		t.Fatal(err)
	}
	var orders []*pb.Order
	for i := range 30 {
		orders = append(orders, sell(t, shop, "e1", "b"+strconv.Itoa(i)))
	}
	c.end(t, syscall.SIGKILL)
	_ = shop.Close()

	c = startChild(t, data)
	shop, err = client.Connect(c.NATS, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = shop.Close() }()
	for _, order := range orders {
		if again, err := shop.Order(ctx, "e1", &pb.OrderCommand{Buyer: order.Buyer, Order: order.Id}); err != nil || again.TotalMinor != order.TotalMinor {
			t.Errorf("order %s was acknowledged before the kill and reads %v: %v", order.Id, again, err)
		}
	}
	if state := c.end(t, syscall.SIGTERM); state.ExitCode() != 0 {
		t.Errorf("after SIGTERM it ended with %v\n%s", state, c.logs)
	}
	wants(t, must(t, "verify", data), "whole: every check passed")
}

func TestProcessEndsWithStatusOneAndAMessage(t *testing.T) {
	cmd := exec.Command(os.Args[0], "verify", t.TempDir())
	cmd.Env = append(os.Environ(), runMainEnv+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("it ended with %v", cmd.ProcessState)
	}
	wants(t, string(out), "engine: ", "no data folder")
}
