package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// The demo's event. Its id, and what its buyers may count on.
const (
	demoEvent        = "night-one"
	shopEvent        = "night-two" // what the shop page sells
	demoPerformer    = "The Openers"
	demoGateway      = "sandbox"
	demoVenue        = "Arena"
	demoCity         = "Utrecht"
	demoCurrency     = "EUR"
	demoLimit        = 4 // tickets a buyer
	demoHoldTTL      = 2500 * time.Millisecond
	demoMaxHold      = 10 * time.Second
	demoUndo         = 1500 * time.Millisecond
	demoPackUnits    = 4
	demoTicketsMin   = 60
	demoTicketsMax   = 100_000 // more would not fit into one create message
	demoBuyersMax    = 200_000 // each is a goroutine while it shops
	demoRowsShare    = 250     // a row of seats is this part of the house, within the two bounds below
	demoRowSeatsMin  = 4
	demoRowSeatsMax  = 50
	demoBlockedShare = 50 // one of so many early places is blocked for guests until half is sold
)

// plan is the on-sale as the demo means it to be: what the event is created with, and what the ledger is checked against. It is written down
// before the engine hears of it, and never read back from it.
type plan struct {
	event, name string
	genre       string
	crowd       string // what the ids of its buyers begin with
	startsAt    time.Time
	holdTTL     time.Duration
	maxHold     time.Duration
	undo        time.Duration // how long a purchase can be taken back
	open        bool          // on sale at once
	best        bool          // buyers take the best seats that there are, instead of choosing them
	think       time.Duration // how long buyers think about what they hold
	line        *pb.LineSpec  // that it is sold through; nil if whoever comes may buy
	codes       []*pb.CodeSpec

	lots  []planLot
	pools []planPool
	// blockLot loses blockUnits to guests before the sale; half way through they go on sale.
	blockLot   string
	blockUnits int64
}

// planLot is a lot of the plan. Counted lots have a capacity, seated ones rows.
type planLot struct {
	id, name  string
	face, fee int64 // minor units a sale
	units     int64 // tickets a sale
	capacity  int64
	section   string
	rows      int64
	rowSeats  int64
	pools     []string
	requires  []string
	after     string
	codeOnly  bool // nobody in the crowd has a code
}

// planPool is capacity that several lots share.
type planPool struct {
	id       string
	capacity int64
}

func (l *planLot) seated() bool { return l.rows > 0 }

// tickets is the lot's capacity in tickets.
func (l *planLot) tickets() int64 {
	if l.seated() {
		return l.rows * l.rowSeats
	}
	return l.capacity
}

// price is what one sale costs, in minor units.
func (l *planLot) price() int64 { return l.face + l.fee }

// makePlan lays out a house of so many tickets: two seated blocks, and a floor that four counted lots share.
func makePlan(tickets int64) plan {
	rowSeats := min(max(tickets/demoRowsShare, demoRowSeatsMin), demoRowSeatsMax)
	stallsRows := max(tickets*24/100/rowSeats, 1)
	balconyRows := max(tickets*16/100/rowSeats, 1)
	floor := tickets - (stallsRows+balconyRows)*rowSeats
	house, standing := []string{"house"}, []string{"house", "standing"}
	early := floor / 3
	return plan{
		event: demoEvent, name: "Night One", genre: "concert", crowd: "b", startsAt: demoStartsAt(1), holdTTL: demoHoldTTL, maxHold: demoMaxHold, undo: demoUndo, think: demoHoldTTL / 5,
		lots: []planLot{
			{id: "early", name: "Floor, early price", face: 3900, fee: 200, units: 1, capacity: early, pools: standing},
			{id: "floor", name: "Floor", face: 4500, fee: 250, units: 1, capacity: floor - early, pools: standing, after: "early"},
			{id: "fours", name: "Floor, four for the price of three", face: 13500, fee: 750, units: demoPackUnits, capacity: floor / 20 * demoPackUnits, pools: standing},
			{id: "child", name: "Floor, child with an adult", face: 1500, fee: 0, units: 1, capacity: max(floor/20, 1), pools: standing, requires: []string{"early", "floor", "fours"}},
			{id: "stalls", name: "Stalls", face: 9000, fee: 450, units: 1, section: "A", rows: stallsRows, rowSeats: rowSeats, pools: house},
			{id: "balcony", name: "Balcony", face: 6500, fee: 350, units: 1, section: "B", rows: balconyRows, rowSeats: rowSeats, pools: house},
		},
		pools:      []planPool{{id: "house", capacity: tickets}, {id: "standing", capacity: floor}},
		blockLot:   "early",
		blockUnits: max(early/demoBlockedShare, 1),
	}
}

// The code of the shop page, which it names to whoever visits: so many times it takes a share off the face price, and with a line it gives a place in the members' track.
const (
	shopCode           = "FANS-4KQ7"
	shopCodeUses       = 25
	shopCodeDiscountBp = 1000
)

