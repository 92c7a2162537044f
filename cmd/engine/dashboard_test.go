package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestDashboardSurvivesARestart watches an engine that is ended and started again at the same address, as another process: the page comes back by itself, with
// the figures that the log has.
func TestDashboardSurvivesARestart(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	chromium := browser(t)
	data := t.TempDir()
	before := startChild(t, data)
	file := filepath.Join(t.TempDir(), "night-one.yaml")
	if err := os.WriteFile(file, []byte("event: night-one\nname: Night One\ncurrency: EUR\nhold_ttl_ms: 120000\nopen: true\nlots:\n  - {lot: ga, face_minor: 4500, capacity: 1000}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	engineSays(t, "event", "create", "-f", file, "--nats", before.NATS)

	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, browserPatience)
	t.Cleanup(stop)
	b := &tab{T: t, ctx: ctx, name: "dashboard"}
	b.do(chromedp.EmulateViewport(1440, 900), chromedp.Navigate(before.HTTP+"/"))
	b.until(`document.querySelector("h1")?.innerText === "Night One" && document.querySelector("#sentence").innerText.startsWith("On sale, no order yet.")`)
	b.until(`document.querySelectorAll(".tile").length === 5 && document.querySelector(".pulse").innerText.includes("Live")`)
	b.do(chromedp.Evaluate[chromedp.Void](`window.loadedOnce = true`))

	kill(t, before)
	b.until(`document.querySelector("#notice")?.innerText.includes("The connection to the engine is gone.")`)

	after := startChild(t, data, "--http", strings.TrimPrefix(before.HTTP, "http://"))
	if after.PID == before.PID || after.HTTP != before.HTTP {
		t.Fatalf("the engine was started again as process %d at %s, it was %d at %s", after.PID, after.HTTP, before.PID, before.HTTP)
	}
	b.until(`!document.querySelector("#notice") && document.querySelector(".pulse").innerText.includes("Live") && window.loadedOnce`)
	engineSays(t, "event", "pause", "night-one", "--nats", after.NATS)
	b.until(`document.querySelector("#sentence").innerText.startsWith("Paused.")`)
}

// kill ends a process as a failing machine does.
func kill(t *testing.T, c *child) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait() // it says that it was killed
}

// engineSays runs a command of the engine's program, as a person does.
func engineSays(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), runMainEnv+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("engine %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestDashboardNamesCommandsThatExist holds the commands that the dashboard shows to the program: names and flags.
func TestDashboardNamesCommandsThatExist(t *testing.T) {
	text, err := os.ReadFile(filepath.FromSlash("../../transport/dashboard/page/commands.json"))
	if err != nil {
		t.Fatal(err)
	}
	var commands []struct{ Does, Run string }
	if err := json.Unmarshal(text, &commands); err != nil || len(commands) == 0 {
		t.Fatalf("%d commands, %v", len(commands), err)
	}
	for _, c := range commands {
		words := strings.Fields(c.Run)
		found, rest, err := newRoot(io.Discard, io.Discard).Find(words[1:])
		if err != nil || !found.Runnable() {
			t.Errorf("%s: there is no such command: %v", c.Run, err)
			continue
		}
		if err := found.ParseFlags(valued(rest)); err != nil {
			t.Errorf("%s: %v", c.Run, err)
			continue
		}
		if err := found.ValidateArgs(found.Flags().Args()); err != nil {
			t.Errorf("%s: %v", c.Run, err)
		}
	}
}

// valued gives numbers where the page says what number it takes.
func valued(words []string) []string {
	said := map[string]string{"NUMBER": "1200", "PERCENT": "25", "CALLS": "40"}
	for i, w := range words {
		if v, ok := said[w]; ok {
			words[i] = v
		}
	}
	return words
}
