package dashboard_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/holdfast-engine/holdfast/transport"
)

func TestDashboardShowsBothViews(t *testing.T) {
	browser := chromium(t)
	h := serve(t, &sale{events: 12}, "")
	for _, width := range []int64{390, 1440} {
		for _, colours := range []string{"light", "dark"} {
			t.Run(fmt.Sprintf("%d pixels, %s", width, colours), func(t *testing.T) {
				b := openTab(t, browser, h.URL()+"/?event=night-one", width, colours)
				b.shows("#sentence", "Selling normally.")
				b.shows("#sentence", "% sold.")
				b.shows("#sentence", "One-click on for 10%.")
				b.until(`document.querySelectorAll(".tile").length === 5 && document.querySelectorAll("#breakdown tbody tr").length === 2`)
				b.shows("#breakdown", "Descriptive: buyers choose their flow")
				b.shows(".tile:nth-child(1) .detail", "orders/s on average")
				b.shows(".tile:nth-child(2) .baseline", "Baseline")
				b.shows(".baseline-note", "Spring Tour 2025")
				b.looksRight()
				b.picture("product")
				b.hasTables("#funnel", "#money", "#regret", "#support", "#satisfaction")
				b.click(`.tabs a:nth-child(2)`)
				b.until(`document.querySelectorAll("time-course canvas").length === 2`)
				b.shows("#lanes", "212 wait, a new one for 8.5 sec")
				b.shows("#refusals", "Sold out")
				b.shows("#moments", "one-click for 10 % of buyers")
				b.until(`/\d:\d\d:\d\d/.test(document.querySelector("#moments time").innerText)`)
				b.shows("#latency", "refused or declined count as not")
				b.looksRight()
				b.picture("sale")
				b.hasTables("#tickets", "#lanes", "#refusals", "#latency", "#sold", "#refused", "#moments")
				b.press("?")
				b.shows("#dialog", "Search the events")
				b.looksRight()
				b.picture("keys")
			})
		}
	}
}

// hasTables shows what panels draw as tables, and back.
func (b *tab) hasTables(panels ...string) {
	b.Helper()
	for _, p := range panels {
		b.click(p + ` [aria-pressed="false"]`)
		b.until(fmt.Sprintf(`document.querySelector(%q)?.rows.length > 1`, p+" .scroll table"))
	}
	b.looksRight()
	for _, p := range panels {
		b.click(p + ` [aria-pressed="true"]`)
		b.until(fmt.Sprintf(`!document.querySelector(%q)`, p+` [aria-pressed="true"]`)) // what lies below has moved
	}
}

func TestDashboardFollowsTheSale(t *testing.T) {
	browser := chromium(t)
	s := &sale{events: 5}
	h := serve(t, s, "")
	b := openTab(t, browser, h.URL()+"/?event=night-one", 1440, "light")
	b.shows(".tile h2", "Orders")
	before := b.says(".tile .big")
	b.until(fmt.Sprintf(`document.querySelector(".tile .big").innerText !== %q`, before))

	s.set(func(s *sale) { s.paused = true })
	b.shows("#sentence", "Paused.")
	b.shows("#spoken", "Paused.")
	s.set(func(s *sale) { s.paused, s.soldOut = false, true })
	b.shows("#sentence", "Sold out.")
	s.set(func(s *sale) { s.soldOut, s.slow = false, true })
	b.shows("#sentence", "Selling, but slowly: one buyer in twenty waits")
	s.set(func(s *sale) {
		s.slow, s.alarms = false, []transport.StateAlarm{{Kind: "disk", Text: "the disk is nearly full: free some, or sales stop at 1 GiB"}}
	})
	b.shows("#sentence", "Selling, with an alert.")
	s.set(func(s *sale) { s.oursPart = .03 })
	b.shows("#sentence", "of purchases fail by us")
	s.set(func(s *sale) { s.oursPart = 0 })
	b.press("2")
	b.shows("#alerts", "the disk is nearly full")
	b.looksRight()
	b.picture("alert")

	// Nothing was reported: words, and neither 0 nor 100 %.
	s.set(func(s *sale) { s.alarms, s.poor = nil, true })
	b.press("1")
	b.shows(".tile:nth-child(2) .big", "not available")
	for _, text := range []string{b.says(".tile:nth-child(2)"), b.says(".tile:nth-child(3) .big"), b.says(".tile:nth-child(5)"), b.says("#funnel")} {
		if strings.Contains(text, "0%") {
			t.Errorf("without reports the page says %q: it knows nothing", text)
		}
	}
	b.looksRight()
	b.picture("nothing-reported")
}

