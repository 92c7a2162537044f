package enginetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// Model is an event done the naive way: lists and linear scans, every count recounted from the holds themselves at every question.
//
// It looks for every refusal that is true of a command and answers with the most important one, where the engine stops at the first that it
// meets. It shares no code with the engine beyond the seam types, the bounds, and the spread of a hold. A model is not safe for concurrent use.
type Model struct {
	Kept       int // how often somebody was passed over so often that tickets are kept
	KeptLonger int // how often that was for longer, as it had not been enough before
	Least      int // how often what somebody with a pass was shown was the cheapest between the pass and now, and neither the first nor the last
	Offers     int // to those on the waiting list

	key    engine.Key
	limits engine.Limits
	exists bool
	since  engine.Instant // node time at which the event was made
	state  engine.EventState
	spec   engine.EventSpec // without lots and pools
	lots   []*modelLot
	pools  []*modelPool
	prices int // prices that lots ever had

	holds       []*modelHold // every hold ever granted: hold n is holds[n-1]
	ended       []*modelHold // those that ended and are still remembered, oldest end first
	orders      []*modelOrder
	lastTicket  engine.TicketID
	lastRefund  engine.RefundID
	off         *engine.CancelView
	window      modelWindow
	links       map[string][]uint64 // of each buyer who has said any
	first       map[string][]uint64 // and of those the ones that the buyer was first to say
	met         *modelMet           // the ticket that the present command is about, once it was found
	line        modelLine
	codes       []*modelCode
	guesses     map[string]*modelGuess
	using       *modelCode // of the present command
	linkedFirst []string   // who was linked to others, in order
	list        modelList
	silent      bool // the present command is accepted and changes nothing: nothing remembers it

	now         engine.Instant     // node time of the present step
	down        int64              // all outages so far, ns
	incarnation engine.Incarnation // of ids made now

	requests map[string]*modelRequest
	bounded  []string // request ids of accepted commands that are forgotten some day, oldest first
	refused  []string // request ids of refused commands, oldest first
	touched  []string // ids of touches that are remembered, oldest first

	tallied  bool           // there are refusals that no tally has counted
	tallyDue engine.Instant // node time at which the tally wants to be written

	said     *engine.Outcome                   // what the engine answered in the present step
	spreads  map[engine.HoldID]map[int64]int64 // what is known of each hold's spread, by the event's spread in ms
	bad      refusals                          // why the present command can never be right
	refusals refusals                          // of the present step
}

type modelRequest struct {
	verb    engine.Verb
	content string
	at      engine.Instant
	refusal engine.Outcome // of a refused command
	hold    *modelHold     // of hold, extend and release
	order   *modelOrder    // of confirm
	ticket  *modelMet      // of admit and reissue, also of those that were refused because of it
	refund  *modelRefund
	entry   *modelEntry // of commands about a place in the line
	line    bool        // of a command about the line itself
	waiter  *modelWaiter
	codes   []string // of codes: those that were named
	asked   int64    // of block, unblock and capacity
	lot     string
	pool    string
}

// refusals are all the reasons to refuse a command.
type refusals []refusal

type refusal struct {
	code  engine.Code
	field string
}

func (r *refusals) add(code engine.Code, field string) { *r = append(*r, refusal{code, field}) }

// addIf adds a refusal if it is true.
func (r *refusals) addIf(is bool, code engine.Code, field string) {
	if is {
		r.add(code, field)
	}
}

// first returns the most important code, CodeOK if nothing is to be refused.
func (r refusals) first() engine.Code {
	code := engine.CodeOK
	for _, x := range r {
		if code == engine.CodeOK || x.code < code {
			code = x.code
		}
	}
	return code
}

// fields returns the fields to blame for a code.
func (r refusals) fields(code engine.Code) []string {
	var fields []string
	for _, x := range r {
		if x.code == code {
			fields = append(fields, x.field)
		}
	}
	return fields
}

