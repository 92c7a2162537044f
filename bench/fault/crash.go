package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Crashes is a series of crashes of one engine under load on one data folder, each followed by a comparison.
type Crashes struct {
	Program string
	Data    string // the engine's folder
	Notes   string // a folder on another file system: the journal of answers, the engine's log
	Seed    uint64
	// Cut ends the engine, violently, and returns when the engine and the connections are gone and Data can be used again.
	Cut func(context.Context, *Process, []*Client) error
	// Verify says whether `engine verify` looks at the folder after each crash.
	Verify bool

	ledger  *Ledger
	random  *rand.Rand
	events  []string
	lines   []string
	logs    lineLogs
	process *Process
	round   int
}

// Tally is what a series of crashes came to.
type Tally struct {
	Comparison
	Rounds   int
	Crashes  int
	Verified int
	Answered int
	Accepted int
	Idle     int // of these, may have changed nothing
	Commands int64
	Codes    map[string]int

	// Of the lines' logs, as far as they could be read before they were cut.
	Passes     int64
	Inversions int64 // turns that were somebody else's
	MidReveal  int   // crashes between the closing of a lobby and its draw
	MidDraw    int   // crashes in the middle of a draw
}

// Add sums up tallies.
func (t *Tally) Add(u Tally) {
	t.Comparison.Add(u.Comparison)
	t.Rounds += u.Rounds
	t.Crashes += u.Crashes
	t.Verified += u.Verified
	t.Answered += u.Answered
	t.Accepted += u.Accepted
	t.Idle += u.Idle
	t.Commands += u.Commands
	t.Passes += u.Passes
	t.Inversions += u.Inversions
	t.MidReveal += u.MidReveal
	t.MidDraw += u.MidDraw
	if t.Codes == nil {
		t.Codes = map[string]int{}
	}
	for c, n := range u.Codes {
		t.Codes[c] += n
	}
}

// String is the report, a line.
func (t *Tally) String() string {
	return fmt.Sprintf("%d rounds, %d crashes, %d commands sent, %d outcomes acknowledged (%d accepted), %d unknown resolved, %d repeated, %d counts compared, %d views counted, verify clean %d times: %d lost, %d drift; "+
		"%d places asked for, %d passes, %d crashes before a draw and %d in one: %d inversions",
		t.Rounds, t.Crashes, t.Commands, t.Answered, t.Accepted, t.Resolved, t.Repeated, t.Counted, t.Views, t.Verified, t.Lost, t.Drift,
		t.Places, t.Passes, t.MidReveal, t.MidDraw, t.Inversions)
}

const (
	crashLanes     = 96
	crashBatches   = 4
	crashClients   = 4
	crashPerSecond = 20_000
	// loadMin and loadMax bound how long the load works before the crash.
	loadMin = 20 * time.Millisecond
	loadMax = 400 * time.Millisecond
	// drawSoon is before how long of a crash a line is opened, half of the time.
	drawSoon = 20 * time.Millisecond
)

// journalName is the file in Notes that holds every answer.
const journalName = "answers.jsonl"

// Run lets the engine crash so many times and compares after each. The folders stay, for whoever wants to look.
func (c *Crashes) Run(ctx context.Context, rounds int) (t Tally, err error) {
	c.random = rand.New(rand.NewPCG(c.Seed, 0))
	c.logs.logs = map[string]*lineLog{}
	if c.ledger, err = NewLedger(filepath.Join(c.Notes, journalName)); err != nil {
		return t, err
	}
	defer func() {
		if c.process != nil {
			err = errors.Join(err, c.process.Kill())
		}
		err = errors.Join(err, c.ledger.Close())
	}()
	for c.round = range rounds {
		if err := c.crashOnce(ctx, &t); err != nil {
			return t, fmt.Errorf("round %d: %w", c.round, err)
		}
		t.Rounds++
	}
	// Once more everything that was ever acknowledged, then an orderly end.
	if err := c.compare(ctx, &t, true); err != nil {
		return t, err
	}
	if err := c.process.Stop(); err != nil {
		return t, err
	}
	c.process = nil
	if err := errors.Join(c.logs.read(ctx, c.Data, &t), c.verify(ctx, &t)); err != nil {
		return t, err
	}
	t.Answered, t.Accepted, t.Idle = c.ledger.Acknowledged()
	t.Codes = c.ledger.Codes()
	return t, nil
}

