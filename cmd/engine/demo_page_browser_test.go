package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
	"github.com/holdfast-engine/holdfast/transport/ticket"
)

// screenshotsEnv names a folder for pictures of the page, for those who change it. Variables that begin with HOLDFAST_ are settings of the engine.
const screenshotsEnv = "SHOP_SCREENSHOTS"

// browserPatience is how long a step of the page may take on a machine that is busy with other things.
const browserPatience = 2 * time.Minute

// startShop starts an engine with the shop page, as demo does, and returns the page's address. The time to undo is shorter than people need.
func startShop(t *testing.T, undo time.Duration) (p *process, url string) {
	t.Helper()
	plan := makeShopPlan(1000)
	plan.undo = undo
	p = openShop(t, newSale(plan, 300, 1, 0, 20*time.Second))
	return p, p.httpURL + shopPath
}

// openShop starts an engine with the page of a sale.
func openShop(t *testing.T, s *sale) (p *process) {
	t.Helper()
	gateway, err := sandbox.New(demoSandbox(1))
	if err != nil {
		t.Fatal(err)
	}
	page, err := newShopPage()
	if err != nil {
		t.Fatal(err)
	}
	p, err = startProcess(t.Context(), demoProcess(t.TempDir(), gateway, page, slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
	clients, err := connectShops(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, c := range clients {
			_ = c.Close()
		}
	})
	s.join(clients, gateway)
	closeShop, err := page.open(t.Context(), s, p.introduce)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closeShop)
	return p
}

// browser starts Chromium, or skips the test where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium on this machine, so nobody looks at the shop page: apt-get install chromium, as .ci/run does")
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

// tab is one window of the browser in front of the shop page.
type tab struct {
	*testing.T
	ctx  context.Context
	name string // of its pictures
}

type pageStep = chromedp.Action[chromedp.Void]

// openTab opens the page in a window of its own, and waits until it sells.
func openTab(t *testing.T, browser context.Context, url string, width int64, colours string) *tab {
	t.Helper()
	b := newTab(t, browser, url, width, colours)
	b.until(`document.querySelector("#buy")?.disabled === false`)
	return b
}

// newTab opens a page in a window of its own, of so many pixels, in light or dark colours.
func newTab(t *testing.T, browser context.Context, url string, width int64, colours string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, browserPatience)
	t.Cleanup(stop)
	b := &tab{T: t, ctx: ctx, name: fmt.Sprintf("%d-%s", width, colours)}
	b.do(chromedp.EmulateViewport(width, 900), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: colours}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	}), chromedp.Navigate(url))
	return b
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
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(browserPatience/4))); err != nil {
		b.Fatalf("%s: %v\nthe page shows:\n%s", expression, err, b.everything())
	}
}

func (b *tab) everything() string {
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`)) // it is only shown
	return text
}

// shows waits until an element has a text.
func (b *tab) shows(id, text string) {
	b.Helper()
	quoted, _ := json.Marshal(text) // a string
	b.until(fmt.Sprintf(`document.getElementById(%q).innerText.includes(%s)`, id, quoted))
}

func (b *tab) click(id string) {
	b.Helper()
	b.until(fmt.Sprintf(`document.getElementById(%q).disabled !== true`, id))
	b.do(chromedp.Click(chromedp.CSS("#" + id)))
}

// choose chooses a card as people do, with the event that follows.
func (b *tab) choose(id, card string) {
	b.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => {
		const s = document.getElementById(%q);
		s.value = [...s.options].find((o) => o.textContent.startsWith(%q)).value;
		s.dispatchEvent(new Event("change"));
	})()`, id, card)))
}