func TestDashboardFindsEvents(t *testing.T) {
	browser := chromium(t)
	h := serve(t, &sale{events: 100}, "")
	b := openTab(t, browser, h.URL()+"/", 1440, "light")
	b.shows("#sentence", "98 events selling normally.")
	b.until(`document.querySelectorAll(".events a").length === 101`)
	b.looksRight()
	b.picture("all-events")

	// Into an event, and back.
	b.click(`.events a[href*="night-two"]`)
	b.until(`location.search === "?event=night-two"`)
	b.shows("h1", "Night Two")
	b.do(chromedp.Evaluate[chromedp.Void](`history.back()`))
	b.shows("h1", "All events")

	// The search.
	b.press("/")
	b.until(`document.activeElement.id === "search"`)
	b.press("club night 9")
	b.until(`document.querySelectorAll(".events a").length === 11`)
	b.press("no such event")
	b.shows(".side", "No event has")
	b.press(kb.Escape)
	b.until(`document.querySelectorAll(".events a").length === 101`)
	b.press("/tokyo" + kb.Enter)
	b.until(`document.querySelectorAll(".events a").length === 1`)
	b.press(kb.Enter)
	b.shows("h1", "Tokyo Dome")
	b.shows("#sentence", "Paused.")
	b.shows("#money .big", "JPY") // no decimals
	if text := b.says("#money .big"); strings.Contains(text, ".") {
		t.Errorf("yen have decimals: %s", text)
	}

	// A link shows what it names.
	b.do(chromedp.Navigate(h.URL() + "/?event=kuwait&view=sale&window=1h"))
	b.shows("h1", "Kuwait Opera")
	b.until(`document.querySelector("input[name=window][value='1h']").checked && document.querySelector("#lanes")`)
	b.press("1")
	b.until(`/KWD.[\d,]+\.\d{3}$/.test(document.querySelector("#money .big")?.innerText)`)

	// An event that is not there, or has been archived.
	b.do(chromedp.Navigate(h.URL() + "/?event=gone"))
	b.shows("#sentence", "There is no event gone here.")
	b.shows("#notice", "Choose an event from the list.")
	b.until(`!document.body.innerText.includes("Offline") && !document.body.innerText.includes("Everything that this engine sells")`)

	// On a phone the list opens over the page.
	phone := openTab(t, browser, h.URL()+"/", 390, "dark")
	phone.click(".which")
	phone.until(`document.activeElement.id === "search"`)
	phone.looksRight()
	phone.picture("list")
	phone.click(`.events a[href*="night-one"]`)
	phone.shows(".which", "Night One")
	phone.until(`getComputedStyle(document.getElementById("side")).display === "none"`)
}

func TestDashboardObeysTheKeyboard(t *testing.T) {
	browser := chromium(t)
	h := serve(t, &sale{events: 5}, "")
	b := openTab(t, browser, h.URL()+"/?event=night-one", 1440, "light")
	b.shows("#sentence", "Selling normally.")
	for _, step := range []struct{ keys, becomes string }{
		{"2", `location.search.includes("view=sale") && document.querySelector("#lanes")`},
		{"[", `location.search.includes("window=1m")`},
		{"]]", `location.search.includes("window=1h")`},
		{"1", `!location.search.includes("view=") && document.querySelector("#funnel")`},
		{"j", `document.querySelector("h1").innerText === "Night Two"`},
		{"k", `document.querySelector("h1").innerText === "Night One"`},
		{"a", `document.querySelector("h1").innerText === "All events"`},
		{"?", `document.getElementById("dialog").open`},
		{kb.Escape, `!document.querySelector("#dialog header")`},
		{"t", `document.documentElement.dataset.theme === "dark" && getComputedStyle(document.body).backgroundColor === "rgb(15, 15, 19)"`},
		{"x", `document.getElementById("dialog").innerText.includes("engine event pause EVENT")`},
		{kb.Escape, `!document.querySelector("#dialog header")`},
	} {
		b.press(step.keys)
		b.until(step.becomes)
	}
	b.looksRight()

	// What was chosen stays, until it is what the system says anyway.
	b.do(chromedp.Navigate(h.URL() + "/?event=night-one"))
	b.until(`document.documentElement.dataset.theme === "dark"`)
	b.shows("#sentence", "Selling normally.")
	b.press("t")
	b.until(`document.documentElement.dataset.theme === undefined && localStorage.getItem("holdfast.theme") === null`)

	// A definition, and back to where one was.
	b.do(chromedp.Focus(chromedp.CSS(".tile .term")), chromedp.KeyEvent(kb.Enter))
	b.until(`document.getElementById("dialog").open && document.getElementById("dialog").innerText.includes("Id")`)
	b.looksRight()
	b.picture("definition")
	b.press(kb.Escape)
	b.until(`document.activeElement.matches(".tile .term") && !document.querySelector("#dialog header")`)

	// Single keys can be switched off.
	b.press("?")
	b.until(`document.querySelector("#dialog .check input")`)
	b.click(".check input")
	b.press(kb.Escape)
	b.until(`!document.querySelector("#dialog header")`)
	b.press("2")
	b.press(kb.Tab)
	b.until(`!location.search.includes("view=sale")`)
	b.do(chromedp.Navigate(h.URL() + "/?event=night-one"))
	b.shows("#sentence", "Selling normally.")
	b.press("2a")
	b.until(`location.search === "?event=night-one" && localStorage.getItem("holdfast.keys") === "off"`)

	// The first Tab leads past the list.
	b.do(chromedp.Navigate(h.URL() + "/?event=night-one"))
	b.shows("#sentence", "Selling normally.")
	b.press(kb.Tab)
	b.until(`document.activeElement.matches(".skip")`)
	b.press(kb.Enter)
	b.until(`document.activeElement.id === "main"`)
}

