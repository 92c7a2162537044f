package measure

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// TestEventsAreShownAsTheyAre, alone and in the list.
func TestEventsAreShownAsTheyAre(t *testing.T) {
	h := tell("e2").set("Night Two\nconcert\nEUR\nEurope/Amsterdam").of("e1").set("Night One\nconcert\nEUR\nEurope/Amsterdam").onSale().stock(5, 2, 1, 3, 4)
	h.add(KindRollout, func(e *Entry) { e.On, e.Permille = true, 125 }).after(time.Minute).add(KindOrdered, paid(100, 10, 0, 2)).add(KindOrdered, paid(100, 10, 0, 1))
	h.add(KindRefused, func(e *Entry) { e.Code, e.Count = engine.CodeSoldOut, 7 }).add(KindRefused, func(e *Entry) { e.Code, e.Count = engine.CodeLimitReached, 1 })
	h.add(KindRefused, func(e *Entry) { e.Code, e.Count = engine.CodeSoldOut, 2 })
	b := h.book()
	want := EventNow{
		ID: "e1", Name: "Night One", Genre: "concert", State: "on_sale", Currency: "EUR", TimeZone: "Europe/Amsterdam", OnSaleMs: int64(start) / 1e6, Sellable: 11, Free: 5, Held: 2,
		Paying: 1, Sold: 3, Blocked: 4, OneClick: "12.5 %", Refusals: map[string]int64{"sold_out": 9, "limit_reached": 1}, Orders: 2, LastMs: int64(start)/1e6 + 60_000,
	}
	again, err := OpenBook(PolicyDefault(), time.LoadLocation, b.AppendState(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []*Book{b, again} {
		list := b.Events("shop")
		if len(list) != 2 || !reflect.DeepEqual(list[0], want) || list[1].ID != "e2" || list[1].OneClick != "off" {
			t.Errorf("events %+v, want first %+v", list, want)
		}
		if a := b.Answer(&Query{Account: "shop", Event: "e1", Window: WindowSale}, b.Now()); a.Event == nil || !reflect.DeepEqual(*a.Event, want) {
			t.Errorf("event %+v, want %+v", a.Event, want)
		}
		if list := b.Events("another"); len(list) != 0 {
			t.Errorf("another account sees %v", list)
		}
	}
}

// TestMarkersOfACourse: pauses, switches and changes, of an event or of all, those in the course only, the newest if there are many.
func TestMarkersOfACourse(t *testing.T) {
	h := tell("e1").set("Night One\nconcert\nEUR\n").onSale().after(time.Hour)
	h.add(KindState, func(e *Entry) { e.State = engine.EventPaused }).add(KindRollout, func(e *Entry) { e.On, e.Permille = true, 100 })
	h.after(time.Minute).add(KindTier, func(e *Entry) { e.Text = "late_birds" }).add(KindCapacity, func(e *Entry) { e.Text = "20 blocked of lot ga" })
	h.of("e2").after(time.Second).onSale().add(KindViewed)
	b := h.book()
	said := func(event string, w Window) string {
		var words []string
		for _, m := range b.Answer(&Query{Account: "shop", Event: event, Window: w, Courses: true}, b.Now()).Markers {
			words = append(words, strings.TrimSpace(fmt.Sprintf("%d %s %s", (m.AtMs-int64(start)/1e6)/1000, m.Kind, m.Text)))
		}
		return strings.Join(words, "; ")
	}
	if got, want := said("e1", WindowSale), "0 on_sale; 3600 paused; 3600 rollout one-click 10 %; 3660 tier late_birds; 3660 capacity 20 blocked of lot ga"; got != want {
		t.Errorf("markers %q, want %q", got, want)
	}
	if got, want := said("", Window1m), "3600 paused Night One; 3600 rollout Night One one-click 10 %; 3660 tier Night One late_birds; 3660 capacity Night One 20 blocked of lot ga; 3661 on_sale e2"; got != want {
		t.Errorf("markers of the account %q, want %q", got, want)
	}
	for i := range 3 * markersMax {
		h.after(time.Second).add(KindRollout, func(e *Entry) { e.On, e.Permille = true, uint32(i) })
	}
	b = h.book()
	if n := len(b.Answer(&Query{Account: "shop", Event: "e2", Window: WindowSale, Courses: true}, b.Now()).Markers); n != markersMax {
		t.Errorf("%d markers, want %d", n, markersMax)
	}
	if n := len(b.events[1].marks); n != markersMax {
		t.Errorf("an event keeps %d markers, want %d", n, markersMax)
	}
}

// TestMarkersOfAnAnswerAreBounded keeps the newest.
func TestMarkersOfAnAnswerAreBounded(t *testing.T) {
	h := tell("e0")
	for i := range 20 {
		for range markersMax {
			h.of(fmt.Sprint("e", i)).after(time.Second).add(KindTier).add(KindViewed)
		}
	}
	b := h.book()
	shown := b.Answer(&Query{Account: "shop", Window: WindowSale, Courses: true}, b.Now()).Markers
	if len(shown) != markersShownMax || shown[len(shown)-1].AtMs != int64(b.Now())/1e6 {
		t.Errorf("%d markers until %d, want %d until %d", len(shown), shown[len(shown)-1].AtMs, markersShownMax, int64(b.Now())/1e6)
	}
}
