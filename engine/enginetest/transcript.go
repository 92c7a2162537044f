package enginetest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// Transcript plays the line language in which the rules are written down. It starts on 2026-05-01 at 10:00:00 UTC with an event e1 that does
// not exist yet. One line is one command; lines that begin with a space belong to the line above.
//
//	bounds holds 2, orders 3              the first line, if at all: the bounds of the event's tables, by the names of engine.Limits in small letters
//	create                                make the event; the lines below say what it sells; it is on sale unless they say draft
//	update                                change it; the same lines
//	open, pause, close                    by hand
//	get                                   the event with its counts
//	hold anna ga x2, stalls A/1/4 A/1/5   hold tickets; then any of: or fewer, at least 3, at most 95.00
//	hold anna ga x1 linked 7 9            by what links the buyer to others
//	hold anna stalls x3 split             the engine picks seats; also: restricted, accessible 1, companion 1
//	extend anna hold 1                    also release
//	confirm anna hold 1 paid inv-77       also: at the box office; or neither, when nothing is due
//	order anna order 1                    look at an order
//	admit ticket 3 code 1 gate north      let somebody in; code and gate may be left out. Also reissue ticket 3
//	refund order 1                        give money back; any of: tickets 2 3, amount 5.00, keeping fees, blocked, by buyer, because goodwill
//	cancel because rain                   call the show off
//	block ga 10                           also unblock; or: block stalls A/1/1 A/1/2, block pool hall 5
//	capacity ga 500                       also: capacity pool hall 500
//	offer anna ga x2                      may anna buy with one click? The shell knows a saved card m1 of hers, unless the line ends in one of the below
//	buy anna ga x2                        also: buy anna offer 1, and buy anna hold 1
//	purchase anna purchase 1              look at a purchase; also: complete, undo
//	intend 1 authorise                    the lane is about to ask the gateway about purchase 1; then: attempt 1
//	result 1 authorise authorised ch_1    what the gateway answered, of the amount that was asked for unless the line says: of 94.99, in USD
//	resolve 1 captured ch_1               an operator's word
//	join anna as member wants 2           take a place in the line; as and wants may be left out; also: leave anna, place anna, absent anna, present anna
//	seed 1                                the shell has sealed seed 1; later: reveal 1, rate 60 (purchases a minute)
//	draw dice_6_2                         the public value that the draw waits for
//	place entries 1                       the leaves of the lobby's entries, from 1 on
//	wait anna ga x2 or ga x1              wait for tickets that are sold out; each wish may end in together; then any of: most 95.00, auto m1
//	leave anna list                       leave the waiting list
//	codes                                 set codes, one a line below: fans FANS2026, 3 uses, for vip and ga, off 2000 bp, as member, from 10:05:00, until 11:00:00, ended;
//	                                      of one that is there what is said, without a code if it stays; also: for all lots, off 5.00, good again
//	one_click switched off                also: switched on, share 5000
//	touch viewed t1 of anna, clicked t2   what buyers' clients saw and did; of each: of anna, session s1, without consent, ago 5m, and its fields
//	work                                  what the event waits for the lane to do
//	archive                               the event's last fact: afterwards it is an archive
//	why h1                                explain what became of that request id
//	repeat h1                             send the command with that request id again, exactly as it was
//	at 10:02:00                           the clock stands there; nothing else happens. Fractions work: 10:02:06.999999999
//	pass 5m, until 10:05:00               time goes by, and at every deadline the event gets what it wants done
//	expire                                end what is due now, at most one batch
//	schedule 18:00:00                     tell the event what the time on the wall is
//	outage 10m                            the process is down for so long
//	restored 7                            the log was restored from a backup: ids are of incarnation 7 from now on, as in h2-7
//	sleep                                 put the event to sleep and wake it
//
// An offer or a buy may end in: paying m2 (with redirect, debit, captured at once, not saved; back https://shop.example), but new_device (why the buyer
// has no one-click, or the method cannot be charged: method_expired of the method), again; a buy also in: waiting
// (if it is sold out), agreed (the shell buys what was offered to somebody who waits). A confirm may end in: late, or: late or equal.
//
// A join, hold, offer, buy or wait may end in: using FANS2026 (a code; _ is a space).
// Any command may end in: via web (its channel), on mobile (its device), id h1 (its request id; otherwise r1, r2, ... in order).
//
// Every step is also given to the [Model], every run is also folded into a second event, and every invariant is checked after every step: what
// is wrong is printed in capital letters.
type Transcript struct {
	shell   *Shell
	twin    *Twin
	said    map[string]*engine.Command
	count   int // commands said, for request ids
	notices []string
	faults  []string
	seen    picture
}

// TranscriptStart is the node time at which a transcript begins.
const TranscriptStart = WorkloadStart

