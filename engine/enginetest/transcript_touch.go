package enginetest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// readTouches reads "viewed t1 of anna, surveyed t2 of anna csat 4". Somebody who is named has agreed, unless it says: without consent.
func readTouches(w *words, currency string) (*engine.TouchCommand, error) {
	list := []engine.Touch{{}}
	for first := true; len(w.rest) > 0; {
		t := &list[len(list)-1]
		word := w.next()
		if first {
			kind, err := touchKind(word)
			if err != nil {
				return nil, err
			}
			t.Kind, t.ID, t.Consent, first = kind, w.next(), true, false
			continue
		}
		var err error
		switch word {
		case ",":
			list, first = append(list, engine.Touch{}), true
		case "of":
			t.Buyer = w.next()
		case "session":
			t.Session = w.next()
		case "without":
			w.take("consent")
			t.Consent = false
		case "ago":
			var d time.Duration
			d, err = time.ParseDuration(w.next())
			t.AgoMs = d.Milliseconds()
		case "campaign":
			t.Campaign = w.next()
		case "step":
			t.Step = w.next()
		case "topic":
			t.Topic = w.next()
		case "order":
			t.Order = w.next()
		case "ref":
			t.Ref = w.next()
		case "failure":
			t.Failure = w.next()
		case "click":
			t.ClickID = w.next()
		case "says":
			t.Text = strings.ReplaceAll(w.next(), "_", " ")
		case "csat", "nps", "regret":
			t.Survey = word
			t.Score, err = strconv.ParseInt(w.next(), 10, 64)
		case "load", "prompt", "seen", "quantity":
			var n int64
			n, err = strconv.ParseInt(w.next(), 10, 64)
			*map[string]*int64{"load": &t.LoadMs, "prompt": &t.PromptMs, "seen": &t.ClickToSeenMs, "quantity": &t.Quantity}[word] = n
		case "cart", "face", "fees", "tax", "amount":
			var n int64
			n, err = readMoney(w.next(), currency)
			*map[string]*int64{"cart": &t.CartMinor, "face": &t.FaceMinor, "fees": &t.FeesMinor, "tax": &t.TaxMinor, "amount": &t.AmountMinor}[word] = n
		default:
			err = fmt.Errorf("what does %q say of a touch?", word)
		}
		if err != nil {
			return nil, err
		}
	}
	return &engine.TouchCommand{Touches: list}, nil
}

func touchKind(name string) (engine.TouchKind, error) {
	for k := engine.TouchAdViewed; int(k) < engine.TouchKinds; k++ {
		if k.String() == name {
			return k, nil
		}
	}
	return 0, fmt.Errorf("no kind of touch is called %q", name)
}

// sayTouch writes what became of touches.
func sayTouch(v *engine.TouchView) string {
	return fmt.Sprintf("%d taken, %d known", v.Taken, v.Repeated)
}
