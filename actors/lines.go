package actors

import (
	"strings"
	"sync/atomic"

	"github.com/holdfast-engine/holdfast/engine"
)

// lineShow is what an event's actor shows of its line to other goroutines.
type lineShow struct {
	seen   atomic.Bool
	wants  atomic.Uint32
	is     bool // the node's lines have it; the actor's own
	serves bool // it is one of those that serve; likewise
}

// Lines appends the ids of the account's awake events that have a line and are not over, in no order.
func (n *Node) Lines(account string, dst []string) []string {
	n.lines.Range(func(at route, _ struct{}) bool {
		if at.account == account {
			dst = append(dst, at.event)
		}
		return true
	})
	return dst
}

// showLine shows after a turn whether the event has a line, and what it wants.
func (a *eventActor) showLine() {
	has, serves, wants := false, false, engine.LineWantsNothing
	if a.ev != nil {
		has, serves, wants = a.ev.HasLine(), a.ev.LineServes(), a.ev.LineWants()
	}
	a.node.showServes(&a.ref.line, serves)
	show := &a.ref.line
	if engine.LineWant(show.wants.Load()) != wants {
		show.wants.Store(uint32(wants))
	}
	if !show.seen.Load() {
		show.seen.Store(true)
	}
	if has == show.is {
		return
	}
	if show.is = has; has {
		a.node.lines.Store(route{strings.Clone(a.ref.key.Account), strings.Clone(a.ref.key.ID)}, struct{}{})
	} else {
		a.node.lines.Delete(route{a.ref.key.Account, a.ref.key.ID})
	}
}

// showServes counts a line among those that serve, or no more.
func (n *Node) showServes(show *lineShow, serves bool) {
	if serves == show.serves {
		return
	}
	if show.serves = serves; serves {
		n.linesServing.Add(1)
	} else {
		n.linesServing.Add(-1)
	}
}
