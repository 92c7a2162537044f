package dashboard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/dashboard"
)

// screenshotsEnv names a folder for pictures of the page, for those who change it. Variables that begin with HOLDFAST_ are settings of the engine.
const screenshotsEnv = "DASH_SCREENSHOTS"

// patience is how long a step of the page may take on a machine that is busy with other things.
const patience = 2 * time.Minute

// serve puts a sale behind the real HTTP side, at an address or a free one.
func serve(t *testing.T, s *sale, listen string) *served {
	t.Helper()
	page, err := dashboard.New()
	if err != nil {
		t.Fatal(err)
	}
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	h, err := transport.ServeHTTP(transport.HTTPConfig{
		Listen: listen, Metrics: func(io.Writer) {}, Ready: func() error { return nil }, Measurer: s, State: s.state, Page: page,
	})
	if err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := h.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(end)
	return &served{h, end}
}

// served is an HTTP side that may end before its test does.
type served struct {
	*transport.HTTPServer
	stop func()
}

// chromium starts a browser, or skips the test where there is none.
func chromium(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium on this machine, so nobody looks at the dashboard: apt-get install chromium, as .ci/run does")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox) // it only sees the page of this test
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// tab is one window of the browser in front of the dashboard.
type tab struct {
	*testing.T
	ctx  context.Context
	name string // of its pictures

	mu       sync.Mutex
	problems []string // what the console says
}

type pageStep = chromedp.Action[chromedp.Void]

// openTab opens an address in a window of its own, of so many pixels, in light or dark colours.
func openTab(t *testing.T, from context.Context, url string, width int64, colours string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(from, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, patience)
	t.Cleanup(stop)
	b := &tab{T: t, ctx: ctx, name: fmt.Sprintf("%d-%s", width, colours)}
	height := int64(900)
	if width < 500 {
		height = 844
	}
	b.do(chromedp.EmulateViewport(width, height), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: colours}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	}))
	origin := url[:strings.Index(url[len("http://"):], "/")+len("http://")]
	if err := chromedp.Listen(ctx, func(ev any) {
		switch e := ev.(type) {
		case *runtime.EventConsoleAPICalled:
			if e.Type == "error" || e.Type == "warning" {
				b.note(fmt.Sprintf("the console: %v", e.Args))
			}
		case *runtime.EventExceptionThrown:
			b.note(fmt.Sprintf("an exception: %s %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
		case *log.EventEntryAdded:
			// The browser notes by itself that a server is gone or starting, and that an event is not there.
			gone := strings.Contains(e.Entry.Text, "net::ERR_") || strings.Contains(e.Entry.Text, "status of 503") || strings.Contains(e.Entry.URL, "event=gone") || strings.Contains(e.Entry.URL, "/api/v1/line?") // most made-up sales serve no lines
			if e.Entry.Level == "error" && !gone {
				b.note("the browser: " + e.Entry.Text + " " + e.Entry.URL)
			}
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(e.Request.URL, origin+"/") && !strings.HasPrefix(e.Request.URL, "data:") {
				b.note("a request to elsewhere: " + e.Request.URL)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
		return err
	}), chromedp.Navigate(url))
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, p := range b.problems {
			t.Error(p)
		}
	})
	return b
}

func (b *tab) note(problem string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.problems) < 20 {
		b.problems = append(b.problems, problem)
	}
}

func (b *tab) do(steps ...pageStep) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatalf("%v\nthe page shows:\n%s", err, b.everything())
	}
}

// until waits for something to become true on the page.
func (b *tab) until(expression string) {
	b.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(patience/8))); err != nil {
		b.Fatalf("%s: %v\nthe page shows:\n%s", expression, err, b.everything())
	}
}

// shows waits until what a selector finds has a text.
func (b *tab) shows(selector, text string) {
	b.Helper()
	quoted, _ := json.Marshal([]string{selector, text}) // strings
	b.until(fmt.Sprintf(`(([s, t]) => document.querySelector(s)?.innerText.includes(t) ?? false)(%s)`, quoted))
}

// says is the text of what a selector finds.
func (b *tab) says(selector string) string {
	b.Helper()
	return evaluate[string](b, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector))
}

