package measure

import (
	"bufio"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// TestAnEveningByHand reads the entries of an evening at Night One, line by line as a person would write them, and compares every figure that there is with
// what the file beside it has worked out by hand.
func TestAnEveningByHand(t *testing.T) {
	h := tell("night-one")
	for n, words := range fixtureLines(t, "entries.txt") {
		if err := h.line(words); err != "" {
			t.Fatalf("entry %d, %q: %s", n, words, err)
		}
	}
	b := h.book()
	answers := map[string][]string{}
	for _, words := range fixtureLines(t, "answers.txt") {
		answers[words[0]] = words[1:]
	}
	q := &Query{Account: "shop", Event: "night-one"}
	if _, err := q.Check(); err != nil {
		t.Fatal(err)
	}
	a := b.Answer(q, h.at)
	for _, f := range a.Rows[0].Figures {
		want, ok := answers[f.KPI]
		delete(answers, f.KPI)
		switch {
		case !ok:
			t.Errorf("%s has no answer by hand", f.KPI)
		case want[0] == "!":
			if why := strings.ReplaceAll(string(f.Why), " ", "_"); f.Value != nil || why != want[1] {
				t.Errorf("%s = %s, must have no value: %s", f.KPI, shown(f), want[1])
			}
		default:
			value, err := fraction(want[1])
			if err != nil {
				t.Fatal(err)
			}
			within := 1e-9
			if want[0] == "~" {
				within = 0.01
			}
			if f.Value == nil || math.Abs(*f.Value-value) > within*max(1, math.Abs(value)) || (want[0] == "~") != (f.RelativeErrorMax > 0) {
				t.Errorf("%s = %s, must be %s %s", f.KPI, shown(f), want[0], want[1])
			}
		}
	}
	for kpi := range answers {
		t.Errorf("%s is no figure", kpi)
	}
}

// fixtureLines are the words of each line, up to what explains it.
func fixtureLines(t *testing.T, name string) (lines [][]string) {
	t.Helper()
	file, err := os.Open("testdata/evening/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for s := bufio.NewScanner(file); s.Scan(); {
		line, _, _ := strings.Cut(s.Text(), "#")
		if words := strings.Fields(line); len(words) > 0 {
			lines = append(lines, words)
		}
	}
	return lines
}

// fraction reads 3, 0.5, 3/4 or 1000*3/4.
func fraction(text string) (float64, error) {
	above, below, is := strings.Cut(text, "/")
	value := 1.0
	for _, part := range strings.Split(above, "*") {
		f, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return 0, err
		}
		value *= f
	}
	if !is {
		return value, nil
	}
	f, err := strconv.ParseFloat(below, 64)
	return value / f, err
}

// line adds an entry as it is written in the file. It returns what is wrong with it.
func (h *tale) line(words []string) string {
	after, err := time.ParseDuration(words[0])
	if err != nil {
		return err.Error()
	}
	h.at = start + engine.Instant(after)
	kind, ok := fixtureKinds[words[1]]
	if !ok {
		return "no such entry"
	}
	e := Entry{Kind: kind, Key: h.key, At: h.at}
	if words[2] != "-" {
		e.Person = PersonOf("shop", words[2])
	}
	for _, w := range words[3:] {
		key, value, _ := strings.Cut(w, "=")
		number, _ := strconv.ParseInt(value, 10, 64)
		if !e.fixtureWord(key, value, number) {
			return "no such word: " + w
		}
	}
	e.Money.TotalMinor = e.Money.FaceMinor + e.Money.FeesMinor
	h.entries = append(h.entries, e)
	return ""
}

var fixtureKinds = map[string]Kind{
	"event_set": KindEventSet, "state": KindState, "stock": KindStock, "capacity": KindCapacity, "rollout": KindRollout, "viewed": KindViewed, "page_ready": KindPageReady,
	"selected": KindSelected, "offered": KindOffered, "prompted": KindPrompted, "dismissed": KindDismissed, "clicked": KindClicked, "click_seen": KindClickSeen,
	"held": KindHeld, "hold_ended": KindHoldEnded, "attempted": KindAttempted, "asked": KindAsked, "action": KindAction, "authorised": KindAuthorised, "declined": KindDeclined,
	"ordered": KindOrdered, "undone": KindUndone, "refunding": KindRefunding, "refunded": KindRefunded, "refused": KindRefused,
	"surveyed": KindSurveyed, "support": KindSupport, "disputed": KindDisputed, "admitted": KindAdmitted, "timed": KindTimed,
}

func (e *Entry) fixtureWord(key, value string, number int64) bool {
	for name, n := range map[string]*int64{
		"units": &e.Units, "face": &e.Money.FaceMinor, "fees": &e.Money.FeesMinor, "tax": &e.Money.TaxMinor, "amount": &e.AmountMinor, "count": &e.Count, "load": &e.LoadMs,
		"prompt": &e.PromptMs, "score": &e.Score, "free": &e.Stock.Free, "held": &e.Stock.Held, "sold": &e.Stock.Sold, "sellable": &e.Stock.Sellable,
	} {
		if key == name {
			*n = number
			return true
		}
	}
	for name, is := range map[string]*bool{"expired": &e.Expired, "hard": &e.Hard, "on": &e.On, "by_buyer": &e.ByBuyer, "needed_action": &e.NeededAction} {
		if key == name {
			*is = true
			return true
		}
	}
	switch key {
	case "text":
		e.Text = strings.ReplaceAll(strings.ReplaceAll(value, "Europe/", "Europe|"), "/", "\n")
		e.Text = strings.ReplaceAll(strings.ReplaceAll(e.Text, "|", "/"), "Night_One", "Night One")
	case "elsewhere":
		e.Key = eventKey("night-two")
	case "on_sale":
		e.State = engine.EventOnSale
	case "device":
		e.Device = map[string]engine.Device{"desktop": engine.DeviceDesktop, "mobile": engine.DeviceMobile}[value]
	case "flow":
		e.HasFlow, e.Flow = true, map[string]engine.Flow{"standard": engine.FlowStandard, "one_click": engine.FlowOneClick}[value]
	case "method":
		e.Method = payment.MethodCard
	case "hold":
		e.Hold = engine.HoldID(number)
	case "purchase":
		e.Purchase = engine.PurchaseID(number)
	case "order":
		e.Order = engine.OrderID(number)
	case "refund":
		e.Refund = engine.RefundID(number)
	case "one_click":
		e.OneClick, e.Variant = true, VariantIn
	case "permille":
		e.Permille = uint32(number)
	case "decline":
		e.Decline, e.Failure = payment.DeclineExpired, FailurePayment
	case "code":
		e.Code, e.Failure = engine.CodeSoldOut, FailureStock
	case "survey":
		e.Survey = map[string]Survey{"csat": SurveyCSAT, "nps": SurveyNPS, "regret": SurveyRegret}[value]
	case "class":
		e.Times.Class = map[string]engine.TimedClass{"hold": engine.TimedHold, "buy": engine.TimedBuy}[value]
	case "ms":
		if e.Kind != KindTimed {
			e.DurationMs = number
			break
		}
		e.Times = &Times{}
		for _, one := range strings.Split(value, ",") {
			ms, _ := strconv.ParseInt(one, 10, 64)
			e.Times.Buckets = append(e.Times.Buckets, TimesBucket{Index: TimesIndex(ms * 1e6), Count: 1})
		}
	default:
		return false
	}
	return true
}