// NewTranscript returns a transcript in which nothing has been said yet.
func NewTranscript() *Transcript {
	t := &Transcript{said: map[string]*engine.Command{}}
	t.begin(engine.Limits{})
	return t
}

// begin makes the event's shell and twin.
func (t *Transcript) begin(limits engine.Limits) {
	key := engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "e1"}
	t.shell = NewShell(key, limits, TranscriptStart)
	t.twin = NewTwin(t.shell)
	t.shell.Each = func(cmd *engine.Command, out *engine.Outcome) {
		if err := t.twin.Check(cmd, out); err != nil {
			t.faults = append(t.faults, "WRONG: "+err.Error())
		}
	}
}

// Play runs the lines of a script and returns what came of each, in order.
func (t *Transcript) Play(script string) string {
	var lines []string
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, " ") && len(lines) > 0 {
			lines[len(lines)-1] += "\n" + line
		} else {
			lines = append(lines, line)
		}
	}
	var b strings.Builder
	for _, line := range lines {
		answer, err := t.line(line)
		if err != nil {
			answer = "CANNOT READ: " + err.Error()
		}
		for _, text := range append(append([]string{answer}, t.notices...), t.faults...) {
			if text != "" {
				fmt.Fprintln(&b, text)
			}
		}
		t.notices, t.faults = nil, nil
	}
	return b.String()
}

func (t *Transcript) line(line string) (string, error) {
	if _, archived := t.shell.Event.Archived(); archived {
		return t.lineToArchive(line)
	}
	w := splitWords(line)
	t.look()
	switch w.next() {
	case "bounds":
		limits, err := readLimits(w)
		if err == nil && t.shell.Event.Exists() {
			err = errors.New("the event has its bounds already")
		}
		t.begin(limits)
		return "", err
	case "at":
		at, err := readClock(w.next())
		return "", t.setClock(at, err)
	case "until":
		at, err := readClock(w.next())
		return "", t.pass(at, err)
	case "pass":
		d, err := time.ParseDuration(w.next())
		return "", t.pass(t.shell.Now+engine.Instant(d), err)
	case "outage":
		d, err := time.ParseDuration(w.next())
		if err != nil {
			return "", err
		}
		out := t.shell.Outage(int64(d))
		return t.after("back at "+clockTime(t.shell.Now), out), nil
	case "schedule":
		wall, err := readClock(w.next())
		if err != nil {
			return "", err
		}
		out := t.shell.Do(&engine.Command{Verb: engine.VerbSchedule, Wall: wall})
		return t.after("", out), nil
	case "restored":
		in, err := strconv.ParseUint(w.next(), 10, 64)
		if err != nil {
			return "", err
		}
		out := t.shell.Do(&engine.Command{Verb: engine.VerbRestore, Incarnation: engine.Incarnation(in)})
		return t.after("", out), nil
	case "expire":
		out := t.shell.Do(&engine.Command{Verb: engine.VerbExpire})
		return t.after("", out), nil
	case "sleep":
		if err := t.shell.Sleep(); err != nil {
			return "", err
		}
		t.twin.Slept()
		return "", nil
	case "archive":
		return t.archive(), w.end()
	case "work":
		return t.work(), w.end()
	case "why":
		out := t.shell.Step(&engine.Command{Verb: engine.VerbWhy, RequestID: w.next()})
		return sayWhy(out), w.end()
	case "repeat":
		cmd, ok := t.said[w.next()]
		if !ok {
			return "", errors.New("nothing was said under that request id")
		}
		return t.say(cmd), w.end()
	}
	cmd, err := readCommand(line, t.twin.Model.spec.Currency)
	if err != nil {
		return "", err
	}
	t.count++
	if cmd.RequestID == "" && !cmd.Verb.IsRead() && (cmd.Verb < engine.VerbExpire || cmd.Verb == engine.VerbResolve || cmd.Verb >= engine.VerbJoin && cmd.Verb.OfCallers()) {
		cmd.RequestID = "r" + strconv.Itoa(t.count)
	}
	if _, again := t.said[cmd.RequestID]; !again {
		t.said[cmd.RequestID] = cmd
	}
	t.fillAmount(cmd)
	return t.say(cmd), nil
}

