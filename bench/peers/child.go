package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// child is a server that this program has started and ends. It dies with this program, whatever happens.
type child struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
	err   error // of its end
}

// startChild starts a server, as another user if one is given. What it prints goes to the file log.
func startChild(log string, as *syscall.Credential, name string, args ...string) (*child, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c := &child{cmd: exec.Command(name, args...), log: log, ended: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = out, out
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the child dies with the thread that has started it: keep the thread
		err := c.cmd.Start()
		started <- err
		if err == nil {
			c.err = c.cmd.Wait()
		}
		_ = out.Close()
		close(c.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return c, nil
}

// startMax is how long a server may take until it answers, and to end.
const startMax = 30 * time.Second

// ready waits until try succeeds. If the child ends before, its log is in the error.
func (c *child) ready(try func() error) error {
	deadline := time.Now().Add(startMax)
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-c.ended:
			return fmt.Errorf("%s has ended before it was ready: %w; it printed:\n%s", c.cmd.Path, c.err, c.printed())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not answer after %v: %w; it printed:\n%s", c.cmd.Path, startMax, err, c.printed())
		}
	}
}

func (c *child) printed() []byte {
	text, err := os.ReadFile(c.log)
	if err != nil {
		return []byte(err.Error())
	}
	return text[max(0, len(text)-4000):]
}

// end asks the child to end, and makes it.
func (c *child) end(politely syscall.Signal) error {
	_ = c.cmd.Process.Signal(politely) // it may have ended
	select {
	case <-c.ended:
		return nil
	case <-time.After(startMax):
	}
	_ = c.cmd.Process.Kill()
	<-c.ended
	return errors.New(c.cmd.Path + " did not end when asked to, and was killed")
}