func evaluate[T any](b *tab, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

// evaluateLater waits for what a promise brings.
func evaluateLater[T any](b *tab, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (b *tab) everything() string {
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`)) // it is only shown
	return text
}

func (b *tab) click(selector string) {
	b.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// press presses keys as a keyboard does: what a page does with a key going down decides whether a character follows.
func (b *tab) press(keys string) {
	b.Helper()
	for _, r := range keys {
		events := kb.Encode(r)
		if len(events) == 3 {
			events[0].Text = events[1].Text
			events = []*input.DispatchKeyEventParams{events[0], events[2]}
		}
		for _, e := range events {
			b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
				_, err := chromedp.Call(ctx, input.DispatchKeyEvent, *e)
				return err
			}))
		}
	}
}

// picture keeps what the page looks like, if somebody asked for it.
func (b *tab) picture(name string) {
	b.Helper()
	dir := os.Getenv(screenshotsEnv)
	if dir == "" {
		return
	}
	b.do(chromedp.Evaluate[chromedp.Void](`scrollTo(0, 0)`))
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, b.name+"-"+name+".png"), picture, 0o644); err != nil {
		b.Fatal(err)
	}
}

// looksRight demands what must be so in every state of the page.
func (b *tab) looksRight() {
	b.Helper()
	for _, rule := range []struct{ what, finds string }{
		{"the page is wider than the window", `document.documentElement.scrollWidth > innerWidth ? [document.documentElement.scrollWidth] : []`},
		{"a target is too small for a thumb", `[...document.querySelectorAll("button, select, input, textarea, a[href], label.check")].filter((e) => e.checkVisibility() && !e.closest(".skip, footer, .check")
			&& !e.matches(".detail a") && (e.getBoundingClientRect().height < 23.5 || e.getBoundingClientRect().width < 23.5)).map((e) => e.outerHTML.slice(0, 160))`},
		{"a text is hard to read", contrastRule},
		{"two elements have one id", `[...document.querySelectorAll("[id]")].map((e) => e.id).filter((id, i, all) => all.indexOf(id) !== i)`},
		{"a number is not one", `[...document.body.innerText.matchAll(/.*(NaN|undefined|null|Infinity|\[object).*/g)].map((m) => m[0])`},
		{"the list is wider than its column", `[...document.querySelectorAll(".events, .events a, .events .sub")].filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1).map((e) => e.innerText)`},
		{"a text is cut off", `[...document.querySelectorAll(".big, .mid, .tile h2, .legend dd, td.n, .facts dd")].filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1).map((e) => e.innerText)`},
	} {
		if found := evaluate[[]any](b, rule.finds); len(found) > 0 {
			b.Errorf("%s: %v", rule.what, found)
		}
	}
	tree, err := chromedp.Run(b.ctx, chromedp.Action[accessibility.GetFullAXTreeResult](func(ctx context.Context, _ *chromedp.Target) (accessibility.GetFullAXTreeResult, error) {
		return chromedp.Call(ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	}))
	if err != nil {
		b.Fatal(err)
	}
	landmarks := map[string]int{}
	for _, n := range tree.Nodes {
		if n.Ignored || n.Role == nil {
			continue
		}
		role := strings.Trim(string(n.Role.Value), `"`)
		landmarks[role]++
		switch role {
		case "button", "combobox", "radio", "link", "dialog", "image", "region", "navigation", "searchbox", "checkbox", "table":
			if n.Name == nil || len(strings.Trim(string(n.Name.Value), `" `)) == 0 {
				b.Errorf("a %s has no name for those who cannot see it", role)
			}
		}
	}
	if landmarks["dialog"] == 0 && !evaluate[bool](b, `document.querySelector(".side.open") !== null`) && (landmarks["main"] != 1 || landmarks["banner"] != 1 || landmarks["contentinfo"] != 1 || landmarks["navigation"] < 1) {
		b.Errorf("the landmarks are %v: one main, one banner, one contentinfo and the navigation were expected", landmarks)
	}
}

// contrastRule finds texts with less contrast than WCAG 2.2 asks for (1.4.3, level AA). Old figures are dimmed on purpose, and the notice above them says so.
const contrastRule = `(() => {
	const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	const channels = (c) => { paint.clearRect(0, 0, 1, 1); paint.fillStyle = c; paint.fillRect(0, 0, 1, 1); return [...paint.getImageData(0, 0, 1, 1).data]; };
	const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * x + .7152 * y + .0722 * z; };
	const behind = (e) => { for (; e; e = e.parentElement) { const c = channels(getComputedStyle(e).backgroundColor); if (c[3] > 250) return c; } return [255, 255, 255]; };
	const bad = [];
	for (const e of document.body.querySelectorAll("*")) {
		if (!e.checkVisibility() || e.closest(":disabled, .skip, .away, .dimmed, template")) continue;
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
		const style = getComputedStyle(e), a = light(channels(style.color)), b = light(behind(e));
		const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (ratio < 4.5) bad.push(e.textContent.trim().slice(0, 60) + " " + ratio.toFixed(2));
	}
	return bad;
})()`
