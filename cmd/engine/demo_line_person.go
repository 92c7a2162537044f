package main

import (
	"context"
	"math/rand/v2"
	"strconv"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// What one in a thousand of those who join a line, or so, does. They are people: they press reload, bring their family, look at their phone once a minute, and
// are not there when it is their turn.
const (
	perMilleLate      = 10  // come after the lobby has closed
	perMilleTwice     = 20  // join again, once more or with the same click
	perMilleReload    = 5   // leave the lobby and join again: another entry, and no advantage
	perMilleChange    = 5   // leave the lobby for good
	perMilleFamily    = 20  // share a home with the one before them, and join for a second place
	perMilleMember    = 100 // are members
	perMilleAccess    = 30  // need an accessible place
	perMilleWatched   = 120 // let their client say that they are here
	perMilleStray     = 350 // of them: stop to, before it is their turn
	perMilleReturn    = 600 // of those: are back once they hear that they were skipped
	perMilleVanish    = 100 // of those with a pass: are not seen again
	perMilleTryEarly  = 5   // of those who wait: try to buy without a pass
	perMilleLendPass  = 20  // of those with a pass: let somebody else try it
	perMilleWaitLater = 25  // of those who are told that it is sold out: go on the waiting list
	perMilleGiveUp    = 150 // and leave the line
	perMilleAuto      = 500 // of those who go on the waiting list, and can: are bought for
	perMilleIgnore    = 250 // of those who are offered tickets from there: do not look
)

// The tracks of the demo's line, with their shares of the passes in hundredths of a percent.
const (
	trackGeneral    = "general"
	trackMember     = "member"
	trackAccessible = "accessible"

	shareGeneralBp    = 8000
	shareMemberBp     = 1500
	shareAccessibleBp = 500
)

// habit is something that a person does.
type habit uint32

const (
	habitLate habit = 1 << iota
	habitTwice
	habitReload
	habitChange
	habitFamily // joins for a second place of a family
	habitShared // is the one whose family does
	habitMember
	habitAccess
	habitWatched
	habitStray
	habitReturn
	habitVanish
	habitEarly
	habitLend
	habitWait
	habitGiveUp
	habitAuto
	habitIgnore
)

// person is somebody of the line's crowd, and what they were told. It is small: most of them only wait. All of it but the habits is guarded by the crowd's mutex.
type person struct {
	habits habit
	entry  line.Entry        // the last one that they were told; 0: never joined
	place  line.Place        // that they were told; 0: none yet
	state  engine.PlaceState // that they were told last; 0: none
	wait   engine.WaitState  // the same, of the waiting list

	turns    uint8 // how often they have come to do something
	acts     act   // what they have done, each once
	refused  bool  // they got no place: somebody of their family has one
	soldOut  bool  // they were told that there is nothing left for them
	shopping bool  // somebody acts for them now
	auto     bool  // tickets from the waiting list are bought for them
	absent   bool  // their client has stopped to say that they are here
}

// does reports whether a person has a habit.
func (p *person) does(h habit) bool { return p.habits&h != 0 }

// track is the track that a person joins.
func (p *person) track() string {
	switch {
	case p.does(habitAccess):
		return trackAccessible
	case p.does(habitMember):
		return trackMember
	}
	return trackGeneral
}

// drawPeople draws a crowd. The same seed gives the same people.
func drawPeople(n int, seed uint64) []person {
	people := make([]person, n)
	for i := range people {
		dice := rand.New(rand.NewPCG(seed^0x11e, uint64(i)))
		chance := func(perMille int) bool { return dice.IntN(1000) < perMille }
		set := func(h habit, perMille int) bool {
			if chance(perMille) {
				people[i].habits |= h
				return true
			}
			return false
		}
		switch {
		case set(habitLate, perMilleLate), set(habitReload, perMilleReload), set(habitChange, perMilleChange), set(habitTwice, perMilleTwice):
		case i > 0 && people[i-1].habits&(habitLate|habitReload|habitChange|habitFamily) == 0 && set(habitFamily, perMilleFamily):
			people[i-1].habits |= habitShared
		}
		if !set(habitAccess, perMilleAccess) {
			set(habitMember, perMilleMember)
		}
		if set(habitWatched, perMilleWatched) && set(habitStray, perMilleStray) {
			set(habitReturn, perMilleReturn)
		}
		set(habitVanish, perMilleVanish)
		set(habitEarly, perMilleTryEarly)
		set(habitLend, perMilleLendPass)
		if set(habitWait, perMilleWaitLater) {
			set(habitAuto, perMilleAuto)
			set(habitIgnore, perMilleIgnore)
		} else {
			set(habitGiveUp, perMilleGiveUp)
		}
	}
	return people
}

// home is what links the members of a family: a person's own, or that of the one before. Empty for those who live alone.
func (p *person) home(n int) string {
	switch {
	case p.does(habitFamily):
		return "home-" + strconv.Itoa(n)
	case p.does(habitShared):
		return "home-" + strconv.Itoa(n+1)
	}
	return ""
}

// act is something that a person does once, when they learn how it stands.
type act uint8

const (
	didShop act = 1 << iota
	didTake
	didReturn
	didGiveUp
)

func (p *person) did(a act) bool { return p.acts&a != 0 }

// begins notes that a person does something now.
func (p *person) begins(a act, do func(context.Context, int)) func(context.Context, int) {
	p.acts, p.shopping = p.acts|a, true
	return do
}
