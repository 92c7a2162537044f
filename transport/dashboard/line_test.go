package dashboard_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// queue makes up the line of an event, consistent with itself: what the page is tested and looked at with.
func (s *sale) queue() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	type object = map[string]any
	hash := func(c string) string { return strings.Repeat(c, 8) }
	const all = 100_000
	l := object{"mode": "line", "phase": s.phase, "entries": 0, "joined": 0, "tracks": []any{object{"track": "general", "share_bp": 10_000, "waiting": 0, "granted": 0}}}
	a := object{"at_ms": time.Now().UnixMilli(), "event": "night-one", "state": "on_sale", "line": l, "passes_per_min": 0}
	if s.phase != "none" {
		l["commit"] = hash("630dcd29")
	}
	switch s.phase {
	case "lobby":
		l["entries"], l["joined"], l["waiting"], l["left"] = 48_210, 48_210, 48_203, 7
		a["state"], a["opens_at_ms"] = "draft", time.Now().Add(8*time.Minute).UnixMilli()
	case "closed":
		l["entries"], l["joined"], l["waiting"], l["root"], l["draw_value"] = all, all, all, hash("b4d9cfc2"), true
	case "serving", "over":
		served := 3120 + int(s.second)
		l["entries"], l["joined"], l["root"], l["seed"], l["served"] = all, all+412, hash("b4d9cfc2"), hash("00010203"), served
		l["skipped"], l["admitted"], l["spent"], l["lapsed"], l["gone"], l["left"] = 61, 340, served-340-61-409, 215, 194, 880
		l["waiting"] = all + 412 - served - 880
		l["tracks"] = []any{
			object{"track": "general", "share_bp": 8000, "waiting": 80_000, "granted": 2400, "served": served},
			object{"track": "member", "share_bp": 1500, "waiting": 14_512, "granted": 465, "served": 3004},
			object{"track": "accessible", "share_bp": 500, "waiting": 1900, "granted": 161, "served": 3090},
		}
		l["fairness"] = object{
			"all": object{
				"joined": all + 412, "served": 3026, "no_shows": 194, "left": 880, "ordered": 1880, "overtook": s.overtaken, "p50_ms": 412_000, "p90_ms": 790_000, "p99_ms": 884_000, "max_ms": 897_000,
			},
			"tickets": 6120, "linked": 96, "most_linked": 6, "difference_bp": 310, "error_bp": 110,
			"standard_shopped": 1700, "standard_ordered": 1190, "one_click_shopped": 930, "one_click_ordered": 690,
		}
		a["passes_per_min"], a["lasts_to"] = 212, 4600
		a["room"] = object{"free": 412, "held": 640, "supply": 540, "promised": 488, "by_stock": 38, "by_lane": 0, "grant": 0, "bound": "lane"}
		if s.maximum {
			a["room"] = object{"free": 412, "held": 640, "supply": 540, "promised": 188, "by_stock": 138, "by_max": 0, "grant": 0, "bound": "max"}
		}
		checkpoints := []any{}
		for ahead := 1.0; ahead <= 80_000; ahead *= 5 {
			p := 1 / (1 + math.Exp((ahead-1500)/260))
			told := "unlikely"
			if p >= .5 {
				told = "likely"
			} else if p < .01 {
				told = "sold_out"
			}
			checkpoints = append(checkpoints, object{
				"place": served + int(ahead*1.2), "track": "general", "ahead": int(ahead), "eta_ms": int(ahead / 212 * 60_000), "chance": object{"told": told, "percent": int(100 * p)},
			})
		}
		a["checkpoints"] = append(checkpoints, object{"place": served + 2, "track": "member", "ahead": 1, "chance": object{"told": "likely", "percent": 98}})
		a["waiting_list"] = object{"waiting": 1204, "offered": 12, "bought": 31, "lapsed": 4, "unpaid": 2}
		if s.phase == "over" {
			a["state"], l["phase"] = "closed", "serving"
		}
	}
	return a
}

// front serves the made-up line before everything else.
func front(t *testing.T, s *sale, behind string) string {
	t.Helper()
	to, err := url.Parse(behind)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.FlushInterval = -1
	mux := http.NewServeMux()
	mux.Handle("/", proxy)
	mux.HandleFunc("/api/v1/line", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("event") != "night-one" {
			fmt.Fprint(w, `{"at_ms":1,"event":"other"}`)
			return
		}
		_ = json.NewEncoder(w).Encode(s.queue())
	})
	h := httptest.NewServer(mux)
	t.Cleanup(h.Close)
	return h.URL
}

