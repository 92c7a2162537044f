package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// inspectedLine is an event's line as inspect shows it.
type inspectedLine struct {
	Mode      string         `json:"mode"`
	Phase     string         `json:"phase"`
	Commit    string         `json:"commit,omitempty"`
	Root      string         `json:"root,omitempty"`
	Seed      string         `json:"seed,omitempty"`
	Value     string         `json:"value,omitempty"`
	Entries   int64          `json:"entries"` // of the lobby
	Joined    int64          `json:"joined"`
	Places    map[string]int `json:"places"`    // entries by their state
	Passes    int64          `json:"passes"`    // granted so far
	Overtaken int64          `json:"overtaken"` // turns that were somebody else's
	List      map[string]int `json:"list,omitempty"`
}

// inspectedPlace is where a buyer is in the line, and on the waiting list.
type inspectedPlace struct {
	Buyer   string     `json:"buyer"`
	Entry   int64      `json:"entry,omitempty"`
	Place   int64      `json:"place,omitempty"`
	State   string     `json:"state,omitempty"`
	Track   string     `json:"track,omitempty"`
	Absent  bool       `json:"absent,omitempty"`
	Until   *time.Time `json:"until,omitempty"` // node time: of the pass, or of the time of grace
	Waiter  int64      `json:"waiter,omitempty"`
	Waits   string     `json:"waits,omitempty"`
	Ahead   int64      `json:"ahead,omitempty"` // who wait before
	Offered *time.Time `json:"offered_until,omitempty"`
}

// describeLine shows the line of an event; nil if there is none.
func describeLine(ev *engine.Event) *inspectedLine {
	v, ok := ev.Line()
	stats, any := ev.LineStats()
	if !ok && !any {
		return nil
	}
	d := &inspectedLine{Mode: engine.LineModeOpen.String(), Phase: engine.LineNone.String(), Places: map[string]int{}, List: map[string]int{}}
	if ok {
		d.Mode, d.Phase, d.Value, d.Entries, d.Joined = v.Mode.String(), v.Phase.String(), v.Value, v.Entries, v.Joined
		if v.Committed {
			d.Commit = v.Commit.String()
		}
		if v.Phase >= engine.LineClosed {
			d.Root = v.Root.String()
		}
		if v.Revealed {
			d.Seed = fmt.Sprintf("%x", v.Seed)
		}
	}
	d.Passes, d.Overtaken = stats.Passes, stats.Overtaken
	for state := engine.PlaceWaiting; int(state) < engine.PlaceStates; state++ {
		if n := stats.Places[state]; n > 0 {
			d.Places[state.String()] = int(n)
		}
	}
	for state := engine.WaitWaiting; int(state) < engine.WaitStates; state++ {
		if n := stats.Waiters[state]; n > 0 {
			d.List[state.String()] = int(n)
		}
	}
	return d
}

// describePlace shows where a buyer is.
func describePlace(ev *engine.Event, buyer string) *inspectedPlace {
	d := &inspectedPlace{Buyer: buyer}
	var facts engine.Facts
	out := ev.Step(&engine.Command{Verb: engine.VerbPlace, Buyer: buyer}, ev.LastAt(), &facts) // a read: it changes nothing
	if out.Shows&engine.ShowsPlace != 0 {
		p := out.Place
		d.Entry, d.Place, d.State, d.Track, d.Absent = int64(p.Entry), int64(p.Place), p.State.String(), p.Track, p.Absent
		d.Until = untilOf(p.Until)
	}
	if out.Shows&engine.ShowsWaiter != 0 {
		w := out.Waiter
		d.Waiter, d.Waits, d.Ahead, d.Offered = w.Waiter, w.State.String(), w.Ahead, untilOf(w.Until)
	}
	return d
}

func untilOf(at engine.Instant) *time.Time {
	if at == 0 {
		return nil
	}
	t := timeOf(at)
	return &t
}

// print writes the line as rows of the event's table.
func (d *inspectedLine) print(w io.Writer) {
	fmt.Fprintf(w, "  line\tmode %s, %s: %s joined, %s in the lobby, %s passes, %s overtaken\n", d.Mode, d.Phase, thousands(d.Joined), thousands(d.Entries), thousands(d.Passes), thousands(d.Overtaken))
	for _, group := range []struct {
		name  string
		state func(i int) string
		n     int
		of    map[string]int
	}{
		{"places", func(i int) string { return engine.PlaceState(i).String() }, engine.PlaceStates, d.Places},
		{"waiting list", func(i int) string { return engine.WaitState(i).String() }, engine.WaitStates, d.List},
	} {
		var parts []string
		for i := 1; i < group.n; i++ {
			if n := group.of[group.state(i)]; n > 0 {
				parts = append(parts, thousands(int64(n))+" "+group.state(i))
			}
		}
		if len(parts) > 0 {
			fmt.Fprintf(w, "  %s\t%s\n", group.name, strings.Join(parts, ", "))
		}
	}
	for _, row := range [][2]string{{"commit", d.Commit}, {"root", d.Root}, {"value", d.Value}, {"seed", d.Seed}} {
		if row[1] != "" {
			fmt.Fprintf(w, "  %s\t%s\n", row[0], row[1])
		}
	}
}

// print writes where somebody is.
func (d *inspectedPlace) print(w io.Writer) {
	text := "has no place in the line"
	if d.Entry > 0 {
		text = fmt.Sprintf("entry %d of track %s, ", d.Entry, d.Track)
		if d.Place > 0 {
			text += fmt.Sprintf("place %d, ", d.Place)
		}
		text += d.State
		if d.Absent {
			text += ", not there"
		}
		if d.Until != nil {
			text += ", until " + d.Until.Format(time.RFC3339)
		}
	}
	if d.Waiter > 0 {
		text += fmt.Sprintf("; waiter %d, %s", d.Waiter, d.Waits)
		if d.Ahead > 0 {
			text += fmt.Sprintf(", %d ahead", d.Ahead)
		}
		if d.Offered != nil {
			text += ", until " + d.Offered.Format(time.RFC3339)
		}
	}
	fmt.Fprintf(w, "  buyer %s\t%s\n", d.Buyer, text)
}
