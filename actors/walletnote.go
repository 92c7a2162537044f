package actors

import (
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// Annotate implements [Wallets]. It reads what the shards have published, without a lock. Only for an offer it opens the vault, for what the button shows, and
// only for the first command of an event that brings links it may wait for the disk.
func (w *walletRoom) Annotate(account string, cmd *engine.Command) {
	p, note := cmd.Payment, &cmd.Payment.Note
	b := w.card(account, cmd.Buyer)
	at := wallet.Moment{
		WallMs: int64(w.node.clock.Wall()) / 1e6, Method: p.Method, Device: w.device(account, p.DeviceID), ContactMs: p.ContactAtMs,
		Waits: cmd.Verb == engine.VerbWait || p.Auto,
	}
	w.policy.Annotate(b, &at, note)
	if !note.Known || note.Method == "" {
		return
	}
	m := b.Method(note.Method)
	if cmd.Verb == engine.VerbOffer {
		if s, ok, err := w.secrets(account, cmd.Buyer, m); err == nil && ok {
			note.Brand, note.LastFour = s.Brand, s.LastFour
		}
	}
	if cmd.Verb == engine.VerbWait {
		return // it buys nothing yet
	}
	if why := w.rates.step(account, cmd, m.Fingerprint, at.Device, at.WallMs); note.StepUp == engine.StepUpNone {
		note.StepUp = why
	}
}

// link fills in what the wallets know of a buyer at one event, if there are wallets.
func (n *Node) link(req *engine.Request, cmd *engine.Command) {
	if w := n.wallets; w != nil {
		w.link(req.Account, req.Event, cmd)
		if cmd.Verb == engine.VerbBuy {
			w.tried.note(req.Account, req.Event, cmd.Buyer, w.device(req.Account, cmd.Payment.DeviceID))
		}
	}
}

// link fills in the hashes of what links a buyer to others at an event: what the caller says, the card's fingerprint, the device.
func (w *walletRoom) link(account, event string, cmd *engine.Command) {
	p := cmd.Payment
	b := w.card(account, cmd.Buyer)
	fingerprint := uint64(0)
	if b != nil && (cmd.Verb == engine.VerbOffer || cmd.Verb == engine.VerbBuy || isAutoBuy(cmd)) {
		if m := b.Method(p.Method); m != nil {
			fingerprint = m.Fingerprint
		}
	}
	device := w.device(account, p.DeviceID)
	if fingerprint == 0 && device == 0 && len(p.Links) == 0 {
		return
	}
	key, err := w.links.of(account, event)
	if err != nil {
		w.node.cfg.Logger.Error("the key of an event's links cannot be read: this command is not linked", "event", event, "err", err)
		return
	}
	links := make([]uint64, 0, len(p.Links)+2)
	for _, h := range [...]uint64{fingerprint, device} {
		if h != 0 {
			links = append(links, keyedNumber(key, h))
		}
	}
	for _, text := range p.Links {
		if h := keyedHash(key, text, "link"); h != 0 {
			links = append(links, h)
		}
	}
	slices.Sort(links)
	p.Note.Links = slices.Compact(links)
}
