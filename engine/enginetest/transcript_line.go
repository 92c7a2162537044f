package enginetest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// readLineSpec reads "on, lobby 09:50:00, passes 10m, grace 2m, shoppers 5, value, tracks member 1000 + general 9000"; also off, and no value.
func readLineSpec(w *words, spec *engine.EventSpec) (err error) {
	l := &engine.LineSpec{}
	spec.Line = l
	for len(w.rest) > 0 && err == nil {
		switch {
		case w.take(","):
		case w.take("on"):
			l.Mode, l.Set = engine.LineModeLine, l.Set|engine.SetLineMode
		case w.take("off"):
			l.Mode, l.Set = engine.LineModeOpen, l.Set|engine.SetLineMode
		case w.take("lobby"):
			l.LobbyAt, err = readClock(w.next())
			l.Set |= engine.SetLobbyAt
		case w.take("passes"):
			l.PassTTLMs, err = readMs(w.next())
			l.Set |= engine.SetPassTTL
		case w.take("grace"):
			l.GraceMs, err = readMs(w.next())
			l.Set |= engine.SetLineGrace
		case w.take("shoppers"):
			l.ShoppersMax, err = strconv.ParseInt(w.next(), 10, 64)
			l.Set |= engine.SetShoppersMax
		case w.take("offers"):
			l.OfferTTLMs, err = readMs(w.next())
			l.Set |= engine.SetWaitTTL
		case w.take("aside"):
			l.AsideMs, err = readMs(w.next())
			l.Set |= engine.SetAside
		case w.take("value"), w.take("no", "value"):
			l.DrawValue, l.Set = !l.DrawValue, l.Set|engine.SetDrawValue
		case w.take("tracks"):
			l.Set |= engine.SetTracks
			for more := true; more && err == nil; more = w.take("+") {
				t := engine.TrackSpec{Track: w.next()}
				t.ShareBp, err = strconv.ParseInt(w.next(), 10, 64)
				t.CodeOnly = w.take("coded")
				l.Tracks = append(l.Tracks, t)
			}
		default:
			return w.end()
		}
	}
	return err
}

// seedOf is the seed that transcripts call by a number.
func seedOf(n uint64) (seed line.Seed) {
	for i := range seed {
		seed[i] = byte(n)
	}
	return seed
}

// readLineCommand reads what follows a verb about the line: "anna as member wants 2", "seed 1", "reveal 1", "rate 60", "draw dice_6_2", "place entries 1".
func readLineCommand(w *words, cmd *engine.Command) (err error) {
	l := &engine.LineCommand{}
	cmd.Line = l
	number := func() (n uint64) {
		n, err = strconv.ParseUint(w.next(), 10, 64)
		return n
	}
	switch cmd.Verb {
	case engine.VerbSeed:
		l.Commit = line.Commit(seedOf(number()))
		return err
	case engine.VerbReveal:
		l.Seed = seedOf(number())
		return err
	case engine.VerbRate:
		l.PerMin = int64(number())
		return err
	case engine.VerbDraw:
		l.Value = strings.ReplaceAll(w.next(), "_", " ")
		return nil
	}
	if len(w.rest) > 0 && w.rest[0] != "entries" {
		cmd.Buyer = w.next()
	}
	for len(w.rest) > 0 && !optionWord(w.rest[0]) && err == nil {
		switch {
		case w.take("as"):
			l.Track = w.next()
		case w.take("list"):
			l.List = true
		case w.take("wants"):
			l.Wants, err = strconv.ParseInt(w.next(), 10, 64)
		case w.take("entries"):
			l.EntriesFrom = line.Entry(number())
		default:
			return w.end()
		}
	}
	return err
}

// sayPlace writes where a buyer is in the line.
func sayPlace(v *engine.PlaceView) string {
	text := fmt.Sprintf("%s is entry %d", v.Buyer, v.Entry)
	if v.Place != 0 {
		text += fmt.Sprintf(" at place %d", v.Place)
	}
	if text += ", " + v.State.String(); v.Absent {
		text += " and not there"
	}
	if v.Track != engine.TrackGeneral {
		text += ", as " + v.Track
	}
	if v.Wants != 0 {
		text += fmt.Sprintf(", wants %d", v.Wants)
	}
	if v.Until != 0 {
		text += ", until " + clockTime(v.Until)
	}
	for _, p := range v.Prices {
		if text += fmt.Sprintf(", %s at most %d", p.Lot, p.TotalMinor); p.SoldOut {
			text += " but sold out"
		}
	}
	return text
}

// sayLine writes how an event's line is. Hashes are cut short.
func sayLine(v *engine.LineView) string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %s, %s", v.Mode, v.Phase)
	if v.Committed {
		b.WriteString(", promised " + v.Commit.String()[:8])
	}
	if v.Phase >= engine.LineLobby && v.Committed {
		fmt.Fprintf(&b, ", lobby of %d", v.Entries)
	}
	if v.Root != (line.Hash{}) {
		b.WriteString(" with root " + v.Root.String()[:8])
	}
	if v.Value != "" {
		b.WriteString(", value " + v.Value)
	}
	if v.Revealed {
		fmt.Fprintf(&b, ", seed %x", v.Seed[:4])
	}
	for _, n := range []struct {
		n    int64
		what string
	}{{v.Waiting, "waiting"}, {v.Skipped, "skipped"}, {v.Admitted, "admitted"}, {v.Spent, "spent"}, {v.Lapsed, "lapsed"}, {v.Gone, "gone"}, {v.Left, "left"}} {
		if n.n > 0 {
			fmt.Fprintf(&b, ", %d %s", n.n, n.what)
		}
	}
	if v.Served > 0 {
		fmt.Fprintf(&b, ", served up to %d", v.Served)
	}
	if v.PerMin > 0 {
		fmt.Fprintf(&b, ", lane %d a minute", v.PerMin)
	}
	for _, t := range v.Tracks {
		if len(v.Tracks) > 1 {
			fmt.Fprintf(&b, "\n  track %s, share %d: %d waiting", t.Track, t.ShareBp, t.Waiting)
		}
	}
	for i, leaf := range v.Leaves {
		fmt.Fprintf(&b, "\n  entry %d: %s", int(v.LeavesFrom)+i, leaf.String()[:8])
	}
	return b.String()
}
