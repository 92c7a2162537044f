package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// TestNoSecretLeavesTheProcess runs the engine with secrets of every kind, lets it refuse strangers, sell, be asked for everything it shows, and die
// with its stacks printed, and looks for the secrets in all of that, in its arguments and environment, and in what it leaves on disk.
func TestNoSecretLeavesTheProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the arguments and the environment of a process are read from /proc")
	}
	const password, shopPassword, token = "canary-engine-5ecret", "canary-shop-5ecret", "canary-http-token-5ecret"
	config := write(t, "nats.conf", `accounts { A: { users: [ {user: engine, password: `+password+`}, {user: shop, password: `+shopPassword+`} ] } }`)
	data := newData(t)
	c := startChild(t, data, "--nats-config", config, "--user", "engine", "--password-file", write(t, "pass", password),
		"--http-token-file", write(t, "token", token), "--log-level", "debug")
	seen := map[string]string{}
	for _, file := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", c.PID, file))
		if err != nil {
			t.Fatal(err)
		}
		seen[file] = string(text)
	}
	access := natsAccess{url: c.NATS, Access: transport.Access{User: "shop", PasswordFile: write(t, "shop", shopPassword)}}
	for subject, body := range map[string]string{
		"holdfast.v1.events.e1.create": `{"request_id":"c1","name":"Night","currency":"EUR","open":true,"lots":[{"lot":"ga","face_minor":1,"capacity":5}]}`,
		"$SRV.INFO.holdfast":           "", "$SRV.STATS.holdfast": "", "holdfast.v1.events.list": "{}",
		"holdfast.v1.events.e1.hold": `{"request_id":"h1","buyer":"b1","password":"` + shopPassword + `"}`,
	} {
		answer, err := access.request(within(t), subject, []byte(body))
		if err != nil {
			t.Fatalf("%s: %v", subject, err)
		}
		seen[subject] = string(answer)
	}
	for what, a := range map[string]transport.Access{
		"nobody": {}, "another password": {User: "shop", PasswordFile: write(t, "guess", "canary-guess-5ecret")},
	} {
		stranger := natsAccess{url: c.NATS, Access: a}
		if _, err := stranger.request(within(t), "holdfast.v1.events.list", nil); err == nil {
			t.Errorf("%s is let in", what)
		} else {
			seen[what] = err.Error()
		}
	}
	for _, page := range []string{"/metrics", "/readyz", "/healthz", "/debug/pprof/", "/config"} {
		_, seen[page+" without the token"] = fetch(t, c.HTTP+page)
		_, seen[page] = fetch(t, c.HTTP+page, "Authorization", "Bearer "+token)
	}
	wants(t, seen["/metrics"], "holdfast_messages_total")
	eventually(t, "what was denied is logged", func() bool { return strings.Contains(c.logs.String(), "NATS denied") })
	c.end(t, syscall.SIGQUIT) // prints every stack
	wants(t, c.logs.String(), "goroutine")
	seen["the log and the stacks"] = c.logs.String()
	for where, text := range seen {
		if at := strings.Index(text, "5ecret"); at >= 0 {
			t.Errorf("%s shows a secret: %.200q", where, text[max(0, at-60):])
		}
	}
	err := filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v: others of this machine can look into it", path, info.Mode())
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), "5ecret") {
			t.Errorf("%s holds a secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestLinksInTheDataFolderAreRefused: whoever could put one there would have the engine write where they point.
func TestLinksInTheDataFolderAreRefused(t *testing.T) {
	data := newData(t)
	s := serveOn(t, data)
	if _, err := connectTo(t, s).Create(within(t), "e1", smallEvent(1)); err != nil {
		t.Fatal(err)
	}
	s.stop()
	elsewhere := filepath.Join(t.TempDir(), "tail")
	if err := os.Rename(filepath.Join(data, "tail"), elsewhere); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(data, "tail")); err != nil {
		t.Fatal(err)
	}
	_, err := engineRun(t, "serve", "--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
	refuses(t, err, "symbolic link", "tail")
	// The folder itself may be somewhere else.
	if err := os.Remove(filepath.Join(data, "tail")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(elsewhere, filepath.Join(data, "tail")); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(data, link); err != nil {
		t.Fatal(err)
	}
	again := serveOn(t, link)
	if e, err := connectTo(t, again).Get(within(t), "e1"); err != nil || e.Lots[0].Capacity != 1 {
		t.Errorf("through a link to the folder: %v %v", e, err)
	}
}

// TestPathsInIDsLeadNowhere: an event's id never names a file.
func TestPathsInIDsLeadNowhere(t *testing.T) {
	data := newData(t)
	s := serveOn(t, data)
	c := connectTo(t, s)
	for _, id := range []string{"../../etc/passwd", "/etc/passwd", "..", ".", "a/b", `a\b`, "%2e%2e", "CON", "nul"} {
		_, err := c.Create(within(t), id, smallEvent(1))
		if valid := id == "CON" || id == "nul"; (err == nil) != valid {
			t.Errorf("an event called %q: %v", id, err)
		}
	}
	if _, err := c.Hold(within(t), "nul", &pb.HoldCommand{Buyer: "../b", Items: []*pb.Item{{Lot: "ga", Quantity: 1}}}); err == nil {
		t.Error("a buyer that is a path holds")
	}
	s.stop()
	err := filepath.WalkDir(data, func(path string, _ fs.DirEntry, err error) error {
		if name := filepath.Base(path); name == "CON" || name == "nul" || name == "passwd" {
			t.Errorf("there is a file %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
