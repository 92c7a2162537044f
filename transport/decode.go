package transport

import (
	"strconv"

	"github.com/holdfast-engine/holdfast/engine"
)

// problem is why a message was refused before the engine saw it.
type problem struct {
	code  engine.Code // CodeOK is none
	field string      // as in "items[1].quantity"
	text  string      // a whole sentence
}

// decoder turns the bytes of a message into commands. It belongs to a pooled request and keeps its memory from message to message;
// strings of the commands are views into the message, or into scratch where JSON needed unescaping.
type decoder struct {
	commands []engine.Command
	ids      []string // the request ids, by command: reads have one too, only to be echoed
	items    []engine.Item
	seats    []string
	payments []engine.PaymentCommand
	links    []string
	touches  []engine.Touch
	reports  []engine.TouchCommand
	lines    []engine.LineCommand
	wishes   []engine.Wish
	scratch  []byte
	scope    scope

	path    [pathDepthMax]pathStep
	depth   int
	problem problem
}

// pathDepthMax is the deepest nesting of messages: commands[0].create.lots[1].fees[2].name.
const pathDepthMax = 6

// pathStep is one step of the way to the field being decoded; index is -1 outside lists.
type pathStep struct {
	name  string
	index int
}

// reset forgets the last message. Strings are dropped so that the pool keeps no message alive.
func (d *decoder) reset() {
	clear(d.commands)
	clear(d.ids)
	clear(d.items)
	clear(d.seats)
	clear(d.payments)
	clear(d.links)
	clear(d.touches)
	clear(d.reports)
	clear(d.lines)
	clear(d.wishes)
	d.commands, d.ids, d.items, d.seats, d.scratch = d.commands[:0], d.ids[:0], d.items[:0], d.seats[:0], d.scratch[:0]
	d.payments, d.links = d.payments[:0], d.links[:0]
	d.touches, d.reports = d.touches[:0], d.reports[:0]
	d.lines, d.wishes = d.lines[:0], d.wishes[:0]
	if cap(d.touches) > pooledTouchesMax {
		d.touches = nil
	}
	if cap(d.items) > pooledElementsMax {
		d.items = nil
	}
	if cap(d.seats) > pooledElementsMax {
		d.seats = nil
	}
	if cap(d.wishes) > pooledElementsMax {
		d.wishes = nil
	}
	if cap(d.links) > pooledElementsMax {
		d.links = nil
	}
	if cap(d.scratch) > pooledBufferBytesMax {
		d.scratch = nil
	}
	d.scope = scope{}
	d.depth = 0
	d.problem = problem{}
}

// decodeCommand decodes a message with one command. It reports whether the command may be submitted; if not, problem says why.
func (d *decoder) decodeCommand(verb engine.Verb, body []byte) bool {
	d.addCommand()
	d.enterVerb(&d.scope, verb)
	if !d.decode(commandMessages[verb], body) {
		return false
	}
	d.keepID()
	return true
}

// decodeBatch decodes a batch, of buyers' commands only if buyers is set. A batch that does not decode is refused whole: nothing of it runs.
func (d *decoder) decodeBatch(body []byte, buyers bool) bool {
	if !d.decode(batchMessage, body) {
		return false
	}
	if len(d.commands) == 0 {
		d.fail(engine.CodeInvalid, "commands", "a batch needs 1 to "+strconv.Itoa(BatchCommandsMax)+" commands")
		return false
	}
	for i := range d.commands {
		if p := d.commands[i].Payment; p != nil && p.Codes {
			d.fail(engine.CodeInvalid, "commands["+strconv.Itoa(i)+"]."+d.commands[i].Verb.String()+".codes", "codes are not given in a batch: ask for the order by itself")
			return false
		}
		if l := d.commands[i].Line; l != nil && (l.EntriesFrom != 0 || l.Fairness) { // a page of entries takes half a millisecond
			d.fail(engine.CodeInvalid, "commands["+strconv.Itoa(i)+"]", "entries of a lobby and how fair a line was are not asked for in a batch: ask by itself")
			return false
		}
	}
	if !buyers {
		return true
	}
	for i := range d.commands {
		if v := d.commands[i].Verb; !ofBuyers(v) && !plantedBug(plantedAnyVerbInBatch) {
			d.fail(engine.CodeUnknownVerb, "commands["+strconv.Itoa(i)+"]", v.String()+" is no command of a buyer: send it by itself, or in a "+VerbBatch)
			return false
		}
	}
	return true
}

// decodeList decodes a request for a page of events.
func (d *decoder) decodeList(body []byte) bool {
	if !d.decode(listMessage, body) {
		return false
	}
	switch s := &d.scope; {
	case s.limit == 0:
		s.limit = ListLimitDefault
	case s.limit < 0 || s.limit > ListLimitMax:
		d.fail(engine.CodeInvalid, "limit", "limit must be 1 to "+strconv.Itoa(ListLimitMax))
		return false
	}
	if s := &d.scope; s.after != "" && !engine.ValidID(s.after) {
		d.fail(engine.CodeInvalid, "after", "after must be an event id: 1 to 64 of A-Z a-z 0-9 _ -")
		return false
	}
	return true
}