// NewModel returns the model of an event that does not exist yet, with the bounds of [engine.NewWithLimits].
func NewModel(key engine.Key, limits engine.Limits) *Model {
	return &Model{key: key, limits: withDefaults(limits), requests: map[string]*modelRequest{}, spreads: map[engine.HoldID]map[int64]int64{}, links: map[string][]uint64{}, first: map[string][]uint64{}, guesses: map[string]*modelGuess{}}
}

func withDefaults(l engine.Limits) engine.Limits {
	d := engine.DefaultLimits()
	for _, f := range [][2]*int{
		{&l.Lots, &d.Lots},
		{&l.Pools, &d.Pools},
		{&l.Seats, &d.Seats},
		{&l.PriceVersions, &d.PriceVersions},
		{&l.Holds, &d.Holds},
		{&l.Buyers, &d.Buyers},
		{&l.Orders, &d.Orders},
		{&l.Ended, &d.Ended},
		{&l.Requests, &d.Requests},
		{&l.Refusals, &d.Refusals},
		{&l.Touches, &d.Touches},
		{&l.Line, &d.Line},
	} {
		if *f[0] == 0 {
			*f[0] = *f[1]
		}
	}
	return l
}

// Forget drops what does not survive sleep and restarts: the refusals and the pending tally.
func (m *Model) Forget() {
	for _, id := range m.refused {
		delete(m.requests, id)
	}
	m.refused, m.tallied = nil, false
}

// Closed reports whether the event has closed for good.
func (m *Model) Closed() bool {
	return m.state == engine.EventClosed || m.state == engine.EventCancelled
}

// eventTime is the time on which deadlines are kept: it stands still during outages.
func (m *Model) eventTime() int64 { return int64(m.now) - m.down }

// Step does what [engine.Event.Step] does, and returns an outcome of its own. said is what the engine answered: of it the model believes nothing but
// the spread of a deadline, which is a hash, and only if it is within the rules and the same whenever it is asked for. It may be nil if the event
// has no spread.
func (m *Model) Step(cmd *engine.Command, now engine.Instant, said *engine.Outcome) *engine.Outcome {
	m.now, m.said, m.bad, m.refusals, m.met, m.silent, m.line.worked = now, said, nil, nil, nil, false, false
	m.using = nil
	out := m.answer(cmd)
	out.Verb = cmd.Verb
	if m.exists && !cmd.Verb.IsRead() {
		m.settle()
	}
	return out
}

func (m *Model) answer(cmd *engine.Command) *engine.Outcome {
	if cmd.Verb == engine.VerbTouch {
		return m.touch(cmd)
	}
	if !cmd.Verb.OfCallers() {
		return m.shellCommand(cmd)
	}
	if m.invalid(cmd); len(m.bad) > 0 {
		return m.refuseBad()
	}
	if !m.exists && cmd.Verb != engine.VerbCreate {
		m.refusals.add(engine.CodeEventUnknown, "event")
		return &engine.Outcome{Code: engine.CodeEventUnknown}
	}
	before := m.requests[cmd.RequestID]
	if before != nil && !cmd.Verb.IsRead() {
		if before.verb == cmd.Verb && before.content == content(cmd) {
			out := m.repeat(before)
			if out.Code == engine.CodeSeatTaken && cmd.Verb == engine.VerbHold {
				out.Alternatives = m.alternatives(cmd, before.lot)
			}
			return out
		}
		m.refusals.add(engine.CodeRequestMismatch, "request_id")
		return m.refuse(cmd, engine.CodeRequestMismatch)
	}
	commit := m.consider(cmd)
	if len(m.bad) > 0 {
		return m.refuseBad()
	}
	if code := m.refusals.first(); code != engine.CodeOK {
		out := m.refuse(cmd, code)
		if code == engine.CodeSeatTaken && cmd.Verb == engine.VerbHold {
			lot := m.lotTaken(cmd)
			m.requests[cmd.RequestID].lot = lot
			out.Alternatives = m.alternatives(cmd, lot)
		}
		return out
	}
	out := &engine.Outcome{}
	request := commit(out)
	if !cmd.Verb.IsRead() {
		if !m.silent {
			m.remember(cmd, request)
		}
		m.settle()
		if m.show(out, request); request.codes != nil { // a repeat shows the event
			out.Event.Codes = m.viewCodes(request.codes)
		}
	}
	return out
}

