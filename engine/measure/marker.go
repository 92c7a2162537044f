package measure

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// markersMax bounds the markers of an event, the newest of which are kept, and markersShownMax those of an answer.
const (
	markersMax      = 32
	markersShownMax = 200
)

// marked is a moment in the life of an event that a reader of its course has to know.
type marked struct {
	at   engine.Instant
	kind string
	text string
}

// The kinds of markers are their events' states, and these.
const (
	markRollout  = "rollout"
	markCapacity = "capacity"
	markTier     = "tier"
)

// mark keeps what an entry says that a reader of the event's course has to know.
func (s *event) mark(e *Entry) {
	m := marked{at: e.At}
	// Not exhaustive: the others are no such moments.
	//exhaustive:ignore
	switch e.Kind {
	case KindState:
		m.kind = e.State.String()
	case KindRollout:
		m.kind, m.text = markRollout, "one-click "+rollout(e.On, e.Permille)
	case KindCapacity:
		m.kind, m.text = markCapacity, strings.Clone(e.Text)
	case KindTier:
		m.kind, m.text = markTier, strings.Clone(e.Text)
	default:
		return
	}
	if len(s.marks) == markersMax {
		s.marks = append(s.marks[:0], s.marks[1:]...)
	}
	s.marks = append(s.marks, m)
}

// rollout says to how many one-click is offered.
func rollout(on bool, permille uint32) string {
	if !on || permille == 0 {
		return "off"
	}
	return strconv.FormatFloat(float64(permille)/10, 'f', -1, 64) + " %"
}

// markers are those of an event, or of all events of an account, from a moment on: the newest, in order of time.
func (s *scope) markers(from engine.Instant) []Marker {
	events := s.account.events
	if s.event != nil {
		events = []*event{s.event}
	}
	found := []Marker{}
	for _, e := range events {
		for _, m := range e.marks {
			if m.at < from {
				continue
			}
			text := m.text
			if s.event == nil {
				text = strings.TrimSpace(e.title() + " " + text)
			}
			found = append(found, Marker{AtMs: int64(m.at) / 1e6, Kind: m.kind, Text: text})
		}
	}
	slices.SortStableFunc(found, func(a, b Marker) int { return cmp.Compare(a.AtMs, b.AtMs) })
	return found[max(0, len(found)-markersShownMax):]
}

// title is how people know an event.
func (s *event) title() string { return cmp.Or(s.Name, s.Key.ID) }

func (s *event) appendMarks(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s.marks)))
	for _, m := range s.marks {
		dst = appendString(appendString(binary.AppendVarint(dst, int64(m.at)), m.kind), m.text)
	}
	return dst
}

func (s *event) readMarks(r *reader) {
	n := r.count(3)
	if n > markersMax {
		r.fail("an event has too many markers")
		return
	}
	for range n {
		s.marks = append(s.marks, marked{engine.Instant(r.int()), r.string(), r.string()})
	}
}
