package transport

import (
	"math"
	"strconv"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// The tables of the line and the waiting list. Their fields land in the command's LineCommand, which lives in the decoder's own memory like the items.

// line is the LineCommand of the command being decoded, made on first use: most commands have none.
func (s *scope) line() *engine.LineCommand {
	if s.cmd.Line == nil {
		s.cmd.Line = s.decoder.newLine()
	}
	return s.cmd.Line
}

// newLine returns an empty LineCommand. Those given out before stay where they are when the arena grows.
func (d *decoder) newLine() *engine.LineCommand {
	if len(d.lines) == cap(d.lines) {
		d.lines = make([]engine.LineCommand, 0, min(max(1, 2*cap(d.lines)), pooledPaymentsMax))
	}
	d.lines = append(d.lines, engine.LineCommand{})
	return &d.lines[len(d.lines)-1]
}

// lining reports whether commands with this verb always have a LineCommand.
func lining(v engine.Verb) bool { return v >= engine.VerbJoin && v <= engine.VerbCodes }

// dropEmptyLine makes a command that said nothing about the line one without a LineCommand, whatever the spelling.
func dropEmptyLine(c *engine.Command) {
	if l := c.Line; l != nil && !lining(c.Verb) && !l.Wait && !l.Fairness && l.Code == "" {
		c.Line = nil
	}
}

func fairnessField(num uint8) field {
	return field{name: "fairness", num: num, kind: kindBool, flag: func(s *scope) *bool { return &s.line().Fairness }}
}

// enterWish appends an empty wish to the command being decoded.
func (d *decoder) enterWish(s *scope) {
	if len(s.line().Wishes) == engine.WishesMax {
		d.fail(engine.CodeTooLarge, "", "a command has at most "+strconv.Itoa(engine.WishesMax)+" wishes")
		return
	}
	d.wishes = append(d.wishes, engine.Wish{})
	n := len(d.wishes)
	s.line().Wishes = d.wishes[s.wishesFrom:n:n]
	s.wish = &d.wishes[n-1]
}

var joinMessage = newMessage("JoinCommand",
	requestIDField(), buyerField(), channelField(), deviceField(),
	field{name: "track", num: 5, kind: kindString, str: func(s *scope) *string { return &s.line().Track }},
	field{name: "wants", num: 6, kind: kindInt, num64: func(s *scope) *int64 { return &s.line().Wants }},
	codeField(7), linksField(9), correlationField(),
)

var leaveMessage = newMessage("LeaveCommand",
	requestIDField(), buyerField(), channelField(), deviceField(),
	field{name: "list", num: 5, kind: kindBool, flag: func(s *scope) *bool { return &s.line().List }},
	correlationField(),
)

var placeMessage = newMessage("PlaceCommand",
	requestIDField(), buyerField(),
	field{
		name: "entries_from", num: 5, kind: kindInt, most: math.MaxUint32, num64: func(s *scope) *int64 { return &s.entriesFrom },
		mark: func(s *scope) { s.line().EntriesFrom = line.Entry(s.entriesFrom) },
	},
	field{name: "receipt", num: 6, kind: kindBool, flag: func(s *scope) *bool { return &s.line().Receipt }},
	fairnessField(7),
	correlationField(),
)

var (
	absentMessage  = newMessage("AbsentCommand", requestIDField(), buyerField(), channelField(), deviceField(), correlationField())
	presentMessage = newMessage("PresentCommand", requestIDField(), buyerField(), channelField(), deviceField(), correlationField())
)

var wishMessage = newMessage("Wish",
	field{name: "lot", num: 1, kind: kindString, str: func(s *scope) *string { return &s.wish.Lot }},
	field{name: "quantity", num: 2, kind: kindInt, num64: func(s *scope) *int64 { return &s.wish.Quantity }},
	field{name: "together", num: 3, kind: kindBool, flag: func(s *scope) *bool { return &s.wish.Together }},
)

var waitMessage = newMessage("WaitCommand",
	requestIDField(), buyerField(), channelField(), deviceField(),
	field{name: "wishes", num: 5, kind: kindMessages, sub: wishMessage, enter: (*decoder).enterWish},
	field{name: "auto_buy", num: 6, kind: kindBool, flag: func(s *scope) *bool { return &s.line().AutoBuy }},
	methodField(7), maxPriceField(), linksField(9), codeField(10), correlationField(),
)

var drawMessage = newMessage("DrawCommand",
	requestIDField(),
	field{name: "value", num: 5, kind: kindString, str: func(s *scope) *string { return &s.line().Value }},
	correlationField(),
)

// lineField is what create and update say about the line.
func lineField() field {
	return field{name: "line", num: 54, kind: kindMessage, sub: lineSpecMessage, enter: func(_ *decoder, s *scope) { s.spec.Line = new(engine.LineSpec) }}
}

// markLine notes that an update means the field of the line.
func markLine(bit engine.LineFields) func(*scope) {
	return func(s *scope) {
		if s.cmd.Verb == engine.VerbUpdate {
			s.spec.Line.Set |= bit
		}
	}
}

func lineNumber(name string, num uint8, bit engine.LineFields, num64 func(*engine.LineSpec) *int64) field {
	return field{name: name, num: num, kind: kindInt, present: true, num64: func(s *scope) *int64 { return num64(s.spec.Line) }, mark: markLine(bit)}
}

var trackMessage = newMessage("TrackSpec",
	field{name: "track", num: 1, kind: kindString, str: func(s *scope) *string { return &s.track.Track }},
	field{name: "share_bp", num: 2, kind: kindInt, num64: func(s *scope) *int64 { return &s.track.ShareBp }},
	field{name: "code_only", num: 3, kind: kindBool, flag: func(s *scope) *bool { return &s.track.CodeOnly }},
)

var lineSpecMessage = newMessage("LineSpec",
	field{
		name: "mode", num: 1, kind: kindString, present: true, mark: markLine(engine.SetLineMode), words: "open, line", word: func(s *scope, w string) bool {
			s.spec.Line.Mode = engine.LineModeOpen
			if w == "line" {
				s.spec.Line.Mode = engine.LineModeLine
			}
			return w == "" || w == "open" || w == "line"
		},
	},
	field{
		name: "lobby_at", num: 2, kind: kindTime, present: true, mark: markLine(engine.SetLobbyAt),
		at: func(s *scope) *engine.Instant { return &s.spec.Line.LobbyAt },
	},
	lineNumber("pass_ttl_ms", 3, engine.SetPassTTL, func(l *engine.LineSpec) *int64 { return &l.PassTTLMs }),
	lineNumber("grace_ms", 4, engine.SetLineGrace, func(l *engine.LineSpec) *int64 { return &l.GraceMs }),
	lineNumber("shoppers_max", 5, engine.SetShoppersMax, func(l *engine.LineSpec) *int64 { return &l.ShoppersMax }),
	field{
		name: "draw_value", num: 6, kind: kindBool, present: true, mark: markLine(engine.SetDrawValue),
		flag: func(s *scope) *bool { return &s.spec.Line.DrawValue },
	},
	lineNumber("offer_ttl_ms", 7, engine.SetWaitTTL, func(l *engine.LineSpec) *int64 { return &l.OfferTTLMs }),
	lineNumber("aside_ms", 8, engine.SetAside, func(l *engine.LineSpec) *int64 { return &l.AsideMs }),
	field{
		name: "tracks", num: 9, kind: kindMessages, sub: trackMessage, mark: markLine(engine.SetTracks), enter: func(d *decoder, s *scope) {
			if len(s.spec.Line.Tracks) == engine.TracksMax {
				d.fail(engine.CodeTooLarge, "", "a line has at most "+strconv.Itoa(engine.TracksMax)+" tracks")
				return
			}
			s.track = grow(&s.spec.Line.Tracks)
		},
	},
)
