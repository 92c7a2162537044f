package transport

import "github.com/holdfast-engine/holdfast/engine"

// The encoders of what an event shows of its codes.

func (w *jsonWriter) codesShown(v *engine.CodesView) {
	w.list("codes")
	for i := range v.Codes {
		c := &v.Codes[i]
		w.comma()
		w.b = append(w.b, '{')
		w.str("name", c.Name)
		w.num("uses", c.Uses)
		w.num("used", c.Used)
		w.numIf("placed", c.Placed)
		w.strs("lots", c.Lots)
		w.numIf("discount_bp", c.DiscountBp)
		w.numIf("discount_minor", c.DiscountMinor)
		w.str("track", c.Track)
		w.time("opens_at", c.OpensAt)
		w.time("ends_at", c.EndsAt)
		if c.Ended {
			w.flag("ended", true)
		}
		w.end('}')
	}
	w.end(']')
	w.num("codes_all", v.All)
}

func (w *protoWriter) codesShown(num int, v *engine.CodesView) {
	for i := range v.Codes {
		c := &v.Codes[i]
		from := w.open(num)
		w.str(1, c.Name)
		w.num(2, c.Uses)
		w.num(3, c.Used)
		w.num(4, c.Placed)
		for _, l := range c.Lots {
			w.element(5, l)
		}
		w.num(6, c.DiscountBp)
		w.num(7, c.DiscountMinor)
		w.str(8, c.Track)
		w.time(9, c.OpensAt)
		w.time(10, c.EndsAt)
		w.flag(11, c.Ended)
		w.close(from)
	}
	w.num(num+1, v.All)
}