func (d *decoder) decode(m *message, body []byte) bool {
	var ok bool
	if isJSON(body) {
		ok = d.decodeJSON(m, body)
	} else {
		ok = d.protoMessage(m, body)
	}
	if !ok {
		return false
	}
	if len(d.correlation()) > CorrelationBytesMax {
		d.fail(engine.CodeInvalid, "correlation", "correlation must be "+strconv.Itoa(CorrelationBytesMax)+" bytes or less")
	}
	return d.problem.code == engine.CodeOK
}

// isJSON reports whether a body is JSON: it starts with '{', which no protobuf message of this contract does.
func isJSON(body []byte) bool { return len(body) > 0 && body[0] == '{' }

// correlation is what the reply must echo, of a batch or of a single command.
func (d *decoder) correlation() string {
	if d.scope.batchCorrelation != "" {
		return d.scope.batchCorrelation
	}
	if len(d.commands) <= 1 {
		return d.scope.correlation
	}
	return ""
}

// fail notes the first problem. The field is given relative to the message being decoded.
func (d *decoder) fail(code engine.Code, field, text string) {
	if d.problem.code != engine.CodeOK {
		return
	}
	d.problem = problem{code: code, field: d.fieldPath(field), text: text}
}

func (d *decoder) fieldPath(field string) string {
	var b []byte
	for _, step := range d.path[:d.depth] {
		b = append(b, step.name...)
		if step.index >= 0 {
			b = append(b, '[')
			b = strconv.AppendInt(b, int64(step.index), 10)
			b = append(b, ']')
		}
		b = append(b, '.')
	}
	if field == "" && len(b) > 0 {
		return string(b[:len(b)-1])
	}
	return string(append(b, field...))
}

func indexed(name string, i int) string { return name + "[" + strconv.Itoa(i) + "]" }

func (d *decoder) push(name string, index int) {
	d.path[d.depth] = pathStep{name: name, index: index}
	d.depth++
}

func (d *decoder) pop() { d.depth-- }

// addCommand appends an empty command and points the scope at it.
func (d *decoder) addCommand() {
	d.commands = append(d.commands, engine.Command{})
	d.ids = append(d.ids, "")
	s := &d.scope
	s.decoder = d
	s.cmd = &d.commands[len(d.commands)-1]
	s.requestID = ""
	s.itemsFrom = len(d.items)
	s.seatsFrom, s.linksFrom, s.touchesFrom, s.wishesFrom = len(d.seats), len(d.links), len(d.touches), len(d.wishes)
}

// keepID gives the command just decoded its request id. A read changes nothing, so the engine need not remember it.
func (d *decoder) keepID() {
	s := &d.scope
	dropEmptyPayment(s.cmd)
	dropEmptyLine(s.cmd)
	d.ids[len(d.ids)-1] = s.requestID
	if !s.cmd.Verb.IsRead() {
		s.cmd.RequestID = s.requestID
	}
}

func (d *decoder) enterVerb(s *scope, verb engine.Verb) {
	if s.cmd.Verb != engine.VerbNone {
		d.fail(engine.CodeMalformed, "", "an entry of commands holds exactly one command, under its verb")
		return
	}
	s.cmd.Verb = verb
	if verb == engine.VerbCreate || verb == engine.VerbUpdate {
		s.spec = new(engine.EventSpec)
		s.cmd.Spec = s.spec
	}
	if paying(verb) {
		s.cmd.Payment = d.newPayment()
	}
	if verb == engine.VerbTouch {
		s.cmd.Touch = d.newReport()
	}
	if lining(verb) {
		s.cmd.Line = d.newLine()
	}
}

func (d *decoder) enterCommand(*scope) {
	if len(d.commands) == BatchCommandsMax {
		d.fail(engine.CodeTooLarge, "", "a batch holds at most "+strconv.Itoa(BatchCommandsMax)+" commands")
		return
	}
	d.addCommand()
}

func (d *decoder) leaveCommand(s *scope) {
	if s.cmd.Verb == engine.VerbNone {
		d.fail(engine.CodeUnknownVerb, "", "an entry of commands holds exactly one command, under a verb such as hold")
		return
	}
	d.keepID()
}

func (d *decoder) enterItem(s *scope) {
	if len(d.items)-s.itemsFrom == ItemsPerCommandMax {
		d.fail(engine.CodeTooLarge, "", "a command holds at most "+strconv.Itoa(ItemsPerCommandMax)+" items")
		return
	}
	d.items = append(d.items, engine.Item{})
	n := len(d.items)
	s.cmd.Items = d.items[s.itemsFrom:n:n]
	s.item = &d.items[n-1]
	s.seatsFrom = len(d.seats)
}

// addSeat adds a seat label and returns all labels of the item, or of the command, that is being decoded.
func (d *decoder) addSeat(s *scope, seat string) []string {
	if len(d.seats)-s.seatsFrom == SeatsPerCommandMax {
		d.fail(engine.CodeTooLarge, "seats", "a command names at most "+strconv.Itoa(SeatsPerCommandMax)+" seats")
		return nil
	}
	d.seats = append(d.seats, seat)
	n := len(d.seats)
	return d.seats[s.seatsFrom:n:n]
}