func TestDashboardShowsTheLine(t *testing.T) {
	browser := chromium(t)
	for _, width := range []int64{390, 1440} {
		for _, colours := range []string{"light", "dark"} {
			t.Run(fmt.Sprintf("%d pixels, %s", width, colours), func(t *testing.T) {
				s := &sale{events: 5, phase: "lobby"}
				b := openTab(t, browser, front(t, s, serve(t, s, "").URL())+"/?event=night-one&view=sale", width, colours)
				b.shows("#phase", "The lobby is open: 48,210 are in. The draw is at ")
				b.shows("#draw", "630dcd29…cd29")
				b.shows("#draw", "Known when the lobby closes.")
				b.until(`!document.querySelector("#fairness, #shoppers, #chances, #tracks")`)
				b.looksRight()
				b.picture("line-lobby")

				s.set(func(s *sale) { s.phase = "serving" })
				b.shows("#phase", "100,412, 212 a minute; at this rate tickets last to about place 4,600.")
				b.shows("#shoppers", "The payment lane is busy with those who are inside.")
				b.shows("#fairness .is-good", "0")
				b.shows("#tracks", "79.3% of 80% promised")
				b.shows("#waiters", "1,204")
				b.shows("#chances .places", "likely")
				b.looksRight()
				b.picture("line-serving")
				b.hasTables("#line", "#shoppers", "#chances", "#tracks", "#fairness", "#waiters")
				b.press("1")
				b.shows("#fairness", "One-click at equal place")
				b.shows("#fairness", "0.94% to 5.3%")
				b.looksRight()
				b.picture("line-product")
			})
		}
	}
}

func TestDashboardFollowsTheLine(t *testing.T) {
	browser := chromium(t)
	s := &sale{events: 5, phase: "none"}
	b := openTab(t, browser, front(t, s, serve(t, s, "").URL())+"/?event=night-one&view=sale", 1440, "light")
	b.shows("#phase", "its lobby has not opened yet")
	b.shows("#draw", "The lobby has not opened yet.")
	s.set(func(s *sale) { s.phase = "closed" })
	b.shows("#phase", "The draw waits for its public value")
	s.set(func(s *sale) { s.phase = "serving" })
	b.shows("#shoppers .tag", "binds")
	b.shows("#shoppers", "no bound") // no maximum is set
	before := b.says("#phase")
	b.until(fmt.Sprintf(`document.querySelector("#phase").innerText !== %q`, before))
	s.set(func(s *sale) { s.maximum, s.overtaken = true, 3 })
	b.shows("#shoppers", "As many are inside as the organiser allows.")
	b.shows("#fairness .is-bad", "3")

	// Every name of a figure tells how it is defined.
	for i := range evaluate[int](b, `document.querySelectorAll("#line .term, #shoppers .term, #fairness .term, #waiters .term").length`) {
		b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelectorAll("#line .term, #shoppers .term, #fairness .term, #waiters .term")[%d].click()`, i)))
		b.until(`document.getElementById("dialog").open && ["Now", "Formula", "From", "Id"].every((t) => [...document.querySelectorAll("#dialog dt")].some((e) => e.innerText === t))`)
		b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("dialog").close()`))
		b.until(`!document.querySelector("#dialog header")`)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`navigator.clipboard.writeText = async (text) => { window.taken = text; }`))
	b.click(`#draw [title="Copy"]`)
	b.until(`window.taken === "` + strings.Repeat("630dcd29", 8) + `"`)
	b.click(`#chances [title="Copy as CSV"]`)
	b.until(`window.taken.startsWith("Track,Place,Before it,Chance,Told,Turn\r\ngeneral,")`)

	s.set(func(s *sale) { s.phase = "over" })
	b.shows("#phase", "The line is over: place ")
	b.shows("#line", "over")
	b.until(`!document.querySelector("#shoppers")`)
	b.looksRight()

	// Another event has none.
	b.click(`.events a[href*="night-two"]`)
	b.shows("#lanes", "No line: whoever comes first is served first.")
	b.until(`!document.querySelector("#line")`)
}
