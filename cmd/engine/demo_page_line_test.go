package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// startLineShop starts an engine with a shop page that sells through a line, to a crowd of so many.
func startLineShop(t *testing.T, tickets int64, crowd int) (p *process, office *client.Client, url string) {
	t.Helper()
	plan := makeShopLinePlan(tickets)
	plan.holdTTL, plan.think = 8*time.Second, 200*time.Millisecond
	s := newSale(plan, crowd, 1, 0, time.Second)
	p = openShop(t, s)
	return p, s.office.client, p.httpURL + shopPath
}

// openLineTab opens the page in front of a line.
func openLineTab(t *testing.T, url string, width int64, colours string) *tab {
	t.Helper()
	b := newTab(t, browser(t), url, width, colours)
	b.until(`document.getElementById("join")?.checkVisibility() === true`)
	return b
}

func (b *tab) shown(id string) {
	b.Helper()
	b.until(fmt.Sprintf(`document.getElementById(%q).checkVisibility()`, id))
}

func (b *tab) gone(id string) {
	b.Helper()
	b.until(fmt.Sprintf(`!document.getElementById(%q).checkVisibility()`, id))
}

// TestShopPageSellsThroughALine joins a lobby, checks the place that was drawn, shops with the pass, and waits for a ticket that comes back.
func TestShopPageSellsThroughALine(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	for _, look := range []struct {
		width   int64
		colours string
	}{{390, "light"}, {1440, "dark"}} {
		t.Run(fmt.Sprintf("%d pixels, %s", look.width, look.colours), func(t *testing.T) {
			_, office, url := startLineShop(t, 300, 40)
			b := openLineTab(t, url, look.width, look.colours)
			b.shows("line-status", "The lobby is open.")
			b.gone("choose")
			b.looksRight()
			b.picture("line-1-lobby")
			b.click("join")
			b.shows("line-status", "You are in the lobby.")
			b.click("rush")
			b.shows("line-crowd", "41 are in the lobby")
			b.do(chromedp.Click(chromedp.CSS("#draw summary")))
			b.looksRight()
			b.picture("line-2-joined")
			b.click("doors")
			b.until(`/Your turn|It is your turn|You have a place/.test(document.getElementById("line-status").innerText + document.title)`)
			b.until(`document.getElementById("check").disabled === false`)
			b.click("check")
			b.shows("check-status", "Right: of 41, your place is ")
			b.picture("line-3-checked")

			b.shows("line-status", "It is your turn.")
			b.shown("pass-left")
			b.shows("promised", "EUR 47.50")
			b.until(`document.getElementById("buy").disabled === false`)
			b.looksRight()
			b.picture("line-4-pass")
			b.click("buy")
			b.shows("result-title", "2 tickets are yours")
			b.shows("line-status", "You have ordered with your pass.")
			b.gone("choose")
			b.looksRight()

			// Somebody else comes when the floor is sold out, and waits.
			b.until(`document.getElementById("crowd").innerText.startsWith("The crowd has left") && document.getElementById("count-held").innerText === "0"`)
			floor, err := office.Capacity(within(t), shopEvent, &pb.CapacityCommand{RequestId: "none", Lot: "floor", Capacity: 1})
			if err != nil {
				t.Fatal(err)
			}
			b.again()
			b.shown("wait")
			b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("wait-price").value = "x"`))
			b.click("wait-go")
			b.shows("wait-status", "Write the most that you would pay as a number")
			b.looksRight()
			b.picture("line-5-sold-out")
			b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("wait-price").value = "150"`))
			b.click("wait-go")
			b.shows("waits-text", "You wait for 2 × Floor, standing. You are the next.")
			b.looksRight()
			b.picture("line-6-waiting")
			if _, err := office.Capacity(within(t), shopEvent, &pb.CapacityCommand{RequestId: "more", Lot: "floor", Capacity: floor.Capacity + 2}); err != nil {
				t.Fatal(err)
			}
			b.shown("offered")
			b.shows("offered-what", "Yours for now: 2 × Floor, standing, EUR 95.00")
			b.looksRight()
			b.picture("line-7-offered")
			b.do(chromedp.Focus(chromedp.CSS("#offered-pay")), chromedp.KeyEvent(kb.Enter))
			b.shows("result-title", "2 tickets are yours")
			b.gone("offered")

			// A third one has it bought.
			b.again()
			b.shown("wait")
			b.click("wait-auto")
			b.click("wait-go")
			b.shows("waits-text", "It is bought for you as soon as it is your turn.")
			if _, err := office.Capacity(within(t), shopEvent, &pb.CapacityCommand{RequestId: "most", Lot: "floor", Capacity: floor.Capacity + 4}); err != nil {
				t.Fatal(err)
			}
			b.shows("waits-text", "Bought for you, as you wished.")
			b.looksRight()
			b.picture("line-9-bought")
		})
	}
}

// TestShopPageKeepsThePlaceOfWhoIsAway: a place can be given up and taken anew; who is away at their turn is next once the page is open again; a pass runs out.
func TestShopPageKeepsThePlaceOfWhoIsAway(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	_, office, url := startLineShop(t, 100, 1)
	b := openLineTab(t, url, 390, "light")
	b.click("join")
	b.shows("line-status", "You are in the lobby.")
	b.click("leave")
	b.shows("line-status", "You have given your place up.")
	b.click("join")
	b.shows("line-note", "You are entry 2.")
	name, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.getElementById("buyer").textContent`))
	if err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate("about:blank"))
	if _, err := office.Absent(within(t), shopEvent, &pb.AbsentCommand{Buyer: name}); err != nil {
		t.Fatal(err)
	}
	if _, err := office.Open(within(t), shopEvent, &pb.OpenCommand{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the turn of who is away is passed by", func() bool {
		p, _, err := office.Place(within(t), shopEvent, &pb.PlaceCommand{Buyer: name})
		return err == nil && p.State == "skipped"
	})
	b.do(chromedp.Navigate(url))
	b.shows("line-status", "It is your turn.")
	b.shows("buyer", name)
	b.until(`document.title.startsWith("It is your turn")`)

	// Only the next pass is short, so that a slow machine does not miss the one before or the one after.
	passes := func(ttl time.Duration) {
		t.Helper()
		if _, err := office.Update(within(t), shopEvent, &pb.UpdateCommand{Line: &pb.LineSpec{PassTtlMs: new(ttl.Milliseconds())}}); err != nil {
			t.Fatal(err)
		}
	}
	passes(10 * time.Second)
	if _, err := office.Leave(within(t), shopEvent, &pb.LeaveCommand{Buyer: name}); err != nil {
		t.Fatal(err)
	}
	b.shows("line-status", "You have given your place up.")
	b.click("join")
	b.shows("line-status", "Your pass has run out without an order.")
	passes(shopPassTTL)
	b.gone("choose")
	b.looksRight()
	b.picture("line-8-lapsed")
	b.click("join")
	b.shows("line-status", "It is your turn.")
}
