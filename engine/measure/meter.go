package measure

import "github.com/holdfast-engine/holdfast/engine"

// seriesID numbers a series of the book: everything of an account, an event, a flow, a device of an event, ... Series are never removed, and their numbers
// are part of the state.
type seriesID uint32

// meter keeps a family of KPIs. A book calls it with every entry, in the order of the log, and it keeps what it needs by series.
type meter interface {
	// definitions are the KPIs that it answers.
	definitions() []Definition
	// add takes an entry. s is what is known of its event, in are the series that it counts in; both are valid during the call.
	add(s *Subject, e *Entry, in []seriesID)
	// advance tells that time has come to now, before the next entry is added: what has become mature is settled. It must depend on now alone, never on how
	// often it is called.
	advance(now engine.Instant)
	// figures appends the figures of one series in a window that ends at now.
	figures(dst []Figure, q *Query, id seriesID, now engine.Instant) []Figure
	// appendState appends everything it knows, in one order only: equal states have equal bytes. readState is its opposite.
	appendState(dst []byte) []byte
	readState(r *reader)
}

// newMeters are all families, in the order in which they are shown. b may be nil for their definitions.
func newMeters(b *Book) []meter {
	people, counts, cohorts := newPeople(b), newCounts(b), newCohorts(b)
	people.sessions = &cohorts.aliases
	if b != nil {
		b.counts, b.cohorts, b.people = counts, cohorts, people
	}
	return []meter{counts, cohorts, people}
}