// archive asks for the event's last fact, folds it into a second event that slept before, and compares the two. The model does not know archives.
func (t *Transcript) archive() string {
	before := t.shell.Event.AppendSnapshot(nil)
	var facts engine.Facts
	first := t.shell.Event.Seq() + 1
	out := t.shell.Event.Step(&engine.Command{Verb: engine.VerbArchive}, t.shell.Now, &facts)
	if out.Code != engine.CodeOK {
		return sayOutcome(out)
	}
	key := t.shell.Event.Key()
	slept, err := engine.OpenSnapshot(key, before)
	if err == nil {
		err = slept.Fold(&engine.Run{Key: key, First: first, At: t.shell.Now, Facts: facts})
	}
	switch {
	case err != nil:
		return "FOLDING IT FAILS: " + err.Error()
	case slept.StateHash() != t.shell.Event.StateHash():
		return "FOLDED IT IS ANOTHER"
	}
	if again, err := engine.OpenSnapshot(key, slept.AppendSnapshot(nil)); err != nil || again.StateHash() != slept.StateHash() {
		return fmt.Sprintf("ITS SNAPSHOT IS ANOTHER: %v", err)
	}
	return fmt.Sprintf("archived, with %d %s", facts.Count, plural(int64(facts.Count), "fact"))
}

// lineToArchive is a line to an event that only says that it is archived.
func (t *Transcript) lineToArchive(line string) (string, error) {
	cmd, err := readCommand(line, t.twin.Model.spec.Currency)
	if err != nil {
		return "", err
	}
	var facts engine.Facts
	hash := t.shell.Event.StateHash()
	text := sayOutcome(t.shell.Event.Step(cmd, t.shell.Now+1e9, &facts))
	if _, due := t.shell.Event.NextDeadline(); due || facts.Count > 0 || t.shell.Event.StateHash() != hash {
		text += "\nTHE ARCHIVE HAS CHANGED"
	}
	return text, nil
}

func (t *Transcript) say(cmd *engine.Command) string {
	out := t.shell.Do(cmd)
	return t.after(sayOutcome(out), out)
}

// after completes a step: what is left over is settled, and what changed beside the answer itself is noticed.
func (t *Transcript) after(text string, out *engine.Outcome) string {
	verb := out.Verb // out is gone after the next step
	if text == "" && out.Code != engine.CodeOK {
		text = sayOutcome(out)
	}
	t.shell.Settle()
	t.notice(verb >= engine.VerbExpire)
	return text
}

func (t *Transcript) setClock(at engine.Instant, err error) error {
	if err == nil && at < t.shell.Now {
		err = fmt.Errorf("it is %s already", clockTime(t.shell.Now))
	}
	if err == nil {
		t.shell.Now = at
	}
	return err
}

// pass lets the shell do what is due, and notices what each step changed, with its time.
func (t *Transcript) pass(until engine.Instant, err error) error {
	if err != nil || until < t.shell.Now {
		return errors.Join(err, t.setClock(until, err))
	}
	check := t.shell.Each
	defer func() { t.shell.Each = check }()
	looking := false
	t.shell.Each = func(cmd *engine.Command, out *engine.Outcome) {
		check(cmd, out)
		if looking {
			return
		}
		looking = true
		before := len(t.notices)
		t.notice(true)
		for i := before; i < len(t.notices); i++ {
			t.notices[i] = clockTime(t.shell.Now) + " " + t.notices[i]
		}
		looking = false
	}
	t.shell.Pass(until)
	return nil
}

// picture is what an event shows of itself, as far as a transcript notices it change.
type picture struct {
	state engine.EventState
	holds int64
	free  []int64
	open  []bool
	lots  []string
}

func (t *Transcript) look() picture {
	out := t.shell.Step(&engine.Command{Verb: engine.VerbGet})
	p := picture{state: out.Event.State, holds: out.Event.HoldsLive}
	if out.Shows&engine.ShowsEvent == 0 {
		p.state, p.holds = 0, 0
	}
	if out.Shows&engine.ShowsEvent != 0 {
		for i := range out.Event.Lots {
			l := &out.Event.Lots[i]
			p.free, p.open, p.lots = append(p.free, l.Free), append(p.open, l.Open), append(p.lots, l.Spec.Lot)
		}
	}
	t.seen, p = p, t.seen
	return p
}

// notice says what has changed since the last look: what an organiser would see happen. With counts, also how many holds ended and what became
// free, which is the answer of a command that has no other.
func (t *Transcript) notice(counts bool) {
	var signals engine.Signals
	t.shell.Event.TakeSignals(&signals)
	t.notices = append(t.notices, saySignals(&signals, t.twin.Model.spec.Currency)...)
	before := t.look()
	after := &t.seen
	if counts && after.holds < before.holds {
		text := fmt.Sprintf("%d %s ended:", before.holds-after.holds, plural(before.holds-after.holds, "hold"))
		for i := range before.free {
			if d := after.free[i] - before.free[i]; d != 0 {
				text += fmt.Sprintf(" %s %+d free", after.lots[i], d)
			}
		}
		t.notices = append(t.notices, text)
	}
	if before.state != 0 && after.state != before.state && counts {
		t.notices = append(t.notices, "the event is "+after.state.String())
	}
	for i := range before.open {
		if after.open[i] && !before.open[i] {
			t.notices = append(t.notices, "lot "+after.lots[i]+" opens")
		}
	}
}
