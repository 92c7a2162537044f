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
	return startLinePlan(t, &plan, crowd)
}

func startLinePlan(t *testing.T, plan *plan, crowd int) (p *process, office *client.Client, url string) {
	t.Helper()
	plan.holdTTL, plan.think, plan.undo = 8*time.Second, 200*time.Millisecond, 4*time.Second
	s := newSale(*plan, crowd, 1, 0, time.Second)
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

// atBothWidths looks at a page on a phone in the light, and at a desk in the dark.
func atBothWidths(t *testing.T, look func(t *testing.T, width int64, colours string)) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	for _, at := range []struct {
		width   int64
		colours string
	}{{390, "light"}, {1440, "dark"}} {
		t.Run(fmt.Sprintf("%d pixels, %s", at.width, at.colours), func(t *testing.T) { look(t, at.width, at.colours) })
	}
}

// TestShopPageSellsThroughALine joins a lobby, checks the place that was drawn, shops with the pass, and waits for a ticket that comes back.
func TestShopPageSellsThroughALine(t *testing.T) {
	atBothWidths(t, func(t *testing.T, width int64, colours string) {
		p, office, url := startLineShop(t, 300, 40)
		b := openLineTab(t, url, width, colours)
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
		b.click("wait-code-link")
		b.types("wait-code-text", "FANS-0000")
		b.click("wait-go")
		b.saysOfCode("wait-code", "There is no such code.")
		b.looksRight()
		b.picture("line-5b-wrong-code")
		b.click("wait-code-link")
		b.gone("wait-code-box")
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

		// A third one has it bought, for what it costs now.
		b.again()
		b.shown("wait")
		b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("wait-price").value = ""`))
		b.click("wait-auto")
		b.click("wait-go")
		b.shows("waits-text", "It is bought for you as soon as it is your turn. It costs you EUR 95.00 at most.")
		if _, err := office.Capacity(within(t), shopEvent, &pb.CapacityCommand{RequestId: "most", Lot: "floor", Capacity: floor.Capacity + 4}); err != nil {
			t.Fatal(err)
		}
		b.shows("waits-text", "Bought for you, as you wished.")
		b.shown("see-tickets")
		b.shows("result-title", "2 tickets are yours")
		b.shows("result-time", "from the waiting list")
		b.until(`document.querySelectorAll(".qr img").length === 2`)
		b.looksRight()
		b.picture("line-9-bought")
		b.scans(publicKeys(t, p))
		b.do(chromedp.Navigate(url))
		b.until(`document.querySelectorAll(".qr img").length === 2`)

		// A fourth one too, but the bank wants to hear from them first.
		b.again()
		b.shown("wait")
		if checked, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.getElementById("wait-auto").checked`)); err != nil || !checked {
			b.click("wait-auto")
		}
		b.choose("wait-method", "Visa 3220")
		b.click("wait-go")
		b.shows("waits-text", "It is bought for you as soon as it is your turn.")
		if _, err := office.Capacity(within(t), shopEvent, &pb.CapacityCommand{RequestId: "last", Lot: "floor", Capacity: floor.Capacity + 6}); err != nil {
			t.Fatal(err)
		}
		b.until(`document.getElementById("bank").open`)
		b.shows("bank-text", "EUR 95.00")
		b.click("bank-yes")
		b.shows("result-title", "2 tickets are yours")
		b.shows("receipt", "Visa 3220")
	})
}

// types writes into a field as people do, in place of what stands in it.
func (b *tab) types(id, text string) {
	b.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.getElementById(%q).select()`, id)), chromedp.KeyEvent(text))
	b.until(fmt.Sprintf(`document.getElementById(%q).value === %q`, id, text))
}

// saysOfCode waits until something is said at the field of a code, which then is marked and has the focus.
func (b *tab) saysOfCode(field, text string) {
	b.Helper()
	b.shows(field+"-said", text)
	b.until(fmt.Sprintf(`((e) => document.activeElement === e && e.ariaInvalid === "true")(document.getElementById("%s-text"))`, field))
}

// thumbs demands 44 pixels of what belongs to tracks and codes.
func (b *tab) thumbs() {
	b.Helper()
	small, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll(".codes button, .codes input, .tracks label, .see")].filter((e) => e.checkVisibility() &&
		(e.getBoundingClientRect().height < 44 || e.getBoundingClientRect().width < 44)).map((e) => e.outerHTML)`))
	if err != nil {
		b.Fatal(err)
	}
	if len(small) > 0 {
		b.Errorf("these targets are below 44 pixels: %v", small)
	}
}

// makeCodePlan is the house of the shop page with places at the stage that are sold with its code only.
func makeCodePlan() plan {
	p := makeShopLinePlan(300)
	p.lots = append(p.lots, planLot{id: "stage", name: "At the stage", face: 5000, fee: 250, units: 1, capacity: 10, pools: []string{"house"}, codeOnly: true})
	p.codes[0].Lots = []string{"floor", "balcony", "stalls", "stage"}
	return p
}