// crashOnce is a start, a load, a crash, and the comparison at the next start.
func (c *Crashes) crashOnce(ctx context.Context, t *Tally) error {
	if c.process == nil {
		if err := c.serve(); err != nil {
			return err
		}
	}
	c.ledger.NextRound()
	clients, err := Dials(c.process.Ready.NATS, crashClients)
	if err != nil {
		return err
	}
	defer CloseAll(clients)
	load := &Load{
		Ledger: c.ledger, Clients: clients, Seed: c.Seed, Round: c.round, Events: c.events, Lines: c.lines,
		Lanes: crashLanes, Batches: crashBatches, PerSecond: crashPerSecond,
	}
	ttl := 10 * time.Minute
	if c.round%4 == 3 {
		ttl = 300 * time.Millisecond // these expire in the middle of it all
	}
	event := "night-" + strconv.Itoa(c.round)
	if err := load.Create(ctx, SaleSpec("create-"+event, event, 2000, ttl), event); err != nil {
		return err
	}
	if err := load.Create(ctx, LineSpec("create-"+lineEvent(c.round), lineEvent(c.round), 200, ttl), lineEvent(c.round)); err != nil {
		return err
	}
	c.events, c.lines = load.Events, load.Lines
	moment := loadMin + time.Duration(c.random.Int64N(int64(loadMax-loadMin)))
	opens := time.Duration(c.random.Int64N(int64(moment))) // the newest line
	if c.random.IntN(2) == 0 {
		opens = moment - time.Duration(c.random.Int64N(int64(min(moment, drawSoon)))) // so that its draw may be under way
	}
	load.opening.Store(int64(opens.Seconds() * crashPerSecond))
	done := make(chan error, 1)
	go func() {
		sent, err := load.Run(ctx)
		t.Commands += sent
		done <- err
	}()
	select {
	case <-time.After(moment):
	case <-c.process.Ended():
		return fmt.Errorf("the engine ended under load: %w\n%s", c.process.err, c.process.Tail(4000))
	}
	err = c.Cut(ctx, c.process, clients)
	c.process = nil
	if err := errors.Join(err, <-done, c.ledger.Flush()); err != nil {
		return err
	}
	t.Crashes++
	if err := c.logs.read(ctx, c.Data, t); err != nil {
		return err
	}
	if c.random.IntN(8) == 0 {
		if err := c.crashAtStart(t); err != nil {
			return err
		}
	}
	if c.Verify {
		if err := c.verify(ctx, t); err != nil {
			return err
		}
	}
	if err := c.serve(); err != nil {
		return err
	}
	return c.compare(ctx, t, false)
}

// crashAtStart starts the engine and kills it, perhaps while it recovers.
func (c *Crashes) crashAtStart(t *Tally) error {
	p, lines, err := Start(c.Program, c.Data, c.log(), c.flags()...)
	if err != nil {
		return err
	}
	go p.wait(lines)
	select {
	case <-p.Ended():
		return fmt.Errorf("the engine ended while it started: %w\n%s", p.err, p.Tail(4000))
	case <-time.After(time.Duration(c.random.IntN(120)) * time.Millisecond):
	}
	t.Crashes++
	return p.Kill()
}

func (c *Crashes) log() string { return filepath.Join(c.Notes, "engine.log") }

func (c *Crashes) serve() (err error) {
	c.process, err = Serve(c.Program, c.Data, c.log(), c.flags()...)
	return err
}

func (c *Crashes) verify(ctx context.Context, t *Tally) error {
	if err := Verify(ctx, c.Program, c.Data); err != nil {
		return err
	}
	t.Verified++
	return nil
}

func (c *Crashes) compare(ctx context.Context, t *Tally, all bool) error {
	client, err := Dial(c.process.Ready.NATS)
	if err != nil {
		return err
	}
	defer client.Close()
	found, err := c.ledger.Compare(ctx, client, all)
	t.Comparison.Add(found)
	if err == nil && client.Strays() > 0 {
		err = fmt.Errorf("%d replies answered nothing that was asked", client.Strays())
	}
	return err
}

// CompareFolder starts the engine on the data that a failed run has kept, and compares it with the journal of answers beside it.
func CompareFolder(ctx context.Context, program, data, notes string) (Comparison, error) {
	l, err := ReadLedger(filepath.Join(notes, journalName))
	if err != nil {
		return Comparison{}, err
	}
	p, err := Serve(program, data, filepath.Join(notes, "again.log"))
	if err != nil {
		return Comparison{}, err
	}
	client, err := Dial(p.Ready.NATS)
	if err != nil {
		return Comparison{}, errors.Join(err, p.Kill())
	}
	defer client.Close()
	found, err := l.Compare(ctx, client, true)
	return found, errors.Join(err, p.Kill())
}

// KillNine is a Cut: SIGKILL, at once.
func KillNine(ctx context.Context, p *Process, clients []*Client) error {
	if err := p.Kill(); err != nil {
		return err
	}
	return AwaitEnd(ctx, clients)
}

// KeptFolder makes a folder for a run below the system's temporary one. It is removed when done is called with true.
func KeptFolder(name string) (dir string, done func(clean bool) error, err error) {
	if dir, err = os.MkdirTemp("", name); err != nil {
		return "", nil, fmt.Errorf("make a folder: %w", err)
	}
	return dir, func(clean bool) error {
		if !clean {
			return nil
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove the folder: %w", err)
		}
		return nil
	}, nil
}

// flags are drawn once a folder, so that crashes also meet events that sleep and wake, tables that fill, a tail that goes round, snapshot passes and
// checkpoints of the KPIs.
func (c *Crashes) flags() []string {
	flags := []string{"--reserve-bytes", "16MiB"}
	switch c.Seed % 3 {
	case 1:
		flags = append(flags, "--sleep-after", "20ms", "--measure-checkpoint", "20ms")
	case 2:
		flags = append(flags, "--sleep-after", "100ms", "--memtable-bytes", "1MiB", "--tail-segment-bytes", "1MiB", "--pass-bytes", "2MiB")
	}
	return flags
}