// again begins as somebody else, who has no tickets yet.
func (b *tab) again() {
	b.Helper()
	before, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.getElementById("buyer").textContent`))
	if err != nil {
		b.Fatal(err)
	}
	b.click("again")
	b.until(fmt.Sprintf(`document.getElementById("buyer").textContent !== %q && (document.getElementById("buy").disabled === false || document.getElementById("line").checkVisibility())`, before))
}

// picture keeps what the page looks like, if somebody asked for it.
func (b *tab) picture(name string) {
	b.Helper()
	dir := os.Getenv(screenshotsEnv)
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, b.name+"-"+name+".png"), picture, 0o644); err != nil {
		b.Fatal(err)
	}
}

func TestShopPageSellsInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	chromium := browser(t)
	p, url := startShop(t, 4*time.Second)
	keys := publicKeys(t, p)
	for _, width := range []int64{390, 1440} {
		for _, colours := range []string{"light", "dark"} {
			t.Run(fmt.Sprintf("%d pixels, %s", width, colours), func(t *testing.T) {
				b := openTab(t, chromium, url, width, colours)
				b.until(`document.getElementById("count-free").textContent !== "–"`)
				b.looksRight()
				b.picture("1-start")

				// One click, and taken back. The button says what it does.
				b.shows("buy", "Buy now, EUR 95.00, Visa 4242")
				b.click("buy")
				b.shows("result-title", "2 tickets are yours")
				b.looksRight()
				b.picture("2-sold")
				b.click("undo")
				b.shows("result-title", "Undone")
				b.shows("result-time", "not charged")

				// The bank asks; the buyer says yes. The ticket's code is what the engine signed.
				b.choose("one-click-method", "Visa 3220")
				b.shows("buy", "Buy now, EUR 95.00, Visa 3220")
				b.click("buy")
				b.until(`document.getElementById("bank").open`)
				b.shows("bank-text", "EUR 95.00")
				b.picture("3-bank")
				b.click("bank-yes")
				b.shows("result-title", "2 tickets are yours")
				b.until(`document.querySelectorAll(".qr img").length === 2`)
				b.looksRight()
				b.picture("4-tickets")
				b.scans(keys)
				b.do(chromedp.Click(chromedp.CSS(`#scores button[value="4"]`)))
				b.shows("after-text", "Thank you.")
				b.until(touchesTaken)

				// The bank asks; the buyer says no with the Escape key.
				b.again()
				b.choose("one-click-method", "Visa 3220")
				b.shows("buy", "Visa 3220")
				b.click("buy")
				b.until(`document.getElementById("bank").open`)
				b.do(chromedp.KeyEvent(kb.Escape))
				b.shows("one-click-status", "was declined")

				// Not enough money: the tickets stay held, and another card pays.
				b.again()
				b.choose("one-click-method", "Mastercard 9995")
				b.shows("buy", "Mastercard 9995")
				b.click("buy")
				b.shows("one-click-status", "not enough money")
				b.shows("pay", "Pay EUR 95.00, Visa 4242")
				b.looksRight()
				b.picture("5-declined")
				b.click("pay")
				b.shows("result-title", "2 tickets are yours")

				// Declined for good: nothing is held any more.
				b.again()
				b.choose("one-click-method", "Visa 9987")
				b.shows("buy", "Visa 9987")
				b.click("buy")
				b.shows("one-click-status", "back on sale")

				// Step by step, with the keyboard alone.
				b.again()
				b.do(chromedp.Focus(chromedp.CSS("#hold")), chromedp.KeyEvent(kb.Enter))
				b.until(`document.activeElement.id === "standard-method"`)
				b.shows("held-for", "left")
				b.looksRight()
				b.picture("6-held")
				b.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
				b.shows("result-title", "2 tickets are yours")
				b.until(`document.activeElement.id === "result-title"`)
			})
		}
	}
	t.Run("the crowd", func(t *testing.T) {
		b := openTab(t, chromium, url, 1440, "light")
		b.click("rush")
		b.until(`Number(document.getElementById("count-sold").textContent.replaceAll(",", "")) > 100`)
		b.picture("7-crowd")
	})
}

// touchesTaken is true once the page has reported touches, and the engine has taken all of them.
const touchesTaken = `((sent) => sent.length > 0 && sent.every((e) => e.responseStatus === 200))(performance.getEntriesByType("resource").filter((e) => e.name.endsWith("/api/touch")))`

