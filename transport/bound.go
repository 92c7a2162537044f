package transport

import "sync/atomic"

// Bound limits work in flight: commands that were taken and not yet answered, and the bytes of the messages they came in. The servers of a
// process may share one. A Bound is safe for concurrent use.
type Bound struct {
	commandsMax, bytesMax int64
	commands, bytes       atomic.Int64
}

// NewBound returns a bound of so many commands and bytes.
func NewBound(commandsMax, bytesMax int64) *Bound {
	return &Bound{commandsMax: commandsMax, bytesMax: bytesMax}
}

// InFlight returns the commands and bytes in flight now.
func (b *Bound) InFlight() (commands, bytes int64) { return b.commands.Load(), b.bytes.Load() }

// take takes room for a message and reports whether there was any.
func (b *Bound) take(commands, bytes int64) bool {
	if plantedBug(plantedNoBound) {
		b.commands.Add(commands)
		b.bytes.Add(bytes)
		return true
	}
	// Undoing may refuse a neighbour that would just have fitted. At the bound that does not matter.
	if b.commands.Add(commands) > b.commandsMax {
		b.commands.Add(-commands)
		return false
	}
	if b.bytes.Add(bytes) > b.bytesMax {
		b.give(commands, bytes)
		return false
	}
	return true
}

// give returns what take took and reports how many commands are left in flight.
func (b *Bound) give(commands, bytes int64) int64 {
	b.bytes.Add(-bytes)
	return b.commands.Add(-commands)
}
