package engine

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
)

// LineMode says whether an event's tickets are sold through its line. The numbers are part of the log's format.
type LineMode uint8

// The modes.
const (
	LineModeOpen LineMode = iota // whoever comes may buy
	LineModeLine                 // only who has a pass
	lineModesEnd
)

// String returns the mode's name on the wire.
func (m LineMode) String() string {
	switch m {
	case LineModeOpen:
		return "open"
	case LineModeLine:
		return "line"
	case lineModesEnd:
	}
	return "unknown"
}

// LineSpec is what an organiser says about an event's line. A number of 0 is its default. In an update only the fields named in Set change; places, passes and
// those who wait stay, whatever is changed.
type LineSpec struct {
	Mode        LineMode // open if nothing is said
	LobbyAt     Instant  // wall time at which the lobby opens; 0 is as soon as the event has a seed
	PassTTLMs   int64    // a pass's life
	GraceMs     int64    // how long somebody who was absent at their turn may come back and be next
	ShoppersMax int64    // passes at the same time; 0 is no maximum
	DrawValue   bool     // the draw waits for a public value that nobody knew when the lobby closed; fixed once the lobby is open
	OfferTTLMs  int64    // how long freed tickets are held for somebody on the waiting list
	AsideMs     int64    // how long they are kept for somebody there who was passed over too often
	Tracks      []TrackSpec

	Set LineFields // update: which of the fields above are meant
}

// TrackSpec is a track of the line: a part of those who wait, who get a stated share of the passes. An update names all tracks that there are, in their order,
// and new ones behind them. An event without tracks has a single one, [TrackGeneral].
type TrackSpec struct {
	Track   string
	ShareBp int64 // of the passes, in hundredths of a percent; those of all tracks are 10,000
	// CodeOnly keeps it for those who join with a code that gives a place in it. The first track is for everybody.
	CodeOnly bool
}

// LineFields says which fields of a LineSpec an update means.
type LineFields uint32

// One bit a field of LineSpec.
const (
	SetLineMode LineFields = 1 << iota
	SetLobbyAt
	SetPassTTL
	SetLineGrace
	SetShoppersMax
	SetDrawValue
	SetTracks
	SetWaitTTL
	SetAside
	lineFieldsEnd
)

// TrackGeneral is the track of events that say nothing about tracks, and of those who join without naming one where there are others: then it is the first.
const TrackGeneral = "general"

const (
	passTTLMsMin     = 10_000
	passTTLMsMax     = 24 * 3600 * 1000
	passTTLDefault   = 600_000
	lineGraceMsMin   = 1000
	lineGraceMsMax   = 24 * 3600 * 1000
	lineGraceDefault = 120_000
	waitTTLMsMin     = 1000
	waitTTLMsMax     = HoldTTLMsMax
	waitTTLDefault   = 300_000
	asideMsMin       = 1000
	asideMsMax       = 24 * 3600 * 1000
	asideDefault     = 600_000
	asideLifeMax     = 365 * 24 * 3600 * 1e9 // of a time of keeping that was doubled, in nanoseconds: nobody waits for longer
	asideTogetherMax = 3                     // doublings for seats side by side, for which the whole lot is kept: whether they ever lie so is nobody's to say
	asideRoundsMax   = 25                    // doublings that are counted: a second is a year then
	sharesAll        = 10_000                // the shares of all tracks
)

// lineNumber is a number of a LineSpec, with its bounds and its default.
type lineNumber struct {
	bit                   LineFields
	name                  string
	at                    *int64
	least, most, standard int64
}

