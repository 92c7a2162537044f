package engine

import "testing"

func TestACapIsOfOneCurrency(t *testing.T) {
	for _, c := range []struct {
		name  string
		note  Annotation
		total int64
		above bool
	}{
		{"no cap", Annotation{}, 1 << 40, false},
		{"at the cap", Annotation{CapMinor: 4750, CapCurrency: "EUR"}, 4750, false},
		{"above the cap", Annotation{CapMinor: 4750, CapCurrency: "EUR"}, 4751, true},
		{"a cap of yen", Annotation{CapMinor: 4750, CapCurrency: "JPY"}, 1, true},
		{"a cap that names no currency", Annotation{CapMinor: 4750}, 4750, false},
	} {
		if got := c.note.aboveCap(c.total, "EUR"); got != c.above {
			t.Errorf("%s: %v, want %v", c.name, got, c.above)
		}
	}
}