func TestDashboardStandsStillWhenPaused(t *testing.T) {
	browser := chromium(t)
	s := &sale{events: 5}
	h := serve(t, s, "")
	b := openTab(t, browser, h.URL()+"/?event=night-one", 1440, "light")
	b.shows("#sentence", "Selling normally.")
	b.shows(".tile:nth-child(2) .baseline", "5.4%") // what is asked for once is there
	b.press("p")
	b.shows("#notice", "nothing below changes until you go on")
	b.shows(".pulse", "Paused")
	shown := b.says("#sentence") + b.says(".tiles") + b.says("#funnel") + b.says("#money")
	s.set(func(s *sale) { s.second += 500 })
	seen := s.answered()
	for s.answered() < seen+3 { // answers that are not to be shown
		evaluateLater[bool](b, `new Promise((done) => requestAnimationFrame(() => done(true)))`)
	}
	if now := b.says("#sentence") + b.says(".tiles") + b.says("#funnel") + b.says("#money"); now != shown {
		t.Errorf("the page changed while it was paused:\n%s\n\nwas:\n%s", now, shown)
	}
	b.looksRight()
	b.click("#notice button")
	b.until(fmt.Sprintf(`document.querySelector("#notice") === null && !%q.includes(document.querySelector(".tiles").innerText)`, shown))
}

func TestDashboardSaysWhenFiguresAreOldAndComesBack(t *testing.T) {
	browser := chromium(t)
	s := &sale{events: 5}
	h := serve(t, s, "")
	b := openTab(t, browser, h.URL()+"/?event=night-one", 1440, "light")
	b.shows("#sentence", "Selling normally.")
	b.do(chromedp.Evaluate[chromedp.Void](`window.loadedOnce = true`))

	// Nobody looks for a while, and then again.
	for _, hidden := range []string{"true", "false"} {
		b.do(chromedp.Evaluate[chromedp.Void](`Object.defineProperty(document, "hidden", { value: ` + hidden + `, configurable: true }); document.dispatchEvent(new Event("visibilitychange"))`))
	}
	seen := b.says(".tile .big")
	b.until(fmt.Sprintf(`document.querySelector(".pulse").innerText.includes("Live") && document.querySelector(".tile .big").innerText !== %q`, seen))

	s.set(func(s *sale) { s.lagMs = 45_000 })
	b.shows("#notice", "These figures are 45 sec old")
	b.shows(".pulse", "45 sec old")
	s.set(func(s *sale) { s.lagMs = 40; s.silent = errStarting })
	b.shows("#notice", "The engine has no figures now: the engine is starting")
	s.set(func(s *sale) { s.silent = nil })
	b.until(`!document.querySelector("#notice")`)

	// Nothing comes any more, and the connection stays: a machine that hangs.
	s.set(func(s *sale) { s.stuck = true })
	b.shows("#notice", "What you see is from")
	s.set(func(s *sale) { s.stuck = false })
	b.until(`!document.querySelector("#notice") && document.querySelector(".pulse").innerText.includes("Live")`)

	// The server goes and comes back at the same address. The page is still the same one.
	h.stop()
	b.shows("#notice", "The connection to the engine is gone.")
	b.shows(".pulse", "Offline")
	b.until(`document.querySelector("main").matches(".dimmed")`)
	b.looksRight()
	b.picture("offline")
	before := b.says(".tile .big")
	serve(t, s, strings.TrimPrefix(h.URL(), "http://"))
	b.until(fmt.Sprintf(`!document.querySelector("#notice") && document.querySelector(".tile .big").innerText !== %q && window.loadedOnce`, before))
	b.shows("#spoken", "Selling normally.")
}