// numbers lists the numbers of a line's spec in the order in which they are written.
func (s *LineSpec) numbers() [6]lineNumber {
	return [...]lineNumber{
		{SetLobbyAt, "line.lobby_at", (*int64)(&s.LobbyAt), 0, int64(instantMax), 0},
		{SetPassTTL, "line.pass_ttl_ms", &s.PassTTLMs, passTTLMsMin, passTTLMsMax, passTTLDefault},
		{SetLineGrace, "line.grace_ms", &s.GraceMs, lineGraceMsMin, lineGraceMsMax, lineGraceDefault},
		{SetShoppersMax, "line.shoppers_max", &s.ShoppersMax, 0, LimitMax, 0},
		{SetWaitTTL, "line.offer_ttl_ms", &s.OfferTTLMs, waitTTLMsMin, waitTTLMsMax, waitTTLDefault},
		{SetAside, "line.aside_ms", &s.AsideMs, asideMsMin, asideMsMax, asideDefault},
	}
}

// filled returns a copy with its defaults, nil for nil.
func (s *LineSpec) filled() *LineSpec {
	if s == nil {
		return nil
	}
	own := *s
	for _, n := range own.numbers() {
		if *n.at == 0 {
			*n.at = n.standard
		}
	}
	return &own
}

// merged returns s with the fields of an update that are meant, as a spec of its own. s may be nil.
func (s *LineSpec) merged(from *LineSpec) *LineSpec {
	own := LineSpec{}
	if s != nil {
		own = *s
	}
	own.Set = 0
	source := from.numbers()
	for i, n := range own.numbers() {
		if from.Set&n.bit != 0 {
			*n.at = *source[i].at
		}
	}
	if from.Set&SetLineMode != 0 {
		own.Mode = from.Mode
	}
	if from.Set&SetDrawValue != 0 {
		own.DrawValue = from.DrawValue
	}
	if from.Set&SetTracks != 0 {
		own.Tracks = slices.Clone(from.Tracks)
		for i := range own.Tracks {
			own.Tracks[i].Track = strings.Clone(own.Tracks[i].Track)
		}
	}
	return &own
}

// line checks what a spec says about the line, with its defaults filled in.
func (c *specCheck) line(s *EventSpec) bool {
	l := s.Line
	switch {
	case l == nil:
		return true
	case l.Mode >= lineModesEnd:
		return c.bad("line.mode", "it is open or line")
	case s.Observe:
		return c.bad("line", "an event in mode observe sells nothing here")
	}
	for _, n := range l.numbers() {
		if *n.at < n.least || *n.at > n.most {
			return c.bad(n.name, "it is "+strconv.FormatInt(n.least, 10)+" to "+strconv.FormatInt(n.most, 10))
		}
	}
	if l.LobbyAt != 0 && s.OpensAt != 0 && l.LobbyAt >= s.OpensAt {
		return c.bad("line.lobby_at", "it is not before opens_at")
	}
	if c.e.linePhase() >= LineLobby && l.DrawValue != c.e.spec.Line.DrawValue {
		return c.bad("line.draw_value", "it was promised when the lobby opened")
	}
	return c.tracks(l.Tracks)
}

// tracks checks the tracks of a line, against those that it has.
func (c *specCheck) tracks(tracks []TrackSpec) bool {
	if len(tracks) > TracksMax {
		return c.bad("line.tracks", "a line has at most "+strconv.Itoa(TracksMax)+" tracks")
	}
	sum := int64(0)
	for i := range tracks {
		name := "line.tracks[" + strconv.Itoa(i) + "]."
		if !c.tell(c.e.validID(name+"track", tracks[i].Track)) {
			return false
		}
		if slices.ContainsFunc(tracks[:i], func(t TrackSpec) bool { return t.Track == tracks[i].Track }) {
			return c.bad(name+"track", "it is there twice")
		}
		if i == 0 && tracks[i].CodeOnly {
			return c.bad(name+"code_only", "the first track is for everybody")
		}
		if s := tracks[i].ShareBp; s < 0 || s > sharesAll {
			return c.bad(name+"share_bp", "it is 0 to 10000")
		}
		sum += tracks[i].ShareBp
	}
	if len(tracks) > 0 && sum != sharesAll {
		return c.bad("line.tracks", "their shares are 10000 together")
	}
	if c.e.spec.Line == nil {
		return true
	}
	had := c.e.spec.Line.Tracks
	if len(had) == 0 && len(tracks) > 0 && c.e.line != nil && c.e.line.rows.rows > 0 { // all who have joined are in the one that there is
		had = []TrackSpec{{Track: TrackGeneral}}
	}
	for i, t := range had {
		if i >= len(tracks) || tracks[i].Track != t.Track {
			return c.bad("line.tracks", "it names all tracks that there are, in their order: give one that has to end a share of 0")
		}
	}
	return true
}