// refuseBad answers a command that can never be right. Nothing remembers or counts it. Of several things that are wrong the engine may name any.
func (m *Model) refuseBad() *engine.Outcome {
	m.refusals = m.bad
	code := m.bad.first()
	if m.said != nil && len(m.bad.fields(m.said.Code)) > 0 {
		code = m.said.Code
	}
	return &engine.Outcome{Code: code}
}

// consider adds every reason to refuse a valid command. Its result carries the command out, if there is none.
func (m *Model) consider(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	if of := []engine.Verb{engine.VerbHold, engine.VerbExtend, engine.VerbRelease, engine.VerbConfirm, engine.VerbWait}; m.spec.Observe && (slices.Contains(of, cmd.Verb) || cmd.Verb == engine.VerbLeave && lineSaid(cmd).List) {
		m.refusals.add(engine.CodeNotOnSale, "event")
		return nil
	}
	switch cmd.Verb {
	case engine.VerbCreate:
		m.refusals.addIf(m.exists, engine.CodeEventExists, "event")
		return func(*engine.Outcome) *modelRequest { return m.create(cmd) }
	case engine.VerbUpdate:
		return m.update(cmd)
	case engine.VerbOpen, engine.VerbPause, engine.VerbClose:
		return m.changeState(cmd)
	case engine.VerbGet:
		return func(out *engine.Outcome) *modelRequest { m.showEvent(out); return nil }
	case engine.VerbHold:
		return m.hold(cmd)
	case engine.VerbExtend, engine.VerbRelease, engine.VerbConfirm:
		return m.act(cmd)
	case engine.VerbOrder:
		return m.order(cmd)
	case engine.VerbAdmit, engine.VerbReissue:
		return m.atGate(cmd)
	case engine.VerbRefund:
		return m.refund(cmd)
	case engine.VerbCancel:
		return m.cancel(cmd)
	case engine.VerbBlock, engine.VerbUnblock:
		return m.block(cmd)
	case engine.VerbCapacity:
		return m.capacity(cmd)
	case engine.VerbWait:
		return m.wait(cmd)
	case engine.VerbJoin, engine.VerbLeave, engine.VerbAbsent, engine.VerbPresent:
		if lineSaid(cmd).List && cmd.Verb == engine.VerbLeave {
			return m.leaveList(cmd)
		}
		return m.linePlace(cmd)
	case engine.VerbPlace:
		return m.place(cmd)
	case engine.VerbDraw:
		return m.drawValue(cmd)
	case engine.VerbCodes:
		return m.setCodes(cmd)
	}
	panic(fmt.Sprintf("enginetest: the model knows no verb %s", cmd.Verb))
}

// refuse answers with a refusal. Those of commands that would change something are counted, and their request ids kept if they are new.
func (m *Model) refuse(cmd *engine.Command, code engine.Code) *engine.Outcome {
	out := &engine.Outcome{Code: code}
	if cmd.Verb.IsRead() {
		return out
	}
	if m.met != nil {
		m.showTicket(out, m.met)
	}
	if !m.tallied {
		m.tallied, m.tallyDue = true, m.now+engine.TallyPeriodNs
	}
	if m.requests[cmd.RequestID] != nil {
		return out
	}
	m.requests[cmd.RequestID] = &modelRequest{verb: cmd.Verb, content: content(cmd), at: m.now, refusal: engine.Outcome{Code: code}, ticket: m.met}
	m.refused = append(m.refused, cmd.RequestID)
	if len(m.refused) > m.limits.Refusals {
		delete(m.requests, m.refused[0])
		m.refused = m.refused[1:]
	}
	return out
}

// remember keeps the request id of an accepted command: for ever if money moved, otherwise until enough others have come.
func (m *Model) remember(cmd *engine.Command, r *modelRequest) {
	r.verb, r.content, r.at = cmd.Verb, content(cmd), m.now
	m.requests[cmd.RequestID] = r
	switch cmd.Verb {
	case engine.VerbConfirm, engine.VerbAdmit, engine.VerbRefund:
		return
	}
	m.bounded = append(m.bounded, cmd.RequestID)
	if len(m.bounded) > m.limits.Requests {
		delete(m.requests, m.bounded[0])
		m.bounded = m.bounded[1:]
	}
}

