package enginetest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// lineOf is what a command says about the line, made if there is nothing yet.
func lineOf(cmd *engine.Command) *engine.LineCommand {
	if cmd.Line == nil {
		cmd.Line = &engine.LineCommand{}
	}
	return cmd.Line
}

// readCodes reads the lines below codes: "fans FANS2026, 3 uses, for vip and ga, off 2000 bp".
func readCodes(below, currency string) (*engine.LineCommand, error) {
	l := &engine.LineCommand{}
	for line := range strings.Lines(below) {
		w := splitWords(line)
		c := engine.CodeSpec{Name: w.next()}
		if len(w.rest) > 0 && w.rest[0] != "," {
			c.Code = strings.ReplaceAll(w.next(), "_", " ")
			c.Set |= engine.SetCodeSecret
		}
		if err := readCode(w, &c, currency); err != nil {
			return nil, fmt.Errorf("%s: %w", strings.TrimSpace(line), err)
		}
		l.Codes = append(l.Codes, c)
	}
	return l, nil
}

func readCode(w *words, c *engine.CodeSpec, currency string) (err error) {
	for len(w.rest) > 0 && err == nil {
		switch {
		case w.take(","):
		case w.take("for", "all", "lots"):
			c.Set |= engine.SetCodeLots
		case w.take("for"):
			c.Lots, c.Set = readNames(w, "and"), c.Set|engine.SetCodeLots
		case w.take("off"):
			c.Set |= engine.SetCodeDiscount
			amount := w.next()
			if w.take("bp") {
				c.DiscountBp, err = strconv.ParseInt(amount, 10, 64)
			} else {
				c.DiscountMinor, err = readMoney(amount, currency)
			}
		case w.take("as"):
			c.Track, c.Set = w.next(), c.Set|engine.SetCodeTrack
		case w.take("from"):
			c.OpensAt, err = readClock(w.next())
			c.Set |= engine.SetCodeOpens
		case w.take("until"):
			c.EndsAt, err = readClock(w.next())
			c.Set |= engine.SetCodeEnds
		case w.take("ended"):
			c.Ended, c.Set = true, c.Set|engine.SetCodeEnded
		case w.take("good", "again"):
			c.Set |= engine.SetCodeEnded
		default:
			c.Uses, err = strconv.ParseInt(w.next(), 10, 64)
			if c.Set |= engine.SetCodeUses; !w.take("uses") && !w.take("use") {
				return w.end()
			}
		}
	}
	return err
}

// sayCodes writes codes as an organiser sees them.
func sayCodes(v *engine.CodesView, currency string) string {
	var lines []string
	for i := range v.Codes {
		c := &v.Codes[i]
		text := fmt.Sprintf("code %s: %d of %d %s", c.Name, c.Used, c.Uses, plural(c.Uses, "use"))
		if c.Placed > 0 {
			text += fmt.Sprintf(", %d %s", c.Placed, plural(c.Placed, "place"))
		}
		if len(c.Lots) > 0 {
			text += ", for " + strings.Join(c.Lots, " and ")
		}
		if c.DiscountBp > 0 {
			text += fmt.Sprintf(", off %d bp", c.DiscountBp)
		}
		if c.DiscountMinor > 0 {
			text += ", off " + money(c.DiscountMinor, currency)
		}
		if c.Track != "" {
			text += ", as " + c.Track
		}
		if c.OpensAt != 0 {
			text += ", from " + clockTime(c.OpensAt)
		}
		if c.EndsAt != 0 {
			text += ", until " + clockTime(c.EndsAt)
		}
		if c.Ended {
			text += ", ended"
		}
		lines = append(lines, text)
	}
	if len(v.Codes) < int(v.All) {
		lines = append(lines, fmt.Sprintf("%d codes in all", v.All))
	}
	return strings.Join(lines, "\n")
}
