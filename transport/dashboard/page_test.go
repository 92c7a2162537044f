package dashboard_test

import (
	"fmt"
	"testing"
)

func TestDashboardShowsBothViews(t *testing.T) {
	browser := chromium(t)
	h := serve(t, &sale{events: 12}, "")
	for _, width := range []int64{390, 1440} {
		for _, colours := range []string{"light", "dark"} {
			t.Run(fmt.Sprintf("%d pixels, %s", width, colours), func(t *testing.T) {
				b := openTab(t, browser, h.URL()+"/?event=night-one", width, colours)
				b.shows("#sentence", "Selling normally.")
				b.shows("#sentence", "One-click on for 10%.")
				b.until(`document.querySelectorAll(".tile").length === 5 && document.querySelectorAll("#breakdown tbody tr").length === 2`)
				b.looksRight()
				b.picture("product")
				b.click(`.tabs a:nth-child(2)`)
				b.until(`document.querySelectorAll("time-course canvas").length === 2`)
				b.shows("#lanes", "stripe")
				b.looksRight()
				b.picture("sale")
			})
		}
	}
}
