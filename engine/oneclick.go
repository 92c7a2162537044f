package engine

import "encoding/binary"

// factOneClick says how one-click checkout of the event is switched from now on.
//
//	| 39 | asked | off | share |
type factOneClick struct {
	asked
	off   bool
	share int64
}

func (f *factOneClick) append(dst []byte) []byte {
	dst = appendBool(f.asked.append(append(dst, byte(kindOneClick))), f.off)
	return binary.AppendUvarint(dst, uint64(f.share))
}

// oneClick switches one-click checkout of this event on or off, or gives it to more buyers. Who has it keeps it: the share never shrinks.
func (e *Event) oneClick(cmd *Command) {
	p := paymentOf(cmd)
	if !e.validRequest(cmd) {
		return
	}
	switch {
	case !p.HasOn && !p.HasShare:
		e.bad("on", "it is missing: say on, a share, or both")
		return
	case p.HasShare && (p.PercentShare < 0 || p.PercentShare > OneClickEveryone):
		e.bad("share", "it is 0 to 10000 hundredths of a percent")
		return
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return
	}
	f := factOneClick{off: e.spec.Pay.OneClickOff, share: e.spec.Pay.OneClickShare}
	if e.known(cmd, &f.asked) {
		return
	}
	if p.HasOn {
		f.off = !p.On
	}
	if p.HasShare {
		f.share = p.PercentShare
	}
	if !e.fitsOneClick(&f) {
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeWrongState, field: fieldEvent, text: shareShrinks})
		return
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyOneClick(&f)
	e.showEvent()
}

// fitsOneClick reports whether nobody loses one-click checkout by a smaller share. A share of 0 has nobody to lose it.
func (e *Event) fitsOneClick(f *factOneClick) bool { return f.share >= e.spec.Pay.OneClickShare }

func (e *Event) applyOneClick(f *factOneClick) {
	e.spec.Pay.OneClickOff, e.spec.Pay.OneClickShare = f.off, f.share
	e.hashStatic()
	e.remember(&f.asked, VerbOneClick, 0, 0)
}

func (e *Event) foldOneClick(d *decoder) error {
	var f factOneClick
	d.caller(&f.asked)
	f.off, f.share = d.bool(), int64(d.uint(OneClickEveryone))
	if err := d.err(); err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	if !e.fitsOneClick(&f) {
		return unfit("the share of one-click checkout shrinks")
	}
	e.applyOneClick(&f)
	return nil
}