// makeShopPlan lays out the house of the shop page, with times for people: a floor, a balcony and stalls.
func makeShopPlan(tickets int64) plan {
	uses, off := int64(shopCodeUses), int64(shopCodeDiscountBp)
	rowSeats := min(max(tickets/demoRowsShare, demoRowSeatsMin), demoRowSeatsMax)
	stallsRows := max(tickets*24/100/rowSeats, 1)
	balconyRows := max(tickets*16/100/rowSeats, 1)
	house := []string{"house"}
	return plan{
		event: shopEvent, name: "Night Two", genre: "comedy", crowd: "c", open: true, startsAt: demoStartsAt(2), holdTTL: 2 * time.Minute, maxHold: 10 * time.Minute, undo: 10 * time.Second, think: 3 * time.Second,
		lots: []planLot{
			{id: "floor", name: "Floor, standing", face: 4500, fee: 250, units: 1, capacity: tickets - (stallsRows+balconyRows)*rowSeats, pools: house},
			{id: "balcony", name: "Balcony, best seats together", face: 6500, fee: 350, units: 1, section: "B", rows: balconyRows, rowSeats: rowSeats, pools: house},
			{id: "stalls", name: "Stalls, best seats together", face: 9000, fee: 450, units: 1, section: "A", rows: stallsRows, rowSeats: rowSeats, pools: house},
		},
		pools: []planPool{{id: "house", capacity: tickets}},
		codes: []*pb.CodeSpec{{Name: "fans", Code: shopCode, Uses: &uses, DiscountBp: &off}},
	}
}

// demoStartsAt is the evening of the first Saturday that is half a year away, or of a day after it.
func demoStartsAt(night int) time.Time {
	day := time.Now().UTC().AddDate(0, 6, 0)
	day = day.AddDate(0, 0, (int(time.Saturday)-int(day.Weekday())+7)%7+night-1)
	return time.Date(day.Year(), day.Month(), day.Day(), 20, 0, 0, 0, time.UTC)
}

// likings are the lots that a buyer may want by themselves.
func (p *plan) likings() []string {
	var ids []string
	for i := range p.lots {
		if len(p.lots[i].requires) == 0 && !p.lots[i].codeOnly {
			ids = append(ids, p.lots[i].id)
		}
	}
	return ids
}

// lot finds a lot by its id.
func (p *plan) lot(id string) *planLot {
	for i := range p.lots {
		if p.lots[i].id == id {
			return &p.lots[i]
		}
	}
	return nil
}

// tickets is how many can be sold at most: what the pool over all lots holds.
func (p *plan) tickets() int64 { return p.pools[0].capacity }

// seat is the label of a seat, counted from 0.
func (l *planLot) seat(row, number int64) string {
	return l.section + "/" + strconv.FormatInt(row+1, 10) + "/" + strconv.FormatInt(number+1, 10)
}

// create is the event as the wire wants it: a draft, until the sale is opened.
func (p *plan) create() *pb.CreateCommand {
	undoMs := p.undo.Milliseconds()
	c := &pb.CreateCommand{
		Name: p.name, Genre: p.genre, Performer: demoPerformer, Venue: demoVenue, City: demoCity, Country: "NL",
		TimeZone: "Europe/Amsterdam", StartsAt: client.Moment(p.startsAt), Currency: demoCurrency,
		HoldTtlMs: p.holdTTL.Milliseconds(), MaxHoldMs: p.maxHold.Milliseconds(), LimitPerBuyer: demoLimit, UndoMs: &undoMs, Open: p.open, Line: p.line,
	}
	for i := range p.lots {
		l := &p.lots[i]
		lot := &pb.LotSpec{Lot: l.id, Name: &l.name, FaceMinor: &l.face, Capacity: l.capacity, Units: l.units, Pools: l.pools, Requires: l.requires, After: l.after}
		if l.codeOnly {
			lot.CodeOnly = &l.codeOnly
		}
		if l.fee > 0 {
			lot.Fees = []*pb.Fee{{Name: "service", Minor: l.fee}}
		}
		for r := range l.rows {
			lot.Rows = append(lot.Rows, &pb.RowSpec{Section: l.section, Row: strconv.FormatInt(r+1, 10), Seats: l.rowSeats})
		}
		c.Lots = append(c.Lots, lot)
	}
	for _, q := range p.pools {
		c.Pools = append(c.Pools, &pb.PoolSpec{Pool: q.id, Capacity: q.capacity})
	}
	return c
}

// checkPlan refuses a size that would not be the on-sale the demo wants to show.
func checkPlan(buyers, tickets int64) error {
	switch {
	case buyers < 1 || buyers > demoBuyersMax:
		return fmt.Errorf("--buyers is %d: choose 1 to %d", buyers, demoBuyersMax)
	case tickets < demoTicketsMin || tickets > demoTicketsMax:
		return fmt.Errorf("--tickets is %d: choose %d to %d", tickets, demoTicketsMin, demoTicketsMax)
	}
	return nil
}