// repeat answers a command that was answered before: the first answer, with the present state of what it is about.
func (m *Model) repeat(r *modelRequest) *engine.Outcome {
	out := &engine.Outcome{Code: r.refusal.Code, Repeated: true}
	if out.Code == engine.CodeOK {
		m.show(out, r)
	} else if r.ticket != nil {
		m.showTicket(out, r.ticket)
	}
	return out
}

// show shows what an accepted request made or changed.
func (m *Model) show(out *engine.Outcome, r *modelRequest) {
	switch {
	case r.refund != nil:
		m.showOrder(out, r.refund.order)
		v := m.viewRefund(r.refund)
		out.Shows, out.Refund = out.Shows|engine.ShowsRefund, &v
	case r.ticket != nil:
		m.showTicket(out, r.ticket)
	case r.order != nil:
		m.showOrder(out, r.order)
	case r.entry != nil:
		m.showPlace(out, r.entry)
	case r.waiter != nil:
		m.showWaiter(out, r.waiter)
	case r.line:
		out.Shows, out.Line = out.Shows|engine.ShowsLine, m.viewLine()
	case r.hold != nil:
		m.showHold(out, r.hold)
	case r.lot != "" || r.pool != "":
		m.showCapacity(out, r.lot, r.pool, r.asked)
	default:
		m.showEvent(out)
	}
}

// content is everything a command asks for, in one string: two commands are the same request when it is equal.
func content(cmd *engine.Command) string {
	c := *cmd
	c.RequestID, c.Spec, c.Payment, c.Line = "", nil, nil, nil
	c.HasMaxPrice = c.HasMaxPrice || c.MaxPrice != 0
	text := fmt.Sprintf("%#v", c)
	if cmd.Spec != nil {
		s := *cmd.Spec
		if s.Line = nil; cmd.Spec.Line != nil {
			text += fmt.Sprintf("%#v", *cmd.Spec.Line)
		}
		text += fmt.Sprintf("%#v", s)
	}
	if l := cmd.Line; l != nil {
		text += fmt.Sprintf("%q %d %q %v %t %t %q %#v", l.Track, l.Wants, l.Value, l.Wishes, l.List, l.AutoBuy, strings.ToUpper(strings.TrimSpace(l.Code)), l.Codes)
	}
	if cmd.Payment != nil && cmd.Verb != engine.VerbHold { // of a hold it has only what the shell knows of the buyer's links
		p := *cmd.Payment
		p.Note, p.WaitMs, p.HasWait = engine.Annotation{}, 0, false
		if cmd.Verb != engine.VerbHold && cmd.Verb < engine.VerbJoin || fmt.Sprintf("%#v", p) != fmt.Sprintf("%#v", engine.PaymentCommand{}) { // there links alone are no content
			text += fmt.Sprintf("%#v", p)
		}
	}
	return strings.ReplaceAll(text, "(nil)", "{}") // no list and an empty list are the same
}

// settle opens the tiers whose time has come, because the lot before them has had nothing free: at most so many a step, in the order of the lots.
func (m *Model) settle() {
	for _, l := range m.lots {
		if m.counts(l, nil).Free == 0 {
			l.exhausted = true
		}
	}
	left := engine.FollowUpsMax
	for _, l := range m.lots {
		if left > 0 && !l.open && m.lot(l.spec.After).exhausted {
			l.open = true
			left--
		}
	}
	m.settleList()
	m.settleLine()
}

func (m *Model) lot(id string) *modelLot {
	i := slices.IndexFunc(m.lots, func(l *modelLot) bool { return l.spec.Lot == id })
	if i < 0 {
		return nil
	}
	return m.lots[i]
}

func (m *Model) pool(id string) *modelPool {
	i := slices.IndexFunc(m.pools, func(p *modelPool) bool { return p.spec.Pool == id })
	if i < 0 {
		return nil
	}
	return m.pools[i]
}
