package engine

// Bounds of one command. They bound the work of a step: with all of them filled it stays below a millisecond.
const (
	ItemsPerHoldMax      = 32               // items in one hold: what a person puts into a basket, with room
	SeatsPerHoldMax      = 256              // seats in one hold: a coach party; each seat costs a row in the step and four bytes in the log
	SeatsPerBlockMax     = 1024             // seats in one block or unblock command: a block of stalls
	QuantityMax          = 1 << 16          // sales in one hold, of all counted lots together
	UnitsPerSaleMax      = 1000             // tickets in one sale: a hall sold as one package
	PaymentRefLenMax     = 128              // bytes of a payment reference: gateways' ids are up to about 90
	ReturnURLLenMax      = 512              // bytes of the address that a redirect method sends the buyer back to
	ExpireBatchMax       = 256              // holds ended by one Expire: about 100 microseconds of a step
	FollowUpsMax         = 256              // follow-ups of one step; the rest waits for Settle
	TouchesPerCommandMax = 256              // touches in one command: about 50 microseconds of a step
	TouchTextLenMax      = 280              // bytes of what a buyer writes in a survey
	TouchAgoMsMax        = 24 * 3600 * 1000 // how long ago a touch may have been: a phone that was offline for a day
	TouchDurationMsMax   = 3600 * 1000      // of a page's loading, and from a click to its result
	TallyPeriodNs        = 1e9              // at most one tally fact a second and event
	TracksMax            = 16               // tracks of a line: each costs a look at every admission
	WantsMax             = 200              // tickets that somebody who joins the line may mean to take
	DrawValueLenMax      = 256              // bytes of the public value of a draw
	EntriesPageMax       = 1024             // leaves of a lobby that one answer shows: 32 KiB
	WaitingPageMax       = 4096             // entries, or waiters, that one look at who waits goes through: some 30 microseconds of a step
	CodeLenMin           = 4                // bytes of a code that an organiser gives: shorter ones are guessed at once
	CodeLenMax           = 64               // bytes of a code
	CodesPerCommandMax   = 256              // codes in one command: about 100 microseconds of a step
	CodesMax             = 1 << 14          // codes of an event: one for each member of a large club; 200 bytes each
	LotsPerCodeMax       = 64               // lots that one code is for
	CodePricesMax        = 1 << 16          // prices with codes, one for each code, lot and price of it that were taken: 64 bytes each
	CodesShownMax        = 256              // codes that an event shows: a codes command shows those that it names
	GuessesMax           = 8                // codes that are none, by a buyer or those who are linked, within the window: nobody mistypes so often
	guessWindowNs        = 15 * 60e9        // the window
	GuessersMax          = 1 << 16          // of whom it is known that they guess: 40 bytes each; then the first is forgotten
	WishesMax            = 4                // wishes of somebody on the waiting list, the dearest first
	WishQuantityMax      = 32               // sales of one wish
	WishKindsMax         = 4096             // kinds of wishes, a lot, a quantity, together or not, that are waited for: an arena has 1,200, and each costs a look at what is freed
	PassedOverMax        = 16               // how often the first of a kind is passed over until freed tickets are kept for it
	EventTextLenMax      = 200              // bytes of an event's, lot's or fee's name
	TimeZoneLenMax       = 64               // bytes of an IANA time zone name: the longest today is 32
	FeesPerLotMax        = 16               // named parts of one price
	PoolsPerLotMax       = 8                // pools that one lot draws from: each costs a counter in every step
	RequiresPerLotMax    = 32               // lots of which one must be bought with it
	TierChainMax         = 64               // tiers that follow each other: nobody sells in more waves
	RowsPerLotMax        = 4096             // rows of seats in one lot: a search looks at a word of each
	SeatsPerRowMax       = 10_000           // seats in one row
	RowRankMax           = 1 << 20          // the worst row: the ranks of a hold's seats then sum up in 63 bits
	RowTextLenMax        = 1 << 15          // bytes of the labels of a row's seats: half of a command
	RangesPerRowMax      = 64               // parts of a list of seats in a row, as in 1 4-6
	AccessibleMax        = 4096             // accessible seats in one lot: the largest stadiums have below a thousand, and a search looks at each
	AccessiblePartyMax   = 16               // seats of a party with an accessible seat: a school class goes in several items
	TicketsPerRefundMax  = 256              // tickets that one refund names; the whole order has no bound
	TicketsChangedMax    = 1 << 22          // tickets of an event that were used, named by a refund or given a new code: four million; a stadium is 150,000
	LinksPerBuyerMax     = 16               // links that one buyer brings: cards, devices, contacts
	LinkedBuyersMax      = 1024             // buyers that are linked: a step looks at each
	TicketCodesMax       = 1000             // codes that one ticket may be given
	RefundsPerOrderMax   = 64               // refunds of one order
	RefundsAllMax        = 1 << 26          // refunds of one event, with those of a cancelled event: one an order and those that were asked for
	RefundTriesMax       = 100              // requests to the gateway for one refund that failed
	RefundsMax           = 1 << 22          // refunds that are asked for, of one event
	TicketsShownMax      = 4096             // tickets of an order of which it is shown what became of them
	AlternativesMax      = 3                // sets of seats that are offered instead of those that somebody else was faster to take
	MinorMax             = 1e12             // minor units of one price part: ten thousand million euros; the total of a hold then fits in 63 bits
	CapacityMax          = 1e9              // units of one lot or pool
	LimitMax             = 1e9              // units of a limit per buyer or per order
	HoldTTLMsMin         = 1                // a hold's shortest life
	HoldTTLMsMax         = 7 * 24 * 3600 * 1000
	HoldTTLMsDefault     = 120_000
	MaxHoldTTLsDefault   = 5                          // max_hold is this many times hold_ttl unless given
	MaxHoldMsMax         = 30 * 24 * 3600 * 1000      // a hold's longest life with extensions and replacements
	splitExactMax        = 16                         // seats of a party for which the best way to split it is found, and not just a good one
	splitGroupsMax       = 4                          // groups of such a split
	seatLabelLenMax      = 16                         // bytes of the last part of a seat's label
	seatNumberMax        = 999_999                    // the highest number of a seat
	seatStepMax          = 10                         // between the numbers of neighbours
	spreadShare          = 8                          // the spread is at most this part of the hold's life
	spreadShareDefault   = 16                         // and this part unless given
	instantMax           = Instant(1<<63 - 1 - 1<<56) // the last moment an event may name: in 2259, so that adding a hold's life to it never overflows
)