// looksRight demands what must be so in every state of the page.
func (b *tab) looksRight() {
	b.Helper()
	for _, rule := range []struct{ what, finds string }{
		{"the page is wider than the window", `document.documentElement.scrollWidth > innerWidth ? [document.documentElement.scrollWidth] : []`},
		{"something came from elsewhere", `performance.getEntriesByType("resource").map((e) => e.name).filter((n) => !n.startsWith(location.origin))`},
		{"a target is too small for a thumb", `[...document.querySelectorAll("button, select, a[href], label.lot")].filter((e) => e.checkVisibility() && !e.closest(".skip") &&
			(e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24)).map((e) => e.outerHTML)`},
		{"a text is hard to read", contrastRule},
		{"two elements have one id", `[...document.querySelectorAll("[id]")].map((e) => e.id).filter((id, i, all) => all.indexOf(id) !== i)`},
	} {
		found, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]any](rule.finds))
		if err != nil {
			b.Fatalf("%s: %v", rule.what, err)
		}
		if len(found) > 0 {
			b.Errorf("%s: %v", rule.what, found)
		}
	}
	tree, err := chromedp.Run(b.ctx, chromedp.Action[accessibility.GetFullAXTreeResult](func(ctx context.Context, _ *chromedp.Target) (accessibility.GetFullAXTreeResult, error) {
		return chromedp.Call(ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	}))
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range tree.Nodes {
		if n.Ignored || n.Role == nil {
			continue
		}
		switch role := strings.Trim(string(n.Role.Value), `"`); role {
		case "button", "combobox", "radio", "link", "dialog", "image", "region":
			if n.Name == nil || len(strings.Trim(string(n.Name.Value), `" `)) == 0 {
				b.Errorf("a %s has no name for those who cannot see it", role)
			}
		}
	}
}

// contrastRule finds texts with less contrast than WCAG 2.2 asks for (1.4.3, level AA). What cannot be used is left out, and what lies on a picture.
const contrastRule = `(() => {
	const channels = (c) => c.match(/[\d.]+/g).map(Number);
	const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * x + .7152 * y + .0722 * z; };
	const behind = (e) => { for (; e; e = e.parentElement) { const c = channels(getComputedStyle(e).backgroundColor); if (c[3] === undefined || c[3] > 0) return c; } return [255, 255, 255]; };
	const bad = [];
	for (const e of document.body.querySelectorAll("*")) {
		if (!e.checkVisibility() || e.closest(".poster, :disabled, .skip, .away, template")) continue;
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
		const style = getComputedStyle(e), a = light(channels(style.color)), b = light(behind(e));
		const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (ratio < 4.5) bad.push(e.textContent.trim() + " " + ratio.toFixed(2));
	}
	return bad;
})()`

// publicKeys reads what anybody may read to check a ticket.
func publicKeys(t *testing.T, p *process) []byte {
	t.Helper()
	response, err := http.Get(p.httpURL + "/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the keys: %s, %v", response.Status, err)
	}
	return text.Bytes()
}

// scans reads each code off the screen, as a scanner at a gate does, and checks it with nothing but the public keys.
func (b *tab) scans(keys []byte) {
	b.Helper()
	set, err := ticket.ParseKeySet(keys)
	if err != nil {
		b.Fatal(err)
	}
	ids, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll(".ticket")].map((e) => e.dataset.ticket)`))
	if err != nil {
		b.Fatal(err)
	}
	for _, id := range ids {
		code, err := b.scan(fmt.Sprintf(`[data-ticket=%q] .qr img`, id))
		if err != nil {
			b.Errorf("the code of ticket %s cannot be scanned: %v", id, err)
			continue
		}
		claims, err := ticket.Verify(code, set)
		switch {
		case err != nil:
			b.Errorf("the code of ticket %s: %v", id, err)
		case claims.Ticket != id || claims.Event != shopEvent:
			b.Errorf("the code of ticket %s is that of ticket %s of %s", id, claims.Ticket, claims.Event)
		}
	}
}

// scan reads a code from a few pictures of different sizes, as a scanner takes picture after picture: the decoder guesses where the modules are, and guesses wrong at
// some sizes. The picture shows nothing but the code, so it may also be read without guessing where the code is.
func (b *tab) scan(element string) (code string, err error) {
	b.Helper()
	for _, scale := range []float64{3, 4, 2, 5} {
		seen, failed := chromedp.Run(b.ctx, chromedp.ScreenshotScale(chromedp.CSS(element), scale))
		if failed != nil {
			b.Fatal(failed)
		}
		picture, failed := png.Decode(bytes.NewReader(seen))
		if failed != nil {
			b.Fatal(failed)
		}
		bitmap, failed := gozxing.NewBinaryBitmapFromImage(picture)
		if failed != nil {
			b.Fatal(failed)
		}
		for _, hint := range []gozxing.DecodeHintType{gozxing.DecodeHintType_TRY_HARDER, gozxing.DecodeHintType_PURE_BARCODE} {
			result, failed := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{hint: true})
			if failed == nil {
				return result.GetText(), nil
			}
			err = failed
		}
	}
	return "", err
}
