package engine

import "github.com/holdfast-engine/holdfast/engine/line"

func (e *Event) foldJoined(d *decoder) error {
	var f factJoined
	d.joined(&f)
	if err := d.err(); err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	f.buyerHash = hashString(e.seed, f.buyer)
	f.buyerRow = e.buyerNamed(f.buyer, f.buyerHash)
	at := e.entryOf(f.buyerRow)
	switch {
	case e.linePhase() == LineNone || e.lineOver():
		return unfit("somebody joins a line that is not there, or is over")
	case f.entry != line.Entry(e.line.rows.rows)+1:
		return unfit("an entry's number is not the next")
	case int(f.code) > e.codesCount() || f.code != 0 && e.codes.rows[f.code-1].track != f.track+1 || f.code == 0 && e.trackOf(f.track).CodeOnly:
		return unfit("somebody joins with a code that is not there, or in a track for which there has to be one")
	case int(f.track) >= e.trackCount() || f.wants > WantsMax:
		return unfit("an entry of no track, or that wants too much")
	case at != 0 && (e.line.rows.at(at-1).state.live() || e.line.rows.at(at-1).joinsBefore()+1 >= joinsMax):
		return unfit("somebody joins who has a place, or has joined too often")
	case e.line.rows.live() >= e.limits.Line, f.buyerRow == 0 && e.buyers.live() >= e.limits.Buyers:
		return unfit("a table is full")
	}
	e.applyJoined(&f)
	return nil
}

// foldPlace reads and checks what facts on a live entry have in common.
func (e *Event) foldPlace(d *decoder, a *asked, entry line.Entry) (slot uint32, err error) {
	if err := d.err(); err != nil {
		return 0, err
	}
	if err := e.fresh(a); err != nil {
		return 0, err
	}
	if e.line == nil || entry == 0 || uint64(entry) > uint64(e.line.rows.rows) || e.lineOver() {
		return 0, unfit("an entry that is not there, or of a line that is over")
	}
	return uint32(entry - 1), nil
}

func (e *Event) foldLeft(d *decoder) error {
	var f factLeft
	d.caller(&f.asked)
	f.entry = d.entry()
	slot, err := e.foldPlace(d, &f.asked, f.entry)
	if err != nil {
		return err
	}
	if !e.line.rows.at(slot).state.live() {
		return unfit("a place is left that nobody has")
	}
	e.applyLeft(&f, slot)
	return nil
}

func (e *Event) foldPresence(d *decoder) error {
	var f factPresence
	d.caller(&f.asked)
	f.entry, f.present = d.entry(), d.bool()
	slot, err := e.foldPlace(d, &f.asked, f.entry)
	if err != nil {
		return err
	}
	if !e.changesPresence(e.line.rows.at(slot), f.present) {
		return unfit("it is no news that somebody is there, or not")
	}
	e.applyPresence(&f, slot)
	return nil
}

func (e *Event) foldLobby(d *decoder) error {
	var f factLobby
	d.lobby(&f)
	if err := d.err(); err != nil {
		return err
	}
	if !e.fitsLobby(&f) {
		return unfit("a lobby opens without a commit, twice, or too late")
	}
	e.applyLobby(&f)
	return nil
}

func (e *Event) foldLobbyClosed(d *decoder) error {
	var f factLobbyClosed
	d.hash((*[32]byte)(&f.root))
	f.entries = uint32(d.entry())
	if err := d.err(); err != nil {
		return err
	}
	if !e.lobbyCloses() || f.entries != e.line.rows.rows || f.root != e.line.tree.Root() {
		return unfit("a lobby closes that is not open, or with another list")
	}
	e.applyLobbyClosed(&f)
	return nil
}

func (e *Event) foldDrawValue(d *decoder) error {
	var f factDrawValue
	d.caller(&f.asked)
	f.value = d.string(DrawValueLenMax)
	if err := d.err(); err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	if e.LineWants() != LineWantsValue || f.value == "" || !isPrintable(f.value) {
		return unfit("a value for a draw that does not wait for one")
	}
	e.applyDrawValue(&f)
	return nil
}

func (e *Event) foldRevealed(d *decoder) error {
	var f factRevealed
	d.hash((*[32]byte)(&f.seed))
	if err := d.err(); err != nil {
		return err
	}
	if e.LineWants() != LineWantsReveal || line.Commit(f.seed) != e.line.commit {
		return unfit("a seed that nobody waits for, or another than was promised")
	}
	e.applyRevealed(&f)
	return nil
}

func (e *Event) foldDrawn(d *decoder) error {
	f := factDrawn{to: d.uint(1 << 40)} //nolint:mnd // more than there can be to do
	if err := d.err(); err != nil {
		return err
	}
	if e.linePhase() != LineDrawing || f.to <= e.line.draw.done || f.to > e.drawEnd() || f.to-e.line.draw.done > drawSliceMax {
		return unfit("a slice of a draw that is not the next, or too large")
	}
	e.applyDrawn(&f)
	return nil
}

func (e *Event) foldRated(d *decoder) error {
	f := factRated{perMin: d.int()}
	if err := d.err(); err != nil {
		return err
	}
	if f.perMin > LimitMax || e.spec.Line == nil || f.perMin == e.lanePerMin() {
		return unfit("a rate that is no news, or too high")
	}
	e.applyRated(&f)
	return nil
}

func (e *Event) foldGranted(d *decoder) error {
	f := factGranted{entry: d.entry(), life: d.int()}
	slot, err := e.foldPlace(d, &asked{}, f.entry)
	if err != nil {
		return err
	}
	if r := e.line.rows.at(slot); e.line.phase != LineServing || r.state != PlaceWaiting || r.flags&rowAbsent != 0 {
		return unfit("a pass for somebody who does not wait, or is not there")
	}
	if f.life <= 0 || f.life > passTTLMsMax*1e6 || e.lineTime()+Instant(f.life) < e.line.lastDeadline(&e.line.passes) {
		return unfit("a pass that lives too long, or less than one before")
	}
	e.applyGranted(&f)
	return nil
}

func (e *Event) foldPassEnded(d *decoder) error {
	f := factPassEnded{entry: d.entry()}
	slot, err := e.foldPlace(d, &asked{}, f.entry)
	if err != nil {
		return err
	}
	if e.line.rows.at(slot).state != PlaceAdmitted {
		return unfit("a pass runs out that nobody has")
	}
	e.applyPassEnded(&f)
	return nil
}

func (e *Event) foldSkipped(d *decoder) error {
	f := factSkipped{entry: d.entry(), grace: d.int()}
	slot, err := e.foldPlace(d, &asked{}, f.entry)
	if err != nil {
		return err
	}
	r := e.line.rows.at(slot)
	switch {
	case f.grace == 0 && r.state != PlaceSkipped:
		return unfit("a time of grace is over that nobody has")
	case f.grace > 0 && (e.line.phase != LineServing || r.state != PlaceWaiting || r.flags&rowAbsent == 0):
		return unfit("somebody is skipped who does not wait, or is there")
	case f.grace > 0 && (f.grace > lineGraceMsMax*1e6 || e.lineTime()+Instant(f.grace) < e.line.lastDeadline(&e.line.skipped)):
		return unfit("a time of grace that is too long, or less than one before")
	}
	e.applySkipped(&f)
	return nil
}