// Limits bounds the tables of one event. Those that change what is remembered are part of the event's first fact, so that a replay forgets
// the same things; zero fields stand for the default.
type Limits struct {
	Lots          int // lots of the event
	Pools         int // pools of the event
	Seats         int // seats of all lots together: 12 bytes each
	PriceVersions int // prices that lots ever had
	Holds         int // live holds: about 110 bytes each, with their buyers and the requests that are remembered, beside the callers' ids
	Buyers        int // buyers with a live hold, an order, or a hold among the ended ones
	Orders        int // orders, kept for good: about 180 bytes each, with their requests
	Ended         int // ended holds that are still told apart from unknown ones: 32 bytes each
	Requests      int // newest accepted request ids remembered, beside those of confirms, which are remembered for good: about 45 bytes each
	Offers        int // newest offers of one-click checkout: about 60 bytes each, with what they promise
	Purchases     int // purchases, kept for good: about 250 bytes each, with their requests
	Touches       int // newest touches that are known again by their ids: about 20 bytes each
	Line          int // entries of the line, kept for good: about 60 bytes each, with their buyers
	Refusals      int // newest refused request ids remembered, in memory only: about 60 bytes each
}

// DefaultLimits returns the bounds that an event has unless it was made with others.
func DefaultLimits() Limits {
	return Limits{
		Lots:          1024,    // every block of a stadium
		Pools:         64,      // every venue limit one could draw
		Seats:         1 << 20, // the largest stadium is 150,000
		PriceVersions: 1 << 16, // a repricing of each lot 64 times
		Holds:         1 << 24, // 16 million live holds: 2 GB
		Buyers:        1 << 24, // 16 million: a stadium is 150,000
		Orders:        1 << 24, // as many
		Ended:         1 << 16, // at 10,000 holds a second, the last 6 seconds; late clicks come sooner
		Requests:      1 << 20, // at 10,000 a second, the last 100 seconds: longer than any client retries
		Offers:        1 << 17, // at 10,000 a second, the last 13 seconds; a button that was shown longer ago asks again
		Purchases:     1 << 24, // as many as orders
		Line:          1 << 22, // four million: the largest on-sales had three and a half
		Touches:       1 << 18, // at 2,000 a second, the last two minutes: shops send a touch again within seconds or not at all
		Refusals:      1 << 14, // retries of refused commands come at once or never matter
	}
}

// filled returns l with defaults for its zero fields, and no field above what the tables can address. Of these the strings come first: an event keeps a
// name a buyer, a request id and a payment reference an order, and a name a remembered request, and has room for 2^26 of one length.
func (l Limits) filled() Limits {
	d := DefaultLimits()
	fill := func(v *int, standard, most int) {
		if *v <= 0 {
			*v = standard
		}
		*v = min(*v, most)
	}
	fill(&l.Lots, d.Lots, 1<<16)
	fill(&l.Pools, d.Pools, 1<<16)
	fill(&l.Seats, d.Seats, 1<<22)
	fill(&l.PriceVersions, d.PriceVersions, 1<<24)
	fill(&l.Holds, d.Holds, 1<<25)
	fill(&l.Buyers, d.Buyers, 1<<24)
	fill(&l.Orders, d.Orders, 1<<24)
	fill(&l.Ended, d.Ended, 1<<24)
	fill(&l.Requests, d.Requests, 1<<23)
	fill(&l.Offers, d.Offers, 1<<24)
	fill(&l.Purchases, d.Purchases, 1<<24)
	fill(&l.Touches, d.Touches, 1<<24)
	fill(&l.Line, d.Line, 1<<24)
	fill(&l.Refusals, d.Refusals, 1<<24)
	return l
}
