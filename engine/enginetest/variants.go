package enginetest

import (
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
)

// Variants returns every command that asks for something else than cmd in one thing only, and would be as valid: a repeat of cmd's request id with
// any of them is a mismatch. Requests with a spec have a few of them only.
func Variants(cmd *engine.Command) []engine.Command {
	var all []engine.Command
	add := func(change func(c *engine.Command)) {
		c := *cmd
		c.Items = slices.Clone(cmd.Items)
		for i := range c.Items {
			c.Items[i].Seats = slices.Clone(cmd.Items[i].Seats)
		}
		c.Seats = slices.Clone(cmd.Seats)
		if cmd.Spec != nil {
			spec := *cmd.Spec
			c.Spec = &spec
		}
		if cmd.Payment != nil {
			p := *cmd.Payment
			p.Tickets = slices.Clone(p.Tickets)
			c.Payment = &p
		}
		change(&c)
		all = append(all, c)
	}
	add(func(c *engine.Command) { c.Channel += "x" })
	add(func(c *engine.Command) { c.Device = (c.Device + 1) % (engine.DeviceKiosk + 1) })
	switch cmd.Verb {
	case engine.VerbHold:
		add(func(c *engine.Command) { c.Buyer += "x" })
		add(func(c *engine.Command) { c.HasMaxPrice, c.MaxPrice = true, c.MaxPrice+1 })
		add(func(c *engine.Command) { c.Items = append(c.Items, engine.Item{Lot: "ga", Quantity: 1}) })
		if cmd.Fill != engine.FillAllOrNothing {
			add(func(c *engine.Command) { c.Fill, c.AtLeast = engine.FillAllOrNothing, 0 })
		} else {
			add(func(c *engine.Command) { c.Fill = engine.FillBestEffort })
		}
		if cmd.Fill == engine.FillAtLeast {
			add(func(c *engine.Command) { c.AtLeast++ })
		}
		for i := range cmd.Items {
			add(func(c *engine.Command) { c.Items[i].Lot += "x" })
			if len(cmd.Items[i].Seats) == 0 {
				add(func(c *engine.Command) { c.Items[i].Quantity++ })
				add(func(c *engine.Command) { c.Items[i].Accessible++ })
				add(func(c *engine.Command) { c.Items[i].Restricted = !c.Items[i].Restricted })
				add(func(c *engine.Command) { c.Items[i].Split = !c.Items[i].Split })
				if cmd.Items[i].Accessible > 0 {
					add(func(c *engine.Command) { c.Items[i].Companion++ })
				}
				continue
			}
			add(func(c *engine.Command) { c.Items[i].Seats = append(c.Items[i].Seats, "A/1/77") })
			add(func(c *engine.Command) { c.Items[i].Seats[0] += "7" })
		}
	case engine.VerbExtend, engine.VerbRelease, engine.VerbConfirm:
		add(func(c *engine.Command) { c.Buyer += "x" })
		add(func(c *engine.Command) { c.Hold += "1" })
		if cmd.Verb == engine.VerbConfirm {
			add(func(c *engine.Command) { c.PaymentRef += "x" })
			add(func(c *engine.Command) { c.BoxOffice = !c.BoxOffice })
		}
	case engine.VerbBlock, engine.VerbUnblock, engine.VerbCapacity:
		if cmd.Pool != "" {
			add(func(c *engine.Command) { c.Pool += "x" })
			add(func(c *engine.Command) { c.Pool, c.Lot = "", c.Pool })
		} else {
			add(func(c *engine.Command) { c.Lot += "x" })
			if len(cmd.Seats) == 0 {
				add(func(c *engine.Command) { c.Pool, c.Lot = c.Lot, "" })
			}
		}
		if len(cmd.Seats) == 0 {
			add(func(c *engine.Command) { c.Quantity++ })
		} else {
			add(func(c *engine.Command) { c.Seats[0] += "7" })
			add(func(c *engine.Command) { c.Seats = append(c.Seats, "A/1/77") })
		}
	case engine.VerbAdmit, engine.VerbReissue:
		if cmd.Payment == nil {
			break
		}
		add(func(c *engine.Command) { c.Payment.Ticket += "1" })
		add(func(c *engine.Command) { c.Payment.Code++ })
		add(func(c *engine.Command) { c.Payment.Gate += "x" })
	case engine.VerbRefund:
		if cmd.Payment == nil {
			break
		}
		add(func(c *engine.Command) { c.Order += "1" })
		add(func(c *engine.Command) { c.Payment.Reason += "x" })
		add(func(c *engine.Command) { c.Payment.ByBuyer, c.Buyer = !c.Payment.ByBuyer, c.Buyer+"b1" })
		if cmd.Payment.HasAmount {
			add(func(c *engine.Command) { c.Payment.AmountMinor++ })
		} else {
			add(func(c *engine.Command) { c.Payment.KeepFees = !c.Payment.KeepFees })
			add(func(c *engine.Command) { c.Payment.Block = !c.Payment.Block })
			add(func(c *engine.Command) { c.Payment.Tickets = append(c.Payment.Tickets, "t77") })
		}
	case engine.VerbCancel:
		add(func(c *engine.Command) { c.Payment = &engine.PaymentCommand{Reason: "another"} })
	case engine.VerbOpen:
		add(func(c *engine.Command) { c.Verb = engine.VerbPause })
	case engine.VerbPause:
		add(func(c *engine.Command) { c.Verb = engine.VerbClose })
	case engine.VerbClose:
		add(func(c *engine.Command) { c.Verb = engine.VerbOpen })
	case engine.VerbCreate:
		add(func(c *engine.Command) { c.Spec.Name += "x" })
		add(func(c *engine.Command) { c.Spec.LimitPerBuyer++ })
		add(func(c *engine.Command) { c.Spec.Open = !c.Spec.Open })
		add(func(c *engine.Command) {
			c.Spec.Lots = append(slices.Clone(c.Spec.Lots), engine.LotSpec{Lot: "one-more"})
		})
	case engine.VerbUpdate:
		add(func(c *engine.Command) { c.Spec.Set ^= engine.SetVenue })
		add(func(c *engine.Command) {
			c.Spec.Pools = append(slices.Clone(c.Spec.Pools), engine.PoolSpec{Pool: "one-more"})
		})
	}
	return all
}
