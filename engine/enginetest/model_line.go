package enginetest

import (
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// modelLine is the line done the naive way: a list of entries, looked through at every question. What it shares with the engine is engine/line: the leaves, the
// draw as anybody can make it, and how many may shop.
type modelLine struct {
	phase     engine.LinePhase
	there     bool // there is something to keep of a line
	committed bool
	commit    line.Hash
	seed      line.Seed
	root      line.Hash
	value     string
	lobby     int  // entries of it, once it is closed
	stage     int  // of the draw: keys, order, those who came later
	worked    bool // at the draw, in this step
	entries   []*modelEntry
	turns     int
	granted   [engine.TracksMax]int64
	served    [engine.TracksMax]line.Place
	shopping  line.Shopping
	stood     int64  // ns
	stopped   *int64 // event time; nil if the clock goes
	perMin    int64
}

type modelEntry struct {
	n        line.Entry
	buyer    string
	place    line.Place
	track    int
	wants    int64
	joins    int // of the buyer, before
	code     *modelCode
	state    engine.PlaceState
	absent   bool
	back     bool // was skipped, and came back
	granted  int64
	deadline int64
	held     int64
	units    uint32 // of the hold, as it was first
	turn     int    // which one it was, 0 if the entry has none
	picked   bool
	holding  bool
	browsing bool
	shown    map[string][]engine.LotSpec // lots as they were when the pass was granted, or came, and after each change of a price since, oldest first
}

func (e *modelEntry) live() bool {
	return e.state == engine.PlaceWaiting || e.state == engine.PlaceSkipped || e.state == engine.PlaceAdmitted
}

func (m *Model) lineMode() engine.LineMode {
	if m.spec.Line == nil {
		return engine.LineModeOpen
	}
	return m.spec.Line.Mode
}

func (m *Model) selling() bool {
	return m.state == engine.EventOnSale || m.state == engine.EventPaused
}

// lineTime is the time of the line: event time, less that in which nobody could shop through it.
func (m *Model) lineTime() int64 {
	if l := &m.line; l.stopped != nil {
		return *l.stopped - l.stood
	}
	return m.eventTime() - m.line.stood
}

// setClock stops the line's clock, or lets it go on.
func (m *Model) setClock() {
	l, now := &m.line, m.eventTime()
	stands := m.state == engine.EventPaused || m.lineMode() != engine.LineModeLine
	if l.there && stands && l.stopped == nil {
		l.stopped = &now
	}
	if l.there && !stands && l.stopped != nil {
		l.stood, l.stopped = l.stood+now-*l.stopped, nil
	}
}

// startLine begins to serve where there is no lobby.
func (m *Model) startLine() {
	if m.lineMode() == engine.LineModeLine && m.line.phase == engine.LineNone && m.selling() {
		m.line.phase, m.line.there = engine.LineServing, true
	}
	m.setClock()
}

// entry is the newest of a buyer, nil if there is none.
func (m *Model) entry(buyer string) *modelEntry {
	for _, e := range slices.Backward(m.line.entries) {
		if e.buyer == buyer {
			return e
		}
	}
	return nil
}

func (m *Model) tracks() []engine.TrackSpec {
	if m.spec.Line == nil || len(m.spec.Line.Tracks) == 0 {
		return []engine.TrackSpec{{Track: engine.TrackGeneral, ShareBp: 10_000}}
	}
	return m.spec.Line.Tracks
}

func lineSaid(cmd *engine.Command) engine.LineCommand {
	if cmd.Line == nil {
		return engine.LineCommand{}
	}
	return *cmd.Line
}

// linePlace considers commands about one's own place.
func (m *Model) linePlace(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	e := m.entry(cmd.Buyer)
	if cmd.Verb == engine.VerbJoin && (e == nil || !e.live() || m.Closed()) {
		return m.join(cmd)
	}
	if e == nil || !e.live() || m.Closed() {
		m.refusals.add(engine.CodeNotInLine, "buyer")
		return nil
	}
	if cmd.Verb == engine.VerbPresent && e.state == engine.PlaceSkipped && e.deadline <= m.lineTime() {
		m.refusals.add(engine.CodeNotInLine, "buyer")
		return nil
	}
	return func(*engine.Outcome) *modelRequest {
		switch present := cmd.Verb == engine.VerbPresent; {
		case cmd.Verb == engine.VerbLeave:
			m.endPlace(e, engine.PlaceLeft)
		case cmd.Verb == engine.VerbJoin || present != e.absent:
			m.silent = true // no news: nothing remembers it
		default:
			m.presence(e, present)
		}
		return &modelRequest{entry: e}
	}
}

// join considers a buyer who has no place.
func (m *Model) join(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	said := lineSaid(cmd)
	track := slices.IndexFunc(m.tracks(), func(t engine.TrackSpec) bool { return said.Track == "" || t.Track == said.Track })
	m.refusals.addIf(track < 0, engine.CodeTrackUnknown, "track")
	switch {
	case m.Closed():
		m.refusals.add(engine.CodeNotOnSale, "event")
		return nil
	case m.lineMode() == engine.LineModeOpen || m.line.phase == engine.LineNone:
		m.refusals.add(engine.CodeLobbyClosed, "event")
		return nil
	}
	m.refusals.addIf(len(m.line.entries) >= m.limits.Line, engine.CodeTooMany, "")
	m.refusals.addIf(m.buyers()[cmd.Buyer] == 0 && len(m.buyers()) >= m.limits.Buyers, engine.CodeTooMany, "")
	before, joins := m.entry(cmd.Buyer), 0
	if before != nil {
		joins = before.joins + 1
		m.refusals.addIf(joins >= 16, engine.CodeTooMany, "buyer")
	}
	links := []uint64(nil)
	if cmd.Payment != nil {
		links = slices.Compact(slices.Sorted(slices.Values(cmd.Payment.Note.Links)))
	}
	if len(m.links[cmd.Buyer])+len(links) > 0 {
		cluster := m.clusterOf(cmd.Buyer, links)
		m.refusals.addIf(len(cluster) > engine.LinkedBuyersMax || len(m.brought(cmd.Buyer, links)) > engine.LinksPerBuyerMax, engine.CodeTooManyLinks, "buyer")
		for _, b := range cluster {
			other := m.entry(b)
			m.refusals.addIf(b != cmd.Buyer && other != nil && other.live(), engine.CodeAlreadyInLine, "buyer")
		}
	}
	var code *modelCode
	if len(m.refusals)+len(m.bad) == 0 {
		code, track = m.joinCode(cmd, track)
	}
	return func(*engine.Outcome) *modelRequest {
		m.linkBy(cmd.Buyer, links)
		e := &modelEntry{code: code, n: line.Entry(len(m.line.entries) + 1), buyer: cmd.Buyer, track: track, wants: said.Wants, joins: joins, state: engine.PlaceWaiting}
		if m.line.phase != engine.LineLobby {
			e.place = line.Place(e.n)
		}
		if before != nil && before.turn != 0 { // nobody follows its hold any more
			m.line.shopping.HoldEnded(before.held, m.lineTime(), before.units, false)
			before.turn, before.holding = 0, false
		}
		m.line.entries = append(m.line.entries, e)
		return &modelRequest{entry: e}
	}
}

// presence notes that somebody is there, or not.
func (m *Model) presence(e *modelEntry, present bool) {
	e.absent = !present
	switch {
	case e.state == engine.PlaceSkipped:
		e.state, e.back, e.turn = engine.PlaceWaiting, true, 0
	case e.state == engine.PlaceAdmitted && !e.picked && present:
		e.browsing = true
		m.line.shopping.Returned(e.granted, m.lineTime())
	case e.state == engine.PlaceAdmitted && !e.picked:
		e.browsing = false
		m.line.shopping.Stopped(e.granted, m.lineTime())
	}
}

// endPlace gives an entry its final state.
func (m *Model) endPlace(e *modelEntry, as engine.PlaceState) {
	if e.browsing {
		m.line.shopping.Stopped(e.granted, m.lineTime())
	}
	if !e.holding {
		e.turn = 0
	}
	if e.state == engine.PlaceLapsed { // an order after the pass has run out: the use was given back then
		e.code = nil
	}
	e.state, e.browsing, e.absent, e.back = as, false, false, false
}

func (m *Model) leaves() []line.Hash {
	var leaves []line.Hash
	for _, e := range m.line.entries {
		leaves = append(leaves, m.leaf(e))
	}
	return leaves
}

func (m *Model) leaf(e *modelEntry) line.Hash {
	return line.Leaf(m.key.Account, m.key.ID, m.line.commit, e.n, e.buyer)
}

// drawSome goes on with a draw by a step: the keys, the places, those who came later.
func (m *Model) drawSome() {
	l := &m.line
	l.worked = true
	if l.stage++; l.stage == 2 {
		for i, place := range line.Places(l.seed, l.root, l.value, m.leaves()[:l.lobby]) {
			l.entries[i].place = place
		}
	}
	if l.stage == 3 || l.stage == 2 && len(l.entries) == l.lobby {
		l.phase = engine.LineServing
	}
}

// lineShell does what the shell asks of the line.
func (m *Model) lineShell(cmd *engine.Command, out *engine.Outcome) {
	l, said := &m.line, lineSaid(cmd)
	refuse := func(code engine.Code, field string) {
		m.refusals.add(code, field)
		out.Code = code
	}
	switch cmd.Verb {
	case engine.VerbSeed:
		if m.state != engine.EventDraft || m.lineMode() != engine.LineModeLine || l.phase != engine.LineNone || l.committed {
			refuse(engine.CodeWrongState, "")
			return
		}
		l.committed, l.commit, l.there = true, said.Commit, true
		m.setClock()
		if m.spec.Line.LobbyAt == 0 {
			l.phase = engine.LineLobby
		}
	case engine.VerbReveal:
		if l.phase != engine.LineClosed || m.Closed() || m.spec.Line.DrawValue && l.value == "" {
			refuse(engine.CodeWrongState, "")
			return
		}
		if line.Commit(said.Seed) != l.commit {
			refuse(engine.CodeInvalid, "seed")
			return
		}
		l.seed, l.phase, l.stage = said.Seed, engine.LineDrawing, 0
		if l.lobby == 0 {
			l.stage = 1
		}
		if len(l.entries) == 0 {
			l.phase = engine.LineServing
		}
		m.settleLine()
	case engine.VerbRate:
		if perMin := min(max(0, said.PerMin), engine.LimitMax); m.spec.Line != nil && !m.Closed() && perMin != l.perMin {
			l.perMin, l.there = perMin, true
			m.setClock()
		}
		return
	}
	out.Shows, out.Line = engine.ShowsLine, m.viewLine()
}

// drawValue considers the public value of a draw.
func (m *Model) drawValue(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	switch {
	case m.Closed() || m.line.phase < engine.LineClosed || !m.spec.Line.DrawValue:
		m.refusals.add(engine.CodeWrongState, "event")
	case m.line.phase > engine.LineClosed || m.line.value != "":
		m.refusals.add(engine.CodeDrawDone, "event")
	}
	return func(*engine.Outcome) *modelRequest {
		m.line.value = lineSaid(cmd).Value
		return &modelRequest{line: true}
	}
}

// place considers a look at a place, or at the lobby's list.
func (m *Model) place(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	e := m.entry(cmd.Buyer)
	w := m.waiter(cmd.Buyer)
	m.refusals.addIf(cmd.Buyer != "" && e == nil && w == nil, engine.CodeNotInLine, "buyer")
	return func(out *engine.Outcome) *modelRequest {
		if w != nil {
			if m.showWaiter(out, w); w.state == engine.WaitOffered {
				m.showHold(out, w.hold)
			}
		}
		if e != nil {
			m.showPlace(out, e)
		}
		from := lineSaid(cmd).EntriesFrom
		if v := m.viewLine(); v != nil && (cmd.Buyer == "" || from != 0) {
			out.Shows, out.Line = out.Shows|engine.ShowsLine, v
			if from != 0 {
				v.LeavesFrom = from
				for n := int64(from); n <= v.Entries; n++ {
					v.Leaves = append(v.Leaves, m.leaf(m.line.entries[n-1]))
				}
			}
		}
		return nil
	}
}

func (m *Model) showPlace(out *engine.Outcome, e *modelEntry) {
	v := &engine.PlaceView{Event: m.key.ID, Buyer: e.buyer, Entry: e.n, Place: e.place, State: e.state, Absent: e.absent, Track: m.tracks()[e.track].Track, Wants: e.wants}
	if v.InLobby = m.line.phase == engine.LineLobby || int(e.n) <= m.line.lobby; v.InLobby {
		v.Leaf, v.Commit = m.leaf(e), m.line.commit
	}
	switch {
	case m.Closed() && e.live():
		v.State = engine.PlaceOver
	case e.state == engine.PlaceAdmitted || e.state == engine.PlaceSkipped:
		v.Until = engine.Instant(e.deadline + m.eventTime() - m.lineTime() + m.down)
	}
	for _, l := range m.lots {
		if v.State == engine.PlaceAdmitted && l.open && !l.spec.CodeOnly {
			item := []engine.ItemView{{Lot: l.spec.Lot, FaceMinor: l.spec.FaceMinor, Fees: l.spec.Fees}}
			m.keepPromise(e.buyer, nil, item)
			v.Prices = append(v.Prices, engine.PromisedPrice{Lot: l.spec.Lot, TotalMinor: price(&item[0]), SoldOut: m.soldOut(l)})
		}
	}
	out.Shows, out.Place = out.Shows|engine.ShowsPlace, v
}

// viewLine shows the line, nil if there is none.
func (m *Model) viewLine() *engine.LineView {
	l := &m.line
	if m.spec.Line == nil && !l.there {
		return nil
	}
	v := &engine.LineView{
		Mode: m.lineMode(), Phase: l.phase, Committed: l.committed, Commit: l.commit, Root: l.root, Entries: int64(l.lobby), Value: l.value,
		Revealed: l.seed != line.Seed{}, Seed: l.seed, Joined: int64(len(l.entries)), PerMin: l.perMin,
	}
	if l.phase == engine.LineLobby {
		v.Entries = v.Joined
	}
	counts := map[engine.PlaceState]*int64{
		engine.PlaceWaiting: &v.Waiting, engine.PlaceSkipped: &v.Skipped, engine.PlaceAdmitted: &v.Admitted, engine.PlaceSpent: &v.Spent,
		engine.PlaceLapsed: &v.Lapsed, engine.PlaceGone: &v.Gone, engine.PlaceLeft: &v.Left,
	}
	for _, e := range l.entries {
		*counts[e.state]++
	}
	for i, t := range m.tracks() {
		v.Tracks = append(v.Tracks, engine.TrackView{Track: t.Track, ShareBp: t.ShareBp, CodeOnly: t.CodeOnly, Waiting: int64(len(m.inTrack(i))), Granted: l.granted[i], Served: l.served[i]})
		v.Served = max(v.Served, l.served[i])
	}
	return v
}
