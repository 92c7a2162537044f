package engine

import (
	"fmt"

	"github.com/holdfast-engine/holdfast/engine/line"
)

// lineFact reads a fact about the line, behind its kind: for those who read the log without the state.
func (d *decoder) lineFact(kind factKind, f *Fact, a *asked) {
	switch kind { //nolint:exhaustive // those of the line
	case kindLobby:
		var l factLobby
		d.lobby(&l)
		f.Kind, f.Opens, f.Commit = FactLobby, l.opens, l.commit
	case kindJoined:
		var j factJoined
		d.joined(&j)
		*a = j.asked
		f.Kind, f.Buyer, f.Entry, f.Track = FactJoined, j.buyer, j.entry, j.track
	case kindLeft:
		d.caller(a)
		f.Kind, f.Entry = FactLeft, d.entry()
	case kindPresence:
		d.caller(a)
		f.Kind, f.Entry = FactPresence, d.entry()
		f.Off = !d.bool()
	case kindLobbyClosed:
		d.hash((*[32]byte)(&f.Root))
		f.Kind, f.Entries = FactLobbyClosed, int64(d.entry())
	case kindDrawValue:
		d.caller(a)
		f.Kind, f.Value = FactDrawValue, d.string(DrawValueLenMax)
	case kindRevealed:
		d.hash((*[32]byte)(&f.Seed))
		f.Kind = FactRevealed
	case kindDrawn:
		d.uint(1 << 40) //nolint:mnd // more than there can be to do
		f.Kind = FactDrawn
	case kindRated:
		f.Kind, f.Units = FactRated, d.int()
	case kindGranted:
		f.Kind, f.Entry, f.LifeNs = FactGranted, d.entry(), d.int()
	case kindPassEnded:
		f.Kind, f.Entry = FactPassEnded, d.entry()
	case kindSkipped:
		f.Kind, f.Entry, f.LifeNs = FactSkipped, d.entry(), d.int()
	}
}

// viewLineFact puts into words what a fact about the line says that was just folded.
func (e *Event) viewLineFact(v *FactView, fact []byte) (a asked) {
	d := decoder{buf: fact[1:]}
	switch factKind(fact[0]) { //nolint:exhaustive // those of the line
	case kindLobby:
		var f factLobby
		d.lobby(&f)
		if f.commits {
			v.Text = "the draw's seed is promised: " + f.commit.String()
		}
		if f.opens {
			if v.Text != "" {
				v.Text += ", "
			}
			v.Text += "the lobby opens"
		}
	case kindJoined:
		var f factJoined
		d.joined(&f)
		a = f.asked
		v.Text = fmt.Sprintf("buyer %s is entry %d of track %s", f.buyer, f.entry, e.trackName(f.track))
	case kindLeft:
		d.caller(&a)
		v.Text = fmt.Sprintf("entry %d is given up", d.entry())
	case kindPresence:
		d.caller(&a)
		v.Text = fmt.Sprintf("the buyer of entry %d is not there", d.entry())
		if d.bool() {
			v.Text = v.Text[:len(v.Text)-len("not there")] + "back"
		}
	case kindLobbyClosed:
		var root line.Hash
		d.hash((*[32]byte)(&root))
		v.Text = fmt.Sprintf("the lobby is closed with %d entries, root %s", d.entry(), root)
	case kindDrawValue:
		d.caller(&a)
		v.Text = "the draw's public value is " + d.string(DrawValueLenMax)
	case kindRevealed:
		var seed line.Seed
		d.hash((*[32]byte)(&seed))
		v.Text = fmt.Sprintf("the draw's seed is %x", seed)
	case kindDrawn:
		v.Text = fmt.Sprintf("the draw has come to %d", d.int())
	case kindGranted:
		v.Text = fmt.Sprintf("entry %d has a pass", d.entry())
		v.Text += ", for " + msText(d.int())
	case kindPassEnded:
		v.Text = fmt.Sprintf("the pass of entry %d has run out", d.entry())
	case kindSkipped:
		v.Text = fmt.Sprintf("entry %d is ", d.entry())
		if grace := d.int(); grace > 0 {
			v.Text += "skipped, and next if it is back in " + msText(grace)
		} else {
			v.Text += "gone: nobody was back in time"
		}
	case kindRated:
		v.Text = fmt.Sprintf("the payment lane takes %d purchases a minute", d.int())
	}
	return a
}