func TestDashboardGivesTablesAsCSV(t *testing.T) {
	browser := chromium(t)
	h := serve(t, &sale{events: 5}, "")
	b := openTab(t, browser, h.URL()+"/?event=night-one", 1440, "light")
	b.until(`document.querySelectorAll("#breakdown tbody tr").length === 2`)
	b.do(chromedp.Evaluate[chromedp.Void](`navigator.clipboard.writeText = async (text) => { window.taken = text; }`))
	b.click(`#money [title="Copy as CSV"]`)
	b.until(`window.taken?.startsWith("kpi,event,window,at_ms,value,why,unit,currency,") && /\r\nrevenue\.face,night-one,sale,\d+,\d+,,minor,EUR,/.test(window.taken)`)
	b.until(`/\r\nrevenue\.cannibalisation,night-one,sale,\d+,,no control arm,ratio,/.test(window.taken)`)
	b.shows("#spoken", "copied")
	b.click(`#breakdown [title="Copy as CSV"]`)
	b.until(`window.taken.startsWith("flow,kpi,") && window.taken.includes("\r\none_click,orders,night-one,sale,")`)

	// A browser that lets no page write into the clipboard shows the text instead.
	b.do(chromedp.Evaluate[chromedp.Void](`navigator.clipboard.writeText = () => Promise.reject(new Error("no"))`))
	b.click(`#funnel [title="Copy as CSV"]`)
	b.until(`document.querySelector("#dialog textarea")?.value.includes("funnel.held,night-one")`)
	b.looksRight()
}

// TestDashboardIsQuickWithManyEvents prints what was measured: a duration is no promise on a machine that others use too.
func TestDashboardIsQuickWithManyEvents(t *testing.T) {
	browser := chromium(t)
	h := serve(t, &sale{events: 100}, "")
	b := openTab(t, browser, h.URL()+"/", 1440, "light")
	b.until(`document.querySelectorAll(".events a").length === 101`)
	b.do(chromedp.Evaluate[chromedp.Void](`window.longest = 0; window.long = 0;
		new PerformanceObserver((list) => { for (const e of list.getEntries()) { longest = Math.max(longest, e.duration); long++; } }).observe({ type: "longtask" })`))
	frames := evaluateLater[[]float64](b, `new Promise((done) => {
		const gaps = []; let last = performance.now();
		const step = (now) => { gaps.push(now - last); last = now; gaps.length < 360 ? requestAnimationFrame(step) : done(gaps.sort((a, b) => a - b)); };
		requestAnimationFrame(step);
	})`)
	paint := evaluate[map[string]float64](b, `Object.fromEntries(performance.getEntriesByType("paint").map((e) => [e.name, Math.round(e.startTime)]))`)
	t.Logf("100 events: painted after %v ms; 360 frames, median %.1f ms, 99 of 100 within %.1f ms, longest %.1f ms; %v tasks above 50 ms, longest %v ms",
		paint, frames[180], frames[356], frames[359], evaluate[float64](b, `long`), evaluate[float64](b, `Math.round(longest)`))
}

// TestDashboardOfSeveralAccounts looks at an engine with two accounts, of which the address names none at first.
func TestDashboardOfSeveralAccounts(t *testing.T) {
	b := openTab(t, chromium(t), serve(t, &sale{events: 12, accounts: []string{"north", "south"}}, "").URL()+"/", 1440, "light")
	b.shows(".about", "Everything that account north sells")
	b.until(`new URLSearchParams(location.search).get("account") === "north" && document.querySelectorAll(".tile").length === 5 && !document.querySelector("#notice")`)
	b.until(`document.querySelectorAll(".events li").length > 5`)
	b.do(chromedp.Evaluate[chromedp.Void](`(() => {
		const s = document.querySelector(".side .choose select");
		s.value = "south";
		s.dispatchEvent(new Event("change"));
	})()`))
	b.shows(".about", "Everything that account south sells")
	b.until(`document.querySelectorAll(".tile").length === 5 && document.querySelector(".pulse").innerText.includes("Live")`)
	b.looksRight()
}