// TestShopPageTakesTracksAndCodes chooses a part of the line, gives codes that are none and one that is, and sees what tickets cost with it before it buys.
func TestShopPageTakesTracksAndCodes(t *testing.T) {
	atBothWidths(t, func(t *testing.T, width int64, colours string) {
		plan := makeCodePlan()
		_, office, url := startLinePlan(t, &plan, 1)
		joinsAs := func(b *tab, track string) {
			t.Helper()
			b.shows("line-note", fmt.Sprintf("You wait in “%s”.", track))
		}

		// A part of the line is chosen with the keyboard.
		b := openLineTab(t, url, width, colours)
		b.shows("tracks", "For everybody, with 80 % of the turns.")
		b.until(`document.querySelectorAll("#tracks input").length === 2`)
		b.looksRight()
		b.thumbs()
		b.picture("code-1-tracks")
		b.do(chromedp.Focus(chromedp.CSS("#tracks input")), chromedp.KeyEvent(kb.ArrowDown))
		b.click("join")
		joinsAs(b, "Accessible")
		b.gone("tracks")
		b.click("leave")
		b.shows("line-status", "You have given your place up.")

		// A wrong code is told where it was written; the right one gives a place in the members' part.
		b.click("join-code-link")
		b.types("join-code-text", "FANS-0000")
		b.gone("tracks")
		b.do(chromedp.KeyEvent(kb.Enter))
		b.saysOfCode("join-code", "There is no such code.")
		b.shows("tracks-said", "Your code says where in the line")
		b.looksRight()
		b.thumbs()
		b.picture("code-2-wrong")
		b.types("join-code-text", "fans-4kq7")
		b.click("join")
		joinsAs(b, "Members")
		b.gone("join-code")
		if shown, err := office.Codes(within(t), shopEvent, &pb.CodesCommand{RequestId: "used", Codes: []*pb.CodeSpec{{Name: "fans"}}}); err != nil || shown.Codes[0].Placed != 1 {
			t.Errorf("the code is shown as %v, %v", shown.GetCodes(), err)
		}
		if _, err := office.Open(within(t), shopEvent, &pb.OpenCommand{}); err != nil {
			t.Fatal(err)
		}

		// With the pass the code counts: the price is there before the click, and so are the tickets that it opens.
		b.shows("line-status", "It is your turn.")
		b.shows("shop-code-said", "The code that you joined with counts.")
		b.shows("total", "EUR 86.00")
		b.shows("parts", "Your code takes EUR 9.00 off.")
		b.shows("buy", "Buy now, EUR 86.00, Visa 4242")
		b.shows("hold", "EUR 86.00")
		b.shows("lots", "At the stage")
		b.looksRight()
		b.thumbs()
		b.picture("code-3-counts")
		b.do(chromedp.Click(chromedp.CSS(`#lots input[value="stage"]`)))
		b.shows("buy", "Buy now, EUR 95.00, Visa 4242")
		b.click("buy")
		b.shows("result-title", "2 tickets are yours")
		b.shows("receipt", "At the stage")
		b.shows("receipt", "EUR 95.00")

		// Somebody else comes later, without a code at first.
		b.again()
		b.click("join")
		b.shows("line-status", "It is your turn.")
		b.shows("buy", "Buy now, EUR 95.00, Visa 4242")
		b.until(`document.querySelector('#lots input[value="stage"]') === null`)
		b.click("shop-code-link")
		b.click("shop-code-go")
		b.saysOfCode("shop-code", "Write your code into the field first.")
		b.types("shop-code-text", "FANS-4KQ8")
		b.do(chromedp.KeyEvent(kb.Enter))
		b.saysOfCode("shop-code", "There is no such code.")
		b.shows("total", "EUR 95.00")
		b.looksRight()
		b.picture("code-4-wrong")
		b.types("shop-code-text", shopCode)
		b.click("shop-code-go")
		b.shows("shop-code-said", "Your code counts: Floor, standing EUR 43.00 instead of EUR 47.50.")
		b.shows("buy", "Buy now, EUR 86.00, Visa 4242")
		b.picture("code-4b-used")
		b.click("shop-code-go")
		b.until(`document.activeElement.id === "shop-code-link"`)
		b.shows("total", "EUR 95.00")
		b.shows("buy", "Buy now, EUR 95.00, Visa 4242")
		b.until(`document.querySelector('#lots input[value="stage"]') === null`)

		// The code ends while it is in use: the price without it is shown before anything is bought.
		b.click("shop-code-link")
		b.types("shop-code-text", shopCode)
		b.click("shop-code-go")
		b.shows("buy", "Buy now, EUR 86.00, Visa 4242")
		ended := true
		if _, err := office.Codes(within(t), shopEvent, &pb.CodesCommand{RequestId: "ends", Codes: []*pb.CodeSpec{{Name: "fans", Ended: &ended}}}); err != nil {
			t.Fatal(err)
		}
		b.click("hold")
		b.saysOfCode("shop-code", "its time is over. These are the prices without it.")
		b.shows("buy", "Buy now, EUR 95.00, Visa 4242")
		b.shows("hold", "EUR 95.00")
		b.gone("held")

		// Guesses are limited.
		for n := range 7 {
			b.types("shop-code-text", fmt.Sprintf("GUESS-%d", n))
			b.click("shop-code-go")
			b.saysOfCode("shop-code", "There is no such code.")
		}
		b.types("shop-code-text", shopCode)
		b.click("shop-code-go")
		b.saysOfCode("shop-code", "You have tried too many codes that do not exist. You can try one again in about 15 min")
		b.shows("buy", "Buy now, EUR 95.00, Visa 4242")
		b.looksRight()
		b.picture("code-5-locked")
	})
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
	// The page looks where it is once a second, which says that somebody is there: none of that may still be on its way.
	b.do(chromedp.Evaluate[chromedp.Void](`{
		const asks = window.fetch;
		window.fetch = (url, ...more) => url === "api/line" ? new Promise(() => { window.silent = true; }) : asks(url, ...more);
	}`))
	b.until(`window.silent && !document.getElementById("join").disabled`)
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
