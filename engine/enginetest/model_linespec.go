package enginetest

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/holdfast-engine/holdfast/engine"
)

// invalidLine adds what can never be right in a command about the line.
func (m *Model) invalidLine(cmd *engine.Command) {
	m.invalidCode(cmd)
	said := lineSaid(cmd)
	switch cmd.Verb {
	case engine.VerbDraw:
		m.bad.addIf(said.Value == "" || len(said.Value) > engine.DrawValueLenMax || !printable(said.Value), engine.CodeInvalid, "value")
		m.bad.addIf(engine.ContainsCardNumber(said.Value), engine.CodeCardNumber, "value")
	case engine.VerbPlace:
		if cmd.Buyer != "" || said.EntriesFrom == 0 {
			m.id("buyer", cmd.Buyer)
		}
	default:
		m.id("buyer", cmd.Buyer)
		if said.Track != "" {
			m.id("track", said.Track)
		}
		m.bad.addIf(said.Wants < 0 || said.Wants > engine.WantsMax, engine.CodeInvalid, "wants")
	}
}

// invalidLineSpec adds what can never be right in what is said about a line, which has its defaults.
func (m *Model) invalidLineSpec(s *engine.EventSpec, now *engine.LineSpec) {
	l := s.Line
	if l == nil {
		return
	}
	m.bad.addIf(l.PassTTLMs < 10_000 || l.PassTTLMs > 86_400_000, engine.CodeInvalid, "line.pass_ttl_ms")
	m.bad.addIf(l.GraceMs < 1000 || l.GraceMs > 86_400_000, engine.CodeInvalid, "line.grace_ms")
	m.bad.addIf(l.ShoppersMax < 0 || l.ShoppersMax > engine.LimitMax, engine.CodeInvalid, "line.shoppers_max")
	m.bad.addIf(l.LobbyAt < 0 || l.LobbyAt > 1<<63-1-1<<56, engine.CodeInvalid, "line.lobby_at")
	m.bad.addIf(l.LobbyAt != 0 && s.OpensAt != 0 && l.LobbyAt >= s.OpensAt, engine.CodeInvalid, "line.lobby_at")
	m.bad.addIf(m.line.phase >= engine.LineLobby && l.DrawValue != now.DrawValue, engine.CodeInvalid, "line.draw_value")
	sum := int64(0)
	for i, t := range l.Tracks {
		field := "line.tracks[" + strconv.Itoa(i) + "]."
		m.id(field+"track", t.Track)
		m.bad.addIf(i == 0 && t.CodeOnly, engine.CodeInvalid, field+"code_only")
		m.bad.addIf(slices.ContainsFunc(l.Tracks[:i], func(o engine.TrackSpec) bool { return o.Track == t.Track }), engine.CodeInvalid, field+"track")
		m.bad.addIf(t.ShareBp < 0 || t.ShareBp > 10_000, engine.CodeInvalid, field+"share_bp")
		sum += t.ShareBp
	}
	m.bad.addIf(len(l.Tracks) > 0 && sum != 10_000 || len(l.Tracks) > engine.TracksMax, engine.CodeInvalid, "line.tracks")
	if len(nowTracks(now)) == 0 && len(m.line.entries) > 0 && len(l.Tracks) > 0 {
		m.bad.addIf(l.Tracks[0].Track != engine.TrackGeneral, engine.CodeInvalid, "line.tracks")
	}
	for i := range nowTracks(now) {
		m.bad.addIf(i >= len(l.Tracks) || l.Tracks[i].Track != now.Tracks[i].Track, engine.CodeInvalid, "line.tracks")
	}
}

func nowTracks(s *engine.LineSpec) []engine.TrackSpec {
	if s == nil {
		return nil
	}
	return s.Tracks
}

// lineWith is a line's spec with what an update says, and with its defaults.
func lineWith(now, said *engine.LineSpec, set engine.LineFields) *engine.LineSpec {
	l := engine.LineSpec{}
	if now != nil {
		l = *now
	}
	for _, f := range []struct {
		bit      engine.LineFields
		to, from *int64
	}{
		{engine.SetLobbyAt, (*int64)(&l.LobbyAt), (*int64)(&said.LobbyAt)},
		{engine.SetPassTTL, &l.PassTTLMs, &said.PassTTLMs},
		{engine.SetLineGrace, &l.GraceMs, &said.GraceMs},
		{engine.SetShoppersMax, &l.ShoppersMax, &said.ShoppersMax},
		{engine.SetWaitTTL, &l.OfferTTLMs, &said.OfferTTLMs},
		{engine.SetAside, &l.AsideMs, &said.AsideMs},
	} {
		if set&f.bit != 0 {
			*f.to = *f.from
		}
	}
	if set&engine.SetLineMode != 0 {
		l.Mode = said.Mode
	}
	if set&engine.SetDrawValue != 0 {
		l.DrawValue = said.DrawValue
	}
	if set&engine.SetTracks != 0 {
		l.Tracks = slices.Clone(said.Tracks)
	}
	l.PassTTLMs, l.GraceMs, l.Set = cmp.Or(l.PassTTLMs, 600_000), cmp.Or(l.GraceMs, 120_000), 0
	return &l
}
