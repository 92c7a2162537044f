package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestBinaryOfTheDockerfileNeedsNothing builds the engine as the Dockerfile does and runs it as its user in a folder that has nothing else: no
// libc, no /proc, no /tmp.
func TestBinaryOfTheDockerfileNeedsNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it builds the engine")
	}
	var build []string
	env := os.Environ()
	var uid uint32
	for _, i := range dockerfile(t) {
		switch {
		case i.name == "RUN" && strings.HasPrefix(i.text, "go build "):
			build = strings.Fields(i.text)
		case i.name == "ENV" && strings.HasPrefix(i.text, "CGO_ENABLED="):
			env = append(env, i.text)
		case i.name == "USER":
			if err := json.Unmarshal([]byte(i.text[:strings.IndexByte(i.text, ':')]), &uid); err != nil {
				t.Fatal(err)
			}
		}
	}
	root := t.TempDir()
	for n, word := range build {
		if word == "/out/engine" {
			build[n] = filepath.Join(root, "engine")
		}
	}
	compile := exec.Command(build[0], build[1:]...)
	compile.Dir, compile.Env = "../..", env
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	if os.Geteuid() != 0 {
		t.Skip("built; only root may try it in a folder of its own")
	}
	data := filepath.Join(root, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{root, data} {
		if err := os.Chown(path, int(uid), int(uid)); err != nil {
			t.Fatal(err)
		}
	}
	engine := func(args ...string) *exec.Cmd {
		cmd := exec.Command("/engine", args...)
		cmd.Dir, cmd.Env = "/", []string{"HOLDFAST_DATA=/data"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		return cmd
	}
	if out, err := engine("version").CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "holdfast ") {
		t.Fatalf("engine version: %v\n%s", err, out)
	}
	serving := engine("serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--reserve-bytes", "-1")
	logs := new(output)
	serving.Stderr = logs
	stdout, err := serving.StdoutPipe()
	if err == nil {
		err = serving.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if serving.ProcessState == nil {
			_ = serving.Process.Kill()
			_ = serving.Wait()
		}
	}()
	var ready readyLine
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err != nil {
		t.Fatalf("ready line %q: %v\n%s", line, err, logs)
	}
	if out, err := engine("health", "--http", strings.TrimPrefix(ready.HTTP, "http://")).CombinedOutput(); err != nil || string(out) != "ready\n" {
		t.Errorf("engine health: %v\n%s", err, out)
	}
	if err := serving.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := serving.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, logs)
	}
}