// updatesLine reports whether an update says anything about the line.
func (s *EventSpec) updatesLine() bool { return s.Line != nil && s.Line.Set != 0 }

// appendLine appends what is said about a line: | set | mode, code only * 64, draw value * 128 | numbers | n | n tracks: name, share | if code only: a bit a track |
func appendLine(dst []byte, s *LineSpec) []byte {
	dst = binary.AppendUvarint(dst, uint64(s.Set&(lineFieldsEnd-1)))
	how := byte(s.Mode)
	if s.DrawValue {
		how |= lineDrawValue
	}
	only := s.codeOnly()
	if only != 0 {
		how |= lineCodeOnly
	}
	dst = append(dst, how)
	for _, n := range s.numbers() {
		dst = binary.AppendVarint(dst, *n.at)
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.Tracks)))
	for i := range s.Tracks {
		dst = binary.AppendVarint(appendString(dst, s.Tracks[i].Track), s.Tracks[i].ShareBp)
	}
	if only != 0 {
		dst = binary.AppendUvarint(dst, only)
	}
	return dst
}

// codeOnly has a bit for each track that is for those with a code.
func (s *LineSpec) codeOnly() (only uint64) {
	for i := range s.Tracks {
		if s.Tracks[i].CodeOnly && i < TracksMax {
			only |= 1 << i
		}
	}
	return only
}

const (
	lineCodeOnly  = 1 << 6
	lineDrawValue = 1 << 7
)

func (d *decoder) line() *LineSpec {
	s := &LineSpec{Set: LineFields(d.uint(uint64(lineFieldsEnd - 1)))}
	how := d.byte()
	s.Mode, s.DrawValue = LineMode(how&^(lineDrawValue|lineCodeOnly)), how&lineDrawValue != 0
	if s.Mode >= lineModesEnd {
		d.fail("a line of unknown mode")
	}
	for _, n := range s.numbers() {
		*n.at = d.signed()
	}
	for range d.count(TracksMax, 2) {
		s.Tracks = append(s.Tracks, TrackSpec{Track: d.text(IDLenMax), ShareBp: d.signed()})
	}
	if how&lineCodeOnly != 0 {
		only := d.uint(1<<TracksMax - 1)
		for i := range s.Tracks {
			s.Tracks[i].CodeOnly = only>>i&1 != 0
		}
		if only == 0 || s.codeOnly() != only {
			d.fail("tracks for codes that are not there")
		}
	}
	return s
}

// trackNamed finds a track by its name; the empty name is the first's.
func (e *Event) trackNamed(name string) (track uint8, ok bool) {
	tracks := []TrackSpec(nil)
	if e.spec.Line != nil {
		tracks = e.spec.Line.Tracks
	}
	if name == "" || len(tracks) == 0 {
		return 0, name == "" || name == TrackGeneral
	}
	i := slices.IndexFunc(tracks, func(t TrackSpec) bool { return t.Track == name })
	return uint8(max(0, i)), i >= 0
}

// trackOf is what the organiser says of a track.
func (e *Event) trackOf(track uint8) TrackSpec {
	if s := e.spec.Line; s != nil && int(track) < len(s.Tracks) {
		return s.Tracks[track]
	}
	return TrackSpec{Track: TrackGeneral, ShareBp: sharesAll}
}

// trackName is the name of a track.
func (e *Event) trackName(track uint8) string {
	return e.trackOf(track).Track
}

// trackCount is how many tracks the line has.
func (e *Event) trackCount() int {
	if s := e.spec.Line; s != nil {
		return max(1, len(s.Tracks))
	}
	return 1
}
